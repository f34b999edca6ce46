/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_HOST_LAYOUT_H
#define CHASKI_HOST_LAYOUT_H

#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/base/timer_wheel.h"
#include "core/host/host.h"
#include "core/ip/icmp4.h"
#include "core/ip/igmp.h"
#include "core/ip/ip4.h"
#include "core/link/arp.h"
#include "core/link/bare.h"
#include "core/link/coalesce.h"
#include "core/link/cut.h"
#include "core/link/dispatch.h"
#include "core/link/ethernet.h"
#include "core/link/loopback.h"
#include "core/link/neighbour_reader.h"
#include "core/tcp/tcp.h"
#include "core/udp/udp.h"

/*
 * What a host consists of, for the files of core/host. One struct holds all blocks, tables follow
 * it in the caller's memory; nothing points out of that memory but what the caller gave.
 */

/* An interface and the blocks that it has for itself. */
struct host_port {
    uint8_t kind; /* enum chaski_interface_kind; of the two blocks that follow, the one in use */
    struct ethernet ethernet;
    struct bare bare;
    struct cut cut;
    struct coalesce coalesce;
    /* of an interface whose frames the application moves: core/host/frames.c */
    void (*output)(void *context, const struct chaski_piece *pieces, unsigned count);
    void *context;
};

struct chaski {
    struct packet_memory memory;
    struct counters counters;
    struct timer_wheel wheel;
    uint64_t now_ns;      /* of the last turn: the time that calls have */
    bool in_turn;         /* chaski_poll() is running */
    struct random random; /* for host_draw() */
    struct host_port *ports;
    uint32_t port_count, port_limit;
    struct dispatch frames; /* by EtherType */
    struct arp arp;
    struct neighbour_reader reader; /* of a follower, in place of arp: core/host/tables.h */
    bool follows;
    struct ip4 ip4;
    struct dispatch datagrams; /* by IP protocol */
    struct loopback loopback;
    struct icmp4 icmp4;
    struct igmp igmp;
    struct udp udp;
    struct tcp tcp;
};

/* Takes everything that `limits` ask for from `memory` and fills in *host, which is not yet wired;
 * when `memory` only counts, *host is of no use afterwards. */
void host_lay_out(struct chaski *host, struct memory *memory, const struct chaski_limits *limits,
                  const uint8_t seed[32], uint64_t now_ns);

/* Connects the blocks. */
void host_wire(struct chaski *host);

/* The port of an interface number; NULL when there is none. */
static inline struct host_port *host_port_of(struct chaski *host, int interface)
{
    return interface >= 0 && (uint32_t)interface < host->port_count ? &host->ports[interface]
                                                                    : NULL;
}

#endif
