/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/address.h"
#include "core/ip/ip4.h"
#include "core/wire/ethernet.h"
#include "core/wire/ip4.h"

/* The way down: header, fragments, and out by the interface, by the loopback, or both. */

/* Packets on their way to one hook. */
struct outlet {
    const struct hook *hook;
    struct burst burst;
};

static void outlet_turn(struct outlet *outlet, const struct hook *hook, uint64_t now_ns)
{
    if (outlet->hook == hook)
        return;
    if (outlet->hook != NULL)
        hook_call(outlet->hook, &outlet->burst, now_ns);
    outlet->hook = hook;
}

static uint8_t default_ttl(const struct ip4_target *target)
{
    return target->multicast ? 1 : IP4_TTL; /* RFC 1112, 6.1 */
}

/* How many packets the edge will make of this one. */
static uint16_t frames_of(const struct packet *packet)
{
    if (packet->segment_size == 0)
        return 1;
    return (uint16_t)(packet->length / packet->segment_size + 1);
}

static void push_header(struct ip4 *ip4, struct packet *packet, const struct ip4_target *target,
                        bool dont_fragment)
{
    uint32_t asked = address_unspecified(&packet->ip.source) ? 0 : address_ip4(&packet->ip.source);
    struct wire_ip4_fields fields = {
        .source = asked != 0 ? asked : target->source,
        .destination = target->destination,
        .payload_length = (uint16_t)packet->length,
        .fragment = dont_fragment ? WIRE_IP4_DONT_FRAGMENT : 0,
        .traffic_class = packet->ip.traffic_class,
        .ttl = packet->ip.ttl != 0 ? packet->ip.ttl : default_ttl(target),
        .protocol = packet->ip.protocol,
        .router_alert = packet->ip.router_alert,
    };
    if (!dont_fragment) /* an atomic datagram needs none (RFC 6864, 4.1) */
        fields.identification =
            ip4_identification_take(&ip4->identification, fields.source, fields.destination,
                                    fields.protocol, frames_of(packet));
    wire_ip4_build(packet_push(packet, wire_ip4_build_length(&fields)), &fields);
    packet_set_network(packet);
    packet->protocol = WIRE_ETHERNET_IP4;
    packet->interface = target->interface;
    packet->next_hop = address_from_ip4(target->next_hop);
}

/* ---- To this host ---- */

/* A copy of a datagram that goes out as well. */
static struct packet *copy(struct ip4 *ip4, const struct packet *packet)
{
    struct packet_memory *memory = ip4->memory;
    bool small = packet->length + PACKET_HEAD_ROOM <= SMALL_BUFFER;
    if (packet->length + PACKET_HEAD_ROOM > LARGE_BUFFER)
        return NULL;
    struct buffer *buffer = buffer_take(small ? &memory->small : &memory->large, FOR_SEND);
    if (buffer == NULL)
        return NULL;
    struct packet *made = packet_take_in(&memory->packets, buffer, PACKET_HEAD_ROOM, FOR_SEND);
    if (made == NULL) {
        buffer_drop(buffer);
        return NULL;
    }
    packet_copy_out(packet, 0, packet_put(made, packet->length), packet->length);
    made->interface = packet->interface;
    return made;
}

/* Whether we are among those whom a datagram for many is for. */
static bool is_heard_here(const struct ip4 *ip4, const struct packet *packet,
                          const struct ip4_target *target)
{
    if (packet->ip.no_loop)
        return false;
    if (target->kind == IP4_ROUTE_BROADCAST)
        return true;
    return target->multicast && ip4->groups.member != NULL &&
           ip4->groups.member(ip4->groups.block, target->interface, target->destination);
}

static void loop_copy(struct ip4 *ip4, const struct packet *packet, uint64_t now_ns)
{
    struct packet *made = copy(ip4, packet);
    if (made == NULL) {
        count(ip4->counters, CHASKI_DROP_NO_MEMORY);
        return;
    }
    struct burst burst = {.count = 1, .packets = {made}};
    hook_call(&ip4->loop, &burst, now_ns);
}

/* ---- One packet ---- */

static void transmit_whole(const struct ip4 *ip4, struct packet *packet, struct outlet *outlet,
                           uint64_t now_ns)
{
    ip4_show(ip4, packet);
    burst_add(&outlet->burst, packet, outlet->hook, now_ns);
}

static enum chaski_counter transmit_one(struct ip4 *ip4, struct packet *packet,
                                        struct outlet *outlet, uint64_t now_ns)
{
    uint8_t by = packet->ip.interface == 0 ? (uint8_t)IP4_ANY_INTERFACE
                                           : (uint8_t)(packet->ip.interface - 1);
    const struct ip4_target *target = ip4_target(ip4, address_ip4(&packet->ip.destination), by);
    const struct ip4_path *path;
    if (target == NULL || !address_is_ip4(&packet->ip.destination))
        return CHASKI_DROP_IP4_NO_ROUTE;
    uint16_t mtu = ip4_path_mtu(ip4, target, packet->ip.protocol, &path);
    bool may_fragment = !packet->ip.dont_fragment || (path != NULL && path->fragment);
    uint32_t header = WIRE_IP4_HEADER + (packet->ip.router_alert ? WIRE_IP4_ROUTER_ALERT_SIZE : 0);
    if (packet->length + header > WIRE_IP4_TOTAL_MAX)
        return CHASKI_DROP_IP4_TOO_BIG;
    /* Segments that are to be cut fit by construction. */
    bool too_long = packet->segment_size == 0 && packet->length + header > mtu;
    if (too_long && !may_fragment)
        return CHASKI_DROP_IP4_TOO_BIG;
    push_header(ip4, packet, target, !may_fragment);
    count(ip4->counters, CHASKI_IP4_SENT);
    bool local = target->kind == IP4_ROUTE_LOCAL;
    if (!local && is_heard_here(ip4, packet, target))
        loop_copy(ip4, packet, now_ns);
    const struct hook *hook = local ? &ip4->loop : &ip4->interfaces[target->interface].request;
    outlet_turn(outlet, hook, now_ns);
    if (too_long)
        ip4_fragment(ip4, packet, mtu, &outlet->burst, hook, now_ns);
    else
        transmit_whole(ip4, packet, outlet, now_ns);
    return 0;
}

void ip4_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct ip4 *ip4 = block;
    struct outlet outlet;
    outlet.hook = NULL;
    outlet.burst.count = 0;
    ip4->now_ns = now_ns;
    for (uint32_t i = 0; i < burst->count; i++) {
        enum chaski_counter why = transmit_one(ip4, burst->packets[i], &outlet, now_ns);
        if (why != 0)
            packet_drop(burst->packets[i], ip4->counters, why);
    }
    burst->count = 0;
    outlet_turn(&outlet, NULL, now_ns);
}
