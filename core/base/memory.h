/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_MEMORY_H
#define CHASKI_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Memory that the caller gave, handed out once at setup and never returned piecemeal. With
 * `base` NULL nothing is handed out and only `used` counts: the same setup code that lays a
 * host out thereby also says how much memory it wants.
 */
struct memory {
    uint8_t *base;
    size_t size;
    size_t used;
};

enum { MEMORY_ALIGN = 64 };

/* `size` bytes at a cache line's start, zeroed; NULL when only counting or when out of memory
 * (then memory->used > memory->size). */
void *memory_take(struct memory *memory, size_t size);

/* The same, not zeroed and so not touched: for what is initialised piece by piece when it is first
 * needed. A host with a large budget thereby occupies no more of it than it has used. */
void *memory_reserve(struct memory *memory, size_t size);

#endif
