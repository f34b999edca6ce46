/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16 << 10 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

static struct arena_block *grow(struct arena *arena, size_t size)
{
    size_t room = size > BLOCK ? size : BLOCK;
    struct arena_block *block = calloc(1, sizeof *block + room);
    if (block == NULL) {
        fputs("run-scripts: no memory\n", stderr);
        exit(2);
    }
    block->size = room;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_take(struct arena *arena, size_t size)
{
    size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    struct arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < size)
        block = grow(arena, size);
    void *taken = block->bytes + block->used;
    block->used += size;
    return taken;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_take(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

void arena_free(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}
