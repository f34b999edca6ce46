/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_PACE_H
#define CHASKI_TCP_TCP_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct tcp;
struct tcp_connection;

/*
 * Pacing: what the window allows does not go at once but at a rate, so that queues stay short. No
 * packet has a timer: about a millisecond's worth goes at a time, and then the connection's one
 * deadline for sending stands at the earliest time at which the next may go.
 *
 * A connection is paced when its congestion control asks for it, which then says at what rate, or
 * when the application has set a limit; then at twice the rate that fills the window each round
 * trip in slow start, at 6/5 of it afterwards, as Linux does, and no faster than the limit. So is
 * one, for a round trip, that comes out of a recovery with most of its window unused, because the
 * peer's window or the application held it back: there are no acknowledgements that would spread
 * what may go now, and a window's worth in one burst would be the next loss.
 */
struct pace {
    uint64_t next_ns;  /* the earliest time for what follows */
    uint32_t ease_end; /* with `easing`: until something beyond this is acknowledged */
    bool easing;       /* for the time being */
    bool waiting;      /* something may go then */
    bool waited;       /* for what goes next */
};

/* Bytes a second; 0: the connection is not paced. */
uint64_t pace_rate(const struct tcp *tcp, const struct tcp_connection *c);
/* The same of one that is not paced, as if it was; UINT64_MAX while no round trip is known. */
uint64_t pace_rate_of_window(const struct tcp *tcp, const struct tcp_connection *c);
/* The window is about to become the threshold: paces what of it is not in flight, if that is much.
 */
void pace_ease(const struct tcp *tcp, struct tcp_connection *c);
/* How many bytes may go at once now; UINT32_MAX when not paced, 0 before their time. */
uint32_t pace_room(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* So many have gone. */
void pace_sent(const struct tcp *tcp, struct tcp_connection *c, uint32_t bytes, uint64_t now_ns);

#endif
