/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_UDP_UDP_H
#define CHASKI_UDP_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/chaski.h"
#include "core/base/address.h"
#include "core/base/counters.h"
#include "core/base/list.h"
#include "core/base/memory.h"
#include "core/base/siphash.h"
#include "core/ip/network.h"
#include "core/packet/burst.h"

/*
 * UDP (RFC 768; RFC 1122, 4.1) for either family.
 *
 * Sockets stand in one table of hash chains. The chain is chosen by the local port and, for a
 * connected socket, the peer too: a datagram looks first among the sockets connected to its
 * sender, then among the unconnected ones of its port, where the one that says most about the
 * local side (address before interface) wins; of sockets that share it, each has a weight for each
 * peer, and the heaviest one wins. A datagram for a group or a broadcast address goes to
 * every socket that wants it.
 *
 * A datagram that came in waits in its socket's queue; nothing is called until udp_closures(). A
 * queue is limited in datagrams and in the memory that they keep busy, all queues together are
 * limited likewise, and what does not fit is dropped and counted: a socket that nobody reads
 * cannot take the packets away from the rest of the host.
 *
 * A datagram that is sent is built at once, from pool memory, and leaves with the others in one
 * burst, in udp_flush() or when the burst is full.
 */

struct udp_membership {
    struct udp_membership *next; /* of the same socket, or of the free list */
    struct chaski_address group;
    uint16_t interface; /* number plus one */
};

/* Told of an error about what a socket sent in the midst of input: may note it, and call nothing.
 */
typedef void udp_error_observer(void *context, const struct ip_error *error);

struct udp_socket {
    struct udp_socket *chain; /* next in the hash chain, or of the free list */
    struct list event;        /* in udp->events while the closure has datagrams to hear of */
    struct packet *first, **last;
    uint32_t queued, queued_max; /* datagrams */
    uint32_t charge, charge_max; /* bytes that they keep busy */
    uint32_t drops;              /* datagrams that found no room */
    uint32_t generation;
    struct chaski_endpoint local;  /* address unspecified: any of ours; port 0: nothing arrives */
    struct chaski_endpoint remote; /* port 0: not connected */
    chaski_udp_filter *filter;
    chaski_udp_closure *receive;
    udp_error_observer *observer; /* NULL: `error` is told by calls */
    void *context;
    struct udp_membership *memberships;
    int16_t error; /* to be told once; 0: none */
    uint8_t traffic_class, ttl, multicast_ttl;
    bool open, shared, yields, broadcast, multicast_loop, dont_fragment;
    bool many; /* local.address is that of a group or of all: nothing is sent from it */
};

/* How udp_init() is told what to make. */
struct udp_setup {
    uint32_t sockets, memberships;
    uint32_t queued_packets_max; /* packets that all receive queues together may hold */
    uint64_t queued_bytes_max;   /* bytes that those may keep busy */
    uint32_t datagram_max;       /* payload bytes; longer ones are not received */
    struct siphash_key table_key, port_key;
    struct packet_memory *memory;
    struct counters *counters;
    struct chaski *host; /* what closures are given; not looked at */
};

enum { UDP_DATAGRAM_MAX = 65535 };

struct udp {
    struct network network[FAMILY_COUNT]; /* whoever wires fills it in; path NULL: no such family */
    struct burst pending[FAMILY_COUNT];   /* to be sent */
    struct udp_setup setup;
    struct udp_socket *sockets;
    struct udp_socket *free;
    struct udp_socket **chains;
    uint32_t chain_mask;
    uint32_t connected;      /* sockets that are */
    uint32_t queued_packets; /* in all receive queues */
    uint64_t queued_bytes;
    uint64_t ports_drawn;
    struct home home;
    sent_watcher *watcher; /* sees datagrams go that are watched */
    struct list events;    /* sockets whose closures have something to hear of */
    struct udp_membership *free_memberships;
    uint8_t *scratch; /* where a datagram in pieces is put together for its closure */
};

/* Takes its tables from `memory`; when that only counts, `udp` is left alone. */
void udp_init(struct udp *udp, struct memory *memory, const struct udp_setup *setup);

/* Entry from below: data at the UDP header, packet->ip filled in. */
void udp_receive(void *udp, struct burst *burst, uint64_t now_ns);

/* An ICMP error about something that we sent: ip_error_function. */
bool udp_error(void *udp, const struct ip_error *error, uint64_t now_ns);

/* Runs closures for what has been received, a limited number; what is left waits on udp->events. */
void udp_closures(struct udp *udp);

/* Hands everything that udp_send() built down to IP. */
void udp_flush(struct udp *udp, uint64_t now_ns);

/* Whether udp_closures() or udp_flush() have anything to do. */
bool udp_busy(const struct udp *udp);

/* The calls of chaski/chaski.h, section UDP. */
int udp_bind(struct udp *udp, const struct chaski_udp_bind *bind, chaski_udp *handle);
/* Binds an open socket anew (to port 0: to the one that it has), and connects it, or (port 0) does
 * so no longer. What waits, groups and options stay. */
int udp_move(struct udp *udp, chaski_udp handle, const struct chaski_endpoint *local,
             const struct chaski_endpoint *remote);
int udp_close(struct udp *udp, chaski_udp handle, uint64_t now_ns);
int udp_local(const struct udp *udp, chaski_udp handle, struct chaski_endpoint *local);
int udp_send(struct udp *udp, chaski_udp handle, const struct chaski_endpoint *remote,
             const void *bytes, size_t length, uint64_t now_ns);
/* The same; the datagram is shown to udp->watcher as it goes, with the socket's context and
 * `position`. */
int udp_send_watched(struct udp *udp, chaski_udp handle, const struct chaski_endpoint *remote,
                     const void *bytes, size_t length, uint64_t position, uint64_t now_ns);
/* It goes. */
void udp_show(struct udp *udp, const struct packet *packet);
long udp_take(struct udp *udp, chaski_udp handle, struct chaski_endpoint *local,
              struct chaski_endpoint *remote, void *bytes, size_t length);
int udp_observe(struct udp *udp, chaski_udp handle, udp_error_observer *observer);
int udp_set(struct udp *udp, chaski_udp handle, enum chaski_udp_option option, int64_t value);
int udp_join(struct udp *udp, chaski_udp handle, const struct chaski_address *group,
             uint16_t interface, uint64_t now_ns);
int udp_leave(struct udp *udp, chaski_udp handle, const struct chaski_address *group,
              uint16_t interface, uint64_t now_ns);

#endif
