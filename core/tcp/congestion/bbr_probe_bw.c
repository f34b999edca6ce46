/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/congestion/bbr_internal.h"

enum {
    RENO_ROUNDS = 63, /* 5.3.3.8: as often as Reno loses something, on paths where it does well */
    WAIT_LEAST_MS = 2000, /* and no more seldom than every two to three seconds */
    WAIT_SPREAD_MS = 1000,
    SLOPE_MOST = 30,
};

/* No secret: flows shall not probe in step. */
static uint32_t draw(struct bbr *bbr)
{
    bbr->random = bbr->random * 1664525u + 1013904223u;
    return bbr->random >> 16;
}

/* PickProbeWait() */
static void pick_wait(struct bbr *bbr)
{
    bbr->rounds_since_probe_up = draw(bbr) & 1;
    bbr->bw_probe_wait_ms = WAIT_LEAST_MS + draw(bbr) % (WAIT_SPREAD_MS + 1);
}

void bbr_start_down(struct bbr *bbr)
{
    bbr_reset_signals(bbr);
    bbr->probe_up_acked_per_inc = BBR_INFINITE;
    pick_wait(bbr);
    bbr->cycle_stamp_ns = bbr->now_ns;
    bbr->ack_phase = BBR_ACKS_PROBE_STOPPING;
    bbr_start_round(bbr);
    bbr->state = BBR_PROBE_DOWN;
}

void bbr_start_cruise(struct bbr *bbr)
{
    bbr->state = BBR_PROBE_CRUISE;
}

void bbr_start_refill(struct bbr *bbr)
{
    bbr_reset_shortterm(bbr);
    bbr->bw_probe_up_rounds = 0;
    bbr->bw_probe_up_acked = 0;
    bbr->prev_probe_precautionary = false;
    bbr->ack_phase = BBR_ACKS_REFILLING;
    bbr_start_round(bbr);
    bbr->state = BBR_PROBE_REFILL;
}

/* RaiseInflightLongtermSlope(): by one segment in the first round, then two, four, ... */
static void raise_slope(struct bbr *bbr, const struct congestion *congestion)
{
    bbr->probe_up_acked_per_inc = bbr_most(congestion->window >> bbr->bw_probe_up_rounds, bbr->mss);
    if (bbr->bw_probe_up_rounds < SLOPE_MOST)
        bbr->bw_probe_up_rounds++;
}

static void start_up(struct bbr *bbr, const struct congestion *congestion, uint64_t rate)
{
    bbr->bw_probe_sample = true;
    bbr->ack_phase = BBR_ACKS_PROBE_STARTING;
    bbr_start_round(bbr);
    bbr_reset_full_bw(bbr, rate);
    bbr->state = BBR_PROBE_UP;
    raise_slope(bbr, congestion);
}

/* ProbeInflightLongtermUpward() */
static void raise_longterm(struct bbr *bbr, const struct congestion *congestion, uint32_t delivered)
{
    if (!bbr->limited || congestion->window < bbr->inflight_longterm)
        return;
    bbr->bw_probe_up_acked += delivered;
    uint32_t steps = bbr->bw_probe_up_acked / bbr->probe_up_acked_per_inc;
    bbr->bw_probe_up_acked -= steps * bbr->probe_up_acked_per_inc;
    uint64_t raised = bbr->inflight_longterm + (uint64_t)steps * bbr->mss;
    bbr->inflight_longterm = raised < INT32_MAX ? (uint32_t)raised : INT32_MAX;
    if (bbr->round_start)
        raise_slope(bbr, congestion);
}

/* The samples of the probe are all in, a round after its end. True when another one begins: the
 * cautious one went well (5.3.3.6). */
static bool end_feedback(struct bbr *bbr, const struct congestion_ack *ack)
{
    bbr->bw_probe_sample = false;
    bbr->ack_phase = BBR_ACKS_INIT;
    if (!bbr_probes_bw(bbr))
        return false;
    if (!bbr_app_limited(bbr, &ack->sample))
        bbr_advance_max_bw(bbr);
    if (!bbr->prev_probe_precautionary || bbr->prev_probe_too_high)
        return false;
    bbr_start_refill(bbr);
    return true;
}

/* AdaptLongTermModel() */
static bool adapt_longterm(struct bbr *bbr, const struct congestion *congestion,
                           const struct congestion_ack *ack)
{
    const struct rate_sample *sample = &ack->sample;
    if (bbr->ack_phase == BBR_ACKS_PROBE_STARTING && bbr->round_start)
        bbr->ack_phase = BBR_ACKS_PROBE_FEEDBACK;
    if (bbr->ack_phase == BBR_ACKS_PROBE_STOPPING && bbr->round_start && end_feedback(bbr, ack))
        return true;
    if (bbr_too_high(sample->lost, sample->in_flight, ack->selective) ||
        bbr->inflight_longterm == BBR_INFINITE)
        return false;
    bbr->inflight_longterm = bbr_most(bbr->inflight_longterm, sample->in_flight);
    if (bbr->state == BBR_PROBE_UP)
        raise_longterm(bbr, congestion, ack->delivered);
    return false;
}

/* IsTimeToProbeBW() */
static bool time_to_probe(const struct bbr *bbr, const struct congestion *congestion)
{
    uint32_t rounds = bbr_least(bbr_target(bbr, congestion) / bbr->mss, RENO_ROUNDS);
    return bbr->now_ns > bbr->cycle_stamp_ns + bbr->bw_probe_wait_ms * UINT64_C(1000000) ||
           bbr->rounds_since_probe_up >= rounds;
}

static bool time_to_cruise(const struct bbr *bbr, uint32_t in_flight)
{
    return in_flight <= bbr_with_headroom(bbr) &&
           in_flight <= bbr_inflight(bbr, bbr_max_bw(bbr), BBR_GAIN_ONE);
}

/* 5.3.3.7 */
static bool time_to_go_down(struct bbr *bbr, const struct congestion *congestion,
                            const struct congestion_ack *ack)
{
    if (bbr->prev_probe_too_high && ack->in_flight >= bbr->inflight_longterm) {
        bbr->prev_probe_precautionary = true;
        return true;
    }
    if (bbr->limited && congestion->window >= bbr->inflight_longterm) {
        bbr_reset_full_bw(bbr, ack->sample.bytes_per_s);
        return false;
    }
    return bbr->full_bw_now;
}

void bbr_update_cycle(struct bbr *bbr, struct congestion *congestion,
                      const struct congestion_ack *ack)
{
    if (!bbr->full_bw_reached || adapt_longterm(bbr, congestion, ack))
        return;
    switch (bbr->state) {
    case BBR_PROBE_DOWN:
        if (time_to_probe(bbr, congestion))
            bbr_start_refill(bbr);
        else if (time_to_cruise(bbr, ack->in_flight))
            bbr_start_cruise(bbr);
        break;
    case BBR_PROBE_CRUISE:
        if (time_to_probe(bbr, congestion))
            bbr_start_refill(bbr);
        break;
    case BBR_PROBE_REFILL:
        if (bbr->round_start)
            start_up(bbr, congestion, ack->sample.bytes_per_s);
        break;
    case BBR_PROBE_UP:
        if (time_to_go_down(bbr, congestion, ack)) {
            bbr->prev_probe_too_high = false; /* as far as is known */
            bbr_start_down(bbr);
        }
        break;
    default:
        break;
    }
}
