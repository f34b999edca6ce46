/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/receiving/tcp_segment.h"

#include "core/tcp/opening/tcp_syn_sent.h"
#include "core/tcp/receiving/tcp_owe.h"
#include "core/tcp/recovery/tcp_recovery.h"
#include "core/tcp/sending/tcp_build.h"

/*
 * A segment arrives for a connection (RFC 9293, 3.10.7.3 and 3.10.7.4). tcp_judge() reads and
 * changes nothing; tcp_segment() acts on its verdict; apply() takes in an acceptable segment in the
 * order of the RFC: acknowledgement, window, urgent pointer, text, FIN. Most segments do not get so
 * far: they are what was expected (tcp_predicted.c).
 */

/* How much of a segment has come again, and is told: text and FIN, of a moment ago. What follows
 * that found no window. */
static uint32_t length_again(const struct tcp_connection *c, const struct packet *packet)
{
    uint32_t length = packet->length + ((packet->tcp.flags & TCP_FIN) != 0);
    uint32_t ago = c->rcv_nxt - packet->tcp.sequence;
    return ago <= c->receive.limit ? minimum(length, ago) : 0;
}

/* Whether the peer was told a moment ago; else it is now. */
static bool told_lately(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    uint16_t now_ms = (uint16_t)clock_ms(now_ns);
    if (c->challenged_ms != 0 &&
        (uint16_t)(now_ms - c->challenged_ms) < tcp->knobs.answer_interval_ms) {
        count(tcp->counters, CHASKI_TCP_ANSWERS_LIMITED);
        return true;
    }
    c->challenged_ms = now_ms != 0 ? now_ms : 1;
    return false;
}

/* Tells the peer where we are, unless it was told a moment ago: two ends that have lost each other
 * must not answer each other's answers for ever. Segments with data or FIN cannot be such answers.
 */
static void answer(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
                   bool challenge, uint64_t now_ns)
{
    bool limited = challenge || tcp_segment_length(packet) == 0;
    bool believed = !challenge && c->state != CHASKI_TCP_SYN_RECEIVED;
    uint32_t again = believed ? length_again(c, packet) : 0;
    bool old = seq_lt(packet->tcp.sequence, c->rcv_nxt);
    if (believed && tcp_segment_length(packet) != 0 && old)
        owe_urgently(c, QUICK_MOST);
    if (again != 0)
        tcp_note_duplicate(tcp, c, packet->tcp.sequence, packet->tcp.sequence + again);
    if (limited && told_lately(tcp, c, now_ns))
        return;
    if (challenge && !tcp_may_challenge(tcp, now_ns)) {
        count(tcp->counters, CHASKI_TCP_ANSWERS_LIMITED);
        return;
    }
    count_many(tcp->counters, CHASKI_TCP_CHALLENGE_ACKS, challenge);
    c->flags |= TCPF_ACK_NOW;
    connection_wants_output(tcp, c);
}

/* The peer of a fast open has not heard our answer, unless that went just now. When it goes by its
 * timer stays as it is (as Linux). */
static void answer_syn_again(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                             uint64_t now_ns)
{
    ecn_syn_again(c, packet);
    if (!told_lately(tcp, c, now_ns)) {
        c->retransmitted++;
        c->flags |= TCPF_SYN_OWED;
        connection_wants_output(tcp, c);
    }
    packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
}

/* The SYN+ACK of a fast open is acknowledged: a round trip, if it went once (RFC 6298, 3), and no
 * text behind it tells a later one. What the peer was told before does not count any more (as
 * Linux). */
static void end_fast_opening(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
                             uint64_t now_ns)
{
    bool text = packet->tcp.acknowledgment != c->snd_una;
    c->challenged_ms = 0;
    if (text || c->retransmitted != 0 || c->send_at <= now_ns || c->send_at == TIMER_NEVER)
        return;
    uint32_t rtt_us = clock_us(now_ns + tcp_rto_ns(tcp, c) - c->send_at);
    tcp_rtt_sample(tcp, c, rtt_us, rtt_us, false, now_ns);
}

/* SYN-RECEIVED is a state of connections that we opened, and of fast opens: the others are
 * half-open entries. */
static int reset_error(const struct tcp_connection *c)
{
    bool opening = c->state == CHASKI_TCP_SYN_RECEIVED && !(c->fast_open & FAST_OPEN_PASSIVE);
    return opening ? CHASKI_REFUSED : CHASKI_RESET;
}

/* Its SYN is known: what is left is an acknowledgement, whose window has no scale. */
static void take_as_acknowledgment(const struct tcp_connection *c, struct packet *packet)
{
    packet->tcp.flags &= (uint8_t)~TCP_SYN;
    packet->tcp.sequence++;
    packet->tcp.window = (uint16_t)(packet->tcp.window >> c->send_scale);
}

static bool our_fin_acknowledged(const struct tcp_connection *c)
{
    return has(c, TCPF_FIN_QUEUED) && c->snd_una == tcp_send_end(c);
}

/* For somebody who has closed; false: it is not to be awaited, and the connection is gone. */
static bool await_fin(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (c->fin_wait_s != FIN_WAIT_NEVER) {
        tcp_fin_wait(tcp, c, now_ns);
        return true;
    }
    tcp_build_reset_answer(tcp, c, c->snd_una, now_ns);
    connection_end(tcp, c, 0);
    return false;
}

/* What the acknowledgement of our FIN leads to; false when the connection is gone. */
static bool move_after_ack(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (!our_fin_acknowledged(c))
        return true;
    switch (c->state) {
    case CHASKI_TCP_FIN_WAIT_1:
        c->state = CHASKI_TCP_FIN_WAIT_2;
        return !has(c, TCPF_ORPHAN) || await_fin(tcp, c, now_ns);
    case CHASKI_TCP_CLOSING:
        if (has(c, TCPF_ACK_NOW)) /* its FIN came in this very turn */
            tcp_build_ack(tcp, c, c->snd_nxt, now_ns);
        connection_time_wait(tcp, c, now_ns);
        return false;
    case CHASKI_TCP_LAST_ACK:
        connection_end(tcp, c, 0);
        return false;
    default:
        return true;
    }
}

static void receive_urgent(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet)
{
    uint32_t offset = packet->tcp.urgent + (tcp->knobs.standard_urgent ? 1u : 0u);
    if (!(packet->tcp.flags & TCP_URG) || offset == 0 || !may_receive_text(c))
        return;
    uint32_t mark = packet->tcp.sequence + offset;
    if (seq_le(mark, c->rcv_nxt) || (has(c, TCPF_URGENT_IN) && seq_le(mark, c->receive_urgent)))
        return;
    c->receive_urgent = mark;
    c->flags |= TCPF_URGENT_IN;
    connection_tell(tcp, c, CHASKI_URGENT);
}

/* Nobody will read it any more: RFC 9293, 3.6.1 and RFC 2525, 2.17. */
static bool text_for_nobody(const struct tcp_connection *c, const struct packet *packet)
{
    if (has(c, TCPF_RST_OWED)) /* which says it better */
        return false;
    bool unread = has(c, TCPF_ORPHAN) || (c->refuses_text && has(c, TCPF_FIN_QUEUED));
    return unread && packet->length != 0 &&
           seq_gt(packet->tcp.sequence + packet->length, c->rcv_nxt) && may_receive_text(c);
}

static void apply(struct tcp *tcp, struct tcp_connection *c, struct packet *packet, uint64_t now_ns)
{
    tcp_note_timestamp(c, packet, now_ns);
    tcp_heard(c, now_ns);
    if (packet->tcp.user_timeout != 0)
        user_timeout_told(tcp, c, packet->tcp.user_timeout);
    if (c->state == CHASKI_TCP_SYN_RECEIVED) {
        c->snd_una++;
        if (syn_carries(c) != 0) /* both have opened at once */
            tcp_take_syn_data(tcp, c, packet->tcp.acknowledgment - c->snd_nxt);
        else if (c->fast_open & FAST_OPEN_PASSIVE)
            end_fast_opening(tcp, c, packet, now_ns);
        c->snd_wl1 = packet->tcp.sequence - 1;
        ecn_third(tcp, c, packet);
        connection_established(tcp, c, now_ns);
        c->snd_wnd = 0; /* whatever follows: what acknowledges our SYN repeats no window */
    }
    if (c->traffic_class & ECN_MODES)
        ecn_count(tcp, c, packet, now_ns);
    tcp_acknowledge(tcp, c, packet, now_ns);
    bool alive = move_after_ack(tcp, c, now_ns);
    if (alive && text_for_nobody(c, packet)) {
        uint32_t acknowledged = packet->tcp.acknowledgment;
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_CLOSED);
        tcp_build_reset_answer(tcp, c, acknowledged, now_ns);
        connection_end(tcp, c, CHASKI_RESET);
        return;
    }
    if (alive)
        receive_urgent(tcp, c, packet);
    if (!alive || tcp_segment_length(packet) == 0)
        packet_free(packet);
    else
        alive = tcp_apply_text(tcp, c, packet, now_ns);
    if (!alive)
        return;
    if (has(c, TCPF_ACK_NOW))
        connection_wants_output(tcp, c);
    tcp_timer_set(tcp, c);
}

void tcp_segment(struct tcp *tcp, struct tcp_connection *c, struct packet *packet, uint64_t now_ns)
{
    c->segments_in++;
    account_received(tcp, c, packet, now_ns);
    if (tcp_take_predicted(tcp, c, packet, now_ns))
        return;
    if (c->state == CHASKI_TCP_SYN_SENT) {
        tcp_syn_sent_segment(tcp, c, packet, now_ns);
        return;
    }
    if (tcp_is_syn_again(c, packet)) {
        answer_syn_again(tcp, c, packet, now_ns);
        return;
    }
    if (tcp_crosses_ours(c, packet))
        take_as_acknowledgment(c, packet);
    switch (tcp_judge(tcp, c, packet, now_ns)) {
    case VERDICT_ACCEPT:
        apply(tcp, c, packet, now_ns);
        return;
    case VERDICT_DISCARD:
        break;
    case VERDICT_ANSWER:
        if (c->traffic_class & ECN_MODES && length_again(c, packet) != 0)
            ecn_count_again(tcp, c, packet);
        answer(tcp, c, packet, false, now_ns);
        break;
    case VERDICT_CHALLENGE:
        ecn_synack_again(tcp, c, packet);
        answer(tcp, c, packet, true, now_ns);
        break;
    case VERDICT_RESET:
        fast_open_was_reset(tcp, c, now_ns);
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_RESET);
        connection_end(tcp, c, reset_error(c));
        return;
    case VERDICT_RESET_PEER:
        tcp_build_refusal(tcp, packet, now_ns);
        return;
    }
    packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
}
