/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/counters.h"

#include <stddef.h>

static const struct {
    const char *label, *meaning;
} names[CHASKI_COUNTER_COUNT] = {
#define CHASKI_COUNTER_ROW(name, label, meaning) {label, meaning},
    CHASKI_COUNTERS(CHASKI_COUNTER_ROW)
#undef CHASKI_COUNTER_ROW
};

const char *chaski_counter_label(enum chaski_counter counter)
{
    return (unsigned)counter < CHASKI_COUNTER_COUNT ? names[counter].label : NULL;
}

const char *chaski_counter_meaning(enum chaski_counter counter)
{
    return (unsigned)counter < CHASKI_COUNTER_COUNT ? names[counter].meaning : NULL;
}
