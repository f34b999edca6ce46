/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_BBR_H
#define CHASKI_TCP_BBR_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What BBR (draft-ietf-ccwg-bbr, the third version) knows of a path, with the draft's names: the
 * rate at which it delivers (bw) and its round trip without queues (min_rtt), and from losses how
 * much may be in flight, for long (longterm) and just now (shortterm). How it works is told in
 * core/tcp/congestion/bbr.c. Rates in bytes a second, volumes in bytes.
 */
enum bbr_state {
    BBR_STARTUP,
    BBR_DRAIN,
    BBR_PROBE_DOWN,
    BBR_PROBE_CRUISE,
    BBR_PROBE_REFILL,
    BBR_PROBE_UP,
    BBR_PROBE_RTT,
    BBR_NO_STATE, /* undo_state: there is nothing to go back to */
};

/* What the acknowledgements that come are of. */
enum bbr_ack_phase {
    BBR_ACKS_INIT,
    BBR_ACKS_REFILLING,
    BBR_ACKS_PROBE_STARTING,
    BBR_ACKS_PROBE_FEEDBACK,
    BBR_ACKS_PROBE_STOPPING,
};

/* The greatest value of the latest rounds: the best one, and the best ones since it and since that.
 */
struct bbr_max {
    uint32_t value[3], round[3];
};

struct bbr {
    /* Of the event that is looked at. */
    uint64_t now_ns;
    uint32_t mss, delivered;

    uint64_t max_bw[2]; /* of this cycle and of the one before: a window of two */
    uint64_t bw, bw_latest, bw_shortterm, full_bw, pacing_rate;
    uint64_t min_rtt_stamp_ns, probe_rtt_min_stamp_ns, probe_rtt_done_ns, cycle_stamp_ns;
    uint64_t extra_acked_start_ns;
    uint32_t min_rtt_us, probe_rtt_min_us;
    uint32_t max_inflight, inflight_latest, inflight_shortterm, inflight_longterm;
    uint32_t initial_window, prior_window;
    struct bbr_max extra_acked;
    uint32_t extra_acked_delivered;

    uint32_t next_round_delivered, loss_round_delivered;
    uint32_t round_count, rounds_since_probe_up, drain_start_round;
    uint32_t bw_probe_wait_ms, bw_probe_up_acked, probe_up_acked_per_inc;
    uint32_t bubble; /* what was sent before this was delivered tells no rate */
    uint32_t first_delivered, lost_end;
    uint32_t random;

    uint64_t undo_bw_shortterm;
    uint32_t undo_inflight_shortterm, undo_inflight_longterm;

    uint8_t state, undo_state; /* enum bbr_state */
    uint8_t ack_phase;         /* enum bbr_ack_phase */
    uint8_t bw_probe_up_rounds, full_bw_count, lost_ranges;
    bool round_start, loss_round_start, loss_in_round;
    bool full_bw_reached, full_bw_now;
    bool bw_probe_sample, prev_probe_too_high, prev_probe_precautionary;
    bool probe_rtt_expired, probe_rtt_round_done, idle_restart;
    bool recovering, limited, bubble_open, warm, rtt_seen;
};

#endif
