/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_PACKET_BUFFER_H
#define CHASKI_PACKET_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/packet/pool.h"

/*
 * Reference-counted memory that packets and send queues point into. Bytes that somebody else may
 * see never change; only the holder who filled a buffer may fill the part beyond.
 * The same struct stands before memory from a pool and apart from memory that an application
 * or a driver owns; `release` gives the memory back in either case. One thread.
 */
struct buffer_sums;

struct buffer {
    uint32_t references;
    uint32_t size; /* bytes at data; what the holder is charged for it */
    uint8_t *data;
    void (*release)(struct buffer *buffer); /* called when the last reference is dropped */
    void *owner;                            /* whatever `release` needs */
    struct buffer_sums *sums;               /* of the data; NULL: none are known */
};

/*
 * The checksums of pieces of a buffer's data, which whoever wrote them found out on the way and
 * whoever sends them needs not again. Pieces follow each other from the first byte on, each up to
 * where the next one begins, the last one to `end`. They are what was once written: never what
 * arrived, whose checksum is to be verified.
 */
struct buffer_sums {
    uint16_t count, most; /* pieces there are, and there can be */
    uint16_t end;         /* how far they reach; what lies behind has no sum */
    struct {
        uint16_t start, sum; /* the sum is folded */
    } pieces[];
};

enum { BUFFER_HEADER = 64 }; /* in front of pool memory; keeps data on a cache line's start */

_Static_assert(sizeof(struct buffer) <= BUFFER_HEADER, "the header fits in front of the data");

/* A buffer with one reference, from a pool whose objects are BUFFER_HEADER + size bytes;
 * NULL when the pool has none left for the purpose. */
struct buffer *buffer_take(struct pool *pool, enum purpose purpose);

/* `release` of buffers from a pool; whoever holds the only reference to such a buffer may fill the
 * room behind the bytes in use. `owner` is the pool. */
void buffer_release_to_pool(struct buffer *buffer);

/* Turns the last `room` bytes of the data of a buffer that is empty into a place for sums, and
 * makes the buffer as much smaller. */
void buffer_note_sums(struct buffer *buffer, uint32_t room);

/* Copies `length` bytes to `offset` of a buffer that has a place for sums, right behind what was
 * copied there before. A piece ends `until` bytes from there, and then one every `size` bytes. For
 * which there is no place, the sum remains unknown. */
void buffer_copy_in(struct buffer *buffer, uint32_t offset, const uint8_t *bytes, uint32_t length,
                    uint32_t until, uint32_t size);

/* The general case of the next one. */
bool buffer_search_sum(const struct buffer *buffer, uint32_t offset, uint32_t length,
                       uint32_t *hint, uint64_t *sum);

/* Whether pieces begin and end just where these bytes do; then *sum is theirs. `hint` is where to
 * look first, for who goes through a buffer from front to back: 0 at first. */
static inline bool buffer_find_sum(const struct buffer *buffer, uint32_t offset, uint32_t length,
                                   uint32_t *hint, uint64_t *sum)
{
    const struct buffer_sums *sums = buffer->sums;
    uint32_t piece = *hint;
    if (sums == NULL)
        return false;
    if (piece + 1 >= sums->count || sums->pieces[piece].start != offset ||
        sums->pieces[piece + 1].start != offset + length)
        return buffer_search_sum(buffer, offset, length, hint, sum);
    *sum = sums->pieces[piece].sum;
    *hint = piece + 1;
    return true;
}

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
