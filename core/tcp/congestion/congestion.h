/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_CONGESTION_H
#define CHASKI_TCP_CONGESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/tcp/congestion/bbr.h"
#include "core/tcp/congestion/hystart.h"
#include "core/tcp/recovery/tcp_rate.h"

/*
 * Congestion control behind a small vtable. TCP says what happened; the algorithm sets `window`
 * and `threshold`, in bytes. What else it knows of the path is in its state, which lasts as long
 * as the connection has a flight (core/tcp/tcp_flight.h) and then begins anew. Integers only.
 *
 * There are two kinds. Most let TCP see them through a recovery: they set the threshold when
 * something is lost, TCP brings the window down to it in proportion to what arrives (RFC 6937), and
 * they make it grow again afterwards. Those with `rules_window` have a model of the path and set
 * the window with each acknowledgement, in recovery as well.
 */
struct congestion {
    uint32_t window;    /* cwnd */
    uint32_t threshold; /* ssthresh */
};

/* What the threshold is before any loss, and above. */
#define CONGESTION_THRESHOLD_UNKNOWN (UINT32_MAX / 2)

struct newreno {
    struct hystart hystart;
    uint32_t counted; /* bytes acknowledged towards the next segment's worth of growth */
};

/* Where CUBIC stands on its curve. Windows in bytes. */
struct cubic_epoch {
    uint32_t last_ms;      /* when the window was last limiting; 0: no congestion avoidance yet */
    uint32_t elapsed_ms;   /* spent in congestion avoidance */
    uint32_t w_max;        /* 0: no loss has told */
    uint32_t origin;       /* where the curve is flat */
    uint32_t k_1024;       /* K, in 1/1024 s */
    uint32_t w_estimate;   /* what Reno would have reached, */
    uint32_t estimated;    /* and acknowledged bytes not yet turned into its growth */
    uint32_t counted;      /* likewise of the window's */
    uint32_t pace;         /* so many make a segment of that, */
    uint32_t paced_ms;     /* as worked out then, */
    uint32_t paced_window; /* for this window; 0: not yet */
};

struct cubic {
    struct hystart hystart;
    struct cubic_epoch epoch;
    struct cubic_epoch before; /* the latest reduction: it may be taken back */
};

struct dctcp {
    uint32_t counted;         /* as newreno's */
    uint32_t alpha;           /* how much is marked, in 1 / 2^20 */
    uint32_t window_end;      /* what is observed ends with the acknowledgement of this */
    uint32_t arrived, marked; /* bytes since it began */
    bool begun;               /* window_end holds */
};

union congestion_state {
    struct newreno newreno;
    struct cubic cubic;
    struct dctcp dctcp;
    struct bbr bbr;
};

/* What is known when an algorithm begins. */
struct congestion_start {
    uint64_t now_ns;
    uint32_t mss;
    uint32_t srtt_us;       /* 0: unknown */
    uint32_t all_delivered; /* rate.delivered */
    uint32_t random;        /* so that not all flows do alike */
};

/* What an acknowledgement brought. */
struct congestion_ack {
    uint64_t now_ns;
    uint32_t acknowledged;  /* bytes in order by which a window may grow that was used up; 0 in
                               recovery, and when the window did not limit us */
    uint32_t delivered;     /* bytes newly arrived, in order or not, */
    uint32_t marked;        /* of which so many as marked (RFC 3168) */
    uint32_t in_flight;     /* bytes, after it */
    uint32_t all_delivered; /* rate.delivered, after it */
    uint32_t mss;
    uint32_t srtt_us; /* smoothed round trip; 0: unknown */
    uint32_t min_rtt_us;
    uint32_t rtt_us;   /* that this acknowledgement tells of; 0: none */
    uint32_t una, nxt; /* SND.UNA after it, SND.NXT */
    bool recovering;
    bool selective; /* the peer sends SACKs: more than one loss a round trip is found */
    bool limited;   /* the window has held something back since the last one */
    struct rate_sample sample;
};

/* A range that was found lost. */
struct congestion_lost {
    uint64_t now_ns;
    const struct rate_mark *mark; /* of its transmission */
    uint32_t begin, end;          /* sequence numbers */
    uint32_t all_lost;            /* rate.lost, after it, */
    uint32_t all_delivered;       /* and rate.delivered */
    uint32_t mss;
    bool selective;
};

enum congestion_cause {
    CONGESTION_LOSS,
    CONGESTION_MARK,
    CONGESTION_TIME_OUT,
};

struct congestion_event {
    enum congestion_cause cause;
    uint32_t flight; /* bytes that were not acknowledged */
    uint32_t window; /* what of the congestion window is not in doubt (RFC 7661) */
    uint32_t mss;
    uint32_t all_delivered;
};

/* What an algorithm tells of itself; what it does not know of is 0. */
struct congestion_report {
    uint64_t bandwidth; /* of the path, bytes a second */
    uint32_t min_rtt_us;
    uint32_t pacing_gain, window_gain; /* in percent */
    uint32_t alpha;                    /* of what has arrived was marked, in 1 / 2^20 */
    uint32_t arrived, marked;          /* bytes that alpha does not yet contain */
    bool came_marked;                  /* by TCP: the latest segment with text did */
};

/* Those without `rules_window` have all but `lost` and `pacing_rate`; those with it have all but
 * `restart`, unless said otherwise. */
struct congestion_operations {
    const char *name;
    bool rules_window;
    bool needs_ecn; /* asked for when a connection is opened with it, whatever tcp_ecn says */
    void (*init)(struct congestion *congestion, union congestion_state *state,
                 const struct congestion_start *start);
    void (*acknowledged)(struct congestion *congestion, union congestion_state *state,
                         const struct congestion_ack *ack);
    /* Something was found lost; may come many times before `reduce` or `acknowledged`. */
    void (*lost)(struct congestion *congestion, union congestion_state *state,
                 const struct congestion_lost *lost);
    /* A recovery begins. Sets the threshold for the path's new capacity; the caller sets the window
     * afterwards (RFC 5681, 3.2; 3.1 for a time-out). */
    void (*reduce)(struct congestion *congestion, union congestion_state *state,
                   const struct congestion_event *event);
    /* With rules_window: all is repaired. */
    void (*recovered)(struct congestion *congestion, union congestion_state *state);
    /* The latest `reduce` had no reason: takes back what it and `lost` changed of the state. The
     * window and the threshold are the caller's to restore. May be NULL. */
    void (*undo)(struct congestion *congestion, union congestion_state *state,
                 uint32_t all_delivered);
    /* Sending begins again after a pause in which the window was taken back (RFC 5681, 4.1). */
    void (*restart)(struct congestion *congestion, union congestion_state *state);
    /* With rules_window: something is about to be sent with nothing in flight, after the
     * application had nothing to send. */
    void (*resume)(struct congestion *congestion, union congestion_state *state, uint64_t now_ns);
    /* Bytes a second; 0: none known yet. NULL when the algorithm does not pace. */
    uint64_t (*pacing_rate)(const union congestion_state *state);
    /* NULL: there is nothing to tell. */
    void (*report)(const union congestion_state *state, struct congestion_report *report);
};

extern const struct congestion_operations congestion_newreno; /* RFC 5681 */
extern const struct congestion_operations congestion_cubic;   /* RFC 9438 */
extern const struct congestion_operations congestion_bbr;     /* draft-ietf-ccwg-bbr */
extern const struct congestion_operations congestion_dctcp;   /* RFC 8257 */

/* The one of that number, enum chaski_congestion. */
const struct congestion_operations *congestion_algorithm(unsigned number);

/* Slow start (RFC 5681, 3.1 with byte counting as in RFC 3465): grows the window by what was
 * acknowledged up to the threshold; returns the bytes left over. */
uint32_t congestion_slow_start(struct congestion *congestion, uint32_t acknowledged);

/* Congestion avoidance (likewise): a segment a window, towards which `*counted` counts. */
void congestion_avoid(struct congestion *congestion, uint32_t *counted, uint32_t acknowledged,
                      uint32_t mss);

/* What becomes the threshold: whole segments, as in Linux, so that slow start ends with the
 * acknowledgement that makes them full; two at least. */
uint32_t congestion_threshold(uint64_t bytes, uint32_t mss);

/* RFC 5681, equation 4: half of the flight, two segments at least, is the threshold. Limited
 * transmit may have sent more than the window: that does not count (3.2). */
void congestion_halve(struct congestion *congestion, const struct congestion_event *event);

/* What is sent at once when paced: a millisecond's worth, but two segments at least, and no more
 * than is cut from one piece. */
static inline uint32_t congestion_quantum(uint64_t bytes_per_s, uint32_t mss)
{
    uint64_t bytes = bytes_per_s / 1000;
    bytes = bytes < UINT16_MAX ? bytes : UINT16_MAX;
    return bytes > 2 * mss ? (uint32_t)bytes : 2 * mss;
}

#endif
