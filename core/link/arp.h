/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_LINK_ARP_H
#define CHASKI_LINK_ARP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"
#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/base/timer_wheel.h"
#include "core/link/neighbour_table.h"
#include "core/packet/burst.h"

/*
 * ARP (RFC 826) with the states of neighbour unreachability detection (RFC 4861, 7.3) and
 * address conflict detection (RFC 5227): one block for all Ethernet interfaces of a host.
 *
 * Downwards, arp_transmit() is given IP packets with packet->interface and next_hop, finds the link
 * address, and hands them to the interface's Ethernet block. Upwards it is given ARP packets.
 *
 * There are two kinds of neighbours, and each has places of its own: those not resolved yet, of
 * which the oldest gives way, and resolved ones, of which the least recently used gives way, but
 * only to one that has been resolved too. So a scan through a subnet cannot forget a gateway.
 */
enum {
    ARP_INTERFACES = 16,
    ARP_QUEUE = 8, /* packets that wait for one neighbour: a large datagram in fragments, say */
};

enum neighbour_state {
    NEIGHBOUR_FREE,
    NEIGHBOUR_INCOMPLETE, /* asked for, no answer yet */
    NEIGHBOUR_REACHABLE,  /* confirmed, until reachable_until_ns */
    NEIGHBOUR_STALE,      /* known, not confirmed lately; used, and then asked after */
    NEIGHBOUR_PROBE,      /* used, being asked after */
};

struct neighbour {
    struct list link;   /* in resolved, unresolved or free */
    struct timer timer; /* INCOMPLETE, PROBE: the next request, or giving up */
    uint64_t reachable_until_ns;
    uint32_t address;
    uint32_t next;        /* in its hash chain: index plus one */
    struct packet *queue; /* INCOMPLETE: packets that wait, oldest first */
    uint8_t queued;
    uint8_t tries; /* requests sent */
    uint8_t state; /* enum neighbour_state */
    uint8_t interface;
    uint8_t mac[6];
};

/* An address of ours and where it is in RFC 5227's course. */
struct arp_address {
    struct timer timer;
    uint64_t defended_at_ns;
    uint32_t address;
    uint8_t interface;
    uint8_t prefix_length;
    uint8_t probes_left, announcements_left;
    bool used, conflict;
};

struct arp_interface {
    struct hook request; /* ethernet_transmit */
    uint8_t mac[6];
    bool used;
};

struct arp {
    struct arp_interface interfaces[ARP_INTERFACES];
    struct hook unreachable; /* IP packets whose neighbour does not answer; at first dropped */
    struct counters *counters;
    struct packet_memory *memory;
    struct timer_wheel *wheel;
    struct random random;
    struct siphash_key table_key;
    struct neighbour *neighbours;
    uint32_t *chains; /* hash heads: index plus one */
    uint32_t chain_mask;
    struct arp_address *addresses;
    uint32_t address_limit;
    struct neighbour *last;                 /* found last; NULL: none */
    struct list free, resolved, unresolved; /* both latter: least recently used first */
    uint32_t resolved_count, resolved_limit;
    uint32_t unresolved_count, unresolved_limit;
    uint64_t changes;      /* of what arp_write_table() would write */
    uint64_t reachable_ns; /* how long a confirmation holds; drawn once (RFC 4861, 6.3.2) */
    uint8_t neighbour_owner, address_owner;
};

struct arp_limits {
    uint32_t neighbours, addresses;
};

/* Takes its tables from `memory`; when that only counts, *arp is left alone. `key` is not shared
 * with another block. Two timer owners. */
void arp_setup(struct arp *arp, struct memory *memory, const struct arp_limits *limits,
               struct packet_memory *packets, struct counters *counters, struct timer_wheel *wheel,
               const struct siphash_key *key);

/* At setup, for each Ethernet interface: its number, address and Ethernet block. */
void arp_interface_add(struct arp *arp, uint8_t interface, const uint8_t mac[6],
                       struct hook request);

/* hook_functions: from IP, packets with interface and next_hop; from Ethernet, ARP packets. */
void arp_transmit(void *arp, struct burst *burst, uint64_t now_ns);
void arp_receive(void *arp, struct burst *burst, uint64_t now_ns);

/* Answers for an address from now on. With `probe` it is probed for and announced (RFC 5227, 2),
 * which goes on behind the caller's back; a conflict is counted as CHASKI_ARP_CONFLICTS. Returns 0
 * or CHASKI_NO_MEMORY. */
int arp_address_add(struct arp *arp, uint8_t interface, uint32_t address, unsigned prefix_length,
                    bool probe, uint64_t now_ns);
void arp_address_remove(struct arp *arp, uint8_t interface, uint32_t address);

/* Somebody found during probing, or ever since, that another station uses the address. */
bool arp_address_conflict(const struct arp *arp, uint8_t interface, uint32_t address);

/* An upper layer made progress with the neighbour (RFC 4861, 7.3.1). */
void arp_confirm(void *arp, uint8_t interface, uint32_t address, uint64_t now_ns);

/* An upper layer hears nothing by way of the neighbour (RFC 1122, 3.3.1.4): with the next packet to
 * it, it is asked whether it is there. */
void arp_doubt(void *arp, uint8_t interface, uint32_t address, uint64_t now_ns);

/* Writes the resolved neighbours into memory from `memory`; *table is left alone when that only
 * counts. What it takes is what it took when counting, unless something changed meanwhile. */
void arp_write_table(const struct arp *arp, struct memory *memory, struct neighbour_table *table);

/* What a reader of such a table tells. */
void arp_hear_news(struct arp *arp, enum neighbour_news news, uint8_t interface, uint32_t address,
                   uint64_t now_ns);

/* Groups and broadcasts need no resolution (RFC 1112, 6.4): sets their link address; false for
 * others. */
bool arp_map(struct packet *packet, uint32_t next_hop);

/* ---- Between the files of this block ----------------------------------------------------------
 */

#define ARP_SECOND_NS UINT64_C(1000000000)

extern const uint8_t arp_everybody[6];

struct wire_arp_fields;

/* Sends one ARP packet; does nothing when memory has run out. */
void arp_send(struct arp *arp, uint8_t interface, const uint8_t destination[6],
              const struct wire_arp_fields *fields, uint64_t now_ns);

void arp_neighbours_init(struct arp *arp, struct neighbour *neighbours, uint32_t count);

/* The entry for an address, or NULL. */
struct neighbour *arp_neighbour_find(struct arp *arp, uint8_t interface, uint32_t address);

/* Makes an unresolved entry for an address that has none, and asks. */
struct neighbour *arp_neighbour_ask(struct arp *arp, uint8_t interface, uint32_t address,
                                    uint64_t now_ns);

/* Queues a packet at an unresolved entry, displacing the oldest of too many. */
void arp_neighbour_queue(struct arp *arp, struct neighbour *neighbour, struct packet *packet);

/* A resolved entry is being used for sending. */
void arp_neighbour_use(struct arp *arp, struct neighbour *neighbour, uint64_t now_ns);

/* What an ARP packet says of its sender: `answer` when it is a reply to us, `asked` when it
 * asks for an address of ours, which is when an entry is made that was not there (RFC 826). */
void arp_neighbour_hear(struct arp *arp, uint8_t interface, uint32_t address, const uint8_t mac[6],
                        bool answer, bool asked, uint64_t now_ns);

/* Address of ours that is answered for, or NULL. */
struct arp_address *arp_address_find(const struct arp *arp, uint8_t interface, uint32_t address);

/* The address to ask from for `target`: one of the same network when there is one, 0 for none. */
uint32_t arp_address_sender(const struct arp *arp, uint8_t interface, uint32_t target);

/* Somebody else sent a packet with our address as its own, or (probe) seeks to use it. */
void arp_address_contested(struct arp *arp, struct arp_address *address, bool probe,
                           uint64_t now_ns);

void arp_address_fire(void *arp, struct timer *timer, uint64_t now_ns);

#endif
