/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_internal.h"

/* The congestion window: what an acknowledgement does to it, in recovery and outside. */

/* During recovery with SACK: what may go follows from what has arrived, as RFC 6937 has it, for
 * what is taken for lost all at once makes no room in queues that are full. Above the threshold
 * half as much goes as arrives; below, as much and a segment. `in_flight` is from before. */
static void shrink_window(struct tcp_connection *c, uint32_t arrived, uint32_t in_flight)
{
    struct congestion *congestion = &c->congestion;
    uint32_t unused = congestion->window > in_flight ? congestion->window - in_flight : 0;
    uint32_t now = tcp_in_flight(c);
    if (now > congestion->threshold)
        congestion->window = now + unused + arrived / 2;
    else
        congestion->window = minimum(congestion->threshold, now + arrived + c->mss);
}

/* After a time-out without SACK, one acknowledgement may cover a window that arrived long ago: it
 * makes the window grow by a segment (RFC 3465, 2.3), and lets no more go than a new connection. */
static void hold_back(const struct tcp *tcp, struct tcp_connection *c)
{
    uint32_t most = tcp_in_flight(c) + tcp_initial_window(tcp, c);
    c->congestion.window = minimum(c->congestion.window, most);
}

/* `delivered` bytes have arrived in order. */
static void grow_window(struct tcp_connection *c, uint32_t delivered, uint32_t in_flight,
                        uint64_t now_ns)
{
    if (delivered == 0 || c->recovery == TCP_CA_RECOVERY)
        return;
    /* RFC 9438, 5.8 and RFC 7661: a window that was not used proves nothing about the path. */
    bool used = has(c, TCPF_CWND_LIMITED) || (c->congestion.window < c->congestion.threshold &&
                                              2 * in_flight >= c->congestion.window);
    if (!used)
        return;
    struct congestion_ack ack = {
        .now_ns = now_ns,
        .acknowledged = delivered,
        .in_flight = in_flight,
        .mss = c->mss,
        .srtt_us = c->srtt_us8 / 8,
    };
    congestion_algorithm(c->algorithm)->acknowledged(&c->congestion, &c->flight->congestion, &ack);
}

void window_adapt(const struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news,
                  bool was_recovering, uint32_t in_flight, uint64_t now_ns)
{
    bool blind = c->recovery == TCP_CA_LOSS && !has(c, TCPF_HAS_SACK);
    if (c->recovery == TCP_CA_RECOVERY && has(c, TCPF_HAS_SACK))
        shrink_window(c, news->delivered + news->sacked, in_flight);
    else if (blind)
        grow_window(c, minimum(news->delivered, c->mss), in_flight, now_ns);
    else if (was_recovering) /* the last one covers a window that arrived long ago */
        grow_window(c, news->delivered, in_flight, now_ns);
    else
        grow_window(c, news->acknowledged, in_flight, now_ns);
    if (blind)
        hold_back(tcp, c);
}
