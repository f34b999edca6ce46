/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_RUNTIME_CHANNEL_H
#define CHASKI_RUNTIME_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A bounded ring between threads: Concurrency Kit's, with the memory and the proof around it.
 * Whoever takes out is one thread; whoever puts in is one thread (_spsc), or any number (_mpsc).
 * What one thread put in comes out in that order. Nothing waits for room or for items.
 */
struct channel;

/* What passes: a pointer, and a word about it. */
struct channel_item {
    void *what;
    uint64_t about;
};

/* For `capacity` items, which is a power of two of at least 4, less one. NULL without memory. */
struct channel *channel_create(uint32_t capacity);

/* Items that are left in it are forgotten. Does nothing with NULL. */
void channel_destroy(struct channel *channel);

/* False, with nothing done, when the channel is full. */
bool channel_push_spsc(struct channel *channel, struct channel_item item);
bool channel_push_mpsc(struct channel *channel, struct channel_item item);

/* Takes the oldest one, whichever way it was pushed. False when there is none. */
bool channel_pop(struct channel *channel, struct channel_item *item);

/* Whether channel_pop() would have something. For the thread that takes out. */
bool channel_is_empty(const struct channel *channel);

#endif
