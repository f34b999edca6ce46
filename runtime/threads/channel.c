/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/threads/channel.h"

#include <stdlib.h>

#include <ck_ring.h>

#include "runtime/threads/tsan.h"

/*
 * Why the orders suffice
 *
 * The ring has two positions: where the consumer takes next (c_head), and up to where items are
 * there (p_tail).
 *
 * - An item is written before it is seen. The producer writes the slot, then p_tail, with a store
 *   fence between the two; the consumer reads p_tail, then the slot, with a load fence between the
 *   two.
 * - The same holds of what an item points to, and more is needed there: to give something is also
 * to have done with reading it, and to take it is to be free to write it. The ring's fences order
 *   stores with stores and loads with loads only, so a push begins with a release fence, which
 * keeps earlier loads too before the store of p_tail, and a pop ends with an acquire fence, which
 * keeps later stores too behind the load of it. Both are no instruction at all on x86.
 * - A slot is read before it is written again. The consumer copies the slot to its caller and then
 *   stores c_head, with a store fence between the two; the copy's stores need what its loads have
 *   brought, so where they are done the loads are too. A producer reads c_head and writes the slot
 * only if that says there is room: a store that hangs on a load's outcome is not done before the
 * load.
 */

CK_RING_PROTOTYPE(item, channel_item)

struct channel {
    ck_ring_t ring;
    struct channel_item items[] __attribute__((aligned(64)));
};

struct channel *channel_create(uint32_t capacity)
{
    size_t size = (size_t)capacity + 1;
    size_t bytes = sizeof(struct channel) + size * sizeof(struct channel_item);
    struct channel *channel = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    if (channel == NULL)
        return NULL;
    ck_ring_init(&channel->ring, (unsigned)size);
    return channel;
}

void channel_destroy(struct channel *channel)
{
    free(channel);
}

bool channel_push(struct channel *channel, struct channel_item item)
{
    ck_pr_fence_release();
    tsan_release(channel);
    return ck_ring_enqueue_spsc_item(&channel->ring, channel->items, &item);
}

bool channel_pop(struct channel *channel, struct channel_item *item)
{
    if (!ck_ring_dequeue_spsc_item(&channel->ring, channel->items, item))
        return false;
    ck_pr_fence_acquire();
    tsan_acquire(channel);
    return true;
}

bool channel_is_empty(const struct channel *channel)
{
    return ck_ring_size(&channel->ring) == 0;
}
