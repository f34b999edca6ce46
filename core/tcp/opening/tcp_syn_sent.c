/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_syn_sent.h"

#include "core/tcp/receiving/tcp_segment.h"
#include "core/tcp/sending/tcp_build.h"

/* So long the last segment of the handshake waits for text that it could go with (Linux). */
#define ACK_WAITS_NS UINT64_C(200000000)

/* So soon a SYN goes again that another connection's acknowledgement has answered (Linux). */
#define HASTE_NS UINT64_C(2000000)

/* The answer to our SYN (RFC 9293, 3.10.7.3). */

void tcp_take_syn_data(struct tcp *tcp, struct tcp_connection *c, uint32_t taken)
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

/* What the peer says about itself on its SYN. */
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
    c->mss = connection_mss(c, connection_path(tcp, c, &path) == 0 ? path.mtu : 576);
    c->snd_wnd = packet->tcp.window;
    c->max_snd_wnd = packet->tcp.window;
    c->snd_wl1 = packet->tcp.sequence;
    c->snd_wl2 = packet->tcp.acknowledgment;
}

/* Whether our SYN asked for a cookie, or brought one. */
static bool has_asked(const struct tcp *tcp, const struct tcp_connection *c)
{
    bool free_of_charge =
        (c->fast_open & FAST_OPEN_NO_COOKIE) || (tcp->knobs.fast_open & FAST_OPEN_CLIENT_NO_COOKIE);
    return !free_of_charge || fast_open_recall(tcp, &c->key.remote) != NULL;
}

/* The answer to a fast open: it brings a cookie, or acknowledges the `taken` bytes on our SYN, or
 * neither, though the SYN went again: then only the plain one got there (RFC 7413, 4.1.3.1). A
 * cookie that was not asked for is none (as Linux). */
static void learn_of_fast_open(struct tcp *tcp, const struct tcp_connection *c,
                               const struct packet *packet, uint32_t taken)
{
    struct wire_tcp_options options;
    struct fast_open_cookie cookie;
    wire_tcp_parse_options(packet_transport(packet), &options);
    bool given = fast_open_read(packet_transport(packet), &options, &cookie) && has_asked(tcp, c);
    fast_open_remember(tcp, &c->key.remote, given ? &cookie : NULL, c->peer_mss);
    if (given)
        return;
    if (c->retransmitted == 0 && (c->flight == NULL || c->flight->syn_data == 0))
        fast_open_not_given(tcp, &c->key.remote, (c->fast_open & FAST_OPEN_EXPERIMENTAL) != 0);
    if (taken != 0)
        fast_open_arrived(tcp, &c->key.remote);
    else if (c->retransmitted != 0)
        fast_open_lost(tcp, &c->key.remote, false);
}

/* The timestamp echoed is none of those that our SYNs had: this answers another connection. */
static bool echoes_another(const struct tcp_connection *c, const struct packet *packet,
                           uint64_t now_ns)
{
    const struct packet_tcp *segment = &packet->tcp;
    if (!has(c, TCPF_HAS_TIMESTAMPS) || !segment->has_timestamp || segment->timestamp_echo == 0)
        return false;
    uint32_t echoed_ms = segment->timestamp_echo - c->ts_offset;
    return clock_ms(now_ns) - echoed_ms > clock_ms(now_ns) - c->progress_ms;
}

/* The peer may have an old connection left, which our reset, or its own, ends: it will answer the
 * next SYN. */
static void try_again_soon(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (c->retries != 0 || c->send_at <= now_ns + HASTE_NS)
        return;
    c->send_at = now_ns + HASTE_NS;
    tcp_timer_set(tcp, c);
}

/* Whether a segment answers our SYN, or is a SYN that crosses it; `taken` bytes of text on ours. If
 * not, it is consumed, and with a reset that answers the connection ends. */
static bool is_answer(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                      uint32_t taken, uint64_t now_ns)
{
    uint8_t flags = packet->tcp.flags;
    bool acknowledges = (flags & TCP_ACK) != 0, reset = (flags & TCP_RST) != 0;
    bool of_another = acknowledges && taken > syn_carries(c);
    if (of_another)
        try_again_soon(tcp, c, now_ns);
    if (of_another || (acknowledges && !reset && echoes_another(c, packet, now_ns))) {
        tcp_build_refusal(tcp, packet, now_ns);
        return false;
    }
    if (reset) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_RESET);
        if (acknowledges)
            connection_end(tcp, c, CHASKI_REFUSED);
        return false;
    }
    if ((flags & TCP_SYN) && c->snd_nxt != c->snd_una)
        return true;
    packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
    return false;
}

/* Both have opened at once: RFC 9293, 3.5, figure 7. */
static void cross(struct tcp *tcp, struct tcp_connection *c, struct packet *packet)
{
    c->fast_open = 0;
    c->state = CHASKI_TCP_SYN_RECEIVED;
    c->flags |= TCPF_SYN_OWED;
    packet_free(packet);
    connection_wants_output(tcp, c);
}

/* The last segment of the handshake goes with what is still written, or at once. */
static void owe_acknowledgement(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (!has(c, TCPF_MORE) && !tcp_in_dialogue(tcp, c)) {
        c->flags |= TCPF_ACK_NOW;
        return;
    }
    c->flags = (c->flags & ~(uint32_t)TCPF_MORE) | TCPF_ACK_DELAYED;
    c->ack_at = now_ns + ACK_WAITS_NS;
    c->pingpong = 0; /* text that comes first is acknowledged at once */
}

/* The timer tells when the SYN went, if it went once (RFC 6298, 3); else the echo tells when the
 * one did that is answered (RFC 7323, 4.1). */
static void sample_round_trip(struct tcp *tcp, struct tcp_connection *c,
                              const struct packet *packet, uint64_t now_ns)
{
    uint32_t rtt_us;
    if (c->retries == 0 && c->send_at > now_ns + HASTE_NS)
        rtt_us = clock_us(now_ns + tcp_rto_ns(tcp, c) - c->send_at);
    else if (has(c, TCPF_HAS_TIMESTAMPS) && packet->tcp.timestamp_echo != 0)
        rtt_us = (tcp_timestamp_now(c, now_ns) - packet->tcp.timestamp_echo) * 1000;
    else
        return;
    tcp_rtt_sample(tcp, c, rtt_us, rtt_us, false, now_ns);
}

void tcp_syn_sent_segment(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                          uint64_t now_ns)
{
    uint32_t taken = packet->tcp.acknowledgment - c->snd_nxt; /* of the data on our SYN */
    if (!is_answer(tcp, c, packet, taken, now_ns))
        return;
    take_syn(tcp, c, packet, now_ns);
    if (!(packet->tcp.flags & TCP_ACK)) {
        cross(tcp, c, packet);
        return;
    }
    bool fast = (c->fast_open & FAST_OPEN_ACTIVE) && (syn_carries(c) != 0 || has_asked(tcp, c));
    bool keeps_text = fast && taken == syn_carries(c);
    if (fast)
        learn_of_fast_open(tcp, c, packet, taken);
    tcp_take_syn_data(tcp, c, taken);
    sample_round_trip(tcp, c, packet, now_ns);
    connection_established(tcp, c, now_ns);
    owe_acknowledgement(tcp, c, now_ns);
    packet->tcp.sequence++;
    bool alive = true;
    if (keeps_text && (packet->length != 0 || (packet->tcp.flags & TCP_FIN)))
        alive = tcp_apply_text(tcp, c, packet, now_ns);
    else /* what a handshake without text, on either side, brings of it comes again (Linux) */
        packet_free(packet);
    if (alive)
        connection_wants_output(tcp, c);
}
