/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/congestion/bbr_internal.h"

/* Now and then little is sent for a moment, so that queues drain and the round trip without them
 * can be seen. All flows do so at about the same time: who finds a shorter round trip than
 * before, because another one made room, puts its own pause off by as much. */

#define SECOND_NS UINT64_C(1000000000)
#define INTERVAL_NS (5 * SECOND_NS)          /* ProbeRTTInterval */
#define FILTER_NS (10 * SECOND_NS)           /* MinRTTFilterLen */
#define DURATION_NS (200 * SECOND_NS / 1000) /* ProbeRTTDuration */

enum { WINDOW_GAIN = 50 }; /* ProbeRTTCwndGain */

uint32_t bbr_probe_rtt_window(const struct bbr *bbr)
{
    return bbr_most(bbr_bdp(bbr, bbr->bw, WINDOW_GAIN), bbr_floor(bbr));
}

static void update_min_rtt(struct bbr *bbr, uint32_t rtt_us)
{
    rtt_us = bbr_least(rtt_us, BBR_RTT_MOST_US);
    bbr->probe_rtt_expired = bbr->now_ns > bbr->probe_rtt_min_stamp_ns + INTERVAL_NS;
    if (rtt_us != 0 && (rtt_us < bbr->probe_rtt_min_us || bbr->probe_rtt_expired)) {
        bbr->probe_rtt_min_us = rtt_us;
        bbr->probe_rtt_min_stamp_ns = bbr->now_ns;
    }
    bool expired = bbr->now_ns > bbr->min_rtt_stamp_ns + FILTER_NS;
    if (bbr->probe_rtt_min_us < bbr->min_rtt_us || expired) {
        bbr->min_rtt_us = bbr->probe_rtt_min_us;
        bbr->min_rtt_stamp_ns = bbr->probe_rtt_min_stamp_ns;
    }
}

static void enter(struct bbr *bbr, const struct congestion *congestion)
{
    bbr_save_window(bbr, congestion);
    bbr->state = BBR_PROBE_RTT;
    bbr->probe_rtt_done_ns = 0;
    bbr->ack_phase = BBR_ACKS_PROBE_STOPPING;
    bbr_start_round(bbr);
}

/* 5.3.4.4: little is in flight, so there is nothing to drain. */
static void leave(struct bbr *bbr)
{
    bbr_reset_shortterm(bbr);
    if (!bbr->full_bw_reached) {
        bbr_enter_startup(bbr);
        return;
    }
    bbr_start_down(bbr);
    bbr_start_cruise(bbr);
}

void bbr_check_rtt_done(struct bbr *bbr, struct congestion *congestion)
{
    if (bbr->probe_rtt_done_ns == 0 || bbr->now_ns <= bbr->probe_rtt_done_ns)
        return;
    bbr->probe_rtt_min_stamp_ns = bbr->now_ns;
    bbr_restore_window(bbr, congestion);
    leave(bbr);
}

/* The pause lasts for 200 ms and a round from when in-flight data is low. */
static void go_on(struct bbr *bbr, struct congestion *congestion, uint32_t in_flight)
{
    bbr->bubble_open = true;
    bbr->bubble = bbr->delivered + in_flight;
    if (bbr->probe_rtt_done_ns == 0 && in_flight <= bbr_probe_rtt_window(bbr)) {
        bbr->probe_rtt_done_ns = bbr->now_ns + DURATION_NS;
        bbr->probe_rtt_round_done = false;
        bbr_start_round(bbr);
    } else if (bbr->probe_rtt_done_ns != 0) {
        bbr->probe_rtt_round_done |= bbr->round_start;
        if (bbr->probe_rtt_round_done)
            bbr_check_rtt_done(bbr, congestion);
    }
}

void bbr_check_rtt(struct bbr *bbr, struct congestion *congestion, const struct congestion_ack *ack)
{
    update_min_rtt(bbr, ack->rtt_us);
    if (bbr->state != BBR_PROBE_RTT && bbr->probe_rtt_expired && !bbr->idle_restart)
        enter(bbr, congestion);
    if (bbr->state == BBR_PROBE_RTT)
        go_on(bbr, congestion, ack->in_flight);
    bbr->idle_restart = false;
}
