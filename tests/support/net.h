/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SUPPORT_NET_H
#define CHASKI_TESTS_SUPPORT_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "chaski/chaski.h"
#include "core/host/layout.h"
#include "drivers/memory_wire.h"

/*
 * Several hosts on one memory wire, in virtual time, for tests of whole conversations on links that
 * do harm. Host n is 198.51.100.(n+1); its interface 0 is on the wire.
 */
enum { NET_HOSTS = 8 };

#define NET_SECOND UINT64_C(1000000000)
#define NET_MILLISECOND UINT64_C(1000000)

/* The limits of a host that talks to few others: tests begin with them and say what else they want.
 */
extern const struct chaski_limits net_few;

struct net_options {
    uint32_t hosts;                     /* 0: 2 */
    uint16_t mtu;                       /* 0: 1500 */
    unsigned features;                  /* of the links, enum link_feature */
    bool copy;                          /* the wire copies every frame, as between real machines */
    uint32_t queue_packets;             /* frames on their way to one host; 0: 1024 */
    uint64_t seed;                      /* of the wire and of the hosts' secrets */
    uint64_t start_ns;                  /* 0: one second */
    const struct chaski_limits *limits; /* NULL: ample ones */
};

struct net {
    uint64_t now_ns;
    uint32_t host_count;
    struct memory_wire *wire;
    struct net_host {
        struct chaski *host;
        void *memory;
        struct link *link;
        int interface;
        uint32_t records_aside; /* which the test has taken from the host's pool itself */
    } hosts[NET_HOSTS];
    void (*before_turn)(void *context); /* NULL: nothing */
    void *context;
};

/* `options` NULL: all defaults. */
void net_make(struct net *net, const struct net_options *options);
/* Gives everything back; asserts nothing. */
void net_free(struct net *net);

struct chaski_address net_address(uint32_t host);
struct chaski_endpoint net_endpoint(uint32_t host, uint16_t port);

/* Takes in what has arrived and polls until nothing more happens at this very time. */
void net_settle(struct net *net);

/* When something happens next: a time, UINT64_MAX for never. */
uint64_t net_next(struct net *net);

/* Lets `ns` of virtual time pass, skipping the time in which nothing happens. */
void net_run(struct net *net, uint64_t ns);

/* Lets time pass until `done` says so, or until `ns` have passed: then false. */
bool net_run_until(struct net *net, bool (*done)(void *context), void *context, uint64_t ns);

/* Asserts that every sum and order that TCP keeps beside its structures is the true one. */
void net_check_tcp(struct net *net);

/* Asserts that no host holds a packet, a buffer, a record or a connection, has anything to tell or
 * to send, or waits for any time to come. */
void net_assert_idle(struct net *net);

/* A counter, summed over all hosts. */
uint64_t net_counter(const struct net *net, enum chaski_counter counter);

#endif
