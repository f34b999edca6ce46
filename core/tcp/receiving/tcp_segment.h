/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_SEGMENT_H
#define CHASKI_TCP_TCP_SEGMENT_H

#include "core/tcp/tcp_internal.h"

/* How a segment for a connection is taken in: tcp_segment, tcp_predicted, tcp_judge, tcp_text,
 * tcp_prune; and tcp_syn_sent, in opening/. */

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

/* ---- timestamps: RFC 7323 ------------------------------------------------------------------ */

/* RFC 7323, 5.5: at this age a TS.Recent says nothing any more. */
enum { TCP_RECENT_MS = 24 * 24 * 3600 * 1000u };

/* TS.Recent begins with what came on a SYN. Some peers put 0 there, and their clock into what
 * follows (as Linux knows): that says nothing from the beginning. */
static inline void tcp_first_timestamp(struct tcp_connection *c, uint32_t timestamp,
                                       uint64_t now_ns)
{
    c->ts_recent = timestamp;
    c->ts_recent_at_ms = clock_ms(now_ns) - (timestamp == 0 ? TCP_RECENT_MS : 0);
}

/* RFC 7323, 5.3: PAWS. */
static inline bool tcp_is_before_recent(const struct tcp_connection *c, const struct packet *packet,
                                        uint64_t now_ns)
{
    return seq_lt(packet->tcp.timestamp, c->ts_recent) &&
           clock_ms(now_ns) - c->ts_recent_at_ms < TCP_RECENT_MS;
}

/* RFC 7323, 4.3, for a segment that is acceptable. */
static inline void tcp_note_timestamp(struct tcp_connection *c, struct packet *packet,
                                      uint64_t now_ns)
{
    if (packet->tcp.has_timestamp && has(c, TCPF_HAS_TIMESTAMPS) &&
        seq_le(packet->tcp.sequence, c->last_ack_sent) &&
        !tcp_is_before_recent(c, packet, now_ns)) {
        packet->tcp.newer = packet->tcp.timestamp != c->ts_recent;
        c->ts_recent = packet->tcp.timestamp;
        c->ts_recent_at_ms = clock_ms(now_ns);
    }
}

/* ---- tcp_segment.c ------------------------------------------------------------------------- */

/* Applies a segment, parsed into packet->tcp, its data being the payload. Consumes it. */
void tcp_segment(struct tcp *tcp, struct tcp_connection *c, struct packet *packet, uint64_t now_ns);

/* ---- tcp_predicted.c ----------------------------------------------------------------------- */

/* Applies a segment, and consumes it, if it is what the connection expects next; false: nothing is
 * done. */
bool tcp_take_predicted(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                        uint64_t now_ns);

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

/* ---- tcp_challenge.c ----------------------------------------------------------------------- */

/* Whether the host may send another challenge in this second; it is counted as sent. */
bool tcp_may_challenge(struct tcp *tcp, uint64_t now_ns);

/* ---- tcp_text.c ---------------------------------------------------------------------------- */

/* Takes in text and FIN of an acceptable segment, and consumes the packet; false when the
 * connection is gone. */
bool tcp_apply_text(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                    uint64_t now_ns);

/* Queues the text of a segment, which is new and within the window; the packet is consumed. */
void tcp_take_text(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                   uint64_t now_ns);
/* Takes the text on the SYN of a fast open; a FIN there comes again. The packet is consumed. */
void tcp_take_syn_text(struct tcp_connection *c, struct packet *packet, uint64_t now_ns);
/* What came though it was there already is told with the next acknowledgement (RFC 2883, 4). */
void tcp_note_duplicate(const struct tcp *tcp, struct tcp_connection *c, uint32_t left,
                        uint32_t right);

/* ---- tcp_prune.c --------------------------------------------------------------------------- */

/* Whether text may be queued, which is `next` in order or behind a gap: when the pools
 * have no room for it, what others hold behind gaps gives way, then what it holds itself. */
bool tcp_admit_text(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
                    bool next);

#endif
