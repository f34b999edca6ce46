/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/address.h"
#include "core/ip/icmp4.h"
#include "core/wire/icmp4.h"
#include "core/wire/ip4.h"

/* Errors about what we received: when to be silent, how often to speak, and what to say. */

enum {
    LINK_ROOM = 18,         /* an Ethernet header with a tag */
    TOTAL_TOKENS = 100,     /* together */
    DESTINATION_TOKENS = 6, /* to one destination */
};

#define TOTAL_TOKEN_NS UINT64_C(500000)          /* 2000 a second, two an error on average */
#define DESTINATION_TOKEN_NS UINT64_C(100000000) /* ten a second */

/* ---- Whether ---- */

static bool is_about_an_error(const struct packet *packet)
{
    uint8_t type;
    const uint8_t *header = packet_network(packet);
    uint32_t pulled = (uint32_t)(packet->data - header);
    uint32_t before = wire_ip4_header_length(header);
    if (packet->ip.protocol != WIRE_IP_ICMP4 || pulled > before ||
        packet->length <= before - pulled)
        return false;
    packet_copy_out(packet, before - pulled, &type, 1);
    return wire_icmp4_is_error(type);
}

/* RFC 1122, 3.2.2. */
static bool is_silence_due(const struct packet *packet)
{
    uint32_t source = address_ip4(&packet->ip.source);
    if ((packet->flags & (PACKET_LINK_BROADCAST | PACKET_LINK_MULTICAST)) != 0 ||
        packet->ip.destination_multicast)
        return true;
    if (source >> 24 == 0 || source >> 28 >= 0xe)
        return true;
    if (wire_ip4_fragment_offset(packet_network(packet)) != 0)
        return true;
    return is_about_an_error(packet);
}

/* Takes tokens from a bucket that holds `size` of them and gains one in `token_ns`. */
static bool take_tokens(struct icmp4_bucket *bucket, uint64_t tokens, uint64_t size,
                        uint64_t token_ns, uint64_t now_ns)
{
    uint64_t full_at = bucket->full_at_ns > now_ns ? bucket->full_at_ns : now_ns;
    if (full_at + tokens * token_ns > now_ns + size * token_ns)
        return false;
    bucket->full_at_ns = full_at + tokens * token_ns;
    return true;
}

static bool is_within_rate(struct icmp4 *icmp4, const struct packet *packet, uint64_t now_ns)
{
    if (packet->flags & PACKET_LOOPED)
        return true;
    uint32_t destination = address_ip4(&packet->ip.source);
    uint64_t word = destination;
    uint64_t hash = siphash_words(&icmp4->bucket_key, &word, 1);
    struct icmp4_bucket *bucket = &icmp4->buckets[hash % ICMP4_BUCKETS];
    uint64_t cost = 1 + random_draw_below(&icmp4->random, 3);
    return take_tokens(bucket, 1, DESTINATION_TOKENS, DESTINATION_TOKEN_NS, now_ns) &&
           take_tokens(&icmp4->total, cost, TOTAL_TOKENS, TOTAL_TOKEN_NS, now_ns);
}

/* ---- What ---- */

/* The datagram from its IP header on, as much as an error quotes, with room for headers in front:
 * the packet itself, or one that refers to it. Consumes `packet` even when there is none. */
static struct packet *quote(struct icmp4 *icmp4, struct packet *packet)
{
    uint32_t room = LINK_ROOM + WIRE_IP4_HEADER + WIRE_ICMP4_HEADER;
    packet_push(packet, (uint32_t)(packet->data - packet_network(packet)));
    if (packet->length > WIRE_ICMP4_QUOTE_MAX)
        packet_trim(packet, WIRE_ICMP4_QUOTE_MAX);
    if (!packet_is_shared(packet) && packet_head_room(packet) >= room)
        return packet;
    struct packet *copy =
        packet_slice(packet, 0, packet->length, &icmp4->memory->packets, FOR_CONTROL);
    if (copy != NULL)
        copy->ip = packet->ip;
    packet_free(packet);
    return copy;
}

static void push_header(struct packet *packet, uint8_t type, uint8_t code, uint32_t rest)
{
    uint8_t *header = packet_push(packet, WIRE_ICMP4_HEADER);
    wire_icmp4_build(header, type, code, rest);
    wire_icmp4_set_checksum(header, checksum_finish(packet_checksum_partial(packet, 0)));
    packet_set_transport(packet);
    packet->checksum = CHECKSUM_COMPLETE;
    packet->flags = 0;
    packet->segment_size = 0;
    packet->ip = (struct packet_ip){
        .source = packet->ip.destination,
        .destination = packet->ip.source,
        .protocol = WIRE_IP_ICMP4,
        .traffic_class = ICMP4_ERROR_CLASS,
    };
}

void icmp4_error(void *block, struct packet *packet, uint8_t type, uint8_t code, uint32_t rest,
                 uint64_t now_ns)
{
    struct icmp4 *icmp4 = block;
    bool silent = is_silence_due(packet);
    if (silent || !is_within_rate(icmp4, packet, now_ns)) {
        count(icmp4->counters, silent ? CHASKI_ICMP4_ERRORS_SILENT : CHASKI_ICMP4_ERRORS_LIMITED);
        packet_free(packet);
        return;
    }
    packet = quote(icmp4, packet);
    if (packet == NULL)
        return;
    push_header(packet, type, code, rest);
    count(icmp4->counters, CHASKI_ICMP4_ERRORS_SENT);
    struct burst burst = {.count = 1, .packets = {packet}};
    hook_call(&icmp4->request, &burst, now_ns);
}

void icmp4_protocol_unreachable(void *block, struct burst *burst, uint64_t now_ns)
{
    struct icmp4 *icmp4 = block;
    count_many(icmp4->counters, CHASKI_DROP_PROTOCOL_UNREACHABLE, burst->count);
    for (uint32_t i = 0; i < burst->count; i++)
        icmp4_error(icmp4, burst->packets[i], WIRE_ICMP4_UNREACHABLE,
                    WIRE_ICMP4_PROTOCOL_UNREACHABLE, 0, now_ns);
    burst->count = 0;
}
