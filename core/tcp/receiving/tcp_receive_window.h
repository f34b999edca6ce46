/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_RECEIVE_WINDOW_H
#define CHASKI_TCP_TCP_RECEIVE_WINDOW_H

#include "core/tcp/tcp_internal.h"

/* The window to advertise, in bytes; moves rcv_advertised. */
uint32_t tcp_window_to_send(const struct tcp *tcp, struct tcp_connection *c);
/* The window that was told last; what the peer may still send that was told before may be more. */
uint32_t tcp_window_told(const struct tcp *tcp, const struct tcp_connection *c);
/* The window of a SYN, which has no scale: whole segments of `mss`, as Linux. */
uint16_t tcp_first_window(const struct tcp *tcp, uint32_t room, uint32_t mss);
/* Of tcp_window_opened(), where it is not plain. */
bool tcp_window_is_worth_telling(const struct tcp *tcp, const struct tcp_connection *c);

/* True when an update of the window is worth a segment of its own (RFC 9293, 3.8.6.2.2). While more
 * than half of the buffer is told there is no news, unless windows shrink. */
static inline bool tcp_window_opened(const struct tcp *tcp, const struct tcp_connection *c)
{
    bool wide = c->rcv_advertised - c->rcv_nxt > c->receive.limit / 2;
    return (!wide || tcp->knobs.shrink_window) && tcp_window_is_worth_telling(tcp, c);
}

/* ---- What tcp_shrink.c is made of, too ---- */

/* What the window could be. */
uint32_t tcp_window_room(const struct tcp *tcp, const struct tcp_connection *c);
/* The one to tell where the peer knows of `known` bytes and there is room for `room`. */
uint32_t tcp_window_next(const struct tcp_connection *c, uint32_t known, uint32_t room);
/* Whether a peer that knows of `known` bytes should hear that there is room for `room`. */
bool tcp_window_is_news(const struct tcp_connection *c, uint32_t known, uint32_t room);

#endif
