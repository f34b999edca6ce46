/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/receiving/tcp_segment.h"
#include "core/tcp/sending/tcp_build.h"
#include "core/tcp/sending/tcp_output.h"

/* Text that has come, and the FIN behind it: queued, in order or behind a gap, and the
 * acknowledgement that is owed for it. */

void tcp_note_duplicate(const struct tcp *tcp, struct tcp_connection *c, uint32_t left,
                        uint32_t right)
{
    if (!has(c, TCPF_HAS_SACK) || !tcp->knobs.dsack)
        return;
    ecn_came_again(c, left == c->dsack_left);
    c->dsack_left = left;
    c->dsack_length = (uint16_t)minimum(right - left, UINT16_MAX);
}

/* Text has come: as Linux, a peer that begins, or begins again, is in slow start and hears of each
 * segment at once. */
static void note_text(struct tcp_connection *c, uint64_t now_ns)
{
    enum { QUICK_LEAST = 2, QUICK_MOST = 16 };
    bool begins = c->bytes_received == 0 || clock_ms(now_ns) - c->text_ms > c->rto_us / 1000;
    c->text_ms = clock_ms(now_ns);
    if (!begins)
        return;
    uint32_t segments = (c->rcv_advertised - c->rcv_nxt) / 2 / c->receive_mss;
    segments = minimum(maximum(segments, QUICK_LEAST), QUICK_MOST);
    c->quick_acks = maximum(segments, c->quick_acks) & 31u;
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

/* `received` bytes are to be acknowledged: at least every second full segment, and within ack_delay
 * (RFC 9293, 3.8.6.3; RFC 5681, 4.2). */
static void owe_acknowledgment(struct tcp *tcp, struct tcp_connection *c, uint32_t received,
                               uint64_t now_ns)
{
    enum { MOST = (1 << 17) - 1 };
    uint32_t full = minimum(c->receive_mss, c->announced_mss);
    c->unacknowledged_in = minimum(c->unacknowledged_in + received, MOST) & MOST;
    if (c->unacknowledged_in > full || is_quick(tcp, c))
        c->flags |= TCPF_ACK_NOW;
    else
        acknowledge_within(c, tcp->knobs.ack_delay_us * 1000ull, now_ns);
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
static void owe_report(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
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

/* Out of order, or filling a gap: at once (RFC 5681, 4.2), but for what comes of owe_report(). */
static void acknowledge_gap(struct tcp *tcp, struct tcp_connection *c, bool filled, uint64_t now_ns)
{
    if (!tree_empty(&c->receive.runs) && has(c, TCPF_HAS_SACK)) {
        owe_report(tcp, c, now_ns);
        return;
    }
    c->flags |= TCPF_ACK_NOW;
    if (!filled && c->repeats < TCP_DUP_THRESHOLD)
        c->repeats = (c->repeats + 1) & TCP_REPEATS;
}

/* More was taken than the window had room for. Linux delays its acknowledgement: there is no new
 * window to be told. */
static void pass_the_window(const struct tcp *tcp, struct tcp_connection *c, bool hasty,
                            uint64_t now_ns)
{
    c->rcv_advertised = c->rcv_nxt;
    if (!hasty) {
        c->flags = (c->flags & ~(uint32_t)TCPF_ACK_NOW) | TCPF_ACK_DELAYED;
        c->ack_at = now_ns + tcp->knobs.ack_delay_us * 1000ull;
    }
}

static void estimate_receive_mss(struct tcp_connection *c, const struct packet *packet)
{
    uint32_t size = packet->segment_size != 0 ? packet->segment_size : packet->length;
    if (size > c->receive_mss)
        c->receive_mss = (uint16_t)minimum(size, c->announced_mss);
}

/* Out of order, or filling a gap. Returns what is in order now. */
static uint32_t put_beside_gap(struct tcp *tcp, struct tcp_connection *c, struct packet *packet)
{
    struct tcp_receive_queue *queue = &c->receive;
    uint32_t left = packet->tcp.sequence, right = left + packet->length, from, to;
    if (receive_queue_overlap(queue, left, right, &from, &to)) {
        tcp_note_duplicate(tcp, c, from, to);
        c->flags |= TCPF_ACK_NOW;
    }
    if (left != c->rcv_nxt) {
        account_out_of_order(tcp, c);
        tune_receive_gap(tcp, c, right);
    }
    receive_queue_insert(queue, packet, tcp->counters);
    count(tcp->counters, CHASKI_TCP_OUT_OF_ORDER);
    uint32_t filled = receive_queue_close_gap(queue, c->rcv_nxt);
    c->rcv_advertised = seq_max(c->rcv_advertised, c->rcv_nxt + filled);
    return filled;
}

static void advance(struct tcp *tcp, struct tcp_connection *c, uint32_t length)
{
    c->repeats = 0;
    c->rcv_nxt += length;
    c->bytes_received += length;
    connection_tell(tcp, c, CHASKI_READABLE);
}

void tcp_take_text(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                   uint64_t now_ns)
{
    struct tcp_receive_queue *queue = &c->receive;
    uint32_t length = packet->length;
    bool next = packet->tcp.sequence == c->rcv_nxt;
    bool gap = !tree_empty(&queue->runs); /* or there was, and what lay behind had to go */
    estimate_receive_mss(c, packet);
    note_text(c, now_ns);
    packet->tcp.received_ns = now_ns;
    if (!tcp_admit_text(tcp, c, packet, next)) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_QUEUE_FULL);
        c->flags |= TCPF_ACK_NOW;
        return;
    }
    if (next && tree_empty(&queue->runs)) {
        receive_queue_append(queue, packet);
        owe_acknowledgment(tcp, c, length, now_ns);
    } else {
        length = put_beside_gap(tcp, c, packet);
        gap = true;
    }
    if (length != 0)
        advance(tcp, c, length);
    if (gap)
        acknowledge_gap(tcp, c, length != 0, now_ns);
}

/* How much of a text that ends `beyond` the window is taken. Linux takes it whole where nothing
 * waits to be read and there is a window, so that one segment is what it takes too much; else
 * nothing of it. */
static uint32_t within_window(const struct tcp *tcp, const struct tcp_connection *c,
                              uint32_t length, uint32_t beyond)
{
    if (!tcp->knobs.lax_window)
        return length - beyond;
    return c->receive.length == 0 && c->rcv_advertised != c->rcv_nxt ? length : 0;
}

/* Cuts the text to what is new and within the window; false when nothing is left. */
static bool trim_to_window(const struct tcp *tcp, struct tcp_connection *c, struct packet *packet)
{
    uint32_t end = packet->tcp.sequence + packet->length;
    if (seq_gt(end, c->rcv_advertised)) {
        uint32_t taken = within_window(tcp, c, packet->length, end - c->rcv_advertised);
        if (taken != packet->length) {
            packet->tcp.flags &= (uint8_t)~TCP_FIN;
            c->flags |= TCPF_ACK_NOW;
        }
        packet_trim(packet, taken);
    }
    if (seq_lt(packet->tcp.sequence, c->rcv_nxt)) {
        uint32_t old = c->rcv_nxt - packet->tcp.sequence;
        if (packet->length != 0)
            tcp_note_duplicate(tcp, c, packet->tcp.sequence,
                               packet->tcp.sequence + minimum(old, packet->length));
        packet_consume(packet, minimum(old, packet->length));
        packet->tcp.sequence = c->rcv_nxt;
        c->flags |= TCPF_ACK_NOW;
    }
    return packet->length != 0;
}

/* The peer's FIN is next in order. False when the connection is gone. */
static bool receive_fin(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    receive_queue_drop_runs(&c->receive, tcp->counters, CHASKI_DROP_TCP_AFTER_FIN);
    c->rcv_nxt++;
    c->flags |= TCPF_FIN_RECEIVED;
    c->dsack_length = 0; /* the peer is done; what came twice does not matter to it any more */
    /* Behind text its acknowledgement may wait for ours (Linux), unless the window is shut. */
    bool shut = seq_lt(c->rcv_advertised, c->rcv_nxt);
    if (c->state == CHASKI_TCP_ESTABLISHED && c->bytes_received != 0 && !shut) {
        tcp_expect_dialogue(tcp, c);
        owe_acknowledgment(tcp, c, 1, now_ns);
    } else {
        c->flags |= TCPF_ACK_NOW;
    }
    if (shut)
        c->rcv_advertised = c->rcv_nxt;
    connection_tell(tcp, c, CHASKI_READABLE);
    switch (c->state) {
    case CHASKI_TCP_SYN_RECEIVED:
    case CHASKI_TCP_ESTABLISHED:
        c->state = CHASKI_TCP_CLOSE_WAIT;
        return true;
    case CHASKI_TCP_FIN_WAIT_1: /* ours is not acknowledged, else it were FIN-WAIT-2 */
        c->state = CHASKI_TCP_CLOSING;
        return true;
    case CHASKI_TCP_FIN_WAIT_2:
        tcp_build_ack(tcp, c, tcp_next_sequence(c), now_ns);
        connection_time_wait(tcp, c, now_ns);
        return false;
    default:
        return true;
    }
}

bool tcp_apply_text(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                    uint64_t now_ns)
{
    if (!may_receive_text(c)) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_AFTER_FIN);
        return true;
    }
    uint32_t fin_at = packet->tcp.sequence + packet->length;
    bool text = trim_to_window(tcp, c, packet);
    bool fin = (packet->tcp.flags & TCP_FIN) != 0;
    bool hasty = has(c, TCPF_ACK_NOW);
    if (text)
        tcp_take_text(tcp, c, packet, now_ns);
    else
        packet_free(packet);
    if (seq_gt(c->rcv_nxt, c->rcv_advertised))
        pass_the_window(tcp, c, hasty, now_ns);
    if (fin && seq_gt(fin_at, c->rcv_nxt)) {
        c->fin_at = fin_at;
        c->flags |= TCPF_FIN_KNOWN | TCPF_ACK_NOW; /* it is out of order too (RFC 5681, 4.2) */
    }
    bool next =
        (fin && fin_at == c->rcv_nxt) || (has(c, TCPF_FIN_KNOWN) && c->fin_at == c->rcv_nxt);
    return !next || receive_fin(tcp, c, now_ns);
}
