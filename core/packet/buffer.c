/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/packet/buffer.h"

#include "core/base/checksum.h"

void buffer_release_to_pool(struct buffer *buffer)
{
    pool_give(buffer->owner, buffer);
}

struct buffer *buffer_take(struct pool *pool, enum purpose purpose)
{
    struct buffer *buffer = pool_take(pool, purpose);
    if (buffer == NULL)
        return NULL;
    buffer->references = 1;
    buffer->size = pool->object_size - BUFFER_HEADER;
    buffer->data = (uint8_t *)buffer + BUFFER_HEADER;
    buffer->release = buffer_release_to_pool;
    buffer->owner = pool;
    buffer->sums = NULL;
    return buffer;
}

void buffer_note_sums(struct buffer *buffer, uint32_t room)
{
    enum { ALIGN = _Alignof(struct buffer_sums), HEAD = sizeof(struct buffer_sums), PIECE = 4 };
    uint32_t size = buffer->size - room, at = (size + ALIGN - 1) / ALIGN * ALIGN;
    uint32_t most = (buffer->size - at - HEAD) / PIECE;
    struct buffer_sums *sums = (struct buffer_sums *)(void *)(buffer->data + at);
    buffer->size = size;
    sums->count = 0;
    sums->most = (uint16_t)(most < UINT16_MAX ? most : UINT16_MAX);
    sums->end = 0;
    buffer->sums = sums;
}

/* The piece that the byte at `offset` is of: a new one, or the last one; NULL: there is no place.
 */
static inline uint16_t *piece_for(struct buffer_sums *sums, uint32_t offset, bool begins)
{
    if (sums->end != offset || (begins && sums->count == sums->most))
        return NULL;
    if (begins) {
        sums->pieces[sums->count].start = (uint16_t)offset;
        sums->pieces[sums->count++].sum = 0;
    }
    return &sums->pieces[sums->count - 1].sum;
}

void buffer_copy_in(struct buffer *buffer, uint32_t offset, const uint8_t *bytes, uint32_t length,
                    uint32_t until, uint32_t size)
{
    struct buffer_sums *sums = buffer->sums;
    uint32_t end = offset + length;
    bool begins = offset == 0 || until == size;
    while (offset < end) {
        uint32_t part = until < end - offset ? until : end - offset;
        uint64_t sum = checksum_copy(buffer->data + offset, bytes, part);
        uint16_t *of = piece_for(sums, offset, begins);
        if (of != NULL) {
            bool odd = (offset - sums->pieces[sums->count - 1].start) % 2 != 0;
            *of = checksum_fold(*of + (odd ? checksum_shift_odd(sum) : sum));
            sums->end = (uint16_t)(offset + part);
        }
        bytes += part;
        offset += part;
        until = size;
        begins = true;
    }
}

/* The last piece that begins at or before `offset`; there is one. */
static uint32_t find_piece(const struct buffer_sums *sums, uint32_t offset)
{
    uint32_t from = 0, to = sums->count;
    while (to - from > 1) {
        uint32_t middle = (from + to) / 2;
        if (sums->pieces[middle].start <= offset)
            from = middle;
        else
            to = middle;
    }
    return from;
}

static inline uint32_t piece_end(const struct buffer_sums *sums, uint32_t piece)
{
    return piece + 1 < sums->count ? sums->pieces[piece + 1].start : sums->end;
}

bool buffer_search_sum(const struct buffer *buffer, uint32_t offset, uint32_t length,
                       uint32_t *hint, uint64_t *sum)
{
    const struct buffer_sums *sums = buffer->sums;
    uint32_t piece = *hint, end = offset + length;
    if (end > sums->end || length == 0)
        return false;
    if (piece >= sums->count || sums->pieces[piece].start != offset)
        piece = find_piece(sums, offset);
    if (sums->pieces[piece].start != offset)
        return false;
    *sum = 0;
    for (uint32_t at = offset; at < end; at = piece_end(sums, piece++)) {
        uint64_t part = sums->pieces[piece].sum;
        if (piece_end(sums, piece) > end)
            return false;
        *sum += (at - offset) % 2 == 0 ? part : checksum_shift_odd(part);
    }
    *hint = piece;
    return true;
}
