/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/congestion.h"

/* RFC 5681, with bytes counted as in RFC 3465. */

static void init(struct congestion *congestion, union congestion_state *state)
{
    (void)congestion;
    state->newreno = (struct newreno){.counted = 0};
}

static void acknowledged(struct congestion *congestion, union congestion_state *state,
                         const struct congestion_ack *ack)
{
    uint32_t left = hystart_grow(&state->newreno.hystart, congestion, ack);
    if (left == 0)
        return;
    state->newreno.counted += left;
    if (state->newreno.counted >= congestion->window) {
        state->newreno.counted -= congestion->window;
        congestion->window += ack->mss;
    }
}

static void reduce(struct congestion *congestion, union congestion_state *state, uint32_t flight,
                   uint32_t mss, bool timed_out)
{
    /* Limited transmit may have sent more than the window: that does not count (RFC 5681, 3.2). */
    bool beyond = !timed_out && flight > congestion->window;
    uint32_t half = (beyond ? congestion->window : flight) / 2;
    congestion->threshold = half > 2 * mss ? half : 2 * mss;
    state->newreno.counted = 0;
}

static void restart(struct congestion *congestion, union congestion_state *state)
{
    (void)congestion;
    state->newreno.counted = 0;
}

const struct congestion_operations congestion_newreno = {
    .name = "reno",
    .init = init,
    .acknowledged = acknowledged,
    .reduce = reduce,
    .restart = restart,
};
