/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/sequence.h"
#include "core/tcp/congestion/congestion.h"

/*
 * DCTCP (RFC 8257), for networks whose routers mark what finds more than a short queue. It knows
 * not only that something was marked but how much, averages that over windows, and makes room in
 * proportion: half a window when all is marked, hardly anything when little is. Growth and the
 * response to losses are Reno's. How the receiver tells exactly what was marked, and that ECN is
 * asked for, is in tcp_ecn.c.
 */

enum {
    ONE = 1 << 20,  /* alpha of 1 */
    GAIN_SHIFT = 4, /* g = 1/16, 4.2 */
};

static void init(struct congestion *congestion, union congestion_state *state,
                 const struct congestion_start *start)
{
    (void)congestion;
    (void)start;
    state->dctcp = (struct dctcp){.alpha = ONE}; /* 3.3: as cautious as any, at first */
}

/* 3.3, steps 2 to 7: once a window. Rounding never keeps alpha from getting to 0. */
static void observe(struct dctcp *dctcp, const struct congestion_ack *ack)
{
    if (!dctcp->begun) {
        dctcp->begun = true;
        dctcp->window_end = ack->nxt;
    }
    dctcp->arrived += ack->delivered;
    dctcp->marked += ack->marked < ack->delivered ? ack->marked : ack->delivered;
    if (seq_lt(ack->una, dctcp->window_end) || dctcp->arrived == 0)
        return;
    uint64_t share = (uint64_t)dctcp->marked * ONE / dctcp->arrived;
    uint32_t fade = dctcp->alpha >> GAIN_SHIFT;
    dctcp->alpha -= fade != 0 ? fade : dctcp->alpha;
    dctcp->alpha += (uint32_t)(share >> GAIN_SHIFT);
    dctcp->window_end = ack->nxt;
    dctcp->arrived = dctcp->marked = 0;
}

static void acknowledged(struct congestion *congestion, union congestion_state *state,
                         const struct congestion_ack *ack)
{
    observe(&state->dctcp, ack);
    uint32_t left = congestion_slow_start(congestion, ack->acknowledged);
    if (left != 0)
        congestion_avoid(congestion, &state->dctcp.counted, left, ack->mss);
}

/* 3.3, step 9, and 3.5. */
static void reduce(struct congestion *congestion, union congestion_state *state,
                   const struct congestion_event *event)
{
    state->dctcp.counted = 0;
    if (event->cause != CONGESTION_MARK) {
        congestion_halve(congestion, event);
        return;
    }
    uint64_t window = congestion->window;
    uint32_t less = (uint32_t)(window - (window * state->dctcp.alpha / ONE) / 2);
    congestion->threshold = less > 2 * event->mss ? less : 2 * event->mss;
}

static void restart(struct congestion *congestion, union congestion_state *state)
{
    (void)congestion;
    state->dctcp.counted = 0;
}

static void report(const union congestion_state *state, struct congestion_report *report)
{
    report->alpha = state->dctcp.alpha;
    report->arrived = state->dctcp.arrived;
    report->marked = state->dctcp.marked;
}

const struct congestion_operations congestion_dctcp = {
    .name = "dctcp",
    .needs_ecn = true,
    .init = init,
    .acknowledged = acknowledged,
    .reduce = reduce,
    .restart = restart,
    .report = report,
};
