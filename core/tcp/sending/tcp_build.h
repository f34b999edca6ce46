/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_BUILD_H
#define CHASKI_TCP_TCP_BUILD_H

#include "core/tcp/tcp_internal.h"

static inline bool tcp_fin_is_behind_gap(const struct tcp_connection *c)
{
    return has(c, TCPF_FIN_KNOWN) && seq_gt(c->fin_at, c->rcv_nxt);
}

/* True when an acknowledgement is to have SACK blocks. */
static inline bool tcp_has_gap_to_tell(const struct tcp_connection *c)
{
    return has(c, TCPF_HAS_SACK) &&
           (!tree_empty(&c->receive.runs) || c->dsack_length != 0 || tcp_fin_is_behind_gap(c));
}

/* The bytes of SACK blocks that each segment with data is to carry now (RFC 2018, 3). */
uint8_t tcp_report_length(const struct tcp *tcp, struct tcp_connection *c);

/* One segment, beside what flight->report_length reserves, with up to `length` bytes from
 * `sequence` on, which `chunk` holds the first of; FIN when `flags` say so and all of them found a
 * place. Returns the payload bytes sent, or -1 when a pool had nothing left. */
int32_t tcp_build_segment(struct tcp *tcp, struct tcp_connection *c, struct send_chunk *chunk,
                          uint32_t sequence, uint32_t length, uint8_t flags, uint64_t now_ns);
/* SYN, or SYN+ACK; false when a pool had nothing left. Likewise the others. */
bool tcp_build_syn(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
bool tcp_build_ack(struct tcp *tcp, struct tcp_connection *c, uint32_t sequence, uint64_t now_ns);
bool tcp_build_reset(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* A reset as if there were no connection any more (RFC 9293, 3.5.2, group 1): it begins where the
 * segment that it answers says that its sender is. */
bool tcp_build_reset_answer(struct tcp *tcp, struct tcp_connection *c, uint32_t acknowledged,
                            uint64_t now_ns);

/* A segment without payload, not of a connection; built in the packet that asked for it, which it
 * consumes, or in a new one when packet is NULL. */
struct tcp_reply {
    struct tcp_key key;
    uint32_t sequence, acknowledgment;
    uint16_t window;
    uint16_t flags;
    const struct wire_tcp_options *options; /* NULL: none; a SYN's when SYN is among the flags */
    const struct fast_open_cookie *cookie;  /* NULL: none */
    struct ao_state *ao;                    /* NULL: not authenticated */
    uint8_t traffic_class, ttl;             /* 0: the default */
};
void tcp_build_reply(struct tcp *tcp, struct packet *packet, const struct tcp_reply *reply,
                     uint64_t now_ns);
/* RFC 9293, 3.10.7.1: the reset that a segment without a connection gets. Consumes the packet;
 * silent when it is a reset itself. */
void tcp_build_refusal(struct tcp *tcp, struct packet *packet, uint64_t now_ns);

/* The key of the connection that a received segment belongs to. */
void tcp_key_of(const struct packet *packet, struct tcp_key *key);

#endif
