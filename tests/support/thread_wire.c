/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/thread_wire.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "drivers/frame.h"
#include "runtime/shards/spread.h"
#include "runtime/threads/inbox.h"

enum { WAITING_MAX = 2047, HELD_MAX = 4096 };

struct flying {
    ck_stack_entry_t link; /* first: in the queue's inbox */
    uint64_t due_ns;
    uint32_t length;
    uint8_t bytes[];
};

struct queue {
    struct link link;
    struct thread_wire *wire;
    unsigned side;
    struct impair impair; /* what it sends */
    unsigned sent;
    struct inbox arriving;         /* from any thread */
    struct flying *held[HELD_MAX]; /* arrived before their time: by it, the last one first */
    unsigned held_count;
};

struct thread_wire {
    unsigned count[2];
    bool shuffled;
    _Atomic bool calm;
    struct spread spread[2]; /* over a side's queues */
    struct queue *queues[2][THREAD_WIRE_QUEUES];
};

/* ---- Sending ------------------------------------------------------------------------------- */

static void fly(struct queue *to, const struct packet *packet, const struct impair_fate *fate)
{
    struct flying *frame = malloc(sizeof *frame + packet->length);
    if (frame == NULL)
        abort();
    frame->due_ns = fate->due_ns;
    frame->length = packet->length;
    packet_copy_out(packet, 0, frame->bytes, packet->length);
    if (fate->corrupt && fate->corrupt_at + 14 < frame->length)
        frame->bytes[fate->corrupt_at + 14] ^= fate->corrupt_by;
    if (!inbox_push(&to->arriving, &frame->link))
        free(frame);
}

static struct queue *chosen(struct queue *from, const struct packet *packet)
{
    struct thread_wire *wire = from->wire;
    unsigned side = 1 - from->side;
    unsigned at = wire->shuffled ? from->sent++ % wire->count[side]
                                 : spread_frame(&wire->spread[side], packet, 0);
    return wire->queues[side][at];
}

static void send_one(struct queue *from, const struct packet *packet, uint64_t now_ns)
{
    struct impair_fate fate = impair_judge(&from->impair, packet->length, false, now_ns);
    struct queue *to = chosen(from, packet);
    uint64_t one = 1;
    if (atomic_load_explicit(&from->wire->calm, memory_order_relaxed))
        fate = (struct impair_fate){.end = IMPAIR_ARRIVES, .due_ns = now_ns};
    if (fate.end != IMPAIR_ARRIVES)
        return;
    fly(to, packet, &fate);
    if (fate.duplicate)
        fly(to, packet, &fate);
    if (write(to->link.fd, &one, sizeof one) < 0)
        abort();
}

static void transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    for (uint32_t i = 0; i < burst->count; i++) {
        send_one(block, burst->packets[i], now_ns);
        packet_free(burst->packets[i]);
    }
    burst->count = 0;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

static void hold(struct queue *queue, struct flying *frame)
{
    unsigned at = queue->held_count;
    if (at == HELD_MAX) {
        free(frame);
        return;
    }
    while (at > 0 && queue->held[at - 1]->due_ns <= frame->due_ns)
        at--;
    memmove(&queue->held[at + 1], &queue->held[at],
            (queue->held_count - at) * sizeof queue->held[0]);
    queue->held[at] = frame;
    queue->held_count++;
}

static void take_arrivals(struct queue *queue)
{
    ck_stack_entry_t *link;
    uint64_t count;
    ssize_t got = read(queue->link.fd, &count, sizeof count);
    (void)got;
    while ((link = inbox_pop(&queue->arriving)) != NULL)
        hold(queue, (struct flying *)(void *)link);
}

static uint32_t receive(struct link *link, struct burst *burst, uint64_t now_ns)
{
    struct queue *queue = (struct queue *)(void *)link;
    take_arrivals(queue);
    while (burst->count < BURST_MAX && queue->held_count != 0 &&
           queue->held[queue->held_count - 1]->due_ns <= now_ns) {
        struct flying *frame = queue->held[--queue->held_count];
        struct packet *packet = frame_of_bytes(link->memory, frame->bytes, frame->length);
        if (packet != NULL)
            burst->packets[burst->count++] = packet;
        else
            count(link->counters, CHASKI_DROP_NO_MEMORY);
        free(frame);
    }
    link->more = burst->count == BURST_MAX;
    return burst->count;
}

static uint64_t deadline(struct link *link)
{
    struct queue *queue = (struct queue *)(void *)link;
    return queue->held_count != 0 ? queue->held[queue->held_count - 1]->due_ns : UINT64_MAX;
}

/* ---- Life ---------------------------------------------------------------------------------- */

static struct queue *make_queue(struct thread_wire *wire, unsigned side, unsigned number,
                                const struct thread_wire_options *options)
{
    struct queue *queue = aligned_alloc(64, (sizeof *queue + 63) / 64 * 64);
    if (queue == NULL)
        abort();
    memset(queue, 0, sizeof *queue);
    queue->wire = wire;
    queue->side = side;
    inbox_init(&queue->arriving, WAITING_MAX);
    queue->link.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (queue->link.fd < 0)
        abort();
    impair_init(&queue->impair, options->seed, side * THREAD_WIRE_QUEUES + number);
    impair_set(&queue->impair, &options->impairment);
    return queue;
}

struct thread_wire *thread_wire_create(const struct thread_wire_options *options)
{
    struct thread_wire *wire = calloc(1, sizeof *wire);
    if (wire == NULL)
        abort();
    wire->shuffled = options->shuffled;
    for (unsigned side = 0; side < 2; side++) {
        wire->count[side] = options->queues[side];
        spread_init(&wire->spread[side], options->queues[side]);
        for (unsigned i = 0; i < wire->count[side]; i++)
            wire->queues[side][i] = make_queue(wire, side, i, options);
    }
    return wire;
}

static void free_queue(struct queue *queue)
{
    take_arrivals(queue);
    while (queue->held_count != 0)
        free(queue->held[--queue->held_count]);
    close(queue->link.fd);
    free(queue);
}

void thread_wire_destroy(struct thread_wire *wire)
{
    for (unsigned side = 0; side < 2; side++)
        for (unsigned i = 0; i < wire->count[side]; i++)
            free_queue(wire->queues[side][i]);
    free(wire);
}

struct link *thread_wire_queue(struct thread_wire *wire, unsigned side, unsigned number,
                               struct packet_memory *memory, struct counters *counters)
{
    struct queue *queue = wire->queues[side][number];
    queue->link = (struct link){
        .name = side == 0 ? "left" : "right",
        .memory = memory,
        .counters = counters,
        .fd = queue->link.fd,
        .news_fd = -1,
        .mtu = 1500,
        .mac = {2, 0, 0, 0, 0, (uint8_t)(side + 1)},
        .receive = receive,
        .transmit = transmit,
        .deadline = deadline,
    };
    return &queue->link;
}

void thread_wire_calm(struct thread_wire *wire)
{
    atomic_store_explicit(&wire->calm, true, memory_order_relaxed);
}
