/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SUPPORT_THREAD_WIRE_H
#define CHASKI_TESTS_SUPPORT_THREAD_WIRE_H

#include "drivers/impair.h"
#include "drivers/link.h"

/*
 * A cable between two machines of several threads: each side has one or more queues, each queue
 * is one thread's. Frames are copied, and reach the other side's queue that the Toeplitz hash of
 * their flow chooses, as an adapter does it, so with one queue all come by that. What a queue sends
 * is impaired by chances of its own. Queues that receive too slowly lose frames.
 */
enum { THREAD_WIRE_QUEUES = 4 };

struct thread_wire_options {
    unsigned queues[2]; /* of each side: 1 to THREAD_WIRE_QUEUES */
    bool shuffled;      /* frames come by queues in turn, whatever their flow */
    uint64_t seed;
    struct impairment impairment;
};

struct thread_wire;

struct thread_wire *thread_wire_create(const struct thread_wire_options *options);
/* When no thread uses it any more. */
void thread_wire_destroy(struct thread_wire *wire);

/* A queue of a side, which stays the wire's. Its MAC address is 02:00:00:00:00:(side + 1). */
struct link *thread_wire_queue(struct thread_wire *wire, unsigned side, unsigned queue,
                               struct packet_memory *memory, struct counters *counters);

/* Does no harm any more. From any thread. */
void thread_wire_calm(struct thread_wire *wire);

#endif
