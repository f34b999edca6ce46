/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_TIMES_H
#define CHASKI_TCP_TCP_TIMES_H

#include <stdint.h>

#include "chaski/chaski.h"
#include "core/base/memory.h"

struct tcp;

/*
 * The limits of time-outs that applications have set for connections and listeners of theirs
 * (Linux's TCP_RTO_MAX_MS and its like). Hardly any has such, and those that do have the same as
 * many others: so each set of limits stands here once, and is known by its number, which is all
 * that a connection keeps. Number 0 is no set: the knobs hold.
 */
struct tcp_times {
    uint32_t rto_min_us, rto_max_us, ack_delay_us; /* 0: as the knob says */
    uint32_t users;                                /* 0: free */
};

enum { TCP_TIMES_MOST = (1 << 7) - 1 }; /* the bits of a connection's `times` */

struct tcp_times_sets {
    struct tcp_times *array; /* number 1 is the first */
    uint32_t count;
};

/* For so many who may have some: few have others than most. */
void times_setup(struct tcp_times_sets *sets, struct memory *memory, uint32_t users);

/* The set of that number. */
static inline const struct tcp_times *times_of(const struct tcp_times_sets *sets, unsigned number)
{
    static const struct tcp_times none = {0};
    return number != 0 ? &sets->array[number - 1] : &none;
}

/* Whether `option` is one of those that are kept here. */
bool times_keep(enum chaski_tcp_option option);

/* The number for who had `*number`, with another value of `option`; 0: as the knob says. 0 or an
 * enum chaski_error, and then all is as before: there are too many different ones. */
int times_set(struct tcp_times_sets *sets, unsigned *number, enum chaski_tcp_option option,
              uint32_t value);

/* What of it was set: 0: nothing. */
uint32_t times_value(const struct tcp_times_sets *sets, unsigned number,
                     enum chaski_tcp_option option);

/* Somebody else has the number too; somebody has it no longer. */
void times_share(struct tcp_times_sets *sets, unsigned number);
void times_release(struct tcp_times_sets *sets, unsigned number);

#endif
