/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/memory.h"

#include "core/base/bytes.h"

void *memory_take(struct memory *memory, size_t size)
{
    size_t rounded = (size + MEMORY_ALIGN - 1) & ~(size_t)(MEMORY_ALIGN - 1);
    size_t start = memory->used;
    memory->used += rounded;
    if (memory->base == NULL || memory->used > memory->size)
        return NULL;
    return memset(memory->base + start, 0, rounded);
}
