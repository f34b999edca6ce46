/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/receiving/tcp_shrink.h"

#include "core/tcp/receiving/tcp_receive_window.h"

/* No more than there is memory for. What is to fill a gap has room for a segment, however it is
 * told: what lies behind makes way for it. */
static uint32_t shrink_room(const struct tcp *tcp, const struct tcp_connection *c)
{
    uint32_t memory = receive_queue_room(&c->receive);
    uint32_t segment = c->receive_mss + (1u << c->receive_scale);
    if (!tree_empty(&c->receive.runs))
        memory = maximum(memory, segment);
    return minimum(memory, tcp_window_room(tcp, c));
}

uint32_t shrink_told(const struct tcp_connection *c)
{
    uint32_t edge = seq_min(c->rcv_told, c->rcv_advertised);
    return seq_gt(edge, c->rcv_nxt) ? edge - c->rcv_nxt : 0;
}

uint32_t shrink_window(const struct tcp *tcp, struct tcp_connection *c)
{
    uint32_t room = shrink_room(tcp, c), known = minimum(shrink_told(c), room);
    uint32_t window = tcp_window_next(c, known, room);
    c->rcv_told = c->rcv_nxt + window;
    c->rcv_advertised = seq_max(c->rcv_advertised, c->rcv_told);
    return window;
}

bool shrink_opened(const struct tcp *tcp, const struct tcp_connection *c)
{
    return tcp_window_is_news(c, shrink_told(c), shrink_room(tcp, c));
}
