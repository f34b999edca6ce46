/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_COUNTERS_H
#define CHASKI_BASE_COUNTERS_H

#include <stdint.h>

#include "chaski/counters.h"

/* What one host counted. The names and meanings stand in chaski/counters.h, which is public. */
struct counters {
    uint64_t value[CHASKI_COUNTER_COUNT];
};

static inline void count(struct counters *counters, enum chaski_counter which)
{
    counters->value[which]++;
}

static inline void count_many(struct counters *counters, enum chaski_counter which, uint64_t n)
{
    counters->value[which] += n;
}

#endif
