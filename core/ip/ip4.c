/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/ip/ip4.h"

#include "chaski/chaski.h"
#include "core/base/address.h"
#include "core/base/random.h"
#include "core/wire/icmp4.h"
#include "core/wire/ip4.h"

/* Setup, and what transports see of IPv4. */

/* ---- Setup ---- */

/* What `forward` is in a host that does not forward. */
static void drop_not_ours(void *block, struct burst *burst, uint64_t now_ns)
{
    struct ip4 *ip4 = block;
    (void)now_ns;
    for (uint32_t i = 0; i < burst->count; i++)
        packet_drop(burst->packets[i], ip4->counters, CHASKI_DROP_IP4_NOT_OURS);
    burst->count = 0;
}

/* A first fragment whose datagram never was completed (RFC 1122, 3.3.2). */
static void reassembly_expired(void *block, struct packet *first, uint64_t now_ns)
{
    struct ip4 *ip4 = block;
    if (ip4->errors.send == NULL)
        packet_free(first);
    else
        ip4->errors.send(ip4->errors.block, first, WIRE_ICMP4_TIME_EXCEEDED,
                         WIRE_ICMP4_REASSEMBLY_EXCEEDED, 0, now_ns);
}

static void wire_nothing(struct ip4 *ip4, struct counters *counters)
{
    struct hook nowhere = {hook_not_wired, counters};
    ip4->inform = nowhere;
    ip4->loop = nowhere;
    ip4->forward = (struct hook){drop_not_ours, ip4};
    for (unsigned i = 0; i < IP4_INTERFACES; i++)
        ip4->interfaces[i].request = nowhere;
}

static void add_loopback_network(struct ip4 *ip4)
{
    struct ip4_route route = {.prefix = 0x7f000000, .length = 8, .kind = IP4_ROUTE_LOCAL};
    ip4_routes_add(&ip4->routes, &route);
}

enum { ROUTES_OF_AN_ADDRESS = 4 }; /* itself, its network, two broadcast addresses */

void ip4_setup(struct ip4 *ip4, struct memory *memory, const struct ip4_limits *limits,
               struct packet_memory *packets, struct counters *counters, struct timer_wheel *wheel,
               const struct siphash_key *key)
{
    struct random random = {.key = *key};
    struct siphash_key paths_key = random_key(&random);
    struct siphash_key identification_key = random_key(&random);
    struct siphash_key reassembly_key = random_key(&random);
    struct ip4_routes routes = {0};
    struct ip4_paths paths = {0};
    struct ip4_reassembly reassembly = {0}, *pieces = ip4 == NULL ? &reassembly : &ip4->reassembly;
    struct ip4_address *addresses = memory_take(memory, limits->addresses * sizeof *addresses);
    ip4_routes_init(&routes, memory, limits->routes + ROUTES_OF_AN_ADDRESS * limits->addresses + 1);
    ip4_paths_init(&paths, memory, limits->paths, &paths_key);
    ip4_reassembly_init(pieces, memory, &limits->reassembly, packets, counters, wheel,
                        &reassembly_key);
    if (ip4 == NULL || memory->base == NULL || memory->used > memory->size)
        return;
    memset(ip4, 0, offsetof(struct ip4, reassembly));
    ip4->counters = counters;
    ip4->memory = packets;
    ip4->routes = routes;
    ip4->paths = paths;
    ip4->addresses = addresses;
    ip4->address_limit = limits->addresses;
    ip4->reassembly.expired = reassembly_expired;
    ip4->reassembly.expired_block = ip4;
    wire_nothing(ip4, counters);
    ip4_identification_init(&ip4->identification, &identification_key);
    add_loopback_network(ip4);
}

void ip4_interface_add(struct ip4 *ip4, uint8_t interface, uint16_t mtu, struct hook request)
{
    ip4->interfaces[interface] = (struct ip4_interface){
        .request = request,
        .mtu = mtu,
        .used = true,
    };
}

/* ---- What transports see ---- */

/* Interface number plus one, or 0, as transports say it. */
static bool read_interface(const struct ip4 *ip4, uint16_t said, uint8_t *interface)
{
    *interface = IP4_ANY_INTERFACE;
    if (said == 0)
        return true;
    if (said > IP4_INTERFACES || !ip4->interfaces[said - 1].used)
        return false;
    *interface = (uint8_t)(said - 1);
    return true;
}

/* What would be chosen is ours: mostly that is what was asked for. */
static bool is_ours(const struct ip4 *ip4, const struct ip4_target *target, uint32_t address)
{
    return (address != 0 && address == target->source) || ip4_is_local(ip4, address);
}

/* The address to send from: the one that was asked for, if it is ours and fits. */
static bool settle_source(const struct ip4 *ip4, const struct chaski_address *asked,
                          const struct ip4_target *target, uint32_t *source)
{
    *source = target->source;
    if (address_unspecified(asked))
        return true;
    *source = address_ip4(asked);
    if (!address_is_ip4(asked) || !is_ours(ip4, target, *source))
        return false;
    return !ip4_is_loopback(*source) || target->kind == IP4_ROUTE_LOCAL;
}

static int path(void *block, uint8_t protocol, const struct chaski_address *source,
                const struct chaski_address *destination, uint16_t interface, struct ip_path *found)
{
    struct ip4 *ip4 = block;
    const struct ip4_path *entry;
    uint8_t by;
    uint32_t from;
    if (!address_is_ip4(destination) || !read_interface(ip4, interface, &by))
        return CHASKI_NO_ROUTE;
    const struct ip4_target *target = ip4_target(ip4, address_ip4(destination), by);
    if (target == NULL)
        return CHASKI_NO_ROUTE;
    if (!settle_source(ip4, source, target, &from))
        return CHASKI_BAD_ADDRESS;
    if (from == 0 && target->kind == IP4_ROUTE_UNICAST && !target->multicast)
        return CHASKI_NO_ROUTE;
    bool local = target->kind == IP4_ROUTE_LOCAL;
    *found = (struct ip_path){
        .source = address_from_ip4(from),
        .next_hop = address_from_ip4(target->next_hop),
        .mtu = ip4_path_mtu(ip4, target, protocol, &entry),
        .link_mtu = local ? WIRE_IP4_TOTAL_MAX : ip4->interfaces[target->interface].mtu,
        .interface = target->interface,
        .local = local,
        .broadcast = target->kind == IP4_ROUTE_BROADCAST,
        .multicast = target->multicast,
    };
    return 0;
}

static bool is_local(void *block, const struct chaski_address *address)
{
    return address_is_ip4(address) && ip4_is_local(block, address_ip4(address));
}

/* How a unicast destination on a link is reached; NULL: it is none. */
static const struct ip4_target *unicast_target(struct ip4 *ip4,
                                               const struct chaski_address *destination)
{
    const struct ip4_target *target = ip4_target(ip4, address_ip4(destination), IP4_ANY_INTERFACE);
    return target != NULL && target->kind == IP4_ROUTE_UNICAST ? target : NULL;
}

static void confirm(void *block, const struct chaski_address *destination, uint64_t now_ns)
{
    struct ip4 *ip4 = block;
    const struct ip4_target *target = unicast_target(ip4, destination);
    if (target == NULL)
        return;
    const struct ip4_interface *interface = &ip4->interfaces[target->interface];
    if (interface->confirm != NULL)
        interface->confirm(interface->neighbours, target->interface, target->next_hop, now_ns);
}

static void doubt(void *block, const struct chaski_address *destination, uint64_t now_ns)
{
    struct ip4 *ip4 = block;
    const struct ip4_target *target = unicast_target(ip4, destination);
    if (target == NULL)
        return;
    const struct ip4_interface *interface = &ip4->interfaces[target->interface];
    if (interface->doubt != NULL)
        interface->doubt(interface->neighbours, target->interface, target->next_hop, now_ns);
}

static void port_unreachable(void *block, struct packet *packet, uint64_t now_ns)
{
    struct ip4 *ip4 = block;
    count(ip4->counters, CHASKI_DROP_PORT_UNREACHABLE);
    if (ip4->errors.send == NULL)
        packet_free(packet);
    else
        ip4->errors.send(ip4->errors.block, packet, WIRE_ICMP4_UNREACHABLE,
                         WIRE_ICMP4_PORT_UNREACHABLE, 0, now_ns);
}

/* The interface on which a group is meant. */
static int settle_group(struct ip4 *ip4, const struct chaski_address *group, uint16_t said,
                        uint8_t *interface)
{
    if (!address_is_ip4(group) || !address_is_multicast(group) || ip4->groups.member == NULL)
        return CHASKI_BAD_ADDRESS;
    if (!read_interface(ip4, said, interface))
        return CHASKI_INVALID;
    if (*interface != IP4_ANY_INTERFACE)
        return 0;
    const struct ip4_target *target = ip4_target(ip4, address_ip4(group), IP4_ANY_INTERFACE);
    if (target == NULL)
        return CHASKI_NO_ROUTE;
    *interface = target->interface;
    return 0;
}

static int join(void *block, const struct chaski_address *group, uint16_t said, uint64_t now_ns)
{
    struct ip4 *ip4 = block;
    uint8_t interface;
    int error = settle_group(ip4, group, said, &interface);
    if (error != 0)
        return error;
    return ip4->groups.join(ip4->groups.block, interface, address_ip4(group), now_ns);
}

static int leave(void *block, const struct chaski_address *group, uint16_t said, uint64_t now_ns)
{
    struct ip4 *ip4 = block;
    uint8_t interface;
    int error = settle_group(ip4, group, said, &interface);
    if (error != 0)
        return error;
    return ip4->groups.leave(ip4->groups.block, interface, address_ip4(group), now_ns);
}

void ip4_network(struct ip4 *ip4, struct network *network)
{
    *network = (struct network){
        .transmit = {ip4_transmit, ip4},
        .block = ip4,
        .path = path,
        .is_local = is_local,
        .confirm = confirm,
        .doubt = doubt,
        .port_unreachable = port_unreachable,
        .join = join,
        .leave = leave,
    };
}
