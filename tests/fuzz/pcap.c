/* SPDX-License-Identifier: BSD-2-Clause */
/* Capture files: any bytes are either read or refused with one line of text. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "drivers/pcap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_line(const char *text)
{
    require(text[0] != '\0' && strchr(text, '\n') == NULL);
}

static void read_all(FILE *file)
{
    static struct pcap_record record;
    struct pcap_reader reader;
    char error[256] = "";
    if (!pcap_reader_init(&reader, file, error, sizeof error)) {
        require_line(error);
        return;
    }
    int result;
    while ((result = pcap_read(&reader, &record, error, sizeof error)) > 0)
        require(record.length <= sizeof record.bytes);
    if (result < 0)
        require_line(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    if (length == 0)
        return 0;
    FILE *file = fmemopen((void *)(uintptr_t)data, length, "rb");
    require(file != NULL);
    read_all(file);
    fclose(file);
    return 0;
}
