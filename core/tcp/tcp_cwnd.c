/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_internal.h"

/* The congestion window: what an acknowledgement does to it, in recovery and outside. */

static void reduce_threshold(struct tcp_connection *c, uint32_t flight)
{
    congestion_algorithm(c->algorithm)
        ->reduce(&c->congestion, &c->flight->congestion, flight, c->mss, false);
}

void window_reduce(struct tcp_connection *c, uint32_t flight)
{
    ecn_reduced(c);
    reduce_threshold(c, flight);
    c->flight->prr = (struct prr){.flight = maximum(flight, c->mss)};
    if (!has(c, TCPF_HAS_SACK))
        c->congestion.window = c->congestion.threshold;
}

void window_reduce_now(struct tcp_connection *c, uint32_t flight)
{
    ecn_reduced(c);
    reduce_threshold(c, flight);
    c->congestion.window = c->congestion.threshold;
}

void window_recovered(const struct tcp *tcp, struct tcp_connection *c)
{
    /* RFC 6582, 3.2 step 3: no burst of what a full window would allow, when the peer's window let
     * less go meanwhile. Without SACK, what has left the network is known less well. */
    uint32_t burst = has(c, TCPF_HAS_SACK) ? tcp_initial_window(tcp, c) : c->mss;
    uint32_t most = maximum(tcp_in_flight(c), c->mss) + burst;
    /* Segments may have become longer than the threshold since. */
    c->congestion.window = maximum(minimum(c->congestion.threshold, most), c->mss);
}

/* RFC 6937 with the bound that its successor makes the only one (PRR-SSRB where nothing more is
 * lost, else PRR-CRB): what goes follows from what has arrived, and the first segment at once. */
static void reduce_in_proportion(struct tcp_connection *c, const struct sent_news *news, bool lost)
{
    struct prr *prr = &c->flight->prr;
    uint32_t threshold = c->congestion.threshold, pipe = tcp_in_flight(c);
    uint32_t arrived = news->delivered + news->sacked, may_go;
    prr->delivered += arrived;
    if (pipe > threshold) {
        uint64_t share = (uint64_t)prr->delivered * threshold + prr->flight - 1;
        uint32_t allowed = (uint32_t)(share / prr->flight);
        may_go = allowed > prr->out ? allowed - prr->out : 0;
    } else {
        bool safe = news->acknowledged != 0 && !lost;
        may_go = prr->delivered > prr->out ? prr->delivered - prr->out : 0;
        may_go = maximum(may_go, arrived) + (safe ? c->mss : 0);
        may_go = minimum(may_go, threshold - pipe);
    }
    if (prr->out == 0)
        may_go = maximum(may_go, c->mss);
    c->congestion.window = maximum(pipe + may_go, c->mss);
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
                        const struct sent_news *news)
{
    if (delivered == 0 || c->recovery == TCP_CA_RECOVERY || c->recovery == TCP_CA_CWR)
        return;
    /* RFC 9438, 5.8 and RFC 7661: a window that was not used proves nothing about the path. */
    bool used = has(c, TCPF_CWND_LIMITED) || (c->congestion.window < c->congestion.threshold &&
                                              2 * in_flight >= c->congestion.window);
    if (!used)
        return;
    struct congestion_ack ack = {
        .now_ns = news->now_ns,
        .acknowledged = delivered,
        .in_flight = in_flight,
        .mss = c->mss,
        .srtt_us = c->srtt_us8 / 8,
        .rtt_us = news->rtt_us,
        .una = c->snd_una,
        .nxt = c->snd_nxt,
    };
    congestion_algorithm(c->algorithm)->acknowledged(&c->congestion, &c->flight->congestion, &ack);
}

void window_adapt(const struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news,
                  const struct ack_before *before, bool lost)
{
    /* What is SACKed counts with the acknowledgement that moves SND.UNA (as Linux), unless SACKs
     * are known to tell of reordering. */
    bool moved = news->acknowledged != 0 || c->flight->rack.reordering_seen;
    uint32_t delivered = moved ? news->delivered + news->sacked : 0;
    if ((c->recovery == TCP_CA_RECOVERY || c->recovery == TCP_CA_CWR) && has(c, TCPF_HAS_SACK)) {
        reduce_in_proportion(c, news, lost);
        return;
    }
    bool blind = c->recovery == TCP_CA_LOSS && !has(c, TCPF_HAS_SACK);
    if (blind)
        delivered = minimum(news->delivered, c->mss);
    grow_window(c, delivered, before->in_flight, news);
    if (blind)
        hold_back(tcp, c);
}
