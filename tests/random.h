/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_RANDOM_H
#define CHASKI_TESTS_RANDOM_H

#include <stdint.h>

/* A sequence that a seed repeats exactly: multiples of an odd constant, their bits mixed. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93;
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93;
    return x ^ x >> 32;
}

/* 0 to limit - 1. */
static inline uint32_t random_below(uint64_t *state, uint32_t limit)
{
    return (uint32_t)((random_next(state) >> 32) * limit >> 32);
}

#endif
