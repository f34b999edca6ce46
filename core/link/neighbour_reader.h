/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_LINK_NEIGHBOUR_READER_H
#define CHASKI_LINK_NEIGHBOUR_READER_H

#include "core/link/arp.h"
#include "core/link/neighbour_table.h"
#include "core/packet/burst.h"

/*
 * What stands in ARP's place in a host that follows another one: finds link addresses in the table
 * that the leader wrote, hands packets to neighbours that it lacks to the leader, who asks for
 * them, queues and sends, and tells the leader what it must know to keep the table right.
 */
enum { NEIGHBOUR_TOLD = 64 };

typedef void neighbour_tell(void *block, enum neighbour_news news, uint8_t interface,
                            uint32_t address, uint64_t now_ns);

struct neighbour_reader {
    const struct neighbour_table *table; /* NULL: none yet; constant within a turn */
    const struct neighbour_entry *last;  /* found last; NULL: none */
    struct hook resolve; /* IP packets with interface and next_hop that the table cannot serve */
    neighbour_tell *tell;
    void *tell_block;
    struct counters *counters;
    struct hook request[ARP_INTERFACES]; /* ethernet_transmit */
    uint64_t told_ns[NEIGHBOUR_TOLD];    /* when something of this kind was last told; 0: never */
};

/* Nothing wired, and a table that has nobody. */
void neighbour_reader_setup(struct neighbour_reader *reader, struct counters *counters);

/* Looks into `table` from now on. */
void neighbour_reader_follow(struct neighbour_reader *reader, const struct neighbour_table *table);

/* hook_function: from IP, packets with interface and next_hop. */
void neighbour_reader_transmit(void *reader, struct burst *burst, uint64_t now_ns);

/* As arp_confirm() and arp_doubt(). */
void neighbour_reader_confirm(void *reader, uint8_t interface, uint32_t address, uint64_t now_ns);
void neighbour_reader_doubt(void *reader, uint8_t interface, uint32_t address, uint64_t now_ns);

#endif
