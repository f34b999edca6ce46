/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/memory.h"

#include "core/base/bytes.h"

/* More than there can be is remembered as SIZE_MAX, which no memory has. */
void *memory_reserve(struct memory *memory, size_t size)
{
    size_t start = memory->used;
    if (size > SIZE_MAX - MEMORY_ALIGN || start > SIZE_MAX - MEMORY_ALIGN - size) {
        memory->used = SIZE_MAX;
        return NULL;
    }
    size_t rounded = (size + MEMORY_ALIGN - 1) & ~(size_t)(MEMORY_ALIGN - 1);
    memory->used += rounded;
    if (memory->base == NULL || memory->used > memory->size)
        return NULL;
    return memory->base + start;
}

void *memory_take(struct memory *memory, size_t size)
{
    void *bytes = memory_reserve(memory, size);
    return bytes != NULL ? memset(bytes, 0, size) : NULL;
}
