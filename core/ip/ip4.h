/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_IP_IP4_H
#define CHASKI_IP_IP4_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ip/ip4_identification.h"
#include "core/ip/ip4_path.h"
#include "core/ip/ip4_reassembly.h"
#include "core/ip/ip4_routes.h"
#include "core/ip/network.h"
#include "core/wire/ip4.h"

/*
 * IPv4 of a host (RFC 791, RFC 1122, 3): all interfaces, one block.
 *
 * Upwards: check, accept, reassemble, note packet->ip, network and transport, pull the header, and
 * on to `inform` by packet->protocol. Downwards: choose source and route, build the header,
 * fragment when that is allowed, and on to the interface's `request` with packet->interface and
 * next_hop, or to `loop` when the datagram is for this host.
 *
 * Other blocks are wired as hooks and as the small tables of functions below, so that a host
 * without ICMP or without groups links neither.
 */
enum { IP4_INTERFACES = 16, IP4_TTL = 64 };

#define IP4_BROADCAST 0xffffffffu
#define IP4_ALL_HOSTS 0xe0000001u /* 224.0.0.1: every host is in it (RFC 1112) */

/* What sends an error about a received datagram; icmp4_error(). Consumes the packet, which has
 * its network header noted and packet->ip filled in, and whose end the caller has counted. `rest`
 * is the second word of the ICMP header. */
struct ip4_error_sender {
    void (*send)(void *block, struct packet *packet, uint8_t type, uint8_t code, uint32_t rest,
                 uint64_t now_ns);
    void *block;
};

/* Who knows the groups joined: igmp. */
struct ip4_groups {
    bool (*member)(void *block, uint8_t interface, uint32_t group);
    int (*join)(void *block, uint8_t interface, uint32_t group, uint64_t now_ns);
    int (*leave)(void *block, uint8_t interface, uint32_t group, uint64_t now_ns);
    void *block;
};

struct ip4_interface {
    struct hook request; /* arp_transmit on Ethernet */
    /* Forward progress with a neighbour, and the lack of it: arp_confirm() and arp_doubt() on
     * Ethernet; NULL: of no interest. */
    void (*confirm)(void *block, uint8_t interface, uint32_t next_hop, uint64_t now_ns);
    void (*doubt)(void *block, uint8_t interface, uint32_t next_hop, uint64_t now_ns);
    void *neighbours;
    uint16_t mtu;
    bool used;
};

struct ip4_address {
    uint32_t address;
    uint8_t interface;
    uint8_t length; /* of the prefix; 0 in a free entry's place */
};

/* Where a destination goes: a route, resolved. */
struct ip4_target {
    uint32_t destination;
    uint32_t source; /* ours */
    uint32_t next_hop;
    uint8_t interface;
    uint8_t asked; /* interface that was asked for, or IP4_ANY_INTERFACE */
    uint8_t kind;  /* enum ip4_route_kind */
    bool multicast;
};

struct ip4 {
    struct hook inform; /* up, by packet->protocol; at first dropped */
    struct hook loop;   /* to this host itself: loopback_transmit */
    /* Datagrams that fragments have completed, data at the IP header; not wired: they go on as if
     * they had come in one piece, as by ip4_deliver(). */
    struct hook reassembled;
    struct hook forward; /* not for us, data at the IP header; at first dropped as such */
    struct ip4_interface interfaces[IP4_INTERFACES];
    struct ip4_error_sender errors; /* send NULL: none are sent */
    struct ip4_groups groups;       /* member NULL: none but 224.0.0.1 */
    struct counters *counters;
    struct packet_memory *memory;
    uint64_t now_ns;                                /* of the last call */
    struct ip4_target last_target;                  /* asked for last; destination 0: none */
    uint32_t accepted_source, accepted_destination; /* received last and found good */
    struct ip4_routes routes;
    struct ip4_address *addresses;
    uint32_t address_count, address_limit;
    uint64_t changes; /* of routes and addresses */
    struct ip4_paths paths;
    void (*show)(void *host, const struct packet *packet); /* what is watched, as it goes */
    void *host;
    struct ip4_identification identification;
    struct ip4_reassembly reassembly; /* last: set up before the rest */
};

struct ip4_limits {
    uint32_t addresses;
    uint32_t routes; /* besides those that addresses bring with them */
    uint32_t paths;
    struct ip4_reassembly_limits reassembly;
};

/* Takes its tables from `memory`; when that only counts, *ip4 is left alone. One timer owner. `key`
 * is not shared with another block. 127.0.0.0/8 is ours from the start. */
void ip4_setup(struct ip4 *ip4, struct memory *memory, const struct ip4_limits *limits,
               struct packet_memory *packets, struct counters *counters, struct timer_wheel *wheel,
               const struct siphash_key *key);

/* At setup: interface number, MTU (68 or more), and where its packets go. */
void ip4_interface_add(struct ip4 *ip4, uint8_t interface, uint16_t mtu, struct hook request);

/* Fills in what transports see. */
void ip4_network(struct ip4 *ip4, struct network *network);

/* hook_functions: data at the IP header; data at the transport header, packet->ip filled in. */
void ip4_receive(void *ip4, struct burst *burst, uint64_t now_ns);
void ip4_transmit(void *ip4, struct burst *burst, uint64_t now_ns);

/* Gives an interface an address with the routes that belong to it. 0, or CHASKI_INVALID (not a
 * host's address, no such interface), CHASKI_IN_USE, CHASKI_NO_MEMORY. */
int ip4_address_add(struct ip4 *ip4, uint8_t interface, uint32_t address, unsigned length);
/* 0 or CHASKI_BAD_ADDRESS. */
int ip4_address_remove(struct ip4 *ip4, uint8_t interface, uint32_t address);

/* `gateway` 0: neighbours of the interface. 0, or CHASKI_INVALID, CHASKI_NO_MEMORY. */
int ip4_route_add(struct ip4 *ip4, uint32_t prefix, unsigned length, uint32_t gateway,
                  uint8_t interface);
/* 0 or CHASKI_NO_ROUTE. */
int ip4_route_remove(struct ip4 *ip4, uint32_t prefix, unsigned length);

/* The routes and addresses of one host as another one reads them, which stands for the same host.
 */
struct ip4_tables {
    struct ip4_routes routes;
    struct ip4_address *addresses;
    uint32_t address_count;
};

/* Writes them into memory from `memory`; *tables is left alone when that only counts. */
void ip4_write_tables(const struct ip4 *ip4, struct memory *memory, struct ip4_tables *tables);

/* Has these instead of its own from now on, which it only reads; nothing may be added or removed
 * any more. Not in the middle of a burst. */
void ip4_follow(struct ip4 *ip4, const struct ip4_tables *tables);

/* hook_function: datagrams from another host's `reassembled`, which are for this one as well. */
void ip4_deliver(void *ip4, struct burst *burst, uint64_t now_ns);

/* Whether the address is ours and unicast. */
bool ip4_is_local(const struct ip4 *ip4, uint32_t address);

/* As ip4_target(), for what was not asked for last. */
const struct ip4_target *ip4_find_target(struct ip4 *ip4, uint32_t destination, uint8_t interface);

/* Finds the target of `destination` by `interface` (or IP4_ANY_INTERFACE); NULL without a route. */
static inline const struct ip4_target *ip4_target(struct ip4 *ip4, uint32_t destination,
                                                  uint8_t interface)
{
    const struct ip4_target *last = &ip4->last_target;
    if (destination != 0 && last->destination == destination && last->asked == interface)
        return last;
    return ip4_find_target(ip4, destination, interface);
}

/* The largest packet on the way there, and the living path entry if there is one. */
static inline uint16_t ip4_path_mtu(struct ip4 *ip4, const struct ip4_target *target,
                                    uint8_t protocol, const struct ip4_path **path)
{
    *path = NULL;
    if (target->kind == IP4_ROUTE_LOCAL)
        return WIRE_IP4_TOTAL_MAX;
    uint16_t link_mtu = ip4->interfaces[target->interface].mtu;
    *path = ip4_paths_find(&ip4->paths, target->destination, protocol, ip4->now_ns);
    if (*path == NULL || (*path)->mtu > link_mtu)
        return link_mtu;
    return (*path)->mtu;
}

/* Cuts a datagram, data at its IP header, into fragments of at most `mtu` bytes that go into `out`
 * (emptied through `hook`); consumes it. */
void ip4_fragment(struct ip4 *ip4, struct packet *packet, uint16_t mtu, struct burst *out,
                  const struct hook *hook, uint64_t now_ns);

/* Before a packet goes, its header in place. */
static inline void ip4_show(const struct ip4 *ip4, struct packet *packet)
{
    if (packet->ip.watched)
        ip4->show(ip4->host, packet);
    packet->ip.watched = false;
}

#endif
