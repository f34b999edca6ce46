/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/congestion/bbr_internal.h"

enum { EXTRA_ACKED_ROUNDS = 10, INTERVAL_MOST_US = 1 << 24 };

/* ---- Rounds and filters -------------------------------------------------------------------- */

void bbr_start_round(struct bbr *bbr)
{
    bbr->next_round_delivered = bbr->delivered;
}

/* 5.5.1 */
static void update_round(struct bbr *bbr, const struct congestion_ack *ack)
{
    bbr->round_start = seq_ge(ack->sample.prior_delivered, bbr->next_round_delivered);
    if (!bbr->round_start)
        return;
    bbr_start_round(bbr);
    bbr->round_count++;
    bbr->rounds_since_probe_up++;
}

/* In ProbeRTT we ourselves send less than the path would carry. */
bool bbr_app_limited(struct bbr *bbr, const struct rate_sample *sample)
{
    if (bbr->bubble_open && seq_gt(sample->prior_delivered, bbr->bubble))
        bbr->bubble_open = false;
    return sample->app_limited || bbr->bubble_open;
}

/* 5.5.5 */
static void update_max_bw(struct bbr *bbr, const struct congestion_ack *ack)
{
    uint64_t rate =
        ack->sample.bytes_per_s < BBR_RATE_MOST ? ack->sample.bytes_per_s : BBR_RATE_MOST;
    update_round(bbr, ack);
    if (rate == 0 || (rate < bbr_max_bw(bbr) && bbr_app_limited(bbr, &ack->sample)))
        return;
    if (rate > bbr->max_bw[0])
        bbr->max_bw[0] = rate;
}

/* 5.5.6: a cycle that brought no sample does not count. */
void bbr_advance_max_bw(struct bbr *bbr)
{
    if (bbr->max_bw[0] == 0)
        return;
    bbr->max_bw[1] = bbr->max_bw[0];
    bbr->max_bw[0] = 0;
}

static void set_max(struct bbr_max *max, unsigned from, uint32_t value, uint32_t round)
{
    for (unsigned i = from; i < 3; i++) {
        max->value[i] = value;
        max->round[i] = round;
    }
}

/* The first is too old: the others move up. */
static void shift_max(struct bbr_max *max, uint32_t value, uint32_t round)
{
    for (unsigned i = 0; i < 2; i++) {
        max->value[i] = max->value[i + 1];
        max->round[i] = max->round[i + 1];
    }
    set_max(max, 2, value, round);
}

/* Kathleen Nichols' windowed maximum over the latest `rounds`: each of the three is the best since
 * the one before, and each part of the window has one to follow when the first grows too old. */
static void update_max(struct bbr_max *max, uint32_t rounds, uint32_t value, uint32_t round)
{
    if (value >= max->value[0] || round - max->round[2] > rounds) {
        set_max(max, 0, value, round);
        return;
    }
    if (value >= max->value[1])
        set_max(max, 1, value, round);
    else if (value >= max->value[2])
        set_max(max, 2, value, round);
    uint32_t age = round - max->round[0];
    if (age > rounds) {
        shift_max(max, value, round);
        if (round - max->round[0] > rounds)
            shift_max(max, value, round);
    } else if (max->round[1] == max->round[0] && age > rounds / 4) {
        set_max(max, 1, value, round);
    } else if (max->round[2] == max->round[1] && age > rounds / 2) {
        set_max(max, 2, value, round);
    }
}

/* 5.5.9 */
static void update_ack_aggregation(struct bbr *bbr, const struct congestion *congestion,
                                   const struct congestion_ack *ack)
{
    uint64_t interval_us = (bbr->now_ns - bbr->extra_acked_start_ns) / 1000;
    interval_us = interval_us < INTERVAL_MOST_US ? interval_us : INTERVAL_MOST_US;
    uint64_t expected = bbr->bw * interval_us / 1000000;
    if (bbr->extra_acked_delivered <= expected) {
        bbr->extra_acked_delivered = 0;
        bbr->extra_acked_start_ns = bbr->now_ns;
        expected = 0;
    }
    bbr->extra_acked_delivered += ack->delivered;
    uint32_t extra =
        bbr_least((uint32_t)(bbr->extra_acked_delivered - expected), congestion->window);
    update_max(&bbr->extra_acked, bbr->full_bw_reached ? EXTRA_ACKED_ROUNDS : 1, extra,
               bbr->round_count);
}

/* ---- What was delivered lately, and what losses say (5.5.10.3) ------------------------------ */

void bbr_reset_signals(struct bbr *bbr)
{
    bbr->loss_in_round = false;
    bbr->bw_latest = 0;
    bbr->inflight_latest = 0;
}

void bbr_reset_shortterm(struct bbr *bbr)
{
    bbr->bw_shortterm = BBR_INFINITE_RATE;
    bbr->inflight_shortterm = BBR_INFINITE;
}

static void update_latest(struct bbr *bbr, const struct rate_sample *sample)
{
    if (sample->bytes_per_s > bbr->bw_latest)
        bbr->bw_latest = sample->bytes_per_s;
    bbr->inflight_latest = bbr_most(bbr->inflight_latest, sample->delivered);
    bbr->loss_round_start = seq_ge(sample->prior_delivered, bbr->loss_round_delivered);
    if (bbr->loss_round_start)
        bbr->loss_round_delivered = bbr->delivered;
}

/* InitLowerBounds() and LossLowerBounds() */
static void lower_bounds(struct bbr *bbr, const struct congestion *congestion)
{
    if (bbr->bw_shortterm == BBR_INFINITE_RATE)
        bbr->bw_shortterm = bbr_max_bw(bbr);
    if (bbr->inflight_shortterm == BBR_INFINITE)
        bbr->inflight_shortterm = congestion->window;
    uint64_t bw = bbr->bw_shortterm * BBR_BETA_PERCENT / 100;
    uint32_t inflight = (uint32_t)((uint64_t)bbr->inflight_shortterm * BBR_BETA_PERCENT / 100);
    bbr->bw_shortterm = bbr->bw_latest > bw ? bbr->bw_latest : bw;
    bbr->inflight_shortterm = bbr_most(bbr->inflight_latest, inflight);
}

/* Once a round, and not while what is lost is what we look for. */
static void update_congestion_signals(struct bbr *bbr, const struct congestion *congestion)
{
    bool probing =
        bbr->state == BBR_STARTUP || bbr->state == BBR_PROBE_REFILL || bbr->state == BBR_PROBE_UP;
    if (!bbr->loss_round_start)
        return;
    if (bbr->loss_in_round && !probing)
        lower_bounds(bbr, congestion);
    bbr->loss_in_round = false;
}

void bbr_update_signals(struct bbr *bbr, const struct congestion *congestion,
                        const struct congestion_ack *ack)
{
    update_latest(bbr, &ack->sample);
    update_max_bw(bbr, ack);
    update_congestion_signals(bbr, congestion);
    update_ack_aggregation(bbr, congestion, ack);
}

void bbr_advance_signals(struct bbr *bbr, const struct rate_sample *sample)
{
    uint64_t max_bw = bbr_max_bw(bbr);
    if (bbr->loss_round_start) {
        bbr->bw_latest = sample->bytes_per_s;
        bbr->inflight_latest = sample->delivered;
    }
    bbr->bw = max_bw < bbr->bw_shortterm ? max_bw : bbr->bw_shortterm;
}

/* ---- Volumes (5.6.4.2) ---------------------------------------------------------------------- */

uint32_t bbr_bdp(const struct bbr *bbr, uint64_t bw, uint32_t gain)
{
    if (bbr->min_rtt_us == BBR_INFINITE)
        return bbr->initial_window;
    uint64_t bytes = bw * bbr->min_rtt_us / 1000000;
    bytes = (bytes < UINT32_MAX ? bytes : UINT32_MAX) * gain / BBR_GAIN_ONE;
    return bytes < INT32_MAX ? (uint32_t)bytes : INT32_MAX;
}

/* 5.5.8.1: what is cut and put together on the way, in quanta. */
uint32_t bbr_quantize(const struct bbr *bbr, uint32_t inflight)
{
    inflight = bbr_most(inflight, 3 * congestion_quantum(bbr->pacing_rate, bbr->mss));
    inflight = bbr_most(inflight, bbr_floor(bbr));
    return bbr->state == BBR_PROBE_UP ? inflight + 2 * bbr->mss : inflight;
}

uint32_t bbr_inflight(const struct bbr *bbr, uint64_t bw, uint32_t gain)
{
    return bbr_quantize(bbr, bbr_bdp(bbr, bw, gain));
}

uint32_t bbr_target(const struct bbr *bbr, const struct congestion *congestion)
{
    return bbr_least(bbr_bdp(bbr, bbr->bw, BBR_GAIN_ONE), congestion->window);
}

uint32_t bbr_with_headroom(const struct bbr *bbr)
{
    if (bbr->inflight_longterm == BBR_INFINITE)
        return BBR_INFINITE;
    uint64_t part = (uint64_t)bbr->inflight_longterm * BBR_HEADROOM_PERCENT / 100;
    uint32_t headroom = bbr_most((uint32_t)part, bbr->mss);
    uint32_t rest = bbr->inflight_longterm > headroom ? bbr->inflight_longterm - headroom : 0;
    return bbr_most(rest, bbr_floor(bbr));
}
