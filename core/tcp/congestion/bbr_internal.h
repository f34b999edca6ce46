/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_BBR_INTERNAL_H
#define CHASKI_TCP_BBR_INTERNAL_H

#include "core/base/sequence.h"
#include "core/tcp/congestion/congestion.h"

/* What BBR's files say to one another, with the names and the sections of draft-ietf-ccwg-bbr. */

#define BBR_INFINITE UINT32_MAX
#define BBR_INFINITE_RATE UINT64_MAX

enum {
    BBR_LOSS_PERCENT = 2,      /* LossThresh */
    BBR_BETA_PERCENT = 70,     /* Beta */
    BBR_HEADROOM_PERCENT = 15, /* Headroom */
    BBR_MIN_SEGMENTS = 4,      /* MinPipeCwnd */
    BBR_RTT_MOST_US = 1 << 25, /* longer ones are not paths: keeps products within 64 bits */
    BBR_GAIN_ONE = 100,        /* gains are in percent */
};

#define BBR_RATE_MOST (UINT64_C(1) << 38)

static inline uint32_t bbr_least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint32_t bbr_most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static inline bool bbr_probes_bw(const struct bbr *bbr)
{
    return bbr->state >= BBR_PROBE_DOWN && bbr->state <= BBR_PROBE_UP;
}

static inline uint32_t bbr_floor(const struct bbr *bbr)
{
    return BBR_MIN_SEGMENTS * bbr->mss;
}

/* ---- bbr_model.c: what is known of the path (5.5) ------------------------------------------- */

static inline uint64_t bbr_max_bw(const struct bbr *bbr)
{
    return bbr->max_bw[0] > bbr->max_bw[1] ? bbr->max_bw[0] : bbr->max_bw[1];
}

/* StartRound() */
void bbr_start_round(struct bbr *bbr);
/* True when the sample says less than what the path can do (4.1.1.3). */
bool bbr_app_limited(struct bbr *bbr, const struct rate_sample *sample);
/* UpdateLatestDeliverySignals(), UpdateCongestionSignals() and UpdateACKAggregation(). */
void bbr_update_signals(struct bbr *bbr, const struct congestion *congestion,
                        const struct congestion_ack *ack);
/* AdvanceLatestDeliverySignals() and BoundBWForModel(). */
void bbr_advance_signals(struct bbr *bbr, const struct rate_sample *sample);
void bbr_reset_signals(struct bbr *bbr);
void bbr_reset_shortterm(struct bbr *bbr);
/* AdvanceMaxBwFilter() */
void bbr_advance_max_bw(struct bbr *bbr);
/* BDPMultiple() and Inflight(), of `bw`. */
uint32_t bbr_bdp(const struct bbr *bbr, uint64_t bw, uint32_t gain);
uint32_t bbr_inflight(const struct bbr *bbr, uint64_t bw, uint32_t gain);
/* QuantizationBudget() */
uint32_t bbr_quantize(const struct bbr *bbr, uint32_t inflight);
/* TargetInflight() */
uint32_t bbr_target(const struct bbr *bbr, const struct congestion *congestion);
uint32_t bbr_with_headroom(const struct bbr *bbr);

/* ---- bbr_loss.c: losses, and when there were none (5.5.10, 5.5.11) --------------------------- */

/* NoteLoss() */
void bbr_note_loss(struct bbr *bbr);
/* Saves the state, unless the recovery has begun already. */
void bbr_begin_recovery(struct bbr *bbr, const struct congestion *congestion);
/* SaveStateUponLoss() */
void bbr_save(struct bbr *bbr, const struct congestion *congestion);
/* IsInflightTooHigh() */
bool bbr_too_high(uint32_t lost, uint32_t in_flight, bool selective);
/* HandleInflightTooHigh(), `in_flight` being tx_in_flight. */
void bbr_was_too_high(struct bbr *bbr, const struct congestion *congestion, uint32_t in_flight,
                      bool app_limited);
void bbr_lost(struct congestion *congestion, union congestion_state *state,
              const struct congestion_lost *lost);
void bbr_undo(struct congestion *congestion, union congestion_state *state, uint32_t all_delivered);

/* ---- bbr_startup.c: Startup, Drain, and when the path is full (5.3.1, 5.3.2) ------------------
 */

void bbr_enter_startup(struct bbr *bbr);
/* ResetFullBW(), with the rate from which growth counts. */
void bbr_reset_full_bw(struct bbr *bbr, uint64_t from);
/* CheckFullBWReached(), CheckStartupDone() and CheckDrainDone(). */
void bbr_check_full(struct bbr *bbr, const struct congestion_ack *ack);

/* ---- bbr_probe_bw.c (5.3.3) ----------------------------------------------------------------- */

void bbr_start_down(struct bbr *bbr);
void bbr_start_cruise(struct bbr *bbr);
void bbr_start_refill(struct bbr *bbr);
/* UpdateProbeBWCyclePhase() */
void bbr_update_cycle(struct bbr *bbr, struct congestion *congestion,
                      const struct congestion_ack *ack);

/* ---- bbr_probe_rtt.c (5.3.4) ---------------------------------------------------------------- */

/* UpdateMinRTT() and CheckProbeRTT(). */
void bbr_check_rtt(struct bbr *bbr, struct congestion *congestion,
                   const struct congestion_ack *ack);
/* CheckProbeRTTDone() */
void bbr_check_rtt_done(struct bbr *bbr, struct congestion *congestion);
uint32_t bbr_probe_rtt_window(const struct bbr *bbr);

/* ---- bbr.c: control parameters (5.6) -------------------------------------------------------- */

/* SaveCwnd() and RestoreCwnd() */
void bbr_save_window(struct bbr *bbr, const struct congestion *congestion);
void bbr_restore_window(const struct bbr *bbr, struct congestion *congestion);

#endif
