/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_WIRE_QUEUE_H
#define CHASKI_DRIVERS_WIRE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/memory.h"
#include "core/packet/packet.h"

/*
 * What is on its way to a station, of fixed size. Frames that arrive at once go through a ring: one
 * store and one load each. Frames with a time go through a heap, ordered by that time and, for
 * equal times, by the order in which they came.
 */
struct wire_entry {
    uint64_t due_ns;
    uint64_t order;
    struct packet *packet;
};

struct wire_queue {
    struct packet **ring;
    struct wire_entry *heap;
    uint32_t capacity;   /* of both together; a power of two */
    uint32_t head, tail; /* of the ring: count up; the slot is modulo the capacity */
    uint32_t heap_count;
    uint64_t order; /* of the next frame with a time */
};

/* What a queue for so many frames holds: at least as many. */
uint32_t wire_queue_capacity(uint32_t frames);

/* False while `memory` only counts. */
bool wire_queue_init(struct wire_queue *queue, struct memory *memory, uint32_t capacity);

static inline uint32_t wire_queue_length(const struct wire_queue *queue)
{
    return queue->tail - queue->head + queue->heap_count;
}

static inline uint32_t wire_queue_room(const struct wire_queue *queue)
{
    return queue->capacity - wire_queue_length(queue);
}

/* A frame that has arrived. There must be room. */
static inline void wire_queue_push(struct wire_queue *queue, struct packet *packet)
{
    queue->ring[queue->tail++ & (queue->capacity - 1)] = packet;
}

/* A frame that arrives at `due_ns`. There must be room. */
void wire_queue_push_timed(struct wire_queue *queue, struct packet *packet, uint64_t due_ns);

static inline bool wire_queue_due(const struct wire_queue *queue, uint64_t now_ns)
{
    return queue->head != queue->tail ||
           (queue->heap_count != 0 && queue->heap[0].due_ns <= now_ns);
}

/* The next frame, whether it is due or not; the queue must not be empty. */
struct packet *wire_queue_take(struct wire_queue *queue);

/* When the next frame arrives: 0 for at once, UINT64_MAX for none. */
uint64_t wire_queue_deadline(const struct wire_queue *queue);

#endif
