/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "chaski/address.h"
#include "tests/fuzz/target.h"

/* What is read as an address is written in one way, and that is read as the same. */
static void text(const char *text)
{
    struct chaski_address address, again;
    char written[CHASKI_ADDRESS_TEXT];
    if (!chaski_address_parse(text, &address))
        return;
    must(chaski_address_parse(chaski_address_text(&address, written), &again));
    must(memcmp(&address, &again, sizeof address) == 0);
}

/* Every address has a text. */
static void number(const uint8_t *bytes)
{
    struct chaski_address address, again;
    char written[CHASKI_ADDRESS_TEXT];
    memcpy(address.bytes, bytes, sizeof address.bytes);
    must(chaski_address_parse(chaski_address_text(&address, written), &again));
    must(memcmp(&address, &again, sizeof address) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *copy = malloc(size + 1);
    must(copy != NULL);
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    text(copy);
    free(copy);
    if (size == sizeof(struct chaski_address))
        number(bytes);
    return 0;
}
