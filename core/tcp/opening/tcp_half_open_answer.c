/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_cookie.h"
#include "core/tcp/opening/tcp_half_open_internal.h"
#include "core/tcp/opening/tcp_listener.h"
#include "core/tcp/receiving/tcp_receive_window.h"
#include "core/tcp/receiving/tcp_segment.h"
#include "core/tcp/sending/tcp_build.h"

/* What the peers of half-open connections are told: SYN+ACK, challenges, resets. */

enum { UNKNOWN_PATH_MTU = 576 };

const struct tcp_listener *half_open_listener(const struct tcp *tcp, const struct tcp_key *key)
{
    static const struct tcp_listener none;
    uint16_t listener = listener_find(tcp, key);
    return listener != 0 ? &tcp->listeners[listener - 1] : &none;
}

/* The MSS for the peer, which is `most` at most unless that is 0. */
static uint16_t own_mss(const struct tcp *tcp, const struct tcp_key *key, uint32_t most,
                        uint16_t *path_mtu)
{
    enum family family = address_family(&key->remote);
    const struct network *network = &tcp->network[family];
    struct ip_path path;
    *path_mtu = UNKNOWN_PATH_MTU;
    if (network->path(network->block, WIRE_TCP_PROTOCOL, &key->local, &key->remote, 0, &path) != 0)
        return TCP_DEFAULT_MSS;
    *path_mtu = path.mtu;
    uint32_t mss = path.link_mtu - (family == FAMILY_IP4 ? 40u : 60u);
    return (uint16_t)(most != 0 ? minimum(mss, most) : mss);
}

static uint8_t traffic_class_for(const struct tcp *tcp, const struct tcp_listener *listener,
                                 const struct tcp_half_open *entry)
{
    return (uint8_t)(tcp->knobs.reflect_tos ? entry->dscp << ECN_FIELD_BITS
                                            : listener->traffic_class);
}

struct half_open_offer half_open_offer(const struct tcp *tcp, const struct tcp_half_open *entry)
{
    const struct tcp_listener *listener = half_open_listener(tcp, &entry->key);
    uint32_t wanted = listener->receive_buffer;
    uint16_t path_mtu;
    uint32_t mss = own_mss(tcp, &entry->key, listener->max_segment, &path_mtu), segment = mss;
    if (entry->flags & HALF_OPEN_TIMESTAMPS)
        segment -= minimum(mss - 1, WIRE_TCP_TIMESTAMP_PADDED);
    return (struct half_open_offer){
        .listener = listener,
        .path_mtu = path_mtu,
        .mss = (uint16_t)mss,
        .window = tcp_first_window(tcp, wanted != 0 ? wanted : tcp->knobs.receive_buffer, segment),
        .scale = wanted != 0 && !listener->receive_buffer_tunes ? tcp_scale_for(wanted)
                                                                : tcp_scale_to_tune(&tcp->knobs),
        .traffic_class = traffic_class_for(tcp, listener, entry),
    };
}

/* SYN+ACK in `packet`, or in a new packet when it is NULL. */
static void send_synack(struct tcp *tcp, const struct tcp_half_open *entry, uint32_t timestamp,
                        const struct fast_open_cookie *cookie, struct ao_state *ao,
                        struct packet *packet, uint64_t now_ns)
{
    const struct half_open_offer offer = half_open_offer(tcp, entry);
    struct wire_tcp_options options = {
        .has_mss = true,
        .mss = offer.mss,
        .sack_permitted = (entry->flags & HALF_OPEN_SACK) != 0,
        .has_timestamp = (entry->flags & HALF_OPEN_TIMESTAMPS) != 0,
        .timestamp = timestamp,
        .timestamp_echo = entry->ts_recent,
        .has_window_scale = (entry->flags & HALF_OPEN_SCALING) != 0,
        .window_scale = offer.scale,
        .accecn_offset = cookie == NULL && ao == NULL && ecn_synack_option(tcp, entry),
    };
    struct tcp_reply reply = {
        .key = entry->key,
        .sequence = entry->iss,
        .acknowledgment = entry->irs + 1,
        .window = offer.window,
        .flags = TCP_SYN | TCP_ACK | ecn_synack_flags(tcp, entry),
        .options = &options,
        .cookie = cookie,
        .ao = ao,
        .traffic_class = offer.traffic_class,
        .ttl = offer.listener->ttl,
    };
    tcp_build_reply(tcp, packet, &reply, now_ns);
}

void half_open_answer(struct tcp *tcp, const struct tcp_half_open *entry,
                      const struct fast_open_cookie *cookie, struct packet *packet, uint64_t now_ns)
{
    uint32_t timestamp = clock_ms(now_ns) + secret_timestamp_offset(tcp, &entry->key);
    send_synack(tcp, entry, timestamp, cookie, half_open_ao(tcp, entry), packet, now_ns);
}

void half_open_answer_by_cookie(struct tcp *tcp, struct tcp_half_open *syn, struct packet *packet,
                                uint64_t now_ns)
{
    syn->ecn = ecn_beside_cookie(syn) & 15u;
    uint32_t timestamp = cookie_make(tcp, syn, now_ns);
    struct ao_state ao;
    bool signs = ao_of_stranger(tcp, &syn->key, packet, syn->iss, syn->irs, &ao);
    count(tcp->counters, CHASKI_TCP_COOKIES_SENT);
    tcp->half_open.cookies_until_ns = now_ns + COOKIE_LIFE_NS;
    send_synack(tcp, syn, timestamp, NULL, signs ? &ao : NULL, packet, now_ns);
}

/* Tells the peer of an entry where we are: RFC 5961's challenge, and the answer to old segments.
 * Once for each SYN+ACK: two entries that forged SYNs have made of each other must not go on. */
void half_open_challenge(struct tcp *tcp, struct tcp_half_open *entry, struct packet *packet,
                         uint64_t now_ns)
{
    bool text = packet->length != 0 && !(packet->tcp.flags & TCP_SYN); /* is no such answer */
    bool told = (entry->flags & HALF_OPEN_CHALLENGED) ||
                (!text && half_open_was_answered(tcp, entry, now_ns));
    if (told || !tcp_may_challenge(tcp, now_ns)) {
        count(tcp->counters, CHASKI_TCP_ANSWERS_LIMITED);
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
        return;
    }
    entry->flags |= HALF_OPEN_CHALLENGED;
    const struct half_open_offer offer = half_open_offer(tcp, entry);
    bool scaled = (entry->flags & HALF_OPEN_SCALING) != 0;
    struct wire_tcp_options options = {
        .has_timestamp = (entry->flags & HALF_OPEN_TIMESTAMPS) != 0,
        .timestamp = clock_ms(now_ns) + secret_timestamp_offset(tcp, &entry->key),
        .timestamp_echo = entry->ts_recent,
    };
    struct tcp_reply reply = {
        .key = entry->key,
        .sequence = entry->iss + 1,
        .acknowledgment = entry->irs + 1,
        .window = (uint16_t)(offer.window >> (scaled ? offer.scale : 0)),
        .flags = TCP_ACK,
        .options = &options,
        .ao = half_open_ao(tcp, entry),
    };
    count(tcp->counters, CHASKI_TCP_CHALLENGE_ACKS);
    tcp_build_reply(tcp, packet, &reply, now_ns);
}

/* A connection that the filter does not want, or whose listener is gone. */
void half_open_refuse(struct tcp *tcp, struct tcp_half_open *entry, uint64_t now_ns)
{
    bool answered = entry->cookie == HALF_OPEN_LEFT;
    struct tcp_reply reply = {
        .key = entry->key,
        .sequence = answered ? entry->iss + 1 : 0,
        .acknowledgment = entry->irs + 1,
        .flags = TCP_RST | TCP_ACK,
        .ao = half_open_ao(tcp, entry),
    };
    if (reply.ao != NULL && !answered) /* as tcp_build_refusal(): its zero stands for our number */
        reply.ao->send = (struct ao_direction){.id = reply.ao->send.id};
    count_many(tcp->counters, CHASKI_TCP_FILTERED, !answered);
    count(tcp->counters, CHASKI_TCP_RESETS_SENT);
    half_open_give_up(tcp, (uint32_t)(entry - tcp->half_open.entries));
    tcp_build_reply(tcp, NULL, &reply, now_ns);
}
