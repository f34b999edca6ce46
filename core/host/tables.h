/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_HOST_TABLES_H
#define CHASKI_HOST_TABLES_H

#include "core/host/host.h"
#include "core/ip/ip4.h"
#include "core/link/neighbour_reader.h"

/*
 * Several hosts (struct chaski), each with a thread of its own, that stand for one: same addresses,
 * same interfaces, flows divided among them. One of them leads: it alone has addresses, routes and
 * neighbours, and writes them down as tables. The others follow: they read the tables that they
 * were given last, and refuse calls that would change what stands there (CHASKI_NOT_PERMITTED).
 *
 * Nothing here waits or synchronises: whoever passes tables between threads sees to it that they
 * are complete before they are followed and stay until nobody follows them.
 */
struct host_tables {
    uint64_t version;
    struct ip4_tables ip4;
    struct neighbour_table neighbours;
};

/* What the tables' version would be if they were written now: compare, to see whether to. */
uint64_t host_tables_version(const struct chaski *leader);

/* Bytes that host_tables_write() wants. */
size_t host_tables_size(const struct chaski *leader);

/* Writes tables into `size` bytes of memory on a cache line's start, which are the caller's; NULL
 * when they do not suffice. */
struct host_tables *host_tables_write(const struct chaski *leader, void *memory, size_t size);

/* Where a follower turns to. */
struct host_leader {
    struct hook resolve;  /* IP packets with interface and next_hop: for host_resolve() */
    neighbour_tell *tell; /* for host_hear_news() */
    void *tell_block;
};

/* At setup, before there are interfaces. Until tables are followed there are no addresses. */
void host_become_follower(struct chaski *host, const struct host_leader *leader);

/* Between two turns: reads these tables from now on. */
void host_follow(struct chaski *follower, const struct host_tables *tables);

/* ---- What the leader is given --------------------------------------------------------------- */

void host_resolve(struct chaski *leader, struct burst *burst, uint64_t now_ns);
void host_hear_news(struct chaski *leader, enum neighbour_news news, uint8_t interface,
                    uint32_t address, uint64_t now_ns);

/* ---- Who a packet concerns ------------------------------------------------------------------ */

/* At setup: gets IP packets whose neighbour does not answer; those of this host's own flows are to
 * be given to host_neighbour_unreachable(), others to that of their host. */
void host_on_unreachable(struct chaski *host, struct hook hook);
void host_neighbour_unreachable(struct chaski *host, struct burst *burst, uint64_t now_ns);

/* At setup: gets datagrams, data at the IP header, that were put together from fragments; to be
 * given to host_deliver() of the host that they concern. */
void host_on_reassembled(struct chaski *host, struct hook hook);
void host_deliver(struct chaski *host, struct burst *burst, uint64_t now_ns);

/* At setup: host number `part` of `parts`, so that what all of them number differently is. */
void host_set_part(struct chaski *host, unsigned part, unsigned parts);

/* At setup: connections are opened, and UDP sockets connected, from ports whose flows reach this
 * host; from another port that was asked for they are not (CHASKI_NOT_PERMITTED). */
void host_set_home(struct chaski *host, const struct home *home);

#endif
