/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_RECEIVE_QUEUE_H
#define CHASKI_TCP_TCP_RECEIVE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "chaski/chaski.h"
#include "core/base/tree.h"
#include "core/packet/packet.h"
#include "core/wire/tcp.h"

/*
 * What was received and not yet read: a chain of packets in order, cut down to their payload, and
 * behind each gap a run, a chain likewise; a tree holds the runs. Both are charged with the memory
 * that they keep busy, not with the bytes that they carry, so that a stream of one-byte segments
 * cannot take the pools. Where segments overlap, the bytes that came first stay.
 */
struct tcp_receive_queue {
    struct packet *head, *tail; /* in order */
    struct tree runs; /* out of order, each behind a gap; the node is its first packet's */
    uint32_t length;  /* bytes in order, unread */
    uint32_t charge;  /* memory that both keep busy */
    uint32_t limit;   /* bytes that the window may promise */
    uint32_t latest;  /* where the run begins that grew last: first in SACK */
};

void receive_queue_init(struct tcp_receive_queue *queue, uint32_t limit);

/* Packets come with packet->tcp.received_ns filled in. */

/* Appends a packet that is next in order, its data being payload only, when no run may overlap it.
 * Takes the packet over. */
void receive_queue_append(struct tcp_receive_queue *queue, struct packet *packet);

/* Files a packet under packet->tcp.sequence: behind a gap, or next in order while there are runs.
 * Takes it over. True when it brought bytes that were missing. */
bool receive_queue_insert(struct tcp_receive_queue *queue, struct packet *packet,
                          struct counters *counters);

/* The first part of [left, right) that is there behind a gap: true, with *from and *to. */
bool receive_queue_overlap(const struct tcp_receive_queue *queue, uint32_t left, uint32_t right,
                           uint32_t *from, uint32_t *to);

/* Moves the run that begins at `next`, if any, in order; returns how many bytes. */
uint32_t receive_queue_close_gap(struct tcp_receive_queue *queue, uint32_t next);

/* True when `packet`, which is `next` in order or behind a gap, may be kept. What lies behind a gap
 * may not take the last of a pool: else what fills the gap could not come in. */
bool receive_queue_fits(const struct tcp_receive_queue *queue, const struct packet *packet,
                        bool next);

/* The same; to make room, runs that begin behind the packet are given up, the furthest first (their
 * sender will send them again). */
bool receive_queue_admit(struct tcp_receive_queue *queue, const struct packet *packet, bool next,
                         struct counters *counters);

/* Bytes that there is memory for within the queue's limit, when packets keep no more than twice as
 * much busy as they carry. */
uint32_t receive_queue_room(const struct tcp_receive_queue *queue);

/* Whether it is the pools that have no room for the packet. */
bool receive_queue_is_scarce(const struct tcp_receive_queue *queue, const struct packet *packet,
                             bool next);

/* Gives up the furthest run, of which there is one; its sender will send it again. */
void receive_queue_prune(struct tcp_receive_queue *queue, struct counters *counters);

/* Fills in up to `count` SACK blocks (left, right), at most WIRE_TCP_SACK_MAX, the most recent
 * first (RFC 2018, 4). */
unsigned receive_queue_blocks(const struct tcp_receive_queue *queue, struct wire_tcp_sack *blocks,
                              unsigned count);

/* Up to `count` pieces of the first bytes. */
unsigned receive_queue_look(const struct tcp_receive_queue *queue, struct chaski_piece *pieces,
                            unsigned count);

/* Copies up to n bytes behind the first `over` ones, which all stay; returns how many. */
uint32_t receive_queue_copy(const struct tcp_receive_queue *queue, uint32_t over, uint8_t *bytes,
                            uint32_t n);

/* When the segment came that the n-th byte in order is of; 0: there is none. */
uint64_t receive_queue_arrival(const struct tcp_receive_queue *queue, uint32_t n);

/* Drops the first n <= length bytes. */
void receive_queue_consume(struct tcp_receive_queue *queue, uint32_t n);

/* Copies up to n bytes out and drops them; returns how many. */
uint32_t receive_queue_read(struct tcp_receive_queue *queue, uint8_t *bytes, uint32_t n);

/* Drops what is out of order. */
void receive_queue_drop_runs(struct tcp_receive_queue *queue, struct counters *counters,
                             enum chaski_counter why);

void receive_queue_clear(struct tcp_receive_queue *queue, struct counters *counters);

#endif
