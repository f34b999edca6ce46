/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/receiving/tcp_segment.h"
#include "core/tcp/recovery/tcp_recovery.h"
#include "core/tcp/tcp_internal.h"

/*
 * Header prediction (Jacobson). While all goes well nearly every segment is the one that was
 * expected: the next text in order, an acknowledgement of something in flight, or both. A few
 * comparisons tell so, and answer whatever else tcp_judge() and apply() in tcp_segment.c would ask
 * of it:
 *
 * - it is acceptable: it begins at RCV.NXT and ends within the window, its timestamp is not old,
 *   and what it acknowledges is neither older than SND.UNA nor yet to be sent;
 * - its text needs no trimming, and somebody will read it; no FIN, neither of the peer's nor of
 *   ours, comes into its own by it; there is no urgent pointer.
 *
 * What is left is what any segment does, in the same order.
 */

static inline bool is_expected(const struct tcp_connection *c, const struct packet *packet)
{
    enum { UNEXPECTED = TCP_SYN | TCP_FIN | TCP_RST | TCP_URG };
    const struct packet_tcp *segment = &packet->tcp;
    return c->state == CHASKI_TCP_ESTABLISHED &&
           !has(c, TCPF_FIN_QUEUED | TCPF_FIN_KNOWN | TCPF_ORPHAN) &&
           (segment->flags & (UNEXPECTED | TCP_ACK)) == TCP_ACK &&
           segment->sequence == c->rcv_nxt && packet->length <= c->rcv_advertised - c->rcv_nxt &&
           segment->acknowledgment - c->snd_una <= c->snd_nxt - c->snd_una &&
           segment->has_timestamp == has(c, TCPF_HAS_TIMESTAMPS) &&
           !(segment->has_timestamp && seq_lt(segment->timestamp, c->ts_recent)) &&
           segment->user_timeout == 0;
}

bool tcp_take_predicted(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                        uint64_t now_ns)
{
    if (!is_expected(c, packet))
        return false;
    tcp_note_timestamp(c, packet, now_ns);
    tcp_heard(c, now_ns);
    if (c->traffic_class & ECN_MODES)
        ecn_count(tcp, c, packet, now_ns);
    tcp_acknowledge(tcp, c, packet, now_ns);
    if (packet->length != 0)
        tcp_take_text(tcp, c, packet, now_ns);
    else
        packet_free(packet);
    if (has(c, TCPF_ACK_NOW))
        connection_wants_output(tcp, c);
    if (!has(c, TCPF_WANTS_OUTPUT)) /* which sets it anyway */
        tcp_timer_set(tcp, c);
    return true;
}
