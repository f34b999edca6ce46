/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_listener.h"
#include "core/tcp/receiving/tcp_segment.h"
#include "core/tcp/sending/tcp_build.h"
#include "core/tcp/tcp_internal.h"

#include "core/base/bytes.h"
#include "core/base/prefetch.h"

/* Segments from IP: checked, read into packet->tcp, and given to whom they belong. */

static void read_options(struct packet *packet, const uint8_t *header)
{
    struct packet_tcp *tcp = &packet->tcp;
    tcp->sack_count = 0;
    tcp->accecn_offset = 0;
    tcp->user_timeout = 0;
    tcp->newer = false;
    tcp->has_timestamp = wire_tcp_timestamp_only(header, &tcp->timestamp, &tcp->timestamp_echo);
    if (tcp->has_timestamp || tcp->header_length == WIRE_TCP_HEADER)
        return;
    struct wire_tcp_options options;
    wire_tcp_parse_options(header, &options);
    tcp->has_timestamp = options.has_timestamp;
    tcp->timestamp = options.timestamp;
    tcp->timestamp_echo = options.timestamp_echo;
    tcp->sack_count = options.sack_count;
    tcp->sack_offset = options.sack_offset;
    tcp->accecn_offset = options.accecn_offset;
    tcp->user_timeout = options.user_timeout;
}

static void read_header(struct packet *packet)
{
    const uint8_t *header = packet->data;
    struct packet_tcp *tcp = &packet->tcp;
    tcp->sequence = wire_tcp_sequence(header);
    tcp->acknowledgment = wire_tcp_acknowledgment(header);
    tcp->window = wire_tcp_window(header);
    tcp->urgent = wire_tcp_urgent(header);
    tcp->flags = wire_tcp_flags(header);
    tcp->ae = (header[WIRE_TCP_OFFSET_FLAGS] & 1) != 0;
    tcp->header_length = wire_tcp_header_length(header);
    read_options(packet, header);
}

static bool checksum_ok(const struct packet *packet)
{
    if (packet->checksum != CHECKSUM_UNKNOWN)
        return true;
    uint64_t sum = address_pseudo_checksum(&packet->ip.source, &packet->ip.destination,
                                           packet->ip.protocol, packet->length);
    return checksum_finish(sum + packet_checksum_partial(packet, 0)) == 0;
}

/* Makes the header with its options linear; it nearly always is. */
static bool pull_up_header(struct tcp *tcp, struct packet *packet)
{
    if (packet->fragment_count == 0)
        return true;
    if (packet->linear_length < WIRE_TCP_HEADER &&
        !packet_pull_up(packet, minimum(packet->length, WIRE_TCP_HEADER), tcp->memory))
        return false;
    uint32_t header = packet->linear_length < WIRE_TCP_HEADER
                          ? packet->length
                          : minimum(packet->length, wire_tcp_header_length(packet->data));
    return packet->linear_length >= header || packet_pull_up(packet, header, tcp->memory);
}

/* What is wrong with a segment before anything is known of its connection; 0: nothing. */
static enum chaski_counter check(struct tcp *tcp, struct packet *packet)
{
    if (!pull_up_header(tcp, packet))
        return CHASKI_DROP_NO_MEMORY;
    enum chaski_counter wrong = wire_tcp_check(packet->data, packet->linear_length);
    if (wrong != 0)
        return wrong;
    if (!checksum_ok(packet))
        return CHASKI_DROP_TCP_CHECKSUM;
    if (packet->ip.destination_multicast)
        return CHASKI_DROP_TCP_MULTICAST;
    uint16_t source = wire_tcp_source_port(packet->data);
    uint16_t destination = wire_tcp_destination_port(packet->data);
    if (source == 0 || destination == 0)
        return CHASKI_DROP_TCP_PORT;
    if (source == destination && !(packet->flags & PACKET_LOOPED) &&
        address_equal(&packet->ip.source, &packet->ip.destination))
        return CHASKI_DROP_TCP_LAND;
    return 0;
}

/* RFC 9293, 3.10.7.2, state LISTEN. */
static void listen_segment(struct tcp *tcp, struct packet *packet, uint16_t listener,
                           const struct tcp_key *key, uint64_t now_ns)
{
    uint8_t flags = packet->tcp.flags;
    if (flags & TCP_RST) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_NO_CONNECTION);
    } else if ((flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK)) {
        tcp_build_refusal(tcp, packet, now_ns);
    } else if (flags & TCP_ACK) {
        struct tcp_connection *c = half_open_cookie(tcp, packet, listener, now_ns);
        if (c != NULL)
            tcp_segment(tcp, c, packet, now_ns);
    } else if ((flags & (TCP_SYN | TCP_FIN)) == TCP_SYN) {
        half_open_syn(tcp, packet, listener, secret_new_sequence(tcp, key, now_ns), now_ns);
    } else {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
    }
}

static void no_connection(struct tcp *tcp, struct packet *packet, const struct tcp_key *key,
                          uint64_t now_ns)
{
    uint16_t listener = listener_find(tcp, key);
    if (listener != 0)
        listen_segment(tcp, packet, listener, key, now_ns);
    else
        tcp_build_refusal(tcp, packet, now_ns);
}

/*
 * Among many connections hardly anything of the next one is in the cache, and each step to it (the
 * bucket, the connection, its flight) would wait for memory. So a burst takes each step for all its
 * segments before the next step is taken for the first one: while the memory of one is on its way,
 * the others' is too. What is found so is a hint only; each segment is looked up anew when its turn
 * comes, since those before it may have opened and closed connections.
 */

/* Where a burst's segments belong: hashes, and which of them are of the same connection as the one
 * before, as most are in bulk. */
struct ahead {
    uint64_t hash[BURST_MAX];
    uint64_t repeats; /* a bit each */
};

static bool same_flow(const struct packet *a, const struct packet *b)
{
    return memcmp(packet_transport(a), packet_transport(b), 4) == 0 &&
           address_equal(&a->ip.source, &b->ip.source) &&
           address_equal(&a->ip.destination, &b->ip.destination);
}

static void prefetch_buckets(const struct tcp *tcp, const struct burst *burst, struct ahead *ahead)
{
    ahead->repeats = 0;
    for (uint32_t i = 0; i < burst->count; i++) {
        struct tcp_key key;
        if (i != 0 && same_flow(burst->packets[i - 1], burst->packets[i])) {
            ahead->hash[i] = ahead->hash[i - 1];
            ahead->repeats |= UINT64_C(1) << i;
            continue;
        }
        tcp_key_of(burst->packets[i], &key);
        ahead->hash[i] = tcp_table_hash(&tcp->table, &key);
        tcp_table_prefetch(&tcp->table, ahead->hash[i]);
    }
}

/* The connection that a segment seems to belong to, or NULL. */
static struct tcp_connection *guess(const struct tcp *tcp, uint64_t hash)
{
    tcp_reference reference = tcp_table_guess(&tcp->table, hash);
    if (tcp_reference_kind(reference) != TCP_KIND_CONNECTION)
        return NULL;
    return &tcp->connections[tcp_reference_index(reference)];
}

static void prefetch_connections(const struct tcp *tcp, uint32_t count, const struct ahead *ahead)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct tcp_connection *c = guess(tcp, ahead->hash[i]);
        if (c != NULL && (ahead->repeats >> i & 1) == 0)
            prefetch(c, sizeof *c);
    }
}

static void prefetch_flights(const struct tcp *tcp, uint32_t count, const struct ahead *ahead)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct tcp_connection *c = guess(tcp, ahead->hash[i]);
        if (c != NULL && c->flight != NULL && (ahead->repeats >> i & 1) == 0)
            prefetch(c->flight, sizeof *c->flight);
    }
}

static tcp_reference find(struct tcp *tcp, const struct tcp_key *key, uint64_t hash)
{
    tcp_reference found = tcp_table_find_hashed(&tcp->table, key, hash);
    if (tcp_reference_kind(found) == TCP_KIND_CONNECTION)
        tcp->last_lookup = tcp_reference_index(found) + 1;
    return found;
}

static bool is_last(const struct tcp *tcp, const struct tcp_key *key)
{
    return tcp->last_lookup != 0 && tcp_key_equal(&tcp->connections[tcp->last_lookup - 1].key, key);
}

/* What the host asks of any segment; false when it was dropped. */
static bool admits(struct tcp *tcp, tcp_reference found, const struct tcp_key *key,
                   struct packet *packet)
{
    if ((tcp->gates & TCP_GATE_MIN_TTL) && !min_ttl_admits(tcp, found, key, packet))
        return false;
    return !(tcp->gates & TCP_GATE_AO) || ao_admits(tcp, found, key, packet);
}

/* A segment that has been taken in, of the flow `key`. */
static void give(struct tcp *tcp, struct packet *packet, const struct tcp_key *key,
                 tcp_reference found, uint64_t now_ns)
{
    if (tcp->gates != 0 && !admits(tcp, found, key, packet))
        return;
    uint32_t index = tcp_reference_index(found);
    struct tcp_connection *c = NULL;
    switch (tcp_reference_kind(found)) {
    case TCP_KIND_CONNECTION:
        c = &tcp->connections[index];
        break;
    case TCP_KIND_HALF_OPEN:
        c = half_open_segment(tcp, index, packet, now_ns);
        break;
    case TCP_KIND_TIME_WAIT:
        time_wait_segment(tcp, index, packet, now_ns);
        break;
    case TCP_KIND_NONE:
        no_connection(tcp, packet, key, now_ns);
        break;
    }
    if (c != NULL)
        tcp_segment(tcp, c, packet, now_ns);
}

/* Checks a segment and reads its header; false when it was dropped. */
static bool take_in(struct tcp *tcp, struct packet *packet)
{
    enum chaski_counter wrong = check(tcp, packet);
    if (wrong != 0) {
        packet_drop(packet, tcp->counters, wrong);
        return false;
    }
    packet_set_transport(packet);
    read_header(packet);
    packet_pull(packet, packet->tcp.header_length);
    count(tcp->counters, CHASKI_TCP_SEGMENTS_RECEIVED);
    return true;
}

static void take_all_in(struct tcp *tcp, struct burst *burst)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < burst->count; i++) {
        if (take_in(tcp, burst->packets[i]))
            burst->packets[kept++] = burst->packets[i];
    }
    burst->count = kept;
}

static void look_ahead(const struct tcp *tcp, const struct burst *burst, struct ahead *ahead)
{
    prefetch_buckets(tcp, burst, ahead);
    prefetch_connections(tcp, burst->count, ahead);
    prefetch_flights(tcp, burst->count, ahead);
}

void tcp_receive(void *block, struct burst *burst, uint64_t now_ns)
{
    struct tcp *tcp = block;
    struct ahead ahead;
    tcp->now_ns = now_ns;
    take_all_in(tcp, burst);
    bool looked = burst->count > 1;
    if (looked)
        look_ahead(tcp, burst, &ahead);
    for (uint32_t i = 0; i < burst->count; i++) {
        struct tcp_key key;
        tcp_key_of(burst->packets[i], &key);
        tcp_reference found = tcp_refer(TCP_KIND_CONNECTION, tcp->last_lookup - 1);
        if (!is_last(tcp, &key))
            found = find(tcp, &key, looked ? ahead.hash[i] : tcp_table_hash(&tcp->table, &key));
        give(tcp, burst->packets[i], &key, found, now_ns);
    }
    burst->count = 0;
}
