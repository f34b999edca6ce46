/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_KNOBS_H
#define CHASKI_TCP_TCP_KNOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/chaski.h"

/*
 * What hosts may tune, as it is used. The table in tcp_knobs.c gives each its name, which is
 * Linux's below net.ipv4 where Linux has one, its limits and its unit to the outside.
 */
enum recovery_knob {
    RECOVERY_RACK = 1, /* always on */
    RECOVERY_STATIC_WINDOW = 2,
    RECOVERY_NO_THRESHOLD = 4,
};

struct tcp_knobs {
    uint32_t initial_window; /* segments, RFC 6928 */
    uint32_t rto_min_us, rto_max_us, rto_initial_us;
    uint32_t ack_delay_us;
    uint32_t fin_timeout_ms;
    uint32_t give_up_ms;        /* R2 of RFC 9293, 3.8.3 */
    uint32_t orphan_timeout_ms; /* the same once the application has let go */
    uint32_t receive_buffer, receive_buffer_max;
    uint32_t scale_buffer; /* windows are scaled for so much at least, unless the buffer is fixed */
    uint32_t send_buffer, send_buffer_max;
    uint32_t receive_buffer_limit, send_buffer_limit; /* what the host is laid out for */
    uint32_t answer_interval_ms; /* at most one answer to unacceptable segments in so long */
    uint32_t keep_idle_ms;
    uint16_t keep_interval_s;
    uint8_t keep_count;
    uint8_t syn_retries, synack_retries;
    uint8_t syn_linear;  /* of the SYN's time-outs, those that come before they double */
    uint8_t doubt_after; /* R1: time-outs before IP is told to doubt the next hop */
    uint8_t syncookies;  /* 0: never, 1: when all half-open entries are taken, 2: always */
    uint8_t timestamps;  /* 0: none, 1: with an offset for each connection, 2: without */
    bool lax_timestamps; /* segments may lack them though they were agreed on */
    bool lax_window;     /* text that ends beyond the window is taken whole or not at all */
    bool sack, window_scaling;
    uint8_t
        app_win; /* of a window 1/2^n is for the application, until segments have come; 0: none */
    bool shrink_window;            /* to less than was told, where memory would run out */
    uint8_t congestion;            /* enum chaski_congestion */
    bool slow_start_after_idle;    /* RFC 5681, 4.1 */
    bool dsack;                    /* RFC 2883 */
    bool no_metrics_save;          /* connections leave nothing behind (tcp_peers.h), */
    bool no_ssthresh_metrics_save; /* or no threshold, and begin without one */
    uint32_t fast_open;            /* enum fast_open_knob; other bits mean nothing */
    uint32_t fast_open_pause_s;    /* where what opens fast gets lost; 0: none */
    uint8_t tw_reuse; /* ends in TIME-WAIT, for connections of ours: 1 any, 2 to ourselves */
    uint32_t tw_reuse_delay_ms; /* so long after they began to wait */
    uint8_t frto;               /* RFC 5682; 0: off */
    uint8_t tail_probes;        /* RFC 8985, 7; Linux's tcp_early_retrans: 0 is off */
    uint8_t ecn;                /* 0: none; answering, asking: 1 classic, classic; 2 classic, none;
                                   3 accurate, accurate; 4 accurate, classic; 5 accurate, none */
    uint8_t mtu_probing; /* RFC 4821; 0: never, 1: once segments vanish silently, 2: always */
    uint16_t base_mss;   /* where the search begins; bytes, TCP options included, as the next two */
    uint16_t min_snd_mss, mtu_probe_floor; /* what a black hole brings it down to */
    uint16_t probe_threshold;              /* bytes: an interval not worth a probe */
    uint32_t probe_interval_s;             /* from one search to the next */
    bool ecn_fallback;                     /* do without where somebody drops or changes it */
    uint8_t ecn_option;        /* RFC 9768's: 0 never, 1 on change, 2 always, 3 though it is lost */
    uint8_t ecn_option_beacon; /* 1: so many times a round trip at least */
    uint8_t min_tso_segs;      /* of what is handed to the link in one piece, at least */
    bool ao_required;          /* no segments with TCP-AO of connections that no key is for */
    uint8_t reordering;        /* DupThresh: segments SACKed that tell of a loss at once */
    uint16_t max_reordering;   /* that is told to have been seen */
    bool cwnd_validation;      /* RFC 7661, in place of slow_start_after_idle */
    uint16_t pacing_slow_start_percent, pacing_avoidance_percent; /* of a window a round trip */
    bool retrans_collapse;      /* small segments go again in one */
    bool signed_windows;        /* windows without a scale stay below 32768 */
    uint32_t max_syn_backlog;   /* half-open entries of a listener, without cookies */
    uint32_t time_wait_most;    /* connections in TIME-WAIT, where the host's limit is not less */
    uint8_t near_shift;         /* round trips of less microseconds, as a power of two, are near */
    uint8_t tso_divisor;        /* a share of the window that does not wait to be more; 0: none */
    uint8_t pingpong_threshold; /* answers that make a dialogue */
    uint32_t min_rtt_window_s;  /* for which the shortest round trip counts */
    uint32_t challenge_limit;   /* of the host, a second; INT32_MAX: none */
    bool reflect_tos;           /* of a SYN is the traffic class of what answers it */
    bool abort_on_overflow;     /* when nobody accepts */
    bool moderate_receive_buffer; /* tcp_tune.c */
    bool rfc1337;                 /* a reset does not end TIME-WAIT */
    bool standard_urgent;         /* pointers point to the last urgent byte (RFC 1122) */
    bool thin_linear;             /* as TCPF_THIN_LINEAR */
    uint8_t recovery;             /* enum recovery_knob */
    bool user_timeout_option;     /* RFC 5482; what is adopted lies between the two: */
    uint32_t user_timeout_least_ms, user_timeout_most_ms;
    uint8_t comp_sack_nr; /* segments behind a gap that are not told at once in a row; no longer */
    uint16_t comp_sack_rtt_percent; /* than this part of a round trip, */
    uint32_t comp_sack_delay_ns;    /* nor than this */
};

/* Before a host's limits cap them. */
extern const struct tcp_knobs tcp_default_knobs;

/* By name, from and to text; see chaski_set_knob() and its like. */
int tcp_knob_set(struct tcp_knobs *knobs, const char *name, const char *text);
int tcp_knob_get(const struct tcp_knobs *knobs, const char *name, char *text, size_t size);
bool tcp_knob_describe(unsigned number, struct chaski_knob *knob);

#endif
