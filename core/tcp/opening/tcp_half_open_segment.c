/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_cookie.h"
#include "core/tcp/opening/tcp_half_open_internal.h"
#include "core/tcp/opening/tcp_listener.h"
#include "core/tcp/receiving/tcp_segment.h"
#include "core/tcp/sending/tcp_build.h"

/* What follows a SYN+ACK: the entry, or what a cookie says of one, becomes a connection. */

struct tcp_connection *half_open_connection(struct tcp *tcp, const struct tcp_half_open *entry,
                                            const struct ao_state *ao, uint64_t now_ns)
{
    struct tcp_connection *c = connection_new(tcp, &entry->key, now_ns);
    if (c == NULL)
        return NULL;
    c->flags &= ~(uint32_t)(TCPF_HAS_TIMESTAMPS | TCPF_HAS_SACK | TCPF_HAS_SCALING);
    if (ao != NULL) {
        c->flags |= TCPF_AO;
        ao_set_state(tcp, tcp_refer(TCP_KIND_CONNECTION, connection_index(tcp, c)), ao);
    }
    if (entry->flags & HALF_OPEN_TIMESTAMPS)
        c->flags |= TCPF_HAS_TIMESTAMPS;
    if (entry->flags & HALF_OPEN_SACK)
        c->flags |= TCPF_HAS_SACK;
    if (entry->flags & HALF_OPEN_SCALING) {
        c->flags |= TCPF_HAS_SCALING;
        c->send_scale = entry->send_scale;
    } else {
        c->receive_scale = 0;
    }
    c->segments_in = 1; /* the SYN */
    connection_set_iss(c, entry->iss);
    c->snd_nxt = c->snd_una = entry->iss + 1;
    c->rcv_nxt = entry->irs + 1;
    const struct half_open_offer offer = half_open_offer(tcp, entry);
    const struct tcp_listener *listener = offer.listener;
    c->rcv_advertised = c->rcv_nxt + offer.window;
    if (listener->algorithm != 0)
        c->algorithm = (listener->algorithm - 1u) & 15u;
    c->times = (uint32_t)listener->times & TCP_TIMES_MOST;
    c->own_times = listener->times != 0;
    times_share(&tcp->times, listener->times);
    min_ttl_set(tcp, c, listener->min_ttl);
    if (listener->receive_buffer != 0) {
        c->receive.limit = listener->receive_buffer;
        c->tune_space = minimum(c->tune_space, listener->receive_buffer / 2);
        if (!listener->receive_buffer_tunes)
            c->flags |= TCPF_FIXED_RECEIVE_BUFFER;
        c->receive_scale = has(c, TCPF_HAS_SCALING) ? offer.scale & 15u : 0;
    }
    c->traffic_class |= offer.traffic_class;
    c->last_ack_sent = c->rcv_nxt;
    tcp_first_timestamp(c, entry->ts_recent, now_ns);
    c->peer_mss = entry->peer_mss;
    c->announced_mss = offer.mss;
    c->mss = connection_mss(c, offer.path_mtu);
    c->snd_wl1 = entry->irs;
    c->snd_wl2 = entry->iss;
    return c;
}

/* `rtt_us`: of our SYN+ACK; 0: not known. */
static struct tcp_connection *promote(struct tcp *tcp, const struct tcp_half_open *entry,
                                      const struct ao_state *ao, uint16_t listener, uint32_t rtt_us,
                                      uint64_t now_ns)
{
    struct tcp_connection *c = half_open_connection(tcp, entry, ao, now_ns);
    if (c == NULL)
        return NULL;
    c->retransmitted = entry->round + entry->repeated;
    listener_adopt(tcp, listener, c);
    if (rtt_us != 0)
        tcp_rtt_sample(tcp, c, rtt_us, rtt_us, false, now_ns);
    connection_established(tcp, c, now_ns);
    return c;
}

/* What stands right behind the SYN is in any window. */
static bool in_window(const struct tcp *tcp, const struct tcp_half_open *entry,
                      const struct packet *packet)
{
    uint32_t offset = packet->tcp.sequence - (entry->irs + 1);
    return offset == 0 || offset < half_open_offer(tcp, entry).window;
}

static void reset_for_entry(struct tcp *tcp, struct tcp_half_open *entry, struct packet *packet,
                            uint64_t now_ns)
{
    if (packet->tcp.sequence == entry->irs + 1) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_RESET);
        half_open_give_up(tcp, (uint32_t)(entry - tcp->half_open.entries));
        half_open_set_timer(tcp, now_ns);
    } else if (in_window(tcp, entry, packet)) {
        half_open_challenge(tcp, entry, packet, now_ns);
    } else {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
    }
}

/* TCP_DEFER_ACCEPT: an acknowledgement without data does not open the connection yet. As in Linux,
 * our SYN+ACK does not go again meanwhile, but once before the last chance, as if the answer to it
 * had been lost. */
static bool is_deferred(const struct tcp_listener *owner, const struct tcp_half_open *entry,
                        const struct packet *packet)
{
    bool alone = packet->length == 0 && !(packet->tcp.flags & TCP_FIN);
    return entry->round < owner->defer && alone && packet->tcp.sequence == entry->irs + 1;
}

/* The peer takes itself for connected and will say so again: room may come. Or it is told at once.
 */
static void refuse_for_want_of_room(struct tcp *tcp, struct packet *packet, uint64_t now_ns)
{
    if (!tcp->knobs.abort_on_overflow) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_LISTENER_FULL);
        return;
    }
    count(tcp->counters, CHASKI_DROP_TCP_LISTENER_FULL);
    tcp_build_refusal(tcp, packet, now_ns);
}

/* Since our SYN+ACK went first. */
static uint32_t whole_age_ms(const struct tcp *tcp, const struct tcp_half_open *entry,
                             uint64_t now_ns)
{
    uint32_t ms = half_open_age_ms(tcp, entry, now_ns);
    struct tcp_half_open earlier = *entry;
    while (earlier.round != 0) {
        earlier.round--;
        ms += half_open_wait_ms(tcp, &earlier);
    }
    return ms;
}

/* Of our SYN+ACK, if it was sent once (RFC 6298, 3), or by the echo of when it went last (RFC 7323,
 * 4.1); else 0. */
static uint32_t round_trip_us(const struct tcp *tcp, const struct tcp_half_open *entry,
                              const struct packet *packet, uint64_t now_ns)
{
    uint32_t ms = half_open_age_ms(tcp, entry, now_ns), echoed = packet->tcp.timestamp_echo;
    if (entry->round != 0 || entry->repeated) {
        if (!(entry->flags & HALF_OPEN_TIMESTAMPS) || !packet->tcp.has_timestamp || echoed == 0)
            return 0;
        ms = clock_ms(now_ns) + secret_timestamp_offset(tcp, &entry->key) - echoed;
    }
    return ms < 1u << 20 ? maximum(ms, 1) * 1000 : 0;
}

static struct tcp_connection *complete(struct tcp *tcp, struct tcp_half_open *entry,
                                       struct packet *packet, uint64_t now_ns)
{
    uint32_t index = (uint32_t)(entry - tcp->half_open.entries);
    uint16_t listener = listener_find(tcp, &entry->key);
    if (listener == 0 || listener_full(&tcp->listeners[listener - 1]) ||
        tcp->connection_count == tcp->connection_limit) {
        refuse_for_want_of_room(tcp, packet, now_ns);
        if (tcp->knobs.abort_on_overflow) {
            half_open_give_up(tcp, index);
            half_open_set_timer(tcp, now_ns);
        }
        return NULL;
    }
    if (is_deferred(&tcp->listeners[listener - 1], entry, packet)) {
        entry->acknowledged = 1;
        packet_free(packet);
        return NULL;
    }
    struct tcp_half_open copy = *entry;
    uint32_t rtt_us = round_trip_us(tcp, entry, packet, now_ns);
    half_open_drop(tcp, index);
    half_open_set_timer(tcp, now_ns);
    struct tcp_connection *c =
        promote(tcp, &copy, half_open_ao(tcp, entry), listener, rtt_us, now_ns);
    if (c == NULL) {
        saved_syn_forget(tcp, &copy.key);
        return NULL;
    }
    if (copy.round != 0)
        account_answered_again(tcp, c, copy.round, whole_age_ms(tcp, &copy, now_ns));
    ecn_complete(tcp, c, copy.ecn, packet);
    return c;
}

/* An acknowledgement whose cookie is none of ours, or cannot be read: that needs the sequence
 * number which only the first segment has. What overtook that one (`early`) must not cost the
 * connection; the peer will send both again. */
static void refuse_cookie(struct tcp *tcp, struct packet *packet, bool early, uint64_t now_ns)
{
    if (early && cookie_is_for(tcp, packet, now_ns))
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
    else
        tcp_build_refusal(tcp, packet, now_ns);
}

/* The peer's SYN came twice: the first was answered with a cookie, for the second there was an
 * entry again. The acknowledgement is of the first answer. */
static struct tcp_connection *complete_by_cookie(struct tcp *tcp, struct tcp_half_open *entry,
                                                 struct packet *packet, uint64_t now_ns)
{
    uint16_t listener = listener_find(tcp, &entry->key);
    struct tcp_half_open said = {0};
    bool awaited = now_ns < tcp->half_open.cookies_until_ns;
    bool read =
        awaited && !(packet->tcp.flags & TCP_SYN) && cookie_read(tcp, packet, &said, now_ns);
    if (listener == 0 || !read) {
        refuse_cookie(tcp, packet, awaited && packet->tcp.sequence != entry->irs + 1, now_ns);
        return NULL;
    }
    half_open_drop(tcp, (uint32_t)(entry - tcp->half_open.entries));
    half_open_set_timer(tcp, now_ns);
    return half_open_cookie(tcp, packet, listener, now_ns);
}

/* The timestamp echoed is of before our SYN+ACK, or is still to come (as in Linux): this is of
 * another connection, or from somebody who guesses. Nought says nothing; and once the SYN+ACK went
 * again, when the first one did is not known any more. */
static bool echoes_another(const struct tcp *tcp, const struct tcp_half_open *entry,
                           const struct packet *packet, uint64_t now_ns)
{
    uint32_t echoed = packet->tcp.timestamp_echo;
    if (!(entry->flags & HALF_OPEN_TIMESTAMPS) || !packet->tcp.has_timestamp || echoed == 0)
        return false;
    uint32_t ago_ms = clock_ms(now_ns) + secret_timestamp_offset(tcp, &entry->key) - echoed;
    return ago_ms > INT32_MAX || (entry->round == 0 && !entry->repeated &&
                                  (ago_ms & HALF_OPEN_DUE) > half_open_age_ms(tcp, entry, now_ns));
}

/* PAWS (RFC 7323, 5). */
static bool is_old(const struct tcp_half_open *entry, const struct packet *packet)
{
    return (entry->flags & HALF_OPEN_TIMESTAMPS) && packet->tcp.has_timestamp &&
           entry->ts_recent != 0 && seq_lt(packet->tcp.timestamp, entry->ts_recent);
}

/* The SYN comes again: our answer was lost, unless it went just now (as Linux). */
static void answer_again(struct tcp *tcp, struct tcp_half_open *entry, struct packet *packet,
                         uint64_t now_ns)
{
    entry->ecn = ecn_of_syn_again(entry->ecn, packet) & 15u;
    if (half_open_was_answered(tcp, entry, now_ns)) {
        count(tcp->counters, CHASKI_TCP_ANSWERS_LIMITED);
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
        return;
    }
    entry->repeated = entry->answered = 1;
    half_open_answer(tcp, entry, NULL, packet, now_ns);
    half_open_wait_anew(tcp, entry, now_ns);
}

struct tcp_connection *half_open_segment(struct tcp *tcp, uint32_t index, struct packet *packet,
                                         uint64_t now_ns)
{
    struct tcp_half_open *entry = &tcp->half_open.entries[index];
    const struct packet_tcp *segment = &packet->tcp;
    if (entry->flags & HALF_OPEN_UNFILTERED) { /* nothing was answered: nothing can follow */
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
    } else if (segment->flags & TCP_RST) {
        reset_for_entry(tcp, entry, packet, now_ns);
    } else if ((segment->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
               segment->sequence == entry->irs) {
        answer_again(tcp, entry, packet, now_ns);
    } else if ((segment->flags & TCP_ACK) && segment->acknowledgment != entry->iss + 1) {
        return complete_by_cookie(tcp, entry, packet, now_ns);
    } else if ((segment->flags & TCP_SYN) || !in_window(tcp, entry, packet)) {
        half_open_challenge(tcp, entry, packet, now_ns);
    } else if (!(segment->flags & TCP_ACK)) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
    } else if (is_old(entry, packet) || echoes_another(tcp, entry, packet, now_ns)) {
        half_open_challenge(tcp, entry, packet, now_ns);
    } else {
        return complete(tcp, entry, packet, now_ns);
    }
    return NULL;
}

/* As Linux: who has nobody to tell of it forgets a peer that cannot be reached by now. The peer
 * asks again if it still wants the connection. */
static bool ends_attempt(const struct ip_error *error)
{
    return error->kind == IP_ERROR_NETWORK_UNREACHABLE ||
           error->kind == IP_ERROR_HOST_UNREACHABLE || error->kind == IP_ERROR_TIME_EXCEEDED ||
           error->kind == IP_ERROR_PARAMETER;
}

bool half_open_ip_error(struct tcp *tcp, uint32_t index, const struct ip_error *error,
                        uint64_t now_ns)
{
    const struct tcp_half_open *entry = &tcp->half_open.entries[index];
    bool answered = !(entry->flags & HALF_OPEN_UNFILTERED);
    if (!answered || wire_tcp_sequence(error->quoted) != entry->iss ||
        half_open_ao(tcp, entry) != NULL || !ends_attempt(error)) {
        count(tcp->counters, CHASKI_TCP_ICMP_IGNORED);
        return false;
    }
    half_open_give_up(tcp, index);
    half_open_set_timer(tcp, now_ns);
    return true;
}

struct tcp_connection *half_open_cookie(struct tcp *tcp, struct packet *packet, uint16_t listener,
                                        uint64_t now_ns)
{
    struct tcp_half_open entry = {0};
    bool awaited = now_ns < tcp->half_open.cookies_until_ns;
    if (!awaited || !cookie_read(tcp, packet, &entry, now_ns)) {
        bool text = packet->length != 0 || (packet->tcp.flags & TCP_FIN);
        count_many(tcp->counters, CHASKI_TCP_COOKIES_REFUSED, awaited);
        refuse_cookie(tcp, packet, awaited && text, now_ns);
        return NULL;
    }
    struct tcp_connection *c = NULL;
    struct ao_state ao;
    bool signs = ao_of_stranger(tcp, &entry.key, packet, entry.iss, entry.irs, &ao);
    if (!listener_full(&tcp->listeners[listener - 1]))
        c = promote(tcp, &entry, signs ? &ao : NULL, listener, 0, now_ns);
    if (c == NULL) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_LISTENER_FULL);
        return NULL;
    }
    ecn_complete(tcp, c, entry.ecn, packet);
    if (tcp->listeners[listener - 1].filter != NULL)
        c->flags |= TCPF_UNFILTERED;
    count(tcp->counters, CHASKI_TCP_COOKIES_ACCEPTED);
    return c;
}
