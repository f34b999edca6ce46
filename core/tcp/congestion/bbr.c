/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/congestion/bbr_internal.h"

/*
 * BBR (draft-ietf-ccwg-bbr-06). Others fill queues until something is lost; BBR measures. The most
 * that the path delivered in the last two cycles is its bandwidth, the shortest round trip of the
 * last ten seconds is its length, and their product is what fits without a queue. What is sent is
 * paced at the bandwidth, times a gain that depends on the state:
 *
 *     Startup      2.77  the rate doubles each round, until that brings no more, or losses
 *     Drain        0.5   the queue that this made is let go
 *     ProbeBW      a cycle of some seconds:
 *       DOWN       0.9     queues drain and others get room
 *       CRUISE     1       most of the time
 *       REFILL     1       a round, to fill the path but not the queue
 *       UP         1.25    is there more?
 *     ProbeRTT     1     half of what fits for 200 ms, every five seconds unless the round trip was
 *                        seen without it
 *
 * Losses do not reduce the window by themselves. Where more than two percent of a probe's flight
 * are lost, that volume is the bound for the cycles to come (inflight_longterm); losses outside of
 * probes lower bounds that hold until the next one (bw_shortterm, inflight_shortterm).
 *
 * bbr_model.c is what is known, bbr_loss.c what losses change of it, bbr_startup.c, bbr_probe_bw.c
 * and bbr_probe_rtt.c are the states; here is what follows from it all: rate and window (5.6).
 */

enum { MARGIN_PERCENT = 1, NOMINAL_RTT_US = 1000 };

static const uint16_t pacing_gain[] = {
    [BBR_STARTUP] = 277,      [BBR_DRAIN] = 50,     [BBR_PROBE_DOWN] = 90, [BBR_PROBE_CRUISE] = 100,
    [BBR_PROBE_REFILL] = 100, [BBR_PROBE_UP] = 125, [BBR_PROBE_RTT] = 100,
};

static const uint16_t window_gain[] = {
    [BBR_STARTUP] = 200,      [BBR_DRAIN] = 200,        [BBR_PROBE_DOWN] = 200,
    [BBR_PROBE_CRUISE] = 200, [BBR_PROBE_REFILL] = 200, [BBR_PROBE_UP] = 225,
    [BBR_PROBE_RTT] = 50,
};

/* ---- Pacing rate (5.6.2) ------------------------------------------------------------------- */

static void init_pacing_rate(struct bbr *bbr, uint32_t srtt_us)
{
    uint32_t rtt_us = srtt_us != 0 ? srtt_us : NOMINAL_RTT_US;
    bbr->rtt_seen = srtt_us != 0;
    bbr->pacing_rate =
        (uint64_t)bbr->initial_window * 1000000 / rtt_us * pacing_gain[BBR_STARTUP] / BBR_GAIN_ONE;
}

static void set_pacing_rate(struct bbr *bbr, uint32_t gain)
{
    uint64_t rate = bbr->bw * gain / BBR_GAIN_ONE * (100 - MARGIN_PERCENT) / 100;
    rate = rate > bbr->mss ? rate : bbr->mss; /* a segment a second, lest it never send again */
    if (bbr->full_bw_reached || rate > bbr->pacing_rate)
        bbr->pacing_rate = rate;
}

static uint64_t pacing_rate(const union congestion_state *state)
{
    return state->bbr.pacing_rate;
}

static void report(const union congestion_state *state, struct congestion_report *report)
{
    const struct bbr *bbr = &state->bbr;
    report->bandwidth = bbr->bw;
    report->min_rtt_us = bbr->min_rtt_us;
    report->pacing_gain = pacing_gain[bbr->state];
    report->window_gain = window_gain[bbr->state];
}

/* ---- Window (5.6.4) ------------------------------------------------------------------------ */

void bbr_save_window(struct bbr *bbr, const struct congestion *congestion)
{
    if (!bbr->recovering && bbr->state != BBR_PROBE_RTT)
        bbr->prior_window = congestion->window;
    else
        bbr->prior_window = bbr_most(bbr->prior_window, congestion->window);
}

void bbr_restore_window(const struct bbr *bbr, struct congestion *congestion)
{
    congestion->window = bbr_most(congestion->window, bbr->prior_window);
}

/* BoundCwndForModel(), 5.6.4.7 */
static uint32_t volume_cap(const struct bbr *bbr)
{
    uint32_t cap = BBR_INFINITE;
    if (bbr->state == BBR_PROBE_RTT || bbr->state == BBR_PROBE_CRUISE)
        cap = bbr_with_headroom(bbr);
    else if (bbr_probes_bw(bbr))
        cap = bbr->inflight_longterm;
    return bbr_most(bbr_least(cap, bbr->inflight_shortterm), bbr_floor(bbr));
}

/* SetCwnd(), 5.6.4.6 */
static void set_window(const struct bbr *bbr, struct congestion *congestion, uint32_t delivered)
{
    uint32_t grown = congestion->window + bbr_least(delivered, INT32_MAX - congestion->window);
    if (bbr->full_bw_reached)
        congestion->window = bbr_least(grown, bbr->max_inflight);
    else if (congestion->window < bbr->max_inflight || !bbr->warm)
        congestion->window = grown;
    congestion->window = bbr_most(congestion->window, bbr_floor(bbr));
    if (bbr->state == BBR_PROBE_RTT)
        congestion->window = bbr_least(congestion->window, bbr_probe_rtt_window(bbr));
    congestion->window = bbr_least(congestion->window, volume_cap(bbr));
}

static void update_max_inflight(struct bbr *bbr)
{
    uint32_t inflight = bbr_bdp(bbr, bbr->bw, window_gain[bbr->state]);
    bbr->max_inflight = bbr_quantize(bbr, inflight + bbr->extra_acked.value[0]);
}

/* ---- Events (5.2) -------------------------------------------------------------------------- */

static void init(struct congestion *congestion, union congestion_state *state,
                 const struct congestion_start *start)
{
    struct bbr *bbr = &state->bbr;
    uint32_t rtt_us =
        start->srtt_us != 0 ? bbr_least(start->srtt_us, BBR_RTT_MOST_US) : BBR_INFINITE;
    *bbr = (struct bbr){
        .now_ns = start->now_ns,
        .mss = start->mss,
        .min_rtt_us = rtt_us,
        .probe_rtt_min_us = rtt_us,
        .min_rtt_stamp_ns = start->now_ns,
        .probe_rtt_min_stamp_ns = start->now_ns,
        .extra_acked_start_ns = start->now_ns,
        .delivered = start->all_delivered,
        .first_delivered = start->all_delivered,
        .next_round_delivered = start->all_delivered,
        .loss_round_delivered = start->all_delivered,
        .initial_window = congestion->window,
        .prior_window = congestion->window,
        .inflight_longterm = BBR_INFINITE,
        .probe_up_acked_per_inc = BBR_INFINITE,
        .undo_state = BBR_NO_STATE,
        .random = start->random,
    };
    bbr_reset_signals(bbr);
    bbr_reset_shortterm(bbr);
    bbr_reset_full_bw(bbr, 0);
    init_pacing_rate(bbr, start->srtt_us);
    bbr_enter_startup(bbr);
}

static void take_note(struct bbr *bbr, const struct congestion_ack *ack)
{
    bbr->now_ns = ack->now_ns;
    bbr->mss = ack->mss;
    bbr->delivered = ack->all_delivered;
    bbr->limited |= ack->limited;
    bbr->warm |= bbr->delivered - bbr->first_delivered >= bbr->initial_window;
    if (!bbr->rtt_seen && ack->srtt_us != 0)
        init_pacing_rate(bbr, ack->srtt_us);
}

static void heed_marks(struct bbr *bbr, const struct congestion *congestion,
                       const struct congestion_ack *ack)
{
    const struct rate_sample *sample = &ack->sample;
    bbr_note_loss(bbr);
    if (bbr->bw_probe_sample && bbr_too_high(sample->lost, sample->in_flight, true))
        bbr_was_too_high(bbr, congestion, sample->in_flight, bbr_app_limited(bbr, sample));
}

static void acknowledged(struct congestion *congestion, union congestion_state *state,
                         const struct congestion_ack *ack)
{
    struct bbr *bbr = &state->bbr;
    if (!ack->sample.arrived)
        return;
    take_note(bbr, ack);
    if (ack->marked != 0)
        heed_marks(bbr, congestion, ack);
    bbr_update_signals(bbr, congestion, ack);
    bbr_check_full(bbr, ack);
    bbr_update_cycle(bbr, congestion, ack);
    bbr_check_rtt(bbr, congestion, ack);
    bbr_advance_signals(bbr, &ack->sample);
    set_pacing_rate(bbr, pacing_gain[bbr->state]);
    update_max_inflight(bbr);
    set_window(bbr, congestion, ack->delivered);
    if (bbr->round_start)
        bbr->limited = false;
}

/* 5.6.4.4 */
static void reduce(struct congestion *congestion, union congestion_state *state,
                   const struct congestion_event *event)
{
    struct bbr *bbr = &state->bbr;
    bbr->mss = event->mss;
    bbr->delivered = event->all_delivered;
    if (event->cause == CONGESTION_TIME_OUT)
        bbr_save(bbr, congestion);
    bbr_begin_recovery(bbr, congestion);
    if (event->cause == CONGESTION_LOSS)
        bbr_note_loss(bbr);
}

static void recovered(struct congestion *congestion, union congestion_state *state)
{
    state->bbr.recovering = false;
    bbr_restore_window(&state->bbr, congestion);
}

/* 5.4.1 */
static void resume(struct congestion *congestion, union congestion_state *state, uint64_t now_ns)
{
    struct bbr *bbr = &state->bbr;
    bbr->now_ns = now_ns;
    bbr->idle_restart = true;
    bbr->extra_acked_start_ns = now_ns;
    if (bbr_probes_bw(bbr))
        set_pacing_rate(bbr, BBR_GAIN_ONE);
    else if (bbr->state == BBR_PROBE_RTT)
        bbr_check_rtt_done(bbr, congestion);
}

const struct congestion_operations congestion_bbr = {
    .name = "bbr",
    .rules_window = true,
    .init = init,
    .acknowledged = acknowledged,
    .lost = bbr_lost,
    .reduce = reduce,
    .recovered = recovered,
    .undo = bbr_undo,
    .resume = resume,
    .pacing_rate = pacing_rate,
    .report = report,
};
