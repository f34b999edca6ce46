/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_RANDOM_H
#define CHASKI_BASE_RANDOM_H

#include <stdint.h>

#include "core/base/siphash.h"

/* Numbers that nobody can guess who does not know the key, each block with its own. */
struct random {
    struct siphash_key key;
    uint64_t drawn;
};

static inline uint64_t random_draw(struct random *random)
{
    uint64_t word = random->drawn++;
    return siphash_words(&random->key, &word, 1);
}

/* A key drawn for somebody else. */
static inline struct siphash_key random_key(struct random *random)
{
    struct siphash_key key;
    key.k0 = random_draw(random);
    key.k1 = random_draw(random);
    return key;
}

/* From 0 to n - 1, n <= 2^32. */
static inline uint64_t random_draw_below(struct random *random, uint64_t n)
{
    return ((random_draw(random) & 0xffffffffu) * n) >> 32;
}

#endif
