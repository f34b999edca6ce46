/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_SYN_SENT_H
#define CHASKI_TCP_TCP_SYN_SENT_H

#include "core/tcp/tcp_internal.h"

/* Bytes on our SYN that the peer may have taken. */
static inline uint32_t syn_carries(const struct tcp_connection *c)
{
    return c->flight != NULL ? c->flight->syn_data : 0;
}

/* Applies a segment to a connection in SYN-SENT. Consumes it. */
void tcp_syn_sent_segment(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                          uint64_t now_ns);

/* Our SYN is acknowledged, and so many bytes that it carried (RFC 7413, 4.2.2); the rest is sent
 * again. */
void tcp_take_syn_data(struct tcp *tcp, struct tcp_connection *c, uint32_t taken);

#endif
