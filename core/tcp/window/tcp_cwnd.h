/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_CWND_H
#define CHASKI_TCP_TCP_CWND_H

#include "core/tcp/tcp_internal.h"

struct ack_before;

/* The flight is new, or the algorithm: it begins with the window that there is. */
void window_begin(const struct tcp *tcp, struct tcp_connection *c);
/* What the algorithm tells of itself: without a flight, how it would begin. */
void window_report(const struct tcp *tcp, const struct tcp_connection *c,
                   struct congestion_report *report);
/* Lets the algorithm set the threshold for what has happened to `flight` bytes. */
void window_threshold(const struct tcp *tcp, struct tcp_connection *c, uint32_t flight,
                      enum congestion_cause cause);
/* The same, and begins to reduce the window in proportion (RFC 9937). */
void window_reduce(const struct tcp *tcp, struct tcp_connection *c, const struct ack_before *before,
                   enum congestion_cause cause);
/* Something is lost while the window is being reduced for a mark. */
void window_reduction_meets_loss(struct tcp_connection *c);
/* Reduces both at once: the rate was too high, nothing is to be repaired. */
void window_reduce_now(const struct tcp *tcp, struct tcp_connection *c, uint32_t flight);
/* All is repaired: after a loss or a mark, the window is what the threshold is. */
void window_recovered(const struct tcp *tcp, struct tcp_connection *c);
/* Adapts the window to an acknowledgement; recovery has been moved. `lost`: something more is. */
void window_adapt(const struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news,
                  const struct ack_before *before, bool lost);

/* A pause of a time-out's length is over (RFC 5681, 4.1). */
void window_restart(const struct tcp *tcp, struct tcp_connection *c);
/* Something is about to be sent, perhaps for the first time after the application paused. */
void window_resume(struct tcp_connection *c, uint64_t now_ns);
/* The latest reduction had no reason: goes back to what c->flight->undo holds. */
void window_undo(struct tcp_connection *c);

#endif
