/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/wire_queue.h"

uint32_t wire_queue_capacity(uint32_t frames)
{
    uint32_t capacity = 1;
    while (capacity < frames)
        capacity *= 2;
    return capacity;
}

bool wire_queue_init(struct wire_queue *queue, struct memory *memory, uint32_t capacity)
{
    *queue = (struct wire_queue){
        .ring = memory_take(memory, capacity * sizeof *queue->ring),
        .heap = memory_take(memory, capacity * sizeof *queue->heap),
        .capacity = capacity,
    };
    return queue->ring != NULL && queue->heap != NULL;
}

static bool sooner(const struct wire_entry *a, const struct wire_entry *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

void wire_queue_push_timed(struct wire_queue *queue, struct packet *packet, uint64_t due_ns)
{
    struct wire_entry *heap = queue->heap;
    struct wire_entry entry = {due_ns, queue->order++, packet};
    uint32_t at = queue->heap_count++;
    while (at != 0 && sooner(&entry, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = entry;
}

static struct packet *heap_pop(struct wire_queue *queue)
{
    struct wire_entry *heap = queue->heap;
    struct packet *first = heap[0].packet;
    struct wire_entry last = heap[--queue->heap_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= queue->heap_count)
            break;
        if (child + 1 < queue->heap_count && sooner(&heap[child + 1], &heap[child]))
            child++;
        if (!sooner(&heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

struct packet *wire_queue_take(struct wire_queue *queue)
{
    if (queue->head != queue->tail)
        return queue->ring[queue->head++ & (queue->capacity - 1)];
    return heap_pop(queue);
}

uint64_t wire_queue_deadline(const struct wire_queue *queue)
{
    if (queue->head != queue->tail)
        return 0;
    return queue->heap_count != 0 ? queue->heap[0].due_ns : UINT64_MAX;
}
