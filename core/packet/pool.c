/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/packet/pool.h"

enum {
    LINE = 64,
    SPREAD_FROM = 8 * LINE,
};

/* The distance between objects. Large ones lie an odd number of cache lines apart: were it a power
 * of two, their first lines, which are the busiest, would all compete for a few sets of the cache.
 */
static size_t stride(uint32_t object_size)
{
    return object_size >= SPREAD_FROM && object_size / LINE % 2 == 0 ? (size_t)object_size + LINE
                                                                     : object_size;
}

void pool_init(struct pool *pool, struct memory *memory, uint32_t object_size, uint32_t total)
{
    uint32_t rounded = (object_size + LINE - 1) & ~(uint32_t)(LINE - 1);
    size_t step = stride(rounded);
    *pool = (struct pool){.object_size = rounded, .stride = (uint32_t)step};
    pool->fresh = memory_reserve(memory, total > SIZE_MAX / step ? SIZE_MAX : step * total);
    if (pool->fresh == NULL)
        return;
    pool->free_count = total;
    pool->total = total;
    pool->lowest_free = total;
}

void pool_reserve(struct pool *pool, uint32_t for_control, uint32_t for_receive)
{
    pool->keep[FOR_CONTROL] = 0;
    pool->keep[FOR_RECEIVE] = for_control;
    pool->keep[FOR_SEND] = for_control + for_receive;
}
