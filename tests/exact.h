/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_EXACT_H
#define CHASKI_TESTS_EXACT_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A copy whose end is the end of an allocation, so that AddressSanitizer sees the first byte read
 * too many. The caller frees it. */
static inline uint8_t *exact_copy(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = calloc(length == 0 ? 1 : length, 1);
    if (copy == NULL)
        abort();
    /* An empty block has no byte that may be read: its only one is past its end. */
    uint8_t *at = length == 0 ? copy + 1 : copy;
    memcpy(at, bytes, length);
    return at;
}

static inline void exact_free(uint8_t *at, size_t length)
{
    free(length == 0 ? at - 1 : at);
}

#endif
