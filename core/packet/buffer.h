/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_PACKET_BUFFER_H
#define CHASKI_PACKET_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "core/packet/pool.h"

/*
 * Reference-counted memory that packets and send queues point into. Bytes that somebody else may
 * see never change; only the holder who filled a buffer may fill the part beyond.
 * The same struct stands before memory from a pool and apart from memory that an application
 * or a driver owns; `release` gives the memory back in either case. One thread.
 */
struct buffer {
    uint32_t references;
    uint32_t size; /* bytes at data; what the holder is charged for it */
    uint8_t *data;
    void (*release)(struct buffer *buffer); /* called when the last reference is dropped */
    void *owner;                            /* whatever `release` needs */
};

enum { BUFFER_HEADER = 64 }; /* in front of pool memory; keeps data on a cache line's start */

_Static_assert(sizeof(struct buffer) <= BUFFER_HEADER, "the header fits in front of the data");

/* A buffer with one reference, from a pool whose objects are BUFFER_HEADER + size bytes;
 * NULL when the pool has none left for the purpose. */
struct buffer *buffer_take(struct pool *pool, enum purpose purpose);

/* `release` of buffers from a pool; whoever holds the only reference to such a buffer may fill the
 * room behind the bytes in use. `owner` is the pool. */
void buffer_release_to_pool(struct buffer *buffer);

static inline struct buffer *buffer_hold(struct buffer *buffer)
{
    buffer->references++;
    return buffer;
}

static inline void buffer_drop(struct buffer *buffer)
{
    if (--buffer->references == 0)
        buffer->release(buffer);
}

#endif
