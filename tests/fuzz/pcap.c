/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "drivers/pcap/pcap.h"
#include "tests/fuzz/target.h"

static void must_be_a_line(const char *text)
{
    must(text[0] != '\0' && strchr(text, '\n') == NULL);
}

static void read_all(FILE *file)
{
    static struct pcap_record record;
    struct pcap_reader reader;
    char error[256] = "";
    if (!pcap_reader_init(&reader, file, error, sizeof error)) {
        must_be_a_line(error);
        return;
    }
    int result;
    while ((result = pcap_read(&reader, &record, error, sizeof error)) > 0)
        must(record.length <= sizeof record.bytes);
    if (result < 0)
        must_be_a_line(error);
}

/* Any file is read to its end, or refused with one line of text. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    FILE *file = size == 0 ? NULL : fmemopen((void *)(uintptr_t)bytes, size, "rb");
    if (file == NULL)
        return 0;
    read_all(file);
    fclose(file);
    return 0;
}
