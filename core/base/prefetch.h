/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_PREFETCH_H
#define CHASKI_BASE_PREFETCH_H

#include <stddef.h>
#include <stdint.h>

enum { CACHE_LINE = 64 };

/* Asks for the cache lines of `size` bytes, which will be written too, and does not wait for them.
 * They come into the second cache: what a burst wants is more than the first one holds. */
static inline void prefetch(const void *bytes, size_t size)
{
    const uint8_t *line = bytes;
    for (size_t at = 0; at < size; at += CACHE_LINE)
        __builtin_prefetch(line + at, 1, 2);
}

#endif
