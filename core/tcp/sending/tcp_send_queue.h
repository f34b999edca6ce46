/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_SEND_QUEUE_H
#define CHASKI_TCP_TCP_SEND_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "chaski/chaski.h"
#include "core/packet/packet.h"

/*
 * The bytes that the application wrote and the peer has not acknowledged, as a chain of chunks. A
 * chunk is a buffer with its place in the sequence space noted behind it: in the gap between a
 * pool buffer's header and its data, or in the struct that the application handed over.
 * Segments refer to chunks; a byte that was written stays where it is until it is acknowledged.
 */
struct send_chunk {
    struct buffer buffer;
    struct send_chunk *next;
    uint32_t sequence;        /* of its first byte */
    uint32_t length : 30;     /* bytes filled */
    uint32_t ends_record : 1; /* no segment has bytes of this one and the next, */
    uint32_t pushes : 1;      /* and what ends with it pushes */
};

/* The chunk that holds the byte at `sequence`, searched from `from` on, which is at or before it;
 * NULL when there is none. */
static inline struct send_chunk *send_chunk_at(struct send_chunk *from, uint32_t sequence)
{
    while (from != NULL && (int32_t)(from->sequence + from->length - sequence) <= 0)
        from = from->next;
    return from;
}

struct tcp_send_queue {
    struct send_chunk *head, *tail;
    struct send_chunk *unsent; /* where the next new byte is; a hint */
    uint32_t start;            /* sequence number of the first byte that it holds */
    uint32_t records;          /* chunks that end one */
};

/* What applications handed over and nothing refers to any more. It is released when the turn comes
 * to closures: no code of an application's runs while a segment is being processed. */
struct send_returns {
    struct send_chunk *first, *last;
};

/* Releases all that is there when it is called. */
void send_returns_release(struct send_returns *returns);

void send_queue_init(struct tcp_send_queue *queue, uint32_t start);

/* Where segments are expected to be cut: at `begin` and each `size` bytes from there. What comes
 * otherwise costs summing up once more, and no more. */
struct send_cuts {
    uint32_t begin, size;
};

/* Copies up to `length` bytes in, behind those that end at `end`; returns how many the pools
 * allowed. */
uint32_t send_queue_write(struct tcp_send_queue *queue, struct packet_memory *memory, uint32_t end,
                          const uint8_t *bytes, uint32_t length, const struct send_cuts *cuts);

/* Appends memory of the application's without copying, behind the bytes that end at `end`; it goes
 * to `returns` when acknowledged. */
void send_queue_hand_over(struct tcp_send_queue *queue, uint32_t end, struct chaski_memory *memory,
                          struct send_returns *returns);

/* The last byte written ends a record; with `pushes` the segment that ends it is pushed. */
void send_queue_end_record(struct tcp_send_queue *queue, bool pushes);

/* Behind the record that the byte at `sequence`, never sent before, is of; `end` when none ends
 * before. */
uint32_t send_queue_record_end(struct tcp_send_queue *queue, uint32_t sequence, uint32_t end);

/* Whether the record that the byte at `sequence` is of ends at `end`, and is pushed. */
bool send_queue_pushes(struct tcp_send_queue *queue, uint32_t sequence, uint32_t end);

/* Drops what lies before `sequence`. */
void send_queue_acknowledge(struct tcp_send_queue *queue, uint32_t sequence);

/* Drops everything. */
void send_queue_clear(struct tcp_send_queue *queue);

/* Appends the bytes from `sequence` on, up to `length`, to a packet, as fragments, or copied when
 * they are few and fit. `chunk` holds the first of them. Returns how many bytes found a place. */
uint32_t send_queue_slice(struct send_chunk *chunk, uint32_t sequence, uint32_t length,
                          struct packet *packet);

/* The chunk that holds the first byte never sent, which is at `sequence`; NULL: all are sent. */
struct send_chunk *send_queue_unsent(struct tcp_send_queue *queue, uint32_t sequence);

#endif
