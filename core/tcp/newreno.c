/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/congestion.h"

/* RFC 5681, with bytes counted as in RFC 3465. */

enum { COUNTED }; /* state: bytes acknowledged towards the next segment's worth of growth */

static void init(struct congestion *congestion)
{
    congestion->state[COUNTED] = 0;
}

static void acknowledged(struct congestion *congestion, const struct congestion_ack *ack)
{
    uint32_t left = congestion_slow_start(congestion, ack->acknowledged);
    if (left == 0)
        return;
    congestion->state[COUNTED] += left;
    if (congestion->state[COUNTED] >= congestion->window) {
        congestion->state[COUNTED] -= congestion->window;
        congestion->window += ack->mss;
    }
}

static void reduce(struct congestion *congestion, uint32_t flight, uint32_t mss, bool timed_out)
{
    (void)timed_out;
    uint32_t half = flight / 2;
    congestion->threshold = half > 2 * mss ? half : 2 * mss;
    congestion->state[COUNTED] = 0;
}

static void restart(struct congestion *congestion)
{
    congestion->state[COUNTED] = 0;
}

const struct congestion_operations congestion_newreno = {
    .name = "reno",
    .init = init,
    .acknowledged = acknowledged,
    .reduce = reduce,
    .restart = restart,
};
