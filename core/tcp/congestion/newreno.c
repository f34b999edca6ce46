/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/congestion/congestion.h"

/* RFC 5681, with bytes counted as in RFC 3465. */

static void init(struct congestion *congestion, union congestion_state *state,
                 const struct congestion_start *start)
{
    (void)congestion;
    (void)start;
    state->newreno = (struct newreno){.counted = 0};
}

static void acknowledged(struct congestion *congestion, union congestion_state *state,
                         const struct congestion_ack *ack)
{
    if (ack->acknowledged == 0)
        return;
    uint32_t left = hystart_grow(&state->newreno.hystart, congestion, ack);
    if (left != 0)
        congestion_avoid(congestion, &state->newreno.counted, left, ack->mss);
}

static void reduce(struct congestion *congestion, union congestion_state *state,
                   const struct congestion_event *event)
{
    congestion_halve(congestion, event);
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
