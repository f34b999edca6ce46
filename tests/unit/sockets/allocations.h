/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_ALLOCATIONS_H
#define CHASKI_TESTS_UNIT_ALLOCATIONS_H

#include <stdbool.h>
#include <stdlib.h>

/*
 * Memory that is counted, and of which one piece is refused. For one file of a program that is
 * linked with --wrap for these four functions.
 */
struct allocations {
    long alive;
    unsigned refuse; /* the piece that is refused, counted from now on; 0: none */
    bool refused;
};

static struct allocations allocations;

static inline bool allocation_refused(void)
{
    if (allocations.refuse == 0 || --allocations.refuse != 0)
        return false;
    allocations.refused = true;
    return true;
}

static inline void *allocation_counted(void *memory)
{
    allocations.alive += memory != NULL;
    return memory;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

void *__wrap_malloc(size_t size)
{
    return allocation_refused() ? NULL : allocation_counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return allocation_refused() ? NULL : allocation_counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (allocation_refused())
        return NULL;
    void *grown = __real_realloc(memory, size);
    return memory == NULL ? allocation_counted(grown) : grown;
}

void __wrap_free(void *memory)
{
    allocations.alive -= memory != NULL;
    __real_free(memory);
}

#endif
