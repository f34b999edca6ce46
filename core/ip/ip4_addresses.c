/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/ip/ip4.h"

#include "chaski/chaski.h"
#include "core/base/address.h"
#include "core/wire/ip4.h"

/* Our addresses, the routes that come with them, and where a destination goes. */

/* What was remembered of earlier answers may be wrong now. */
static void forget_answers(struct ip4 *ip4)
{
    ip4->changes++;
    ip4->last_target.destination = 0;
    ip4->accepted_source = 0;
    ip4->accepted_destination = 0;
}

/* ---- Addresses ---- */

static uint32_t broadcast_of(const struct ip4_address *address)
{
    return address->address | ~ip4_mask(address->length);
}

static void add_routes_of(struct ip4 *ip4, const struct ip4_address *address)
{
    struct ip4_route route = {
        .prefix = address->address,
        .length = 32,
        .source = address->address,
        .kind = IP4_ROUTE_LOCAL,
        .interface = address->interface,
    };
    ip4_routes_add(&ip4->routes, &route);
    if (address->length == 32)
        return;
    route.length = address->length;
    route.kind = IP4_ROUTE_UNICAST;
    ip4_routes_add(&ip4->routes, &route);
    if (address->length == 31) /* two hosts and no broadcast (RFC 3021) */
        return;
    route.length = 32;
    route.kind = IP4_ROUTE_BROADCAST;
    route.prefix = broadcast_of(address);
    ip4_routes_add(&ip4->routes, &route);
    route.prefix = address->address & ip4_mask(address->length); /* RFC 1122, 3.3.6 */
    ip4_routes_add(&ip4->routes, &route);
}

static void remove_routes_of(struct ip4 *ip4, const struct ip4_address *address)
{
    struct ip4_routes *routes = &ip4->routes;
    uint8_t interface = address->interface;
    ip4_routes_remove(routes, address->address, 32, IP4_ROUTE_LOCAL, interface);
    if (address->length == 32)
        return;
    ip4_routes_remove(routes, address->address, address->length, IP4_ROUTE_UNICAST, interface);
    if (address->length == 31)
        return;
    ip4_routes_remove(routes, broadcast_of(address), 32, IP4_ROUTE_BROADCAST, interface);
    ip4_routes_remove(routes, address->address & ip4_mask(address->length), 32, IP4_ROUTE_BROADCAST,
                      interface);
}

/* Addresses may share a network; the first one's routes are written last and hold. */
static void refresh_routes(struct ip4 *ip4, uint8_t interface)
{
    for (uint32_t i = ip4->address_count; i-- != 0;)
        if (ip4->addresses[i].interface == interface)
            add_routes_of(ip4, &ip4->addresses[i]);
    forget_answers(ip4);
}

/* An address that one host can have. */
static bool is_hosts(const struct ip4_address *address)
{
    uint32_t a = address->address;
    if (a >> 24 == 0 || ip4_is_loopback(a) || a >> 28 >= 0xe)
        return false;
    if (address->length == 0 || address->length > 32)
        return false;
    uint32_t host = a & ~ip4_mask(address->length);
    return address->length >= 31 || (host != 0 && host != ~ip4_mask(address->length));
}

int ip4_address_add(struct ip4 *ip4, uint8_t interface, uint32_t address, unsigned length)
{
    struct ip4_address added = {address, interface, (uint8_t)length};
    if (interface >= IP4_INTERFACES || !ip4->interfaces[interface].used || length > 32 ||
        !is_hosts(&added))
        return CHASKI_INVALID;
    if (ip4_is_local(ip4, address))
        return CHASKI_IN_USE;
    if (ip4->address_count == ip4->address_limit)
        return CHASKI_NO_MEMORY;
    ip4->addresses[ip4->address_count++] = added;
    refresh_routes(ip4, interface);
    return 0;
}

int ip4_address_remove(struct ip4 *ip4, uint8_t interface, uint32_t address)
{
    uint32_t i = 0;
    while (i < ip4->address_count &&
           (ip4->addresses[i].address != address || ip4->addresses[i].interface != interface))
        i++;
    if (i == ip4->address_count)
        return CHASKI_BAD_ADDRESS;
    remove_routes_of(ip4, &ip4->addresses[i]);
    ip4->address_count--;
    memmove(&ip4->addresses[i], &ip4->addresses[i + 1],
            (ip4->address_count - i) * sizeof ip4->addresses[0]);
    refresh_routes(ip4, interface);
    return 0;
}

bool ip4_is_local(const struct ip4 *ip4, uint32_t address)
{
    const struct ip4_route *route = ip4_routes_find(&ip4->routes, address, IP4_ANY_INTERFACE);
    return route != NULL && route->kind == IP4_ROUTE_LOCAL;
}

/* ---- Routes ---- */

int ip4_route_add(struct ip4 *ip4, uint32_t prefix, unsigned length, uint32_t gateway,
                  uint8_t interface)
{
    if (interface >= IP4_INTERFACES || !ip4->interfaces[interface].used || length > 32 ||
        gateway >> 28 >= 0xe)
        return CHASKI_INVALID;
    struct ip4_route route = {
        .prefix = prefix,
        .length = (uint8_t)length,
        .gateway = gateway,
        .interface = interface,
        .kind = IP4_ROUTE_UNICAST,
    };
    forget_answers(ip4);
    return ip4_routes_add(&ip4->routes, &route) ? 0 : CHASKI_NO_MEMORY;
}

int ip4_route_remove(struct ip4 *ip4, uint32_t prefix, unsigned length)
{
    forget_answers(ip4);
    if (length > 32 ||
        !ip4_routes_remove(&ip4->routes, prefix, length, IP4_ROUTE_UNICAST, IP4_ANY_INTERFACE))
        return CHASKI_NO_ROUTE;
    return 0;
}

/* ---- Where a destination goes ---- */

/* Our address towards a neighbour: of its network, else any of the interface, else any. */
static uint32_t choose_source(const struct ip4 *ip4, uint8_t interface, uint32_t next_hop)
{
    uint32_t of_interface = 0;
    for (uint32_t i = 0; i < ip4->address_count; i++) {
        const struct ip4_address *address = &ip4->addresses[i];
        if (address->interface != interface)
            continue;
        if (((address->address ^ next_hop) & ip4_mask(address->length)) == 0)
            return address->address;
        if (of_interface == 0)
            of_interface = address->address;
    }
    if (of_interface == 0 && ip4->address_count != 0 && !ip4_is_multicast(next_hop) &&
        next_hop != IP4_BROADCAST)
        return ip4->addresses[0].address;
    return of_interface;
}

/* The interface that groups and the limited broadcast go to when nobody says which. */
static bool usual_interface(const struct ip4 *ip4, uint32_t destination, uint8_t *interface)
{
    const struct ip4_route *route = ip4_routes_find(&ip4->routes, destination, IP4_ANY_INTERFACE);
    if (route != NULL) {
        *interface = route->interface;
        return true;
    }
    for (unsigned i = 0; i < IP4_INTERFACES; i++) {
        if (ip4->interfaces[i].used) {
            *interface = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static bool target_to_many(const struct ip4 *ip4, struct ip4_target *target)
{
    target->interface = target->asked;
    if (target->asked == IP4_ANY_INTERFACE &&
        !usual_interface(ip4, target->destination, &target->interface))
        return false;
    target->multicast = ip4_is_multicast(target->destination);
    target->kind = target->multicast ? IP4_ROUTE_UNICAST : IP4_ROUTE_BROADCAST;
    target->next_hop = target->destination;
    target->source = choose_source(ip4, target->interface, target->next_hop);
    return true;
}

static bool target_by_route(const struct ip4 *ip4, struct ip4_target *target)
{
    uint32_t destination = target->destination;
    const struct ip4_route *route = ip4_routes_find(&ip4->routes, destination, IP4_ANY_INTERFACE);
    if (route != NULL && route->kind != IP4_ROUTE_LOCAL && target->asked != IP4_ANY_INTERFACE)
        route = ip4_routes_find(&ip4->routes, destination, target->asked);
    if (route == NULL)
        return false;
    target->interface = route->interface;
    target->kind = route->kind;
    target->source = route->source;
    target->next_hop = route->gateway != 0 ? route->gateway : destination;
    if (route->kind == IP4_ROUTE_LOCAL)
        target->source = destination;
    if (route->kind == IP4_ROUTE_BROADCAST)
        target->next_hop = IP4_BROADCAST;
    if (target->source == 0)
        target->source = choose_source(ip4, target->interface, target->next_hop);
    return true;
}

static inline bool may_ask(const struct ip4 *ip4, uint8_t interface)
{
    return interface == IP4_ANY_INTERFACE ||
           (interface < IP4_INTERFACES && ip4->interfaces[interface].used);
}

const struct ip4_target *ip4_find_target(struct ip4 *ip4, uint32_t destination, uint8_t interface)
{
    if (destination == 0 || !may_ask(ip4, interface))
        return NULL;
    struct ip4_target target = {.destination = destination, .asked = interface};
    bool many = ip4_is_multicast(destination) || destination == IP4_BROADCAST;
    if (!(many ? target_to_many(ip4, &target) : target_by_route(ip4, &target)))
        return NULL;
    ip4->last_target = target;
    return &ip4->last_target;
}

/* ---- One host's tables read by others ---- */

void ip4_write_tables(const struct ip4 *ip4, struct memory *memory, struct ip4_tables *tables)
{
    uint32_t routes = ip4->routes.count, addresses = ip4->address_count;
    struct ip4_route *route = memory_take(memory, routes * sizeof *route);
    struct ip4_address *address = memory_take(memory, addresses * sizeof *address);
    if (route == NULL || address == NULL)
        return;
    memcpy(route, ip4->routes.routes, routes * sizeof *route);
    memcpy(address, ip4->addresses, addresses * sizeof *address);
    *tables = (struct ip4_tables){
        .routes = {.routes = route, .count = routes},
        .addresses = address,
        .address_count = addresses,
    };
}

void ip4_follow(struct ip4 *ip4, const struct ip4_tables *tables)
{
    ip4->routes = tables->routes;
    ip4->addresses = tables->addresses;
    ip4->address_count = tables->address_count;
    ip4->address_limit = 0;
    forget_answers(ip4);
}
