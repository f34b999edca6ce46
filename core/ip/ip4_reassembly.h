/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_IP_IP4_REASSEMBLY_H
#define CHASKI_IP_IP4_REASSEMBLY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"
#include "core/base/memory.h"
#include "core/base/siphash.h"
#include "core/base/timer_wheel.h"
#include "core/base/tree.h"
#include "core/packet/packet.h"

/*
 * Datagrams put together from their fragments (RFC 791, 3.2; RFC 1122, 3.3.2). What is held is
 * limited in datagrams and in bytes of memory kept busy; the oldest incomplete datagram gives way.
 * Each fragment costs one hash and O(log n) steps in a tree ordered by offset, whatever the order.
 *
 * A fragment that lies within one we have is a copy and ignored. Any other overlap, a second
 * last fragment that disagrees, or bytes beyond the last one end the whole datagram: no honest
 * sender makes these, and no choice among contradicting bytes is safe.
 */
struct ip4_reassembly;

/* About a first fragment whose datagram timed out; consumes it. */
typedef void ip4_reassembly_expired(void *block, struct packet *first, uint64_t now_ns);

struct ip4_datagram {
    struct list link; /* oldest first, or free */
    struct timer timer;
    struct tree fragments; /* packets by their tcp.node; key is the offset */
    uint32_t source, destination;
    uint32_t next;     /* in its hash chain: index plus one */
    uint32_t total;    /* payload bytes, once the last fragment is here; else UINT32_MAX */
    uint32_t received; /* payload bytes here */
    uint16_t identification;
    uint8_t protocol;
    bool congested; /* a fragment came with congestion experienced */
};

struct ip4_reassembly {
    struct ip4_datagram *datagrams;
    uint32_t *chains;
    uint32_t chain_mask;
    struct list free, used; /* used: oldest first */
    uint32_t bytes, bytes_max;
    uint32_t fragments, fragments_max; /* packets held */
    struct siphash_key key;
    struct packet_memory *memory;
    struct counters *counters;
    struct timer_wheel *wheel;
    ip4_reassembly_expired *expired; /* NULL: nobody is told */
    void *expired_block;
    uint8_t owner;
};

struct ip4_reassembly_limits {
    uint32_t datagrams;
    uint32_t fragments; /* packets that may be held */
    uint32_t bytes;     /* that these may keep busy */
};

/* datagrams NULL when `memory` only counts, the rest untouched then. One timer owner. */
void ip4_reassembly_init(struct ip4_reassembly *reassembly, struct memory *memory,
                         const struct ip4_reassembly_limits *limits, struct packet_memory *packets,
                         struct counters *counters, struct timer_wheel *wheel,
                         const struct siphash_key *key);

/* Takes over a fragment, data at the IP header (linear, checked, trimmed to its total length,
 * packet->ip noted). Returns the whole datagram when this was the last piece missing, with data at
 * its IP header, which is made good: length, fragment field, checksum. Otherwise NULL. */
struct packet *ip4_reassembly_add(struct ip4_reassembly *reassembly, struct packet *packet,
                                  uint64_t now_ns);

#endif
