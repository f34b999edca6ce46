/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_SEGMENT_H
#define CHASKI_TCP_TCP_SEGMENT_H

#include "core/tcp/tcp_internal.h"

/* What those files share that take in a segment: tcp_segment, tcp_judge, tcp_syn_sent, tcp_text. */

/* In sequence numbers. */
static inline uint32_t tcp_segment_length(const struct packet *packet)
{
    return packet->length + ((packet->tcp.flags & TCP_SYN) != 0) +
           ((packet->tcp.flags & TCP_FIN) != 0);
}

static inline bool may_receive_text(const struct tcp_connection *c)
{
    return c->state == CHASKI_TCP_ESTABLISHED || c->state == CHASKI_TCP_FIN_WAIT_1 ||
           c->state == CHASKI_TCP_FIN_WAIT_2;
}

/* Bytes on our SYN that the peer may have taken. */
static inline uint32_t syn_carries(const struct tcp_connection *c)
{
    return c->flight != NULL ? c->flight->syn_data : 0;
}

/* ---- tcp_judge.c --------------------------------------------------------------------------- */

enum verdict {
    VERDICT_ACCEPT,
    VERDICT_DISCARD,    /* silently */
    VERDICT_ANSWER,     /* discard, and tell the peer where we are (at most so often) */
    VERDICT_CHALLENGE,  /* RFC 5961: the same, for a segment that might be forged */
    VERDICT_RESET,      /* the peer ends the connection */
    VERDICT_RESET_PEER, /* what it says cannot be: reset it in return */
};

/* What becomes of a segment in any state but SYN-SENT (RFC 9293, 3.10.7.4). Changes nothing. */
enum verdict tcp_judge(const struct tcp *tcp, const struct tcp_connection *c,
                       const struct packet *packet, uint64_t now_ns);

/* The SYN of a fast open again: our answer was lost. */
bool tcp_is_syn_again(const struct tcp_connection *c, const struct packet *packet);

/* Both have opened at once, and this answer and ours have crossed (RFC 9293, 3.5, figure 7). Where
 * ECN is agreed on, the peer is told how it came, as for any that comes again. */
bool tcp_crosses_ours(const struct tcp_connection *c, const struct packet *packet);

/* ---- tcp_syn_sent.c ------------------------------------------------------------------------ */

/* Applies a segment to a connection in SYN-SENT. Consumes it. */
void tcp_syn_sent_segment(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                          uint64_t now_ns);

/* Our SYN is acknowledged, and so many bytes that it carried (RFC 7413, 4.2.2); the rest is sent
 * again. */
void tcp_take_syn_data(struct tcp *tcp, struct tcp_connection *c, uint32_t taken);

/* ---- tcp_text.c ---------------------------------------------------------------------------- */

/* Takes in text and FIN of an acceptable segment, and consumes the packet; false when the
 * connection is gone. */
bool tcp_apply_text(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                    uint64_t now_ns);

#endif
