/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/receiving/tcp_receive_window.h"
#include "core/tcp/receiving/tcp_shrink.h"

/*
 * The receive window as the peer is told of it (RFC 9293, 3.8.6): how far it could open, how far
 * it is said to be open, and when an opening is worth a segment of its own.
 */

/* The window as it can be told: a little larger, where there is room for that or it would seem shut
 * without being so; else a little smaller, which the peer does not take for shrinking, and what it
 * has sent is taken in all the same (RFC 7323, 2.4). */
static uint32_t window_in_units(uint32_t window, uint32_t room, uint32_t unit)
{
    uint32_t up = (window + unit - 1) & ~(unit - 1);
    return up <= room || (up == unit && room != 0) ? up : window & ~(unit - 1);
}

/* Peers that do not know of scales may take windows for signed numbers. */
static uint16_t most_unscaled(const struct tcp *tcp)
{
    return tcp->knobs.signed_windows ? INT16_MAX : UINT16_MAX;
}

uint16_t tcp_first_window(const struct tcp *tcp, uint32_t room, uint32_t mss)
{
    uint32_t whole = room > mss ? room - room % mss : room;
    return (uint16_t)minimum(whole, most_unscaled(tcp));
}

/* What the peer will send most in a segment, as far as we know when our SYN goes. */
static uint32_t first_segment(const struct tcp_connection *c)
{
    bool stamped = c->state == CHASKI_TCP_SYN_RECEIVED && has(c, TCPF_HAS_TIMESTAMPS);
    uint32_t mss = c->announced_mss;
    return stamped ? mss - minimum(mss - 1, WIRE_TCP_TIMESTAMP_PADDED) : mss;
}

/* What of the buffer is window where 1/2^n, or a segment, is kept for the application; but it is
 * not kept of the last few segments. */
static uint32_t without_reserve(uint32_t limit, uint32_t mss, unsigned n)
{
    uint32_t part = maximum(limit - (limit >> n), 4 * mss);
    uint32_t but_one = maximum(limit - minimum(limit, mss), 2 * mss);
    return minimum(limit, minimum(part, but_one));
}

/* Linux keeps it until a first segment of some size has shown what memory segments take. */
static uint32_t window_limit(const struct tcp *tcp, const struct tcp_connection *c)
{
    if (tcp->knobs.app_win == 0 || c->receive_mss != TCP_DEFAULT_MSS)
        return c->receive.limit;
    return without_reserve(c->receive.limit, c->announced_mss, tcp->knobs.app_win);
}

/* It begins as in the SYN, which has no scale, and grows as text comes, twice as fast, so that no
 * sender is held up and none hears of windows that it does not need. */
uint32_t tcp_window_room(const struct tcp *tcp, const struct tcp_connection *c)
{
    bool opening = c->state == CHASKI_TCP_SYN_SENT || c->state == CHASKI_TCP_SYN_RECEIVED;
    uint32_t limit = opening ? c->receive.limit : window_limit(tcp, c);
    uint32_t room = limit > c->receive.length ? limit - c->receive.length : 0;
    if (opening)
        return tcp_first_window(tcp, room, first_segment(c));
    uint32_t first = most_unscaled(tcp);
    room = minimum(room, c->receive_scale == 0 ? first : (uint32_t)UINT16_MAX << c->receive_scale);
    uint64_t grown = first + 2 * c->bytes_received;
    return room < grown ? room : (uint32_t)grown;
}

uint32_t tcp_window_told(const struct tcp *tcp, const struct tcp_connection *c)
{
    return may_shrink(tcp, c) ? shrink_told(c) : c->rcv_advertised - c->rcv_nxt;
}

/* As Linux's, the window stays as the SYN has told it until there has been text. */
static bool is_as_first_told(const struct tcp_connection *c, uint32_t known)
{
    return c->bytes_received == 0 && known != 0;
}

/* RFC 9293, 3.8.6.2.2: the edge stays until it moves by a whole step, and does not move back. */
uint32_t tcp_window_next(const struct tcp_connection *c, uint32_t known, uint32_t room)
{
    bool stays = room <= known || room - known < minimum(c->receive.limit / 2, c->receive_mss) ||
                 is_as_first_told(c, known);
    return window_in_units(stays ? known : room, room, 1u << c->receive_scale);
}

uint32_t tcp_window_to_send(const struct tcp *tcp, struct tcp_connection *c)
{
    if (may_shrink(tcp, c))
        return shrink_window(tcp, c);
    uint32_t window = tcp_window_next(c, c->rcv_advertised - c->rcv_nxt, tcp_window_room(tcp, c));
    c->rcv_advertised = seq_max(c->rcv_advertised, c->rcv_nxt + window);
    return window;
}

bool tcp_window_is_news(const struct tcp_connection *c, uint32_t known, uint32_t room)
{
    return room > known && known <= room / 2 &&
           room - known >= minimum(c->receive.limit / 2, 2u * c->receive_mss);
}

bool tcp_window_is_worth_telling(const struct tcp *tcp, const struct tcp_connection *c)
{
    uint32_t known = c->rcv_advertised - c->rcv_nxt;
    if (has(c, TCPF_FIN_RECEIVED) || c->state == CHASKI_TCP_SYN_SENT)
        return false;
    if (may_shrink(tcp, c))
        return shrink_opened(tcp, c);
    return !is_as_first_told(c, known) && tcp_window_is_news(c, known, tcp_window_room(tcp, c));
}
