/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/receiving/tcp_owe.h"

/* For as many segments as the window has room for, and no more than `most`. */
static void quicken(struct tcp_connection *c, uint32_t most)
{
    enum { QUICK_LEAST = 2 };
    uint32_t segments = (c->rcv_advertised - c->rcv_nxt) / 2 / c->receive_mss;
    segments = minimum(maximum(segments, QUICK_LEAST), most);
    c->quick_acks = maximum(segments, c->quick_acks) & 31u;
}

void owe_quickly(struct tcp_connection *c, uint64_t now_ns)
{
    bool begins = c->bytes_received == 0 || clock_ms(now_ns) - c->text_ms > c->rto_us / 1000;
    c->text_ms = clock_ms(now_ns);
    if (begins)
        quicken(c, QUICK_MOST);
}

void owe_urgently(struct tcp_connection *c, uint32_t most)
{
    quicken(c, most);
    c->pingpong = 0;
}

static bool is_quick(const struct tcp *tcp, const struct tcp_connection *c)
{
    return (c->quick_acks != 0 && !tcp_in_dialogue(tcp, c)) || has(c, TCPF_QUICKACK);
}

static void acknowledge_within(struct tcp_connection *c, uint64_t delay_ns, uint64_t now_ns)
{
    if (has(c, TCPF_ACK_DELAYED))
        return;
    c->flags |= TCPF_ACK_DELAYED;
    c->ack_at = now_ns + delay_ns;
}

/* How long an acknowledgement may wait: for less than the shortest time-out, which is taken to be
 * the peer's too (Linux). */
static uint64_t delay_ns(const struct tcp *tcp, const struct tcp_connection *c)
{
    enum { TICK_US = 1000 };
    uint32_t least_us = maximum(tcp_rto_min_us(tcp, c), 2 * TICK_US) - TICK_US;
    uint32_t most_us = minimum(tcp->knobs.ack_delay_us, least_us);
    uint32_t own_us = c->own_times ? times_of(&tcp->times, c->times)->ack_delay_us : 0;
    return (own_us != 0 ? minimum(own_us, most_us) : most_us) * 1000ull;
}

void owe_for_text(const struct tcp *tcp, struct tcp_connection *c, uint32_t received,
                  uint64_t now_ns)
{
    enum { MOST = (1 << 17) - 1 };
    uint32_t full = minimum(c->receive_mss, c->announced_mss);
    c->unacknowledged_in = minimum(c->unacknowledged_in + received, MOST) & MOST;
    if (c->unacknowledged_in > full || is_quick(tcp, c))
        c->flags |= TCPF_ACK_NOW;
    else if (!has(c, TCPF_ACK_DELAYED))
        acknowledge_within(c, delay_ns(tcp, c), now_ns);
}

/* How long reports of what lies behind a gap may wait for each other; 0: not at all. As in Linux
 * only the round trips that timestamps have shown to who receives count. */
static uint64_t report_delay_ns(const struct tcp_knobs *knobs, const struct tcp_connection *c)
{
    if (knobs->comp_sack_nr == 0 || !has(c, TCPF_HAS_TIMESTAMPS))
        return 0;
    uint64_t share_ns = (uint64_t)c->srtt_us8 * knobs->comp_sack_rtt_percent * 5 / 4;
    return share_ns < knobs->comp_sack_delay_ns ? share_ns : knobs->comp_sack_delay_ns;
}

/* With SACK: something lies behind a gap. Three reports in a row go at once, so that the peer can
 * repair it soon; of those that follow, one in a while does (Linux's tcp_comp_sack_nr). */
static void owe_report(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    const struct tcp_knobs *knobs = &tcp->knobs;
    uint64_t delay_ns = is_quick(tcp, c) ? 0 : report_delay_ns(knobs, c);
    unsigned most = TCP_DUP_THRESHOLD + knobs->comp_sack_nr;
    if (delay_ns != 0 && c->repeats >= TCP_DUP_THRESHOLD && c->repeats < most)
        acknowledge_within(c, delay_ns, now_ns);
    else
        c->flags |= TCPF_ACK_NOW;
    if (delay_ns != 0 && c->repeats < most)
        c->repeats = (c->repeats + 1) & TCP_REPEATS;
}

void owe_for_gap(const struct tcp *tcp, struct tcp_connection *c, bool filled, uint64_t now_ns)
{
    if (!tree_empty(&c->receive.runs) && has(c, TCPF_HAS_SACK)) {
        owe_report(tcp, c, now_ns);
        return;
    }
    c->flags |= TCPF_ACK_NOW;
    if (!filled && c->repeats < TCP_DUP_THRESHOLD)
        c->repeats = (c->repeats + 1) & TCP_REPEATS;
}

void owe_at_leisure(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    c->flags &= ~(uint32_t)(TCPF_ACK_NOW | TCPF_ACK_DELAYED);
    acknowledge_within(c, delay_ns(tcp, c), now_ns);
}
