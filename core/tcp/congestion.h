/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_CONGESTION_H
#define CHASKI_TCP_CONGESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/tcp/hystart.h"

/*
 * Congestion control behind a small vtable. TCP says what happened; the algorithm sets `window`
 * and `threshold`, in bytes. What else it knows of the path is in its state, which lasts as long
 * as the connection has a flight (core/tcp/tcp_flight.h) and then begins anew. Integers only.
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

/* Windows in bytes. */
struct cubic {
    struct hystart hystart;
    uint32_t last_ms;    /* when the window was last limiting; 0: no congestion avoidance yet */
    uint32_t elapsed_ms; /* spent in congestion avoidance */
    uint32_t w_max;
    uint32_t k_1024;     /* K, in 1/1024 s */
    uint32_t w_estimate; /* what Reno would have reached */
    uint32_t counted;    /* acknowledged bytes not yet turned into growth */
};

union congestion_state {
    struct newreno newreno;
    struct cubic cubic;
};

struct congestion_ack {
    uint64_t now_ns;
    uint32_t acknowledged; /* bytes delivered in order, newly */
    uint32_t in_flight;    /* bytes, before this acknowledgement */
    uint32_t mss;
    uint32_t srtt_us;  /* smoothed round trip; 0: unknown */
    uint32_t rtt_us;   /* that this acknowledgement tells of; 0: none */
    uint32_t una, nxt; /* SND.UNA after it, SND.NXT */
};

struct congestion_operations {
    const char *name;
    void (*init)(struct congestion *congestion, union congestion_state *state);
    /* New data was acknowledged while the window limited us, outside of recovery. */
    void (*acknowledged)(struct congestion *congestion, union congestion_state *state,
                         const struct congestion_ack *ack);
    /* A loss, or as much, of `flight` bytes that were not acknowledged: sets the threshold for the
     * path's new capacity. The caller sets the window afterwards (RFC 5681, 3.2; 3.1 for a
     * time-out). */
    void (*reduce)(struct congestion *congestion, union congestion_state *state, uint32_t flight,
                   uint32_t mss, bool timed_out);
    /* Sending begins again after a pause in which the window was taken back (RFC 5681, 4.1). */
    void (*restart)(struct congestion *congestion, union congestion_state *state);
};

extern const struct congestion_operations congestion_newreno; /* RFC 5681 */
extern const struct congestion_operations congestion_cubic;   /* RFC 9438 */

/* The one of that number, enum chaski_congestion. */
const struct congestion_operations *congestion_algorithm(unsigned number);

/* Slow start, alike for both (RFC 5681, 3.1 with byte counting as in RFC 3465): grows the window by
 * what was acknowledged up to the threshold; returns the bytes left over. */
uint32_t congestion_slow_start(struct congestion *congestion, uint32_t acknowledged);

#endif
