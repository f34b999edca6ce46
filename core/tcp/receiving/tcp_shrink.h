/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_SHRINK_H
#define CHASKI_TCP_TCP_SHRINK_H

#include "core/tcp/tcp_internal.h"

/*
 * Windows that may be told smaller than before (RFC 7323, 2.4): where the knob lets them and they
 * have a scale, as in Linux. rcv_advertised stays at the largest edge that was ever told, up to
 * which text is taken (RFC 1122, 4.2.2.16); rcv_told is the one told last.
 */

/* Behind a known FIN, which has that place, nothing new comes, so that they need not. */
static inline bool may_shrink(const struct tcp *tcp, const struct tcp_connection *c)
{
    return tcp->knobs.shrink_window && c->receive_scale != 0 && !has(c, TCPF_FIN_KNOWN) &&
           c->state != CHASKI_TCP_SYN_SENT && c->state != CHASKI_TCP_SYN_RECEIVED;
}

/* For connections that may: */

/* The window that the peer knows of. */
uint32_t shrink_told(const struct tcp_connection *c);
/* As tcp_window_to_send() and tcp_window_opened(). */
uint32_t shrink_window(const struct tcp *tcp, struct tcp_connection *c);
bool shrink_opened(const struct tcp *tcp, const struct tcp_connection *c);

#endif
