/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_syn_sent.h"
#include "core/tcp/receiving/tcp_segment.h"

/* Whether a segment is acceptable, before anything is done about it. */

/* PAWS. */
static bool timestamp_is_old(const struct tcp_connection *c, const struct packet *packet,
                             uint64_t now_ns)
{
    return has(c, TCPF_HAS_TIMESTAMPS) && packet->tcp.has_timestamp &&
           tcp_is_before_recent(c, packet, now_ns);
}

/* RFC 9293, 3.10.7.4, first: any part of it within what we are ready to receive. */
static bool in_window(const struct tcp_connection *c, const struct packet *packet)
{
    uint32_t sequence = packet->tcp.sequence, length = tcp_segment_length(packet);
    uint32_t window = c->rcv_advertised - c->rcv_nxt;
    uint32_t ahead = sequence - c->rcv_nxt, behind = c->rcv_nxt - sequence;
    if (window == 0)
        return length == 0 && ahead == 0;
    return ahead < window || behind < length;
}

/* Some peers count from before their FIN when they reset what they have closed (as Linux knows). */
static bool resets_its_fin(const struct tcp_connection *c, const struct packet *packet)
{
    return packet->tcp.sequence + 1 == c->rcv_nxt &&
           (c->state == CHASKI_TCP_CLOSE_WAIT || c->state == CHASKI_TCP_LAST_ACK ||
            c->state == CHASKI_TCP_CLOSING);
}

static enum verdict judge_reset(const struct tcp_connection *c, const struct packet *packet)
{
    if (packet->tcp.sequence == c->rcv_nxt || resets_its_fin(c, packet))
        return VERDICT_RESET;
    return in_window(c, packet) ? VERDICT_CHALLENGE : VERDICT_DISCARD;
}

/* RFC 5961, 5.2: an acknowledgement from too far back is as suspicious as one of the future; and
 * one of what was never sent, before our SYN, is more so (as Linux). */
static enum verdict judge_acknowledgment(const struct tcp_connection *c,
                                         const struct packet *packet)
{
    uint32_t acknowledgment = packet->tcp.acknowledgment;
    if (c->state == CHASKI_TCP_SYN_RECEIVED)
        return seq_gt(acknowledgment, c->snd_una) &&
                       seq_le(acknowledgment, c->snd_nxt + syn_carries(c))
                   ? VERDICT_ACCEPT
                   : VERDICT_RESET_PEER;
    uint64_t known = c->bytes_acked + (c->listener == 0); /* and the SYN, where we began */
    uint32_t back = known < c->max_snd_wnd ? (uint32_t)known : c->max_snd_wnd;
    bool credible = seq_le(acknowledgment, c->snd_nxt) && seq_ge(acknowledgment, c->snd_una - back);
    return credible ? VERDICT_ACCEPT : VERDICT_CHALLENGE;
}

enum verdict tcp_judge(const struct tcp *tcp, const struct tcp_connection *c,
                       const struct packet *packet, uint64_t now_ns)
{
    uint8_t flags = packet->tcp.flags;
    if (flags & TCP_RST)
        return judge_reset(c, packet);
    if (timestamp_is_old(c, packet, now_ns))
        return (flags & TCP_SYN) ? VERDICT_CHALLENGE : VERDICT_ANSWER;
    if (flags & TCP_SYN)
        return VERDICT_CHALLENGE;
    if (!in_window(c, packet)) {
        /* With a window of zero, acknowledgements are still to be heard (RFC 9293, MUST-66). */
        bool next = packet->tcp.sequence == c->rcv_nxt && c->rcv_advertised == c->rcv_nxt;
        if (!next || !(flags & TCP_ACK))
            return VERDICT_ANSWER;
    }
    if (!(flags & TCP_ACK))
        return VERDICT_DISCARD;
    /* RFC 7323, 3.2: once agreed on, timestamps are on every segment. */
    if (has(c, TCPF_HAS_TIMESTAMPS) && !packet->tcp.has_timestamp && !tcp->knobs.lax_timestamps)
        return VERDICT_DISCARD;
    return judge_acknowledgment(c, packet);
}

bool tcp_is_syn_again(const struct tcp_connection *c, const struct packet *packet)
{
    return c->state == CHASKI_TCP_SYN_RECEIVED && (c->fast_open & FAST_OPEN_PASSIVE) &&
           (packet->tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN &&
           packet->tcp.sequence == c->snd_wl1;
}

bool tcp_crosses_ours(const struct tcp_connection *c, const struct packet *packet)
{
    const uint8_t mask = TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN;
    return c->state == CHASKI_TCP_SYN_RECEIVED && !(c->fast_open & FAST_OPEN_PASSIVE) &&
           !(c->traffic_class & ECN_MODES) && (packet->tcp.flags & mask) == (TCP_SYN | TCP_ACK) &&
           packet->tcp.sequence + 1 == c->rcv_nxt && packet->length == 0 &&
           judge_acknowledgment(c, packet) == VERDICT_ACCEPT;
}
