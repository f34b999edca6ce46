/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_CONGESTION_H
#define CHASKI_TCP_CONGESTION_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Congestion control behind a small vtable. TCP says what happened; the algorithm sets `window`
 * and `threshold`, in bytes, and keeps what else it needs in `state`. Integers only.
 */
struct congestion_operations;

struct congestion {
    const struct congestion_operations *operations;
    uint32_t window;    /* cwnd */
    uint32_t threshold; /* ssthresh */
    uint32_t state[6];  /* the algorithm's own */
};

struct congestion_ack {
    uint64_t now_ns;
    uint32_t acknowledged; /* bytes delivered in order, newly */
    uint32_t in_flight;    /* bytes, before this acknowledgement */
    uint32_t mss;
    uint32_t srtt_us; /* smoothed round trip; 0: unknown */
};

struct congestion_operations {
    const char *name;
    void (*init)(struct congestion *congestion);
    /* New data was acknowledged while the window limited us, outside of recovery. */
    void (*acknowledged)(struct congestion *congestion, const struct congestion_ack *ack);
    /* A loss, or as much, of `flight` bytes that were not acknowledged: sets the threshold for the
     * path's new capacity. The caller sets the window afterwards (RFC 5681, 3.2; 3.1 for a
     * time-out). */
    void (*reduce)(struct congestion *congestion, uint32_t flight, uint32_t mss, bool timed_out);
    /* Sending begins again after a pause in which the window was taken back (RFC 5681, 4.1). */
    void (*restart)(struct congestion *congestion);
};

extern const struct congestion_operations congestion_newreno; /* RFC 5681 */
extern const struct congestion_operations congestion_cubic;   /* RFC 9438 */

/* Slow start, alike for both (RFC 5681, 3.1 with byte counting as in RFC 3465): grows the window by
 * what was acknowledged up to the threshold; returns the bytes left over. */
uint32_t congestion_slow_start(struct congestion *congestion, uint32_t acknowledged);

#endif
