/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/receiving/tcp_owe.h"
#include "core/tcp/receiving/tcp_segment.h"
#include "core/tcp/sending/tcp_build.h"
#include "core/tcp/sending/tcp_output.h"

/* Text that has come, and the FIN behind it: queued, in order or behind a gap. */

void tcp_note_duplicate(const struct tcp *tcp, struct tcp_connection *c, uint32_t left,
                        uint32_t right)
{
    if (!has(c, TCPF_HAS_SACK) || !tcp->knobs.dsack)
        return;
    ecn_came_again(c, left == c->dsack_left);
    c->dsack_left = left;
    c->dsack_length = (uint16_t)minimum(right - left, UINT16_MAX);
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
    bool told = c->dsack_length != 0 && c->dsack_left + c->dsack_length == left;
    if (receive_queue_overlap(queue, left, right, &from, &to)) {
        if (!told) /* RFC 2883, 4: of two parts that came twice, the first one */
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
    owe_quickly(c, now_ns);
    packet->tcp.received_ns = now_ns;
    if (!tcp_admit_text(tcp, c, packet, next)) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_QUEUE_FULL);
        c->flags |= TCPF_ACK_NOW;
        return;
    }
    if (next && tree_empty(&queue->runs)) {
        receive_queue_append(queue, packet);
        owe_for_text(tcp, c, length, now_ns);
    } else {
        length = put_beside_gap(tcp, c, packet);
        gap = true;
    }
    if (length != 0)
        advance(tcp, c, length);
    if (gap)
        owe_for_gap(tcp, c, length != 0, now_ns);
}

void tcp_take_syn_text(struct tcp_connection *c, struct packet *packet, uint64_t now_ns)
{
    uint32_t window = c->rcv_advertised - c->rcv_nxt;
    if (packet->length > window)
        packet_trim(packet, window);
    if (packet->length == 0) {
        packet_free(packet);
        return;
    }
    c->fast_open |= FAST_OPEN_SYN_DATA;
    c->rcv_nxt += packet->length;
    c->bytes_received += packet->length;
    packet->tcp.received_ns = now_ns;
    receive_queue_append(&c->receive, packet);
    /* The window of the SYN+ACK, which is the first to be told, begins behind the text. */
    c->rcv_advertised = c->rcv_nxt + window;
    owe_urgently(c, QUICK_MOST); /* what follows is the first text that is acknowledged by itself */
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

/* More was taken than the window had room for. Linux delays its acknowledgement: there is no new
 * window to be told. */
static void pass_the_window(const struct tcp *tcp, struct tcp_connection *c, bool hasty,
                            uint64_t now_ns)
{
    c->rcv_advertised = c->rcv_nxt;
    if (!hasty)
        owe_at_leisure(tcp, c, now_ns);
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
        if (old < packet->length) /* what came before is part of its size */
            estimate_receive_mss(c, packet);
        packet_consume(packet, minimum(old, packet->length));
        packet->tcp.sequence = c->rcv_nxt;
        c->flags |= TCPF_ACK_NOW;
    }
    return packet->length != 0;
}

/* The peer is done, and may hear that with our own end: no acknowledgement is quick any more, not
 * even where it was asked to be (as in Linux). */
static void expect_our_end(const struct tcp *tcp, struct tcp_connection *c)
{
    tcp_expect_dialogue(tcp, c);
    c->flags &= ~(uint32_t)TCPF_QUICKACK;
}

/* Whether a segment with FIN is all that was still to come. */
static bool ends_in_order(const struct tcp_connection *c, const struct packet *packet)
{
    return c->state == CHASKI_TCP_ESTABLISHED && packet->tcp.sequence == c->rcv_nxt &&
           tree_empty(&c->receive.runs);
}

/* The peer's FIN lies behind a gap. It has a sequence number, too, so that it is told when it has
 * come again (RFC 2883, 4), with the text before it; of two parts that did, the first one. */
static void keep_fin(const struct tcp *tcp, struct tcp_connection *c, uint32_t fin_at, bool text)
{
    bool again = has(c, TCPF_FIN_KNOWN) && c->fin_at == fin_at;
    bool told = c->dsack_length != 0;
    bool with_text = told && c->dsack_left + c->dsack_length == fin_at;
    if (again && (with_text || !told))
        tcp_note_duplicate(tcp, c, with_text ? c->dsack_left : fin_at, fin_at + 1);
    c->fin_at = fin_at;
    c->flags |= TCPF_FIN_KNOWN | TCPF_ACK_NOW; /* it is out of order too (RFC 5681, 4.2) */
    c->fin_is_latest = !text;
}

/* The peer's FIN is next in order. False when the connection is gone. */
static bool receive_fin(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    receive_queue_drop_runs(&c->receive, tcp->counters, CHASKI_DROP_TCP_AFTER_FIN);
    c->rcv_nxt++;
    c->flags |= TCPF_FIN_RECEIVED;
    c->dsack_length = 0; /* the peer is done; what came twice does not matter to it any more */
    /* Behind text its acknowledgement may wait for ours (Linux), unless the window is shut. With
     * it a full segment is no second one (RFC 5681, 4.2). */
    bool shut = seq_lt(c->rcv_advertised, c->rcv_nxt);
    if (c->state == CHASKI_TCP_ESTABLISHED && c->bytes_received != 0 && !shut) {
        expect_our_end(tcp, c);
        owe_for_text(tcp, c, 0, now_ns);
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
    if (text && fin && ends_in_order(c, packet))
        expect_our_end(tcp, c);
    c->fin_is_latest = c->fin_is_latest && !text;
    if (text)
        tcp_take_text(tcp, c, packet, now_ns);
    else
        packet_free(packet);
    if (seq_gt(c->rcv_nxt, c->rcv_advertised))
        pass_the_window(tcp, c, hasty, now_ns);
    if (fin && seq_gt(fin_at, c->rcv_nxt))
        keep_fin(tcp, c, fin_at, text);
    bool next =
        (fin && fin_at == c->rcv_nxt) || (has(c, TCPF_FIN_KNOWN) && c->fin_at == c->rcv_nxt);
    return !next || receive_fin(tcp, c, now_ns);
}
