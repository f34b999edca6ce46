/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/address.h"
#include "core/ip/ip4.h"
#include "core/wire/icmp4.h"
#include "core/wire/ip4.h"

/*
 * The way up (RFC 1122, 3.2.1): every packet is kept for the burst that goes on, or ends here, or
 * is somebody else's. What a packet is refused for is decided before any memory is spent on it.
 */

/* ---- The header ---- */

/* The header is whole, sound and linear, and what lies behind the datagram is gone. */
static enum chaski_counter check_header(const struct ip4 *ip4, struct packet *packet)
{
    if (packet->linear_length < WIRE_IP4_HEADER && packet->length >= WIRE_IP4_HEADER &&
        !packet_pull_up(packet, WIRE_IP4_HEADER, ip4->memory))
        return CHASKI_DROP_NO_MEMORY;
    enum chaski_counter why = wire_ip4_check(packet->data, packet->length);
    if (why != 0)
        return why;
    if (!packet_pull_up(packet, wire_ip4_header_length(packet->data), ip4->memory))
        return CHASKI_DROP_NO_MEMORY;
    if (!wire_ip4_header_checksum_ok(packet->data))
        return CHASKI_DROP_IP4_CHECKSUM;
    if (packet->length != wire_ip4_total_length(packet->data))
        packet_trim(packet, wire_ip4_total_length(packet->data));
    return 0;
}

/* Options are understood, none is obeyed. A source route is refused whatever it says, since a
 * host that followed it would forward (RFC 1122, 3.3.5; RFC 7126, 4.3). */
static enum chaski_counter check_options(const uint8_t *header, uint32_t *problem)
{
    struct wire_ip4_options options;
    enum chaski_counter why = wire_ip4_parse_options(header, &options);
    *problem = 0;
    if (why != 0)
        *problem = options.error;
    else if (options.source_route != 0)
        why = CHASKI_DROP_IP4_SOURCE_ROUTE;
    return why;
}

/* ---- The addresses ---- */

/* 0.0.0.0 is the source of those who have no address yet, and of IGMP from switches that ask in a
 * router's place (RFC 4541, 2.1.1); only the latter have something to say to us. */
static bool is_possible_source(const struct ip4 *ip4, const struct packet *packet, uint32_t source)
{
    if (source == 0)
        return wire_ip4_protocol(packet->data) == WIRE_IP_IGMP;
    if (source >> 24 == 0 || source >> 28 >= 0xe)
        return false;
    if ((packet->flags & PACKET_LOOPED) != 0)
        return true;
    if (ip4_is_loopback(source))
        return false;
    const struct ip4_route *route = ip4_routes_find(&ip4->routes, source, IP4_ANY_INTERFACE);
    return route == NULL || route->kind == IP4_ROUTE_UNICAST;
}

enum acceptance {
    ACCEPT_NO, /* somebody else's */
    ACCEPT_ONE,
    ACCEPT_MANY, /* it came to a group or a broadcast address */
};

static enum acceptance accept_group(const struct ip4 *ip4, const struct packet *packet,
                                    uint32_t group)
{
    if (group == IP4_ALL_HOSTS)
        return ACCEPT_MANY;
    if (ip4->groups.member == NULL ||
        !ip4->groups.member(ip4->groups.block, packet->interface, group))
        return ACCEPT_NO;
    return ACCEPT_MANY;
}

/* An address of ours is ours on every interface, but 127.0.0.0/8 only from within. */
static enum acceptance accept_destination(const struct ip4 *ip4, const struct packet *packet,
                                          uint32_t destination)
{
    if (destination == IP4_BROADCAST)
        return ACCEPT_MANY;
    if (ip4_is_multicast(destination))
        return accept_group(ip4, packet, destination);
    const struct ip4_route *route = ip4_routes_find(&ip4->routes, destination, IP4_ANY_INTERFACE);
    if (route == NULL || route->kind == IP4_ROUTE_UNICAST)
        return ACCEPT_NO;
    if (ip4_is_loopback(destination) && (packet->flags & PACKET_LOOPED) == 0)
        return ACCEPT_NO;
    return route->kind == IP4_ROUTE_BROADCAST ? ACCEPT_MANY : ACCEPT_ONE;
}

/* Whether it came to us alone, and by a link. */
static inline bool is_plain(const struct packet *packet)
{
    return (packet->flags & ~PACKET_BARE) == 0;
}

/* Whether the last packet had the same addresses, came the same way, and was ours. */
static inline bool is_like_the_last(const struct ip4 *ip4, const struct packet *packet,
                                    uint32_t source, uint32_t destination)
{
    return is_plain(packet) && source == ip4->accepted_source &&
           destination == ip4->accepted_destination && source != 0;
}

static enum chaski_counter check_addresses(struct ip4 *ip4, struct packet *packet, uint32_t source,
                                           uint32_t destination)
{
    if (is_like_the_last(ip4, packet, source, destination))
        return 0;
    if (!is_possible_source(ip4, packet, source))
        return CHASKI_DROP_IP4_SOURCE;
    enum acceptance acceptance = accept_destination(ip4, packet, destination);
    if (acceptance == ACCEPT_NO)
        return CHASKI_DROP_IP4_NOT_OURS;
    packet->ip.destination_multicast = acceptance == ACCEPT_MANY;
    if (acceptance == ACCEPT_MANY)
        return 0;
    if ((packet->flags & (PACKET_LINK_BROADCAST | PACKET_LINK_MULTICAST)) != 0)
        return CHASKI_DROP_IP4_LINK_BROADCAST; /* RFC 1122, 3.3.6 */
    if (is_plain(packet)) {
        ip4->accepted_source = source;
        ip4->accepted_destination = destination;
    }
    return 0;
}

/* ---- One packet ---- */

/* Notes what transports ask about; destination_multicast is there already. */
static void note(struct packet *packet, uint32_t source, uint32_t destination)
{
    const uint8_t *header = packet->data;
    packet_set_network(packet);
    packet->ip.source = address_from_ip4(source);
    packet->ip.destination = address_from_ip4(destination);
    packet->ip.protocol = wire_ip4_protocol(header);
    packet->ip.ttl = wire_ip4_ttl(header);
    packet->ip.traffic_class = wire_ip4_traffic_class(header);
    packet->ip.dont_fragment = wire_ip4_dont_fragment(header);
}

static void strip(struct packet *packet)
{
    packet->protocol = packet->ip.protocol;
    packet_pull(packet, wire_ip4_header_length(packet->data));
    packet_set_transport(packet);
}

static void refuse_options(struct ip4 *ip4, struct packet *packet, enum chaski_counter why,
                           uint32_t problem, uint64_t now_ns)
{
    count(ip4->counters, why);
    if (problem == 0 || ip4->errors.send == NULL)
        packet_free(packet);
    else
        ip4->errors.send(ip4->errors.block, packet, WIRE_ICMP4_PARAMETER_PROBLEM,
                         WIRE_ICMP4_POINTER_INDICATES, problem << 24, now_ns);
}

/* What goes up of an accepted packet: itself, the datagram it completes, or nothing. */
static struct packet *take_in(struct ip4 *ip4, struct packet *packet, uint64_t now_ns)
{
    if (wire_ip4_has_options(packet->data)) {
        uint32_t problem;
        enum chaski_counter why = check_options(packet->data, &problem);
        if (why != 0) {
            refuse_options(ip4, packet, why, problem, now_ns);
            return NULL;
        }
    }
    if (wire_ip4_is_fragment(packet->data)) {
        count(ip4->counters, CHASKI_IP4_FRAGMENTS_RECEIVED);
        packet = ip4_reassembly_add(&ip4->reassembly, packet, now_ns);
        if (packet != NULL && ip4->reassembled.call != NULL) {
            struct burst burst = {.count = 1, .packets = {packet}};
            hook_call(&ip4->reassembled, &burst, now_ns);
            return NULL;
        }
    }
    if (packet != NULL)
        strip(packet);
    return packet;
}

void ip4_deliver(void *block, struct burst *burst, uint64_t now_ns)
{
    struct ip4 *ip4 = block;
    ip4->now_ns = now_ns;
    for (uint32_t i = 0; i < burst->count; i++)
        strip(burst->packets[i]);
    count_many(ip4->counters, CHASKI_IP4_DELIVERED, burst->count);
    hook_call(&ip4->inform, burst, now_ns);
}

static struct packet *receive_one(struct ip4 *ip4, struct packet *packet, struct burst *away,
                                  uint64_t now_ns)
{
    enum chaski_counter why = check_header(ip4, packet);
    if (why != 0) {
        packet_drop(packet, ip4->counters, why);
        return NULL;
    }
    uint32_t source = wire_ip4_source(packet->data);
    uint32_t destination = wire_ip4_destination(packet->data);
    packet->ip.destination_multicast = false;
    why = check_addresses(ip4, packet, source, destination);
    if (why == CHASKI_DROP_IP4_NOT_OURS) {
        packet_set_network(packet);
        burst_add(away, packet, &ip4->forward, now_ns);
        return NULL;
    }
    if (why != 0) {
        packet_drop(packet, ip4->counters, why);
        return NULL;
    }
    note(packet, source, destination);
    return take_in(ip4, packet, now_ns);
}

void ip4_receive(void *block, struct burst *burst, uint64_t now_ns)
{
    struct ip4 *ip4 = block;
    struct burst away;
    uint32_t kept = 0;
    away.count = 0;
    ip4->now_ns = now_ns;
    count_many(ip4->counters, CHASKI_IP4_RECEIVED, burst->count);
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = receive_one(ip4, burst->packets[i], &away, now_ns);
        if (packet != NULL)
            burst->packets[kept++] = packet;
    }
    burst->count = kept;
    count_many(ip4->counters, CHASKI_IP4_DELIVERED, kept);
    hook_call(&ip4->forward, &away, now_ns);
    hook_call(&ip4->inform, burst, now_ns);
}
