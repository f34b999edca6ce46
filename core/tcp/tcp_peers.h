/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_PEERS_H
#define CHASKI_TCP_TCP_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/memory.h"
#include "core/tcp/opening/tcp_fast_open.h"

/*
 * What connections leave behind for the next one to the same address: TCP's control blocks shared
 * over time (RFC 9040), and Fast Open's cookies. A cache of sets of four, in which the entry that
 * was told nothing for the longest time gives way.
 *
 * Nobody gets an entry who has not shown to be there: a connection must have come to its end in
 * order, with a round trip measured, or must be a server that we open fast to. What a server gave
 * us gives way to what another one did only: those who open connections to us cannot push it out.
 *
 * As in Linux, of the round trip only the first time-out of the next connection depends, which is
 * too short when the handshake was lucky. Windows are not kept: to begin with one that another
 * connection had worked for would be a burst (RFC 9040, 8).
 */
struct tcp_peer {
    struct chaski_address address;     /* unspecified: free */
    struct fast_open_memory fast_open; /* while opens_fast */
    uint32_t rtt_us8;                  /* smoothed round trip, microseconds times 8; 0: unknown */
    uint32_t threshold;                /* congestion.h's; 0: unknown */
    uint32_t told_s;                   /* when something was learned last */
    uint16_t reordering;               /* segments that something overtook at most; 0: unknown */
    bool opens_fast;
};

struct tcp_peers {
    struct tcp_peer *array;
    uint32_t sets; /* 0: nothing is kept */
    uint8_t ways;
    bool used, reordering; /* since setup, by an entry; by one that knows of reordering */
};

/* At most `limit` entries, if any. */
void peers_setup(struct tcp_peers *peers, struct memory *memory, uint32_t limit);

/* NULL: nothing is known. */
struct tcp_peer *peers_find(const struct tcp *tcp, const struct chaski_address *address);

/* The entry, which it gets when it has none; NULL when there is no room for it. */
struct tcp_peer *peers_take(struct tcp *tcp, const struct chaski_address *address, bool opens_fast);

/* The connection has come to its end in order: what it learned is kept. */
void peers_learn(struct tcp *tcp, const struct tcp_connection *c);

/* The connection begins: its first time-out and its threshold follow from what was kept. */
void peers_recall(const struct tcp *tcp, struct tcp_connection *c);

/* By how many segments something was overtaken at most; 0: that is not known. */
uint16_t peers_reordering(const struct tcp *tcp, const struct chaski_address *address);

#endif
