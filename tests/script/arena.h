/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_ARENA_H
#define CHASKI_TESTS_SCRIPT_ARENA_H

#include <stddef.h>

/* Memory that is given back all at once: what a script becomes while it is read and run. */
struct arena {
    struct arena_block *blocks;
};

/* Zeroed; ends the program when there is no memory. */
void *arena_take(struct arena *arena, size_t size);

/* A copy of the first `length` characters, ended with 0. */
char *arena_copy(struct arena *arena, const char *text, size_t length);

void arena_free(struct arena *arena);

#endif
