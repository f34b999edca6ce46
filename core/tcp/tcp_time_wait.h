/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_TIME_WAIT_H
#define CHASKI_TCP_TCP_TIME_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/timer_wheel.h"
#include "core/tcp/tcp_table.h"

/*
 * TIME-WAIT in 64 bytes. All entries live equally long, so one queue in order of expiry and one
 * timer suffice. When the array is full the oldest one makes room: it has waited longest.
 */
struct tcp_time_wait {
    struct tcp_key key;
    uint32_t snd_nxt, rcv_nxt;
    uint32_t ts_recent;
    uint32_t expires_ms;
    uint16_t window; /* as last advertised, scaled */
    uint8_t timestamps;
    uint8_t answered;        /* when an acknowledgement was last answered, in half seconds */
    uint32_t next, previous; /* index plus one */
};

_Static_assert(sizeof(struct tcp_time_wait) <= 64, "a TIME-WAIT entry costs at most 64 bytes");

enum { TIME_WAIT_MS = 60000 }; /* 2 MSL, an MSL being 30 s as in Linux; RFC 9293 suggests 2 min */

struct tcp_time_waits {
    struct tcp_time_wait *entries;
    uint32_t limit, count;
    uint32_t free;
    uint32_t first, last; /* index plus one, in order of expiry */
    struct timer timer;
};

struct tcp;
struct tcp_connection;
struct packet;

void time_wait_setup(struct tcp_time_waits *waits, struct memory *memory, uint32_t limit);

/* Policy wants no more entries: who would be one is closed at once (tcp_max_tw_buckets). */
bool time_wait_is_full(const struct tcp *tcp);

/* Puts the connection's essence in; the caller frees the connection without touching the table. */
void time_wait_enter(struct tcp *tcp, const struct tcp_connection *connection, uint64_t now_ns);

/* A segment for an entry. Consumes it. A SYN that may open a new incarnation, for which somebody
 * listens, ends the entry (RFC 9293, 3.6.1; RFC 6191). */
void time_wait_segment(struct tcp *tcp, uint32_t index, struct packet *packet, uint64_t now_ns);

/* Whether a connection of ours may take an entry's place, since timestamps tell it from the one
 * before: at once when its own port was asked for, whatever tcp_tw_reuse says (as Linux), else when
 * policy says so and as late. */
bool time_wait_yields(const struct tcp *tcp, uint32_t index, bool asked_for);
/* Drops the entry; returns where its sequence numbers ended. */
uint32_t time_wait_take(struct tcp *tcp, uint32_t index);

/* timer_function. */
void time_wait_timer(void *tcp, struct timer *timer, uint64_t now_ns);

#endif
