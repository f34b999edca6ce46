/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_OUTPUT_INTERNAL_H
#define CHASKI_TCP_TCP_OUTPUT_INTERNAL_H

#include "core/tcp/sending/tcp_output.h"

/* What the parts of a visit of the output have in common; the connection has a flight, whose
 * segment_size is set. */

enum outcome {
    SENT,
    NOTHING_TO_SEND,
    OUT_OF_MEMORY,
};

/* What the peer's window leaves, which its SYN has told from behind our own on (RFC 7413), and what
 * the congestion window does. */
static inline uint32_t usable_window(const struct tcp_connection *c)
{
    uint32_t begin = c->snd_una + (c->state == CHASKI_TCP_SYN_RECEIVED);
    int32_t usable = seq_distance(c->snd_nxt, begin + c->snd_wnd);
    return usable > 0 ? (uint32_t)usable : 0;
}

static inline uint32_t congestion_room(const struct tcp_connection *c)
{
    uint32_t in_flight = tcp_in_flight(c);
    if (c->state == CHASKI_TCP_SYN_RECEIVED) /* our SYN+ACK is no data (RFC 7413) */
        in_flight -= minimum(in_flight, 1);
    return c->congestion.window > in_flight ? c->congestion.window - in_flight : 0;
}

/* The congestion window holds something back. */
static inline void note_limited(struct tcp_connection *c)
{
    c->flags |= TCPF_CWND_LIMITED;
    c->flight->limited = true;
}

/* FIN takes a place in the peer's window (RFC 9293, 3.4 and 3.8.6), behind n bytes of text. That of
 * a fast open that is not complete waits for the handshake, as in Linux, unless nobody is left to
 * read what the peer sends next. */
static inline bool fin_fits(const struct tcp_connection *c, uint32_t n)
{
    bool early = c->state == CHASKI_TCP_SYN_RECEIVED && !has(c, TCPF_ORPHAN);
    return has(c, TCPF_FIN_QUEUED) && !early && n < usable_window(c);
}

/* ---- tcp_send_new.c ------------------------------------------------------------------------- */

/* Sends new data, and FIN behind it, as far as both windows allow and a turn takes. */
enum outcome send_new(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* Sends the next n bytes of new data, and FIN when it follows them. */
enum outcome send_new_segment(struct tcp *tcp, struct tcp_connection *c, uint32_t n,
                              uint64_t now_ns);

/* ---- tcp_send_again.c ----------------------------------------------------------------------- */

/* Sends lost ranges again, as far as the congestion window allows; NOTHING_TO_SEND: there are none
 * left. */
enum outcome send_again_lost(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* Sends the last segment in flight once more, as a probe. */
enum outcome send_again_last(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);

#endif
