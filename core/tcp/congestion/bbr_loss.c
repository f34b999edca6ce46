/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/congestion/bbr_internal.h"

/* A mark counts as a loss (3.7; RFC 3168): rate.lost has both. */

/* 5.5.11.1 */
void bbr_save(struct bbr *bbr, const struct congestion *congestion)
{
    bbr_save_window(bbr, congestion);
    bbr->undo_state = BBR_NO_STATE;
    bbr->undo_bw_shortterm = bbr->bw_shortterm;
    bbr->undo_inflight_shortterm = bbr->inflight_shortterm;
    bbr->undo_inflight_longterm = bbr->inflight_longterm;
}

void bbr_note_loss(struct bbr *bbr)
{
    if (bbr->loss_in_round)
        return;
    bbr->loss_round_delivered = bbr->delivered;
    bbr->loss_in_round = true;
}

/* A recovery begins with the first of its losses. */
void bbr_begin_recovery(struct bbr *bbr, const struct congestion *congestion)
{
    if (!bbr->recovering)
        bbr_save(bbr, congestion);
    bbr->recovering = true;
}

bool bbr_too_high(uint32_t lost, uint32_t in_flight, bool selective)
{
    return (uint64_t)lost * 100 > (uint64_t)in_flight * BBR_LOSS_PERCENT ||
           (lost != 0 && !selective);
}

void bbr_was_too_high(struct bbr *bbr, const struct congestion *congestion, uint32_t in_flight,
                      bool app_limited)
{
    bbr->prev_probe_too_high = true;
    bbr->bw_probe_sample = false; /* once a probe */
    if (!app_limited) {
        uint64_t least = (uint64_t)bbr_target(bbr, congestion) * BBR_BETA_PERCENT / 100;
        bbr->inflight_longterm = bbr_most(in_flight, (uint32_t)least);
    }
    if (bbr->state == BBR_PROBE_UP) {
        bbr->undo_state = BBR_PROBE_UP;
        bbr_start_down(bbr);
    }
}

/* InflightAtLoss(), 5.5.10.2: how much of the range still fitted before losses were too many. */
static uint32_t fitted(uint32_t in_flight, uint32_t lost, uint32_t size)
{
    uint64_t in_flight_before = in_flight > size ? in_flight - size : 0;
    uint64_t lost_before = lost > size ? lost - size : 0;
    uint64_t allowed = in_flight_before * BBR_LOSS_PERCENT, had = lost_before * 100;
    uint64_t prefix = allowed > had ? (allowed - had) / (100 - BBR_LOSS_PERCENT) : 0;
    return (uint32_t)(in_flight_before + prefix);
}

void bbr_lost(struct congestion *congestion, union congestion_state *state,
              const struct congestion_lost *lost)
{
    struct bbr *bbr = &state->bbr;
    bbr->now_ns = lost->now_ns;
    bbr->mss = lost->mss;
    bbr->delivered = lost->all_delivered;
    bbr_begin_recovery(bbr, congestion);
    bbr_note_loss(bbr);
    if (bbr->lost_ranges < UINT8_MAX && (bbr->lost_ranges == 0 || lost->begin != bbr->lost_end))
        bbr->lost_ranges++;
    bbr->lost_end = lost->end;
    if (!bbr->bw_probe_sample)
        return;
    uint32_t since = lost->all_lost - lost->mark->lost, size = lost->end - lost->begin;
    if (bbr_too_high(since, lost->mark->in_flight, lost->selective))
        bbr_was_too_high(bbr, congestion, fitted(lost->mark->in_flight, since, size),
                         lost->mark->app_limited);
}

/* Where the loss ended a search, it is taken up again. */
static void go_back(struct bbr *bbr)
{
    if (bbr->undo_state == BBR_STARTUP && bbr->state != BBR_STARTUP) {
        bbr->full_bw_reached = false;
        if (bbr->state != BBR_PROBE_RTT)
            bbr_enter_startup(bbr);
    } else if (bbr->undo_state == BBR_PROBE_UP && bbr->state != BBR_PROBE_UP &&
               bbr->state != BBR_PROBE_RTT) {
        bbr_start_refill(bbr);
    }
}

/* 5.5.11.2 */
void bbr_undo(struct congestion *congestion, union congestion_state *state, uint32_t all_delivered)
{
    struct bbr *bbr = &state->bbr;
    bbr->delivered = all_delivered;
    bbr->recovering = false;
    bbr_restore_window(bbr, congestion);
    bbr->loss_in_round = false;
    bbr_reset_full_bw(bbr, 0);
    if (bbr->undo_bw_shortterm > bbr->bw_shortterm)
        bbr->bw_shortterm = bbr->undo_bw_shortterm;
    bbr->inflight_shortterm = bbr_most(bbr->inflight_shortterm, bbr->undo_inflight_shortterm);
    bbr->inflight_longterm = bbr_most(bbr->inflight_longterm, bbr->undo_inflight_longterm);
    go_back(bbr);
    bbr->undo_state = BBR_NO_STATE;
}
