/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_RECOVERY_H
#define CHASKI_TCP_TCP_RECOVERY_H

#include "core/tcp/tcp_internal.h"

/* Acknowledgements, and what they show to be lost. */

/* ---- tcp_ack.c ----------------------------------------------------------------------------- */

/* Applies the acknowledgement and the window of an acceptable segment. */
void tcp_acknowledge(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
                     uint64_t now_ns);

/* ---- tcp_recovery.c: losses, and where recovery stands -------------------------------------- */

/* What was known before an acknowledgement was applied. */
struct ack_before {
    uint32_t flight;     /* bytes not acknowledged, */
    uint32_t sacked;     /* and how many of them had arrived behind a gap */
    uint32_t duplicates; /* acknowledgements, without SACK: what they stood for is no news */
    bool recovering;
};

/* True between a loss or time-out and the acknowledgement of all that was in flight then. */
bool recovery_active(const struct tcp_connection *c);
/* Enters, goes on with, or leaves recovery after an acknowledgement that brought `news`. True when
 * it shows that something more is lost. */
bool recovery_process(struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news,
                      const struct ack_before *before);
/* The retransmission timer has expired. */
void recovery_time_out(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* The time-out counts from when the first segment in flight went, again or not. */
void recovery_await_first(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* The reordering window has ended. */
void recovery_reordering_over(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* All that is in flight goes again, though nothing was lost: the path carries less. */
void recovery_resend_all(struct tcp *tcp, struct tcp_connection *c);

/* ---- tcp_rack.c: RFC 8985, 6 ---------------------------------------------------------------- */

/* Takes in what was delivered, and D-SACKs. */
void rack_update(const struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news);
/* Marks what is lost by now, and notes when the rest will be; true when something was marked. */
bool rack_detect(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* Recovery has ended: the window shrinks back in time. */
void rack_recovered(struct tcp_connection *c);

/* ---- tcp_tail_probe.c: RFC 8985, 7 ----------------------------------------------------------- */

/* When the probe is to go; TIMER_NEVER: none may. */
uint64_t tail_probe_at(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* New data has gone: a reordering window is awaited no longer where a probe can be (as Linux, which
 * has one timer for the two). */
void tail_probe_supersedes(const struct tcp *tcp, struct tcp_connection *c);
/* Something new was sent, or (`advanced`) has arrived: the time until a probe is due begins anew.
 */
static inline void tail_probe_put_off(struct tcp_flight *flight, bool advanced)
{
    flight->probe.at_known = false;
    flight->probe.advanced = advanced;
}
/* Until something new is sent or has arrived, there is none. */
static inline void tail_probe_none(struct tcp_flight *flight)
{
    flight->probe.at_ns = TIMER_NEVER;
    flight->probe.at_known = true;
}
/* A probe has gone: all up to SND.NXT is to be acknowledged; `again`: it was a retransmission. */
void tail_probe_sent(struct tcp_connection *c, bool again);
/* None may go, since one is out or the window has shrunk: the time-out is what is awaited, counted
 * from when the first segment in flight went. */
void tail_probe_given_up(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* True when an acknowledgement shows that the probe has repaired a loss. */
bool tail_probe_acknowledged(struct tcp_connection *c, const struct sent_news *news);
/* An acknowledgement has come twice, and nothing is in flight: original and probe have arrived. */
void tail_probe_answered_twice(struct tcp_connection *c);

/* ---- tcp_undo.c: RFC 3522, 4015, 2883 -------------------------------------------------------- */

/* Notes what to go back to; the window is about to be reduced. */
void undo_begin(struct tcp_connection *c);
/* So many segments are sent again. */
void undo_note_resent(struct tcp_connection *c, uint32_t segments, uint64_t now_ns);
/* Duplicates that the peer reports were needless retransmissions. */
void undo_note_duplicate(struct tcp_connection *c, const struct sent_news *news);
/* True when the acknowledgement is older than the first retransmission (RFC 3522). */
bool undo_answers_original(const struct tcp_connection *c, const struct packet *packet);
/* True when nothing was lost after all: every retransmission was a duplicate, or the original
 * was answered. */
bool undo_justified(const struct tcp_connection *c, const struct sent_news *news);
/* Goes back: window, threshold, what congestion control had learned. */
void undo_apply(struct tcp *tcp, struct tcp_connection *c);

#endif
