/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_FLIGHT_H
#define CHASKI_TCP_TCP_FLIGHT_H

#include <stdint.h>

#include "core/base/memory.h"
#include "core/tcp/congestion.h"
#include "core/tcp/tcp_scoreboard.h"
#include "core/tcp/tcp_send_queue.h"

struct tcp;
struct tcp_connection;

/*
 * What a connection has only while it sends: the bytes queued, what is known of those in flight,
 * where recovery stands, and what congestion control has learned. Most of many connections are
 * idle, so flights stand in an array of their own, smaller than that of connections when packets
 * are fewer. A connection takes one when it first has something to send, and keeps it when all is
 * acknowledged, since it will often send again; but when none is left, one whose connection is
 * idle is taken away, and what that connection knows of its path is then only its window, its
 * threshold and its round trip.
 */
struct tcp_flight {
    struct tcp_send_queue queue;
    struct tcp_scoreboard scoreboard;
    uint32_t connection;     /* its index plus one; 0: free */
    uint32_t next_free;      /* index plus one */
    uint32_t snd_small;      /* behind the last segment that was not full (Nagle) */
    uint32_t recovery_point; /* SND.NXT when recovery began */
    uint32_t duplicate_acks; /* without SACK: each stands for a segment that left the network */
    union congestion_state congestion;
};

struct tcp_flights {
    struct tcp_flight *array;
    uint32_t limit;
    uint32_t fresh; /* those from here on were never used */
    uint32_t free;  /* chain, index plus one */
    uint32_t hand;  /* where the search for an idle connection's goes on */
};

void flights_setup(struct tcp_flights *flights, struct memory *memory, uint32_t limit);

/* The connection's flight, which it gets when it has none; NULL when all are needed elsewhere. */
struct tcp_flight *flight_take(struct tcp *tcp, struct tcp_connection *c);

/* Drops what is queued and the records of what is in flight; the connection has none afterwards. */
void flight_give(struct tcp *tcp, struct tcp_connection *c);

#endif
