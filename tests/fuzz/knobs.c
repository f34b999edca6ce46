/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "core/tcp/calls/tcp_knobs.h"
#include "tests/fuzz/target.h"

enum { NAME = 32 };

/* What is told of a knob sets the same again; a shorter room gets the beginning of it. */
static void claim_told(struct tcp_knobs *knobs, const char *name)
{
    struct tcp_knobs before;
    char told[64], cut[4] = {'x', 'x', 'x', 'x'};
    memcpy(&before, knobs, sizeof before);
    must(tcp_knob_get(knobs, name, told, sizeof told) == 0);
    must(tcp_knob_set(knobs, name, told) == 0);
    must(memcmp(&before, knobs, sizeof before) == 0);
    must(tcp_knob_get(knobs, name, cut, sizeof cut - 1) == 0);
    must(strncmp(cut, told, sizeof cut - 2) == 0 && cut[3] == 'x');
}

/* The first byte chooses a knob, or else a name follows; the rest is what it is to be. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct tcp_knobs knobs, before;
    struct chaski_knob knob;
    char name[NAME + 1] = "", *text = malloc(size + 1);
    must(text != NULL);
    memset(&knobs, 0, sizeof knobs); /* padding too, which is compared */
    knobs.receive_buffer_limit = knobs.send_buffer_limit = 1 << 20;
    memcpy(&before, &knobs, sizeof before);
    memcpy(text, bytes, size);
    text[size] = '\0';
    const char *value = text + (size != 0);
    if (size != 0 && tcp_knob_describe(bytes[0], &knob)) {
        strncpy(name, knob.name, NAME);
    } else if (size > NAME) {
        memcpy(name, value, NAME - 1);
        value += NAME - 1;
    }
    int result = tcp_knob_set(&knobs, name, value);
    if (result == 0)
        claim_told(&knobs, name);
    else
        must(memcmp(&before, &knobs, sizeof before) == 0);
    free(text);
    return 0;
}
