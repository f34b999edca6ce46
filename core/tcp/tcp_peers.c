/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_peers.h"

#include "core/tcp/tcp_internal.h"

enum {
    WAYS = 4,
    LIFE_S = 3600, /* as Linux: paths change */
};

void peers_setup(struct tcp_peers *peers, struct memory *memory, uint32_t limit)
{
    uint8_t ways = limit < WAYS ? (uint8_t)limit : WAYS;
    uint32_t sets = limit < WAYS ? limit != 0 : limit / WAYS;
    struct tcp_peer *array = memory_take(memory, (size_t)sets * ways * sizeof *array);
    if (array == NULL)
        return;
    peers->array = array;
    peers->sets = sets;
    peers->ways = ways;
}

/* ---- Entries ------------------------------------------------------------------------------- */

/* The key is that of ports, which are drawn by five words: the two hashes tell nothing of each
 * other. */
static struct tcp_peer *set_of(const struct tcp *tcp, const struct chaski_address *address)
{
    const struct tcp_peers *peers = &tcp->peers;
    struct address_words halves = address_words(address);
    uint64_t words[2] = {halves.high, halves.low};
    uint32_t hash = (uint32_t)siphash_words(&tcp->secrets.port, words, 2);
    return &peers->array[((uint64_t)hash * peers->sets >> 32) * peers->ways];
}

static struct tcp_peer *find_in(const struct tcp *tcp, struct tcp_peer *set,
                                const struct chaski_address *address)
{
    for (uint32_t i = 0; i < tcp->peers.ways; i++)
        if (address_equal(&set[i].address, address))
            return &set[i];
    return NULL;
}

struct tcp_peer *peers_find(const struct tcp *tcp, const struct chaski_address *address)
{
    return tcp->peers.used ? find_in(tcp, set_of(tcp, address), address) : NULL;
}

static bool is_free(const struct tcp_peer *peer)
{
    return address_unspecified(&peer->address);
}

static bool gives_way(const struct tcp_peer *peer, const struct tcp_peer *other)
{
    if (is_free(peer) || is_free(other))
        return is_free(peer);
    if (peer->opens_fast != other->opens_fast)
        return other->opens_fast;
    return peer->told_s < other->told_s;
}

static struct tcp_peer *place_in(const struct tcp *tcp, struct tcp_peer *set, bool opens_fast)
{
    struct tcp_peer *first = set;
    for (uint32_t i = 1; i < tcp->peers.ways; i++)
        if (gives_way(&set[i], first))
            first = &set[i];
    return first->opens_fast && !opens_fast ? NULL : first;
}

static uint32_t clock_s(const struct tcp *tcp)
{
    return (uint32_t)(tcp->now_ns / 1000000000);
}

static bool is_recent(const struct tcp *tcp, const struct tcp_peer *peer)
{
    return clock_s(tcp) - peer->told_s < LIFE_S;
}

struct tcp_peer *peers_take(struct tcp *tcp, const struct chaski_address *address, bool opens_fast)
{
    if (tcp->peers.sets == 0)
        return NULL;
    struct tcp_peer *set = set_of(tcp, address), *peer = find_in(tcp, set, address);
    if (peer == NULL) {
        peer = place_in(tcp, set, opens_fast);
        if (peer == NULL)
            return NULL;
        *peer = (struct tcp_peer){.address = *address};
    } else if (!is_recent(tcp, peer)) {
        peer->rtt_us8 = peer->threshold = peer->reordering = 0;
    }
    peer->told_s = clock_s(tcp);
    peer->opens_fast |= opens_fast;
    tcp->peers.used = true;
    return peer;
}

static const struct tcp_peer *recent(const struct tcp *tcp, const struct chaski_address *address)
{
    const struct tcp_peer *peer = peers_find(tcp, address);
    return peer != NULL && is_recent(tcp, peer) ? peer : NULL;
}

/* ---- The end of a connection --------------------------------------------------------------- */

/* What is too long costs little: it is believed at once, and forgotten slowly. */
static void learn_round_trip(struct tcp_peer *peer, uint32_t srtt_us8)
{
    peer->rtt_us8 =
        peer->rtt_us8 > srtt_us8 ? peer->rtt_us8 - (peer->rtt_us8 - srtt_us8) / 8 : srtt_us8;
}

/* Linux's rules: a window that was found in congestion avoidance is what the path bears. One that
 * still grew, or was being repaired, is so much at least; that raises what is known, no more. */
static void learn_threshold(struct tcp_peer *peer, const struct tcp_connection *c)
{
    uint32_t half = c->congestion.window / 2, threshold = c->congestion.threshold;
    bool unknown = threshold >= CONGESTION_THRESHOLD_UNKNOWN;
    if (!unknown && c->congestion.window >= threshold && c->recovery == TCP_CA_OPEN)
        peer->threshold = maximum(half, threshold);
    else if (peer->threshold != 0)
        peer->threshold = maximum(peer->threshold, unknown ? half : threshold);
}

static void learn_reordering(struct tcp *tcp, struct tcp_peer *peer, const struct tcp_connection *c)
{
    uint16_t seen = c->flight != NULL ? c->flight->rack.reordering : 0;
    if (seen <= tcp->knobs.reordering || seen <= peer->reordering)
        return;
    peer->reordering = seen;
    tcp->peers.reordering = true;
}

void peers_learn(struct tcp *tcp, const struct tcp_connection *c)
{
    bool measured = c->srtt_us8 != 0 && c->backoff == 0;
    if (tcp->knobs.no_metrics_save)
        return;
    struct tcp_peer *peer =
        measured ? peers_take(tcp, &c->key.remote, false) : peers_find(tcp, &c->key.remote);
    if (peer == NULL)
        return;
    if (!measured) { /* what was known may be what made it fail */
        peer->rtt_us8 = 0;
        return;
    }
    learn_round_trip(peer, c->srtt_us8);
    if (!tcp->knobs.no_ssthresh_metrics_save)
        learn_threshold(peer, c);
    learn_reordering(tcp, peer, c);
}

/* ---- The begin of the next ----------------------------------------------------------------- */

void peers_recall(const struct tcp *tcp, struct tcp_connection *c)
{
    const struct tcp_peer *peer = recent(tcp, &c->key.remote);
    if (peer == NULL)
        return;
    if (peer->threshold != 0 && !tcp->knobs.no_ssthresh_metrics_save)
        c->congestion.threshold = maximum(peer->threshold, 2u * c->mss);
    if (peer->rtt_us8 <= c->srtt_us8)
        return;
    /* What a first sample would make of it (RFC 6298, 2.2); but others behind the same address may
     * have been slow on purpose: no more than who knows nothing waits at most. */
    uint32_t rtt_us = peer->rtt_us8 / 8;
    uint32_t rto_us = rtt_us + maximum(2 * rtt_us, tcp_rto_min_us(tcp, c));
    rto_us = minimum(minimum(rto_us, RTO_AFTER_LOST_SYN_US), tcp_rto_max_us(tcp, c));
    c->rto_us = c->srtt_us8 == 0 ? rto_us : maximum(c->rto_us, rto_us);
}

uint16_t peers_reordering(const struct tcp *tcp, const struct chaski_address *address)
{
    const struct tcp_peer *peer = tcp->peers.reordering ? recent(tcp, address) : NULL;
    return peer != NULL ? peer->reordering : 0;
}
