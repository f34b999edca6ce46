/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_PACKET_POOL_H
#define CHASKI_PACKET_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/forget.h"
#include "core/base/memory.h"

/*
 * Objects of one size on memory that the caller gave. The most recently returned one is handed
 * out first, because it is still in the cache; one that was never used only when none has been
 * returned, so that memory which is not needed is not touched either. One thread.
 *
 * What an object is wanted for decides how deep into the pool it may reach, so that data waiting
 * to be sent can never keep the acknowledgement out that would free it.
 */
enum purpose {
    FOR_CONTROL, /* acknowledgements, handshakes, resets, ARP, ICMP: may take the last one */
    FOR_RECEIVE, /* frames coming in: leaves the control reserve */
    FOR_SEND,    /* application data going out: leaves both reserves */
    PURPOSE_COUNT,
};

struct pool_item {
    struct pool_item *next;
};

struct pool {
    struct pool_item *free; /* returned ones */
    uint8_t *fresh;         /* the first that was never handed out; those behind it neither */
    uint32_t free_count;
    uint32_t keep[PURPOSE_COUNT]; /* free objects that each purpose must leave */
    uint32_t total;
    uint32_t object_size;
    uint32_t stride;      /* bytes from one object to the next */
    uint32_t lowest_free; /* since the pool was made */
    uint32_t sending;     /* objects that send queues hold: noted by them */
    uint64_t takes;       /* attempts, granted or not */
    uint64_t fail_at;     /* the attempt with this number fails: how tests reach every failure */
};

/* Lays out `total` objects; `object_size` is rounded up to cache lines. The pool is empty when
 * `memory` only counts or does not suffice. Objects are not initialised. */
void pool_init(struct pool *pool, struct memory *memory, uint32_t object_size, uint32_t total);

/* Free objects that each purpose leaves to the ones before it. */
void pool_reserve(struct pool *pool, uint32_t for_control, uint32_t for_receive);

static inline void *pool_take(struct pool *pool, enum purpose purpose)
{
    struct pool_item *item = pool->free;
    if (__builtin_expect(++pool->takes == pool->fail_at, 0) ||
        __builtin_expect(pool->free_count <= pool->keep[purpose], 0))
        return NULL;
    if (__builtin_expect(item != NULL, 1)) {
        pool->free = item->next;
    } else {
        item = (struct pool_item *)(void *)pool->fresh;
        pool->fresh += pool->stride;
    }
    pool->free_count--;
    if (pool->free_count < pool->lowest_free)
        pool->lowest_free = pool->free_count;
    forget_bytes(item, pool->object_size);
    return item;
}

static inline void pool_give(struct pool *pool, void *object)
{
    struct pool_item *item = object;
    item->next = pool->free;
    pool->free = item;
    pool->free_count++;
}

#endif
