/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/ip/ip4_routes.h"

#include "core/base/address.h"

void ip4_routes_init(struct ip4_routes *routes, struct memory *memory, uint32_t limit)
{
    struct ip4_route *table = memory_take(memory, limit * sizeof *table);
    if (table == NULL)
        return;
    *routes = (struct ip4_routes){.routes = table, .limit = limit};
}

static inline bool covers(const struct ip4_route *route, uint32_t address)
{
    return ((route->prefix ^ address) & ip4_mask(route->length)) == 0;
}

static inline bool same_prefix(const struct ip4_route *a, const struct ip4_route *b)
{
    return a->prefix == b->prefix && a->length == b->length;
}

/* How many routes lie before (prefix, length): where such a one belongs. */
static uint32_t position(const struct ip4_routes *routes, uint32_t prefix, unsigned length)
{
    uint32_t low = 0, high = routes->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct ip4_route *route = &routes->routes[middle];
        bool before = route->prefix != prefix ? route->prefix < prefix : route->length < length;
        if (before)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether every address of `inner`, which lies behind `outer`, is one of `outer` too. Of the same
 * prefix the later one counts as inner. */
static bool encloses(const struct ip4_route *outer, const struct ip4_route *inner)
{
    return outer->length <= inner->length && covers(outer, inner->prefix);
}

/* Finds for every route the one around it. The one before it, or one around that one, is it. */
static void nest(struct ip4_routes *routes)
{
    for (uint32_t i = 0; i < routes->count; i++) {
        uint32_t around = i; /* index plus one of the one before */
        while (around != 0 && !encloses(&routes->routes[around - 1], &routes->routes[i]))
            around = routes->routes[around - 1].around;
        routes->routes[i].around = around;
    }
}

bool ip4_routes_add(struct ip4_routes *routes, const struct ip4_route *route)
{
    struct ip4_route added = *route;
    added.prefix &= ip4_mask(route->length);
    uint32_t at = position(routes, added.prefix, added.length);
    for (uint32_t i = at; i < routes->count && same_prefix(&routes->routes[i], &added); i++) {
        struct ip4_route *there = &routes->routes[i];
        if (there->interface == added.interface && there->kind == added.kind) {
            added.around = there->around;
            *there = added;
            return true;
        }
    }
    if (routes->count == routes->limit)
        return false;
    if (added.kind != IP4_ROUTE_UNICAST)
        while (at < routes->count && same_prefix(&routes->routes[at], &added))
            at++;
    memmove(&routes->routes[at + 1], &routes->routes[at],
            (routes->count - at) * sizeof routes->routes[0]);
    routes->routes[at] = added;
    routes->count++;
    nest(routes);
    return true;
}

static void remove_at(struct ip4_routes *routes, uint32_t at)
{
    routes->count--;
    memmove(&routes->routes[at], &routes->routes[at + 1],
            (routes->count - at) * sizeof routes->routes[0]);
    nest(routes);
}

bool ip4_routes_remove(struct ip4_routes *routes, uint32_t prefix, unsigned length,
                       enum ip4_route_kind kind, uint8_t interface)
{
    struct ip4_route wanted = {.prefix = prefix & ip4_mask(length), .length = (uint8_t)length};
    uint32_t first = position(routes, wanted.prefix, length);
    uint32_t found = UINT32_MAX;
    for (uint32_t i = first; i < routes->count && same_prefix(&routes->routes[i], &wanted); i++) {
        const struct ip4_route *route = &routes->routes[i];
        if (route->kind == kind &&
            (interface == IP4_ANY_INTERFACE || route->interface == interface))
            found = i; /* the last one is the preferred one */
    }
    if (found == UINT32_MAX)
        return false;
    remove_at(routes, found);
    return true;
}

const struct ip4_route *ip4_routes_find(const struct ip4_routes *routes, uint32_t address,
                                        uint8_t interface)
{
    /* Nothing is longer than 32 bits: what lies before (address, 33) begins at or below address. */
    uint32_t at = position(routes, address, 33);
    while (at != 0) {
        const struct ip4_route *route = &routes->routes[at - 1];
        if (covers(route, address) &&
            (interface == IP4_ANY_INTERFACE || route->interface == interface))
            return route;
        at = route->around;
    }
    return NULL;
}
