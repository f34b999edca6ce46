/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_internal.h"

/*
 * A segment arrives for a connection (RFC 9293, 3.10.7.3 and 3.10.7.4). judge() reads and changes
 * nothing; tcp_segment() acts on its verdict; apply() takes in an acceptable segment in the order
 * of the RFC: acknowledgement, window, urgent pointer, text, FIN. Most segments do not get so far:
 * they are what was expected (tcp_predicted.c).
 */

enum verdict {
    ACCEPT,
    DISCARD,    /* silently */
    ANSWER,     /* discard, and tell the peer where we are (at most so often) */
    CHALLENGE,  /* RFC 5961: the same, for a segment that might be forged */
    RESET,      /* the peer ends the connection */
    RESET_PEER, /* what it says cannot be: reset it in return */
};

static uint32_t segment_length(const struct packet *packet)
{
    return packet->length + ((packet->tcp.flags & TCP_SYN) != 0) +
           ((packet->tcp.flags & TCP_FIN) != 0);
}

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
    uint32_t sequence = packet->tcp.sequence, length = segment_length(packet);
    uint32_t window = c->rcv_advertised - c->rcv_nxt;
    uint32_t ahead = sequence - c->rcv_nxt, behind = c->rcv_nxt - sequence;
    if (window == 0)
        return length == 0 && ahead == 0;
    return ahead < window || behind < length;
}

static enum verdict judge_reset(const struct tcp_connection *c, const struct packet *packet)
{
    if (packet->tcp.sequence == c->rcv_nxt)
        return RESET;
    return in_window(c, packet) ? CHALLENGE : DISCARD;
}

/* Bytes on our SYN that the peer may have taken. */
static uint32_t syn_carries(const struct tcp_connection *c)
{
    return c->flight != NULL ? c->flight->syn_data : 0;
}

/* RFC 5961, 5.2: an acknowledgement from too far back is as suspicious as one of the future. */
static enum verdict judge_acknowledgment(const struct tcp_connection *c,
                                         const struct packet *packet)
{
    uint32_t acknowledgment = packet->tcp.acknowledgment;
    if (c->state == CHASKI_TCP_SYN_RECEIVED)
        return seq_gt(acknowledgment, c->snd_una) &&
                       seq_le(acknowledgment, c->snd_nxt + syn_carries(c))
                   ? ACCEPT
                   : RESET_PEER;
    if (seq_gt(acknowledgment, c->snd_nxt))
        return ANSWER;
    return seq_lt(acknowledgment, c->snd_una - c->max_snd_wnd) ? CHALLENGE : ACCEPT;
}

static enum verdict judge(const struct tcp *tcp, const struct tcp_connection *c,
                          const struct packet *packet, uint64_t now_ns)
{
    uint8_t flags = packet->tcp.flags;
    if (flags & TCP_RST)
        return judge_reset(c, packet);
    if (timestamp_is_old(c, packet, now_ns))
        return (flags & TCP_SYN) ? CHALLENGE : ANSWER;
    if (flags & TCP_SYN)
        return CHALLENGE;
    if (!in_window(c, packet)) {
        /* With a window of zero, acknowledgements are still to be heard (RFC 9293, MUST-66). */
        bool next = packet->tcp.sequence == c->rcv_nxt && c->rcv_advertised == c->rcv_nxt;
        if (!next || !(flags & TCP_ACK))
            return ANSWER;
    }
    if (!(flags & TCP_ACK))
        return DISCARD;
    /* RFC 7323, 3.2: once agreed on, timestamps are on every segment. */
    if (has(c, TCPF_HAS_TIMESTAMPS) && !packet->tcp.has_timestamp && !tcp->knobs.lax_timestamps)
        return DISCARD;
    return judge_acknowledgment(c, packet);
}

/* Text of a moment ago. */
static bool came_again(const struct tcp_connection *c, const struct packet *packet)
{
    uint32_t ago = c->rcv_nxt - packet->tcp.sequence;
    return packet->length != 0 && packet->length <= ago && ago <= c->receive.limit;
}

/* Tells the peer where we are, unless it was told a moment ago: two ends that have lost each other
 * must not answer each other's answers for ever. Segments with data cannot be such answers. */
static void answer(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
                   bool challenge, uint64_t now_ns)
{
    uint16_t now_ms = (uint16_t)clock_ms(now_ns);
    bool limited = challenge || packet->length == 0;
    if (came_again(c, packet))
        tcp_note_duplicate(tcp, c, packet->tcp.sequence, packet->tcp.sequence + packet->length);
    if (limited && c->challenged_ms != 0 &&
        (uint16_t)(now_ms - c->challenged_ms) < tcp->knobs.answer_interval_ms) {
        count(tcp->counters, CHASKI_TCP_ANSWERS_LIMITED);
        return;
    }
    if (limited)
        c->challenged_ms = now_ms != 0 ? now_ms : 1;
    if (challenge)
        count(tcp->counters, CHASKI_TCP_CHALLENGE_ACKS);
    c->flags |= TCPF_ACK_NOW;
    connection_wants_output(tcp, c);
}

/* SYN-RECEIVED is a state of connections that we opened, and of fast opens: the others are
 * half-open entries. */
static int reset_error(const struct tcp_connection *c)
{
    bool opening = c->state == CHASKI_TCP_SYN_RECEIVED && !(c->fast_open & FAST_OPEN_PASSIVE);
    return opening ? CHASKI_REFUSED : CHASKI_RESET;
}

/* The SYN of a fast open again: our answer was lost. */
static bool syn_again(const struct tcp_connection *c, const struct packet *packet)
{
    return c->state == CHASKI_TCP_SYN_RECEIVED && (c->fast_open & FAST_OPEN_PASSIVE) &&
           (packet->tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN &&
           packet->tcp.sequence == c->snd_wl1;
}

/* Both have opened at once, and this answer and ours have crossed (RFC 9293, 3.5, figure 7). Where
 * ECN is agreed on, the peer is told how it came, as for any that comes again. */
static bool crosses_ours(const struct tcp_connection *c, const struct packet *packet)
{
    const uint8_t mask = TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN;
    return c->state == CHASKI_TCP_SYN_RECEIVED && !(c->fast_open & FAST_OPEN_PASSIVE) &&
           !(c->traffic_class & ECN_MODES) && (packet->tcp.flags & mask) == (TCP_SYN | TCP_ACK) &&
           packet->tcp.sequence + 1 == c->rcv_nxt && packet->length == 0 &&
           judge_acknowledgment(c, packet) == ACCEPT;
}

/* Its SYN is known: what is left is an acknowledgement, whose window has no scale. */
static void take_as_acknowledgment(const struct tcp_connection *c, struct packet *packet)
{
    packet->tcp.flags &= (uint8_t)~TCP_SYN;
    packet->tcp.sequence++;
    packet->tcp.window = (uint16_t)(packet->tcp.window >> c->send_scale);
}

static bool may_receive_text(const struct tcp_connection *c)
{
    return c->state == CHASKI_TCP_ESTABLISHED || c->state == CHASKI_TCP_FIN_WAIT_1 ||
           c->state == CHASKI_TCP_FIN_WAIT_2;
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

/* Cuts the text to what is new and within the window; false when nothing is left. */
static bool trim_to_window(const struct tcp *tcp, struct tcp_connection *c, struct packet *packet)
{
    uint32_t end = packet->tcp.sequence + packet->length;
    if (seq_gt(end, c->rcv_advertised)) {
        packet_trim(packet, packet->length - (end - c->rcv_advertised));
        packet->tcp.flags &= (uint8_t)~TCP_FIN;
        c->flags |= TCPF_ACK_NOW;
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
    /* Behind text its acknowledgement may wait for ours (Linux). */
    if (c->state == CHASKI_TCP_ESTABLISHED && c->bytes_received != 0) {
        c->pingpong = 1;
        tcp_owe_acknowledgment(tcp, c, 1, now_ns);
    } else {
        c->flags |= TCPF_ACK_NOW;
    }
    if (seq_lt(c->rcv_advertised, c->rcv_nxt))
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

/* Nobody will read it any more: RFC 9293, 3.6.1 and RFC 2525, 2.17. */
static bool text_for_nobody(const struct tcp_connection *c, const struct packet *packet)
{
    return has(c, TCPF_ORPHAN) && packet->length != 0 &&
           seq_gt(packet->tcp.sequence + packet->length, c->rcv_nxt) && may_receive_text(c);
}

/* Consumes the packet; returns false when the connection is gone. */
static bool apply_text(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                       uint64_t now_ns)
{
    if (!may_receive_text(c)) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_AFTER_FIN);
        return true;
    }
    uint32_t fin_at = packet->tcp.sequence + packet->length;
    bool text = trim_to_window(tcp, c, packet);
    bool fin = (packet->tcp.flags & TCP_FIN) != 0;
    if (text)
        tcp_take_text(tcp, c, packet, now_ns);
    else
        packet_free(packet);
    if (fin && seq_gt(fin_at, c->rcv_nxt)) {
        c->fin_at = fin_at;
        c->flags |= TCPF_FIN_KNOWN | TCPF_ACK_NOW; /* it is out of order too (RFC 5681, 4.2) */
    }
    bool next =
        (fin && fin_at == c->rcv_nxt) || (has(c, TCPF_FIN_KNOWN) && c->fin_at == c->rcv_nxt);
    return !next || receive_fin(tcp, c, now_ns);
}

/* Our SYN is acknowledged, and so many bytes that it carried (RFC 7413, 4.2.2); the rest is sent
 * again. */
static void take_syn_data(struct tcp *tcp, struct tcp_connection *c, uint32_t taken)
{
    struct tcp_flight *flight = c->flight;
    c->snd_nxt += taken;
    c->snd_una = c->snd_nxt;
    if (flight == NULL || flight->syn_data == 0)
        return;
    flight->syn_again = (uint16_t)(flight->syn_data - taken);
    if (flight->syn_again == 0)
        c->fast_open |= FAST_OPEN_SYN_DATA;
    flight->syn_data = 0;
    if (taken == 0)
        return;
    c->bytes_acked += taken;
    ecn_syn_data_taken(c);
    send_queue_acknowledge(&flight->queue, c->snd_una);
    scoreboard_init(&flight->scoreboard, c->snd_una);
    flight->snd_small = flight->recovery_point = c->snd_una;
    connection_tell_room(tcp, c);
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
            take_syn_data(tcp, c, packet->tcp.acknowledgment - c->snd_nxt);
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
        connection_end(tcp, c, 0);
        return;
    }
    if (alive)
        receive_urgent(tcp, c, packet);
    if (!alive || segment_length(packet) == 0)
        packet_free(packet);
    else
        alive = apply_text(tcp, c, packet, now_ns);
    if (!alive)
        return;
    if (has(c, TCPF_ACK_NOW))
        connection_wants_output(tcp, c);
    tcp_timer_set(tcp, c);
}

/* RFC 9293, 3.10.7.3: state SYN-SENT. */
static void take_syn(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
                     uint64_t now_ns)
{
    struct wire_tcp_options options;
    wire_tcp_parse_options(packet_transport(packet), &options);
    uint32_t advertised = c->rcv_advertised - c->rcv_nxt;
    c->rcv_nxt = packet->tcp.sequence + 1;
    c->rcv_advertised = c->rcv_nxt + advertised;
    c->last_ack_sent = c->rcv_nxt;
    if (!options.has_window_scale) {
        c->flags &= ~(uint32_t)TCPF_HAS_SCALING;
        c->receive_scale = 0;
    }
    c->send_scale = has(c, TCPF_HAS_SCALING) ? options.window_scale & 15u : 0;
    count_many(tcp->counters, CHASKI_TCP_SCALE_CLAMPED, options.window_scale_clamped);
    if (!options.sack_permitted)
        c->flags &= ~(uint32_t)TCPF_HAS_SACK;
    if (!options.has_timestamp)
        c->flags &= ~(uint32_t)TCPF_HAS_TIMESTAMPS;
    tcp_first_timestamp(c, options.timestamp, now_ns);
    c->peer_mss = options.has_mss ? options.mss : TCP_DEFAULT_MSS;
    ecn_take_synack(tcp, c, packet);
    user_timeout_told(tcp, c, options.user_timeout);
    struct ip_path path;
    connection_set_mss(c, connection_path(tcp, c, &path) == 0 ? path.mtu : 576);
    c->snd_wnd = packet->tcp.window;
    c->max_snd_wnd = packet->tcp.window;
    c->snd_wl1 = packet->tcp.sequence;
    c->snd_wl2 = packet->tcp.acknowledgment;
}

/* The answer to a fast open: it brings a cookie, or acknowledges the `taken` bytes on our SYN, or
 * neither, though the SYN went again: then only the plain one got there (RFC 7413, 4.1.3.1). A
 * cookie that was not asked for is none (as Linux). */
static void learn_of_fast_open(struct tcp *tcp, const struct tcp_connection *c,
                               const struct packet *packet, uint32_t taken)
{
    struct wire_tcp_options options;
    struct fast_open_cookie cookie;
    if (!(c->fast_open & FAST_OPEN_ACTIVE))
        return;
    wire_tcp_parse_options(packet_transport(packet), &options);
    bool free_of_charge =
        (c->fast_open & FAST_OPEN_NO_COOKIE) || (tcp->knobs.fast_open & FAST_OPEN_CLIENT_NO_COOKIE);
    bool asked = !free_of_charge || fast_open_recall(&tcp->fast_open, &c->key.remote) != NULL;
    bool given = fast_open_read(packet_transport(packet), &options, &cookie) && asked;
    fast_open_remember(&tcp->fast_open, &c->key.remote, given ? &cookie : NULL, c->peer_mss);
    if (given)
        return;
    if (c->retransmitted == 0 && (c->flight == NULL || c->flight->syn_data == 0))
        fast_open_not_given(&tcp->fast_open, &c->key.remote,
                            (c->fast_open & FAST_OPEN_EXPERIMENTAL) != 0);
    if (taken != 0)
        fast_open_arrived(tcp, &c->key.remote);
    else if (c->retransmitted != 0)
        fast_open_lost(tcp, &c->key.remote, false);
}

/* The timestamp echoed is none of those that our SYNs had: this answers another connection. */
static bool echoes_another(const struct tcp_connection *c, const struct packet *packet,
                           uint64_t now_ns)
{
    struct wire_tcp_options options;
    wire_tcp_parse_options(packet_transport(packet), &options);
    if (!has(c, TCPF_HAS_TIMESTAMPS) || !options.has_timestamp || options.timestamp_echo == 0)
        return false;
    uint32_t echoed_ms = options.timestamp_echo - c->ts_offset;
    return clock_ms(now_ns) - echoed_ms > clock_ms(now_ns) - c->progress_ms;
}

static void syn_sent_segment(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                             uint64_t now_ns)
{
    uint8_t flags = packet->tcp.flags;
    bool acknowledges = (flags & TCP_ACK) != 0;
    uint32_t taken = packet->tcp.acknowledgment - c->snd_nxt; /* of the data on our SYN */
    if (acknowledges && taken > syn_carries(c)) {
        tcp_build_refusal(tcp, packet, now_ns);
        return;
    }
    if (acknowledges && !(flags & TCP_RST) && echoes_another(c, packet, now_ns)) {
        tcp_build_refusal(tcp, packet, now_ns);
        return;
    }
    if (flags & TCP_RST) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_RESET);
        if (acknowledges)
            connection_end(tcp, c, CHASKI_REFUSED);
        return;
    }
    if (!(flags & TCP_SYN) || c->snd_nxt == c->snd_una) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
        return;
    }
    take_syn(tcp, c, packet, now_ns);
    if (!acknowledges) { /* both opened at once: RFC 9293, 3.5, figure 7 */
        c->fast_open = 0;
        c->state = CHASKI_TCP_SYN_RECEIVED;
        c->flags |= TCPF_SYN_OWED;
        packet_free(packet);
        connection_wants_output(tcp, c);
        return;
    }
    learn_of_fast_open(tcp, c, packet, taken);
    take_syn_data(tcp, c, taken);
    if (c->retries == 0)
        tcp_rtt_sample(tcp, c, clock_us(now_ns + tcp_rto_ns(tcp, c) - c->send_at));
    connection_established(tcp, c, now_ns);
    if (has(c, TCPF_MORE)) { /* it goes with what the caller has still to write */
        c->flags = (c->flags & ~(uint32_t)TCPF_MORE) | TCPF_ACK_DELAYED;
        c->ack_at = now_ns + tcp->knobs.ack_delay_us * 1000ull;
        c->pingpong = 1;
    } else {
        c->flags |= TCPF_ACK_NOW;
    }
    packet->tcp.sequence++;
    bool alive = true;
    if (packet->length != 0 || (flags & TCP_FIN))
        alive = apply_text(tcp, c, packet, now_ns);
    else
        packet_free(packet);
    if (!alive)
        return;
    connection_wants_output(tcp, c);
}

void tcp_segment(struct tcp *tcp, struct tcp_connection *c, struct packet *packet, uint64_t now_ns)
{
    c->segments_in++;
    account_received(tcp, c, packet, now_ns);
    if (tcp_take_predicted(tcp, c, packet, now_ns))
        return;
    if (c->state == CHASKI_TCP_SYN_SENT) {
        syn_sent_segment(tcp, c, packet, now_ns);
        return;
    }
    if (syn_again(c, packet)) {
        ecn_syn_again(c, packet);
        c->flags |= TCPF_SYN_OWED;
        connection_wants_output(tcp, c);
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
        return;
    }
    if (crosses_ours(c, packet))
        take_as_acknowledgment(c, packet);
    switch (judge(tcp, c, packet, now_ns)) {
    case ACCEPT:
        apply(tcp, c, packet, now_ns);
        return;
    case DISCARD:
        break;
    case ANSWER:
        if (c->traffic_class & ECN_MODES && came_again(c, packet))
            ecn_count_again(tcp, c, packet);
        answer(tcp, c, packet, false, now_ns);
        break;
    case CHALLENGE:
        ecn_synack_again(tcp, c, packet);
        answer(tcp, c, packet, true, now_ns);
        break;
    case RESET:
        fast_open_was_reset(tcp, c, now_ns);
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_RESET);
        connection_end(tcp, c, reset_error(c));
        return;
    case RESET_PEER:
        tcp_build_refusal(tcp, packet, now_ns);
        return;
    }
    packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
}
