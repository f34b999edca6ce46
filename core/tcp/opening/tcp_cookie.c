/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_cookie.h"
#include "core/tcp/sending/tcp_build.h"

#include "core/tcp/tcp_internal.h"

/*
 * Theory of operation. The initial sequence number says, from its first bit on: in which of two
 * periods it was made; a keyed hash of who talks to whom, and when; the SYN's sequence number,
 * times and plus what such a hash gives; the peer's segment size. With timestamps, the last six
 * bits of ours carry the window scale, SACK and classic ECN; without, none is used. Accurate ECN is
 * seen from the acknowledgement itself (RFC 9768, 5.1).
 *
 * What acknowledges a cookie with text that has overtaken the first segment has another sequence
 * number, and must never be taken for the beginning of the stream. A number that is hashed too
 * would now and then fit by chance; one that is multiplied by something odd differs for certain, up
 * to 131072 bytes further on, which is more than the window that went with the cookie. Nor is that
 * text refused: the bits that leave the SYN's number out tell it from what belongs to a connection
 * that is gone. Of one that came by a cookie, text fits by chance, however much has gone each way,
 * since nobody knows the factor: with timestamps, which are others by then and hashed as well, one
 * segment in 2^28; without, one in 131072.
 */

enum {
    COOKIE_MSS_BITS = 3,
    COOKIE_NUMBER_BITS = 17,
    COOKIE_FLOW_SHIFT = COOKIE_MSS_BITS + COOKIE_NUMBER_BITS,
    COOKIE_PERIOD_BIT = 31,
    COOKIE_TIMESTAMP_BITS = 6, /* scale (15: none), SACK, ECN */
    COOKIE_NO_SCALE = 15,
    COOKIE_SACK = 1 << 4,
    COOKIE_ECN = 1 << 5,
};

static const uint16_t cookie_mss[1 << COOKIE_MSS_BITS] = {
    TCP_MIN_MSS, 536, 1220, 1360, 1400, 1440, 1460, 8960,
};

static uint32_t period_of(uint64_t now_ns)
{
    return (uint32_t)(now_ns >> COOKIE_PERIOD_SHIFT);
}

/* The latest period in which it can have been made. */
static uint32_t period_in(uint32_t cookie, uint64_t now_ns)
{
    uint32_t period = period_of(now_ns);
    return period - ((period ^ cookie >> COOKIE_PERIOD_BIT) & 1u);
}

/* All but the SYN's own number and size; `timestamp`: that of our answer, or 0. */
static uint64_t flow_hash(const struct tcp *tcp, const struct tcp_key *key, uint32_t timestamp,
                          uint32_t period)
{
    struct address_words local = address_words(&key->local);
    struct address_words remote = address_words(&key->remote);
    uint64_t words[6] = {
        local.high,
        local.low,
        remote.high,
        remote.low,
        (uint64_t)key->local_port << 48 | (uint64_t)key->remote_port << 32 | period,
        timestamp,
    };
    return siphash_words(&tcp->secrets.cookie, words, 6);
}

/* What the cookie begins with. */
static uint32_t flow_bits(uint64_t flow, uint32_t period)
{
    uint32_t hash = (uint32_t)flow << COOKIE_FLOW_SHIFT & ~(1u << COOKIE_PERIOD_BIT);
    return (period & 1u) << COOKIE_PERIOD_BIT | hash;
}

static uint32_t cookie_for(const struct tcp *tcp, const struct tcp_half_open *entry,
                           uint32_t timestamp, uint32_t period, unsigned mss_index)
{
    uint64_t flow = flow_hash(tcp, &entry->key, timestamp, period);
    uint64_t words[2] = {flow, mss_index};
    uint64_t hash = siphash_words(&tcp->secrets.cookie, words, 2);
    uint32_t factor = (uint32_t)(hash >> 32) | 1;
    uint32_t number = ((uint32_t)hash + factor * entry->irs) & ((1u << COOKIE_NUMBER_BITS) - 1);
    return flow_bits(flow, period) | number << COOKIE_MSS_BITS | mss_index;
}

/* Never ahead of the clock, lest later timestamps look old. */
static uint32_t timestamp_with(uint32_t timestamp, uint32_t carried)
{
    uint32_t mask = (1u << COOKIE_TIMESTAMP_BITS) - 1;
    return (timestamp & ~mask) - (carried > (timestamp & mask) ? mask + 1 : 0) + carried;
}

uint32_t cookie_make(const struct tcp *tcp, struct tcp_half_open *syn, uint64_t now_ns)
{
    unsigned index = (1 << COOKIE_MSS_BITS) - 1;
    while (index > 0 && cookie_mss[index] > syn->peer_mss)
        index--;
    if (!(syn->flags & HALF_OPEN_TIMESTAMPS))
        syn->flags = 0;
    uint32_t timestamp = clock_ms(now_ns) + secret_timestamp_offset(tcp, &syn->key);
    uint32_t scale = (syn->flags & HALF_OPEN_SCALING) ? syn->send_scale : COOKIE_NO_SCALE;
    uint32_t sack = (syn->flags & HALF_OPEN_SACK) ? COOKIE_SACK : 0;
    uint32_t ecn = syn->ecn == ECN_CLASSIC ? COOKIE_ECN : 0;
    timestamp = timestamp_with(timestamp, scale | sack | ecn);
    uint32_t told = (syn->flags & HALF_OPEN_TIMESTAMPS) ? timestamp : 0;
    syn->iss = cookie_for(tcp, syn, told, period_of(now_ns), index);
    return timestamp;
}

/* What was told with the SYN+ACK: until we send more, the peer echoes nothing else. */
static uint32_t echo_of(const struct packet *packet)
{
    return packet->tcp.has_timestamp ? packet->tcp.timestamp_echo : 0;
}

bool cookie_is_for(const struct tcp *tcp, const struct packet *packet, uint64_t now_ns)
{
    struct tcp_key key;
    tcp_key_of(packet, &key);
    uint32_t cookie = packet->tcp.acknowledgment - 1;
    uint32_t period = period_in(cookie, now_ns);
    uint32_t differing = cookie ^ flow_bits(flow_hash(tcp, &key, echo_of(packet), period), period);
    return differing >> COOKIE_FLOW_SHIFT == 0;
}

bool cookie_read(const struct tcp *tcp, const struct packet *packet, struct tcp_half_open *entry,
                 uint64_t now_ns)
{
    tcp_key_of(packet, &entry->key);
    entry->iss = packet->tcp.acknowledgment - 1;
    entry->irs = packet->tcp.sequence - 1;
    unsigned index = entry->iss & ((1u << COOKIE_MSS_BITS) - 1);
    uint32_t period = period_in(entry->iss, now_ns);
    if (cookie_for(tcp, entry, echo_of(packet), period, index) != entry->iss)
        return false;
    entry->peer_mss = cookie_mss[index];
    entry->dscp = ((uint32_t)packet->ip.traffic_class >> ECN_FIELD_BITS) & 63u;
    entry->ecn = ecn_of_acknowledgment(tcp, packet) & 15u;
    if (!packet->tcp.has_timestamp)
        return true;
    uint32_t carried = packet->tcp.timestamp_echo & ((1u << COOKIE_TIMESTAMP_BITS) - 1);
    entry->flags = HALF_OPEN_TIMESTAMPS;
    if ((carried & COOKIE_ECN) && tcp->knobs.ecn != 0)
        entry->ecn = ECN_CLASSIC;
    entry->ts_recent = packet->tcp.timestamp;
    if ((carried & 15) != COOKIE_NO_SCALE) {
        entry->flags |= HALF_OPEN_SCALING;
        entry->send_scale = carried & 15;
    }
    if (carried & COOKIE_SACK)
        entry->flags |= HALF_OPEN_SACK;
    return true;
}
