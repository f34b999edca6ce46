/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/congestion/bbr_internal.h"

enum { GROWTH_PERCENT = 125, FULL_ROUNDS = 3, FULL_LOST_RANGES = 6, DRAIN_ROUNDS = 3 };

void bbr_enter_startup(struct bbr *bbr)
{
    bbr->state = BBR_STARTUP;
}

void bbr_reset_full_bw(struct bbr *bbr, uint64_t from)
{
    bbr->full_bw = from;
    bbr->full_bw_count = 0;
    bbr->full_bw_now = false;
}

/* 5.3.1.2: three rounds of more effort have brought less than a quarter more. */
static void check_full_bw(struct bbr *bbr, const struct rate_sample *sample)
{
    if (bbr->full_bw_now || !bbr->round_start || bbr_app_limited(bbr, sample))
        return;
    if (sample->bytes_per_s >= bbr->full_bw / 100 * GROWTH_PERCENT) {
        bbr_reset_full_bw(bbr, sample->bytes_per_s);
        return;
    }
    bbr->full_bw_count++;
    bbr->full_bw_now = bbr->full_bw_count >= FULL_ROUNDS;
    bbr->full_bw_reached |= bbr->full_bw_now;
}

/* 5.3.1.3: with SACK, a round of recovery in which much was lost, in many places; without, any
 * loss. */
static bool lost_too_much(const struct bbr *bbr, const struct congestion_ack *ack)
{
    if (!ack->recovering || !bbr->loss_round_start)
        return false;
    if (!ack->selective)
        return bbr->lost_ranges != 0;
    return bbr->lost_ranges >= FULL_LOST_RANGES &&
           bbr_too_high(ack->sample.lost, ack->sample.in_flight, true);
}

static void enter_drain(struct bbr *bbr)
{
    bbr->state = BBR_DRAIN;
    bbr->drain_start_round = bbr->round_count;
}

static void check_startup(struct bbr *bbr, const struct congestion_ack *ack)
{
    if (!bbr->full_bw_reached && lost_too_much(bbr, ack)) {
        bbr->undo_state = BBR_STARTUP;
        bbr->full_bw_reached = true;
        bbr->inflight_longterm =
            bbr_most(bbr_bdp(bbr, bbr->bw, BBR_GAIN_ONE), bbr->inflight_latest);
    }
    if (bbr->loss_round_start)
        bbr->lost_ranges = 0;
    if (bbr->state == BBR_STARTUP && bbr->full_bw_reached)
        enter_drain(bbr);
}

/* 5.3.2 */
static void check_drain(struct bbr *bbr, uint32_t in_flight)
{
    if (bbr->state == BBR_DRAIN && (in_flight <= bbr_inflight(bbr, bbr->bw, BBR_GAIN_ONE) ||
                                    bbr->round_count - bbr->drain_start_round > DRAIN_ROUNDS))
        bbr_start_down(bbr);
}

void bbr_check_full(struct bbr *bbr, const struct congestion_ack *ack)
{
    check_full_bw(bbr, &ack->sample);
    check_startup(bbr, ack);
    check_drain(bbr, ack->in_flight);
}
