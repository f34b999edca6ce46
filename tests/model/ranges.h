/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_MODEL_RANGES_H
#define CHASKI_TESTS_MODEL_RANGES_H

#include <stdbool.h>
#include <stdint.h>

/* Sets of numbers as ranges in order, none touching the next. All zero: empty. */

struct model_range {
    int64_t from, to; /* behind the last one */
};

struct model_ranges {
    struct model_range *range;
    uint32_t count, room;
};

void model_ranges_add(struct model_ranges *ranges, int64_t from, int64_t to);
/* All of from to `to` is in there. */
bool model_ranges_have(const struct model_ranges *ranges, int64_t from, int64_t to);
/* The first number from `from` on that is not in there. */
int64_t model_ranges_end(const struct model_ranges *ranges, int64_t from);
struct model_ranges model_ranges_copy(const struct model_ranges *ranges);

#endif
