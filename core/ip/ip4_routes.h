/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_IP_IP4_ROUTES_H
#define CHASKI_IP_IP4_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/memory.h"

/*
 * Routes by longest prefix. One table answers both questions that IP asks of an address: "is it
 * ours?" on the way up and "where to?" on the way down, since our own addresses and the broadcast
 * addresses of our networks are routes of 32 bits as well.
 *
 * The routes lie sorted by prefix, then by length, and each knows the narrowest other route
 * that encloses it. The last one that does not lie behind an address is found by bisection; it
 * or one of those around it is the longest match: O(log n) steps and at most 32 more.
 * The same prefix may be there several times, once an interface and kind; what is local or
 * broadcast is preferred, then the one that was added first. Whatever is preferred lies last.
 */
enum ip4_route_kind {
    IP4_ROUTE_UNICAST,   /* to a neighbour, or by `gateway` */
    IP4_ROUTE_LOCAL,     /* to this host */
    IP4_ROUTE_BROADCAST, /* to everybody on `interface` */
};

struct ip4_route {
    uint32_t prefix;
    uint32_t gateway; /* 0: the destination is a neighbour */
    uint32_t source;  /* our address to use; 0: choose */
    uint32_t around;  /* the narrowest route that encloses this one: index plus one */
    uint8_t length;
    uint8_t kind; /* enum ip4_route_kind */
    uint8_t interface;
};

struct ip4_routes {
    struct ip4_route *routes;
    uint32_t count, limit;
};

enum { IP4_ANY_INTERFACE = 0xff };

/* Takes room for `limit` routes; routes NULL when `memory` only counts. */
void ip4_routes_init(struct ip4_routes *routes, struct memory *memory, uint32_t limit);

/* Adds a copy, prefix bits beyond the length cleared, or replaces the one with the same prefix,
 * length, interface and kind. False when there is no room. O(n). */
bool ip4_routes_add(struct ip4_routes *routes, const struct ip4_route *route);

/* Removes the preferred one with this prefix, length, kind and interface (or
 * IP4_ANY_INTERFACE). False when there is none. O(n). */
bool ip4_routes_remove(struct ip4_routes *routes, uint32_t prefix, unsigned length,
                       enum ip4_route_kind kind, uint8_t interface);

/* The longest match, among the routes of one interface or of all (IP4_ANY_INTERFACE); NULL when
 * nothing matches. Valid until the next change. */
const struct ip4_route *ip4_routes_find(const struct ip4_routes *routes, uint32_t address,
                                        uint8_t interface);

#endif
