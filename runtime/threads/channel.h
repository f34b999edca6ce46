/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_RUNTIME_CHANNEL_H
#define CHASKI_RUNTIME_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A bounded ring from one thread to one other: Concurrency Kit's, with the memory and the proof
 * around it. Nothing waits for room or for items. (From many threads to one: inbox.h.)
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
bool channel_push(struct channel *channel, struct channel_item item);

/* Takes the oldest one. False when there is none. */
bool channel_pop(struct channel *channel, struct channel_item *item);

/* Whether channel_pop() would have something. For the thread that takes out. */
bool channel_is_empty(const struct channel *channel);

#endif
