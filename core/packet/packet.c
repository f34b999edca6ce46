/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/packet/packet.h"

static inline uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- Making and giving back ---- */

enum {
    LENGTH_AT = offsetof(struct packet, length),
    NEXT_HOP_AT = offsetof(struct packet, next_hop),
    IP_AT = offsetof(struct packet, ip),
    TCP_AT = offsetof(struct packet, tcp),
};

_Static_assert(CHECKSUM_UNKNOWN == 0, "what is all zeros is not known");

/* A descriptor without memory; NULL as packet_take(). */
static inline struct packet *take(struct pool *pool, enum purpose purpose)
{
    struct packet *packet = pool_take(pool, purpose);
    if (packet == NULL)
        return NULL;
    packet->next = NULL;
    packet->pool = pool;
    /* In pieces that the compiler writes down as plain stores. */
    memset((uint8_t *)packet + LENGTH_AT, 0, NEXT_HOP_AT - LENGTH_AT);
    memset((uint8_t *)packet + NEXT_HOP_AT, 0, IP_AT - NEXT_HOP_AT);
    memset((uint8_t *)packet + IP_AT, 0, TCP_AT - IP_AT);
    return packet;
}

struct packet *packet_take(struct pool *pool, enum purpose purpose)
{
    struct packet *packet = take(pool, purpose);
    if (packet == NULL)
        return NULL;
    packet->linear = NULL;
    packet->start = packet->room;
    packet->end = packet->room + PACKET_ROOM;
    packet->data = packet->room + PACKET_HEAD_ROOM;
    return packet;
}

struct packet *packet_take_in(struct pool *pool, struct buffer *buffer, uint32_t head_room,
                              enum purpose purpose)
{
    struct packet *packet = take(pool, purpose);
    if (packet == NULL)
        return NULL;
    packet->linear = buffer;
    packet->start = buffer->data;
    packet->end = buffer->data + buffer->size;
    packet->data = buffer->data + head_room;
    return packet;
}

/* Drops the references of all fragments from number `from` on. */
static void drop_fragments(struct packet *packet, uint32_t from)
{
    for (uint32_t i = from; i < packet->fragment_count; i++)
        buffer_drop(packet->fragments[i].buffer);
    packet->fragment_count = (uint8_t)from;
}

void packet_free(struct packet *packet)
{
    drop_fragments(packet, 0);
    if (packet->linear != NULL)
        buffer_drop(packet->linear);
    pool_give(packet->pool, packet);
}

/* ---- Shortening ---- */

void packet_trim(struct packet *packet, uint32_t length)
{
    uint32_t left = length - smaller(length, packet->linear_length);
    uint32_t kept = 0;
    packet->linear_length = (uint16_t)smaller(length, packet->linear_length);
    packet->length = length;
    for (; left != 0; kept++) {
        struct fragment *fragment = &packet->fragments[kept];
        fragment->length = smaller(fragment->length, left);
        left -= fragment->length;
    }
    drop_fragments(packet, kept);
}

/* Takes n bytes from the front of the fragments, whatever the linear part is. */
static void consume_fragments(struct packet *packet, uint32_t n)
{
    uint32_t gone = 0;
    packet->length -= n;
    while (gone < packet->fragment_count && packet->fragments[gone].length <= n) {
        n -= packet->fragments[gone].length;
        buffer_drop(packet->fragments[gone].buffer);
        gone++;
    }
    packet->fragment_count = (uint8_t)(packet->fragment_count - gone);
    memmove(packet->fragments, packet->fragments + gone,
            packet->fragment_count * sizeof packet->fragments[0]);
    if (n != 0) {
        packet->fragments[0].offset += n;
        packet->fragments[0].length -= n;
    }
}

void packet_consume(struct packet *packet, uint32_t n)
{
    uint32_t linear = smaller(n, packet->linear_length);
    packet_pull(packet, linear);
    if (n > linear)
        consume_fragments(packet, n - linear);
}

/* ---- Growing ---- */

bool packet_add_fragment(struct packet *packet, struct buffer *buffer, uint32_t offset,
                         uint32_t length)
{
    if (packet->fragment_count == PACKET_FRAGMENTS)
        return false;
    packet->fragments[packet->fragment_count++] = (struct fragment){buffer, offset, length};
    packet->length += length;
    return true;
}

/* A buffer for `left` bytes, of which it shall hold as many as it can. Small ones are preferred
 * when `slots` of them suffice: large ones are for bulk. */
static struct buffer *take_buffer(struct packet_memory *memory, size_t left, uint32_t slots)
{
    struct buffer *buffer = NULL;
    if (left <= (size_t)slots * SMALL_BUFFER)
        buffer = buffer_take(&memory->small, FOR_SEND);
    return buffer != NULL ? buffer : buffer_take(&memory->large, FOR_SEND);
}

bool packet_append_copy(struct packet *packet, const void *bytes, size_t length,
                        struct packet_memory *memory)
{
    const uint8_t *from = bytes;
    if (length <= packet_tail_room(packet)) {
        if (length != 0)
            memcpy(packet_put(packet, (uint32_t)length), from, length);
        return true;
    }
    while (length != 0 && packet->fragment_count < PACKET_FRAGMENTS) {
        uint32_t slots = (uint32_t)PACKET_FRAGMENTS - packet->fragment_count;
        struct buffer *buffer = take_buffer(memory, length, slots);
        if (buffer == NULL)
            return false;
        uint32_t n = length < buffer->size ? (uint32_t)length : buffer->size;
        memcpy(buffer->data, from, n);
        packet_add_fragment(packet, buffer, 0, n);
        from += n;
        length -= n;
    }
    return length == 0;
}

/* Whether n bytes from data on fit in memory that nobody else looks at and that is ours to fill. */
static bool room_of_our_own(const struct packet *packet, uint32_t n)
{
    const struct buffer *buffer = packet->linear;
    bool own =
        buffer == NULL || (buffer->references == 1 && buffer->release == buffer_release_to_pool);
    return own && n <= (size_t)(packet->end - packet->data);
}

/* Moves the linear part, pulled headers included, into a buffer with room for n bytes. */
static bool move_linear(struct packet *packet, uint32_t n, struct packet_memory *memory)
{
    size_t head = (size_t)(packet->data - packet->start);
    struct pool *pool = head + n <= SMALL_BUFFER ? &memory->small : &memory->large;
    struct buffer *buffer = head + n <= LARGE_BUFFER ? buffer_take(pool, FOR_RECEIVE) : NULL;
    if (buffer == NULL)
        return false;
    memcpy(buffer->data, packet->start, head + packet->linear_length);
    if (packet->linear != NULL)
        buffer_drop(packet->linear);
    packet->linear = buffer;
    packet->start = buffer->data;
    packet->end = buffer->data + buffer->size;
    packet->data = buffer->data + head;
    return true;
}

bool packet_pull_up(struct packet *packet, uint32_t n, struct packet_memory *memory)
{
    if (n <= packet->linear_length)
        return true;
    if (n > packet->length || n > UINT16_MAX)
        return false;
    if (!room_of_our_own(packet, n) && !move_linear(packet, n, memory))
        return false;
    uint32_t missing = n - packet->linear_length;
    uint8_t *to = packet->data + packet->linear_length;
    packet_copy_out(packet, packet->linear_length, to, missing);
    consume_fragments(packet, missing);
    packet->linear_length = (uint16_t)n;
    packet->length += missing;
    return true;
}

/* ---- Looking at bytes wherever they lie ---- */

/* The piece that holds the byte at `offset` < length, and what follows it in one place. */
struct span {
    const uint8_t *bytes;
    uint32_t length;
    struct buffer *buffer; /* NULL: the descriptor's own room */
};

/* The part from `offset` on of piece number `index` (0: the linear part, i: fragment i - 1);
 * subtracts from *offset what lies before, so that walking on continues with 0. */
static inline struct span span_at(const struct packet *packet, uint32_t index, uint32_t *offset)
{
    struct span span = {packet->data, packet->linear_length, packet->linear};
    if (index != 0) {
        const struct fragment *fragment = &packet->fragments[index - 1];
        span = (struct span){fragment->buffer->data + fragment->offset, fragment->length,
                             fragment->buffer};
    }
    uint32_t skip = smaller(*offset, span.length);
    *offset -= skip;
    span.bytes += skip;
    span.length -= skip;
    return span;
}

/* As memcpy(), for whom it may be long. C libraries then use the processor's instruction for
 * copying, which is slow where the two ends lie differently in their cache lines; this is not, and
 * its sum costs nothing beside. */
static inline void copy(uint8_t *to, const uint8_t *from, uint32_t length)
{
    enum { LONG = 1024 };
    if (length < LONG)
        memcpy(to, from, length);
    else
        (void)checksum_copy(to, from, length);
}

void packet_copy_out(const struct packet *packet, uint32_t offset, void *to, uint32_t length)
{
    uint8_t *at = to;
    for (uint32_t i = 0; length != 0; i++) {
        struct span span = span_at(packet, i, &offset);
        uint32_t n = smaller(span.length, length);
        copy(at, span.bytes, n);
        at += n;
        length -= n;
    }
}

const uint8_t *packet_in_one_place(const struct packet *packet, uint8_t *scratch)
{
    if (packet->linear_length == packet->length)
        return packet->data;
    if (packet->linear_length == 0 && packet->fragment_count == 1)
        return packet->fragments[0].buffer->data + packet->fragments[0].offset;
    packet_copy_out(packet, 0, scratch, packet->length);
    return scratch;
}

/* All of a packet without fragments, behind `offset`. */
static uint64_t linear_sum(const struct packet *packet, uint32_t offset)
{
    enum { FEW = 128 };
    const uint8_t *bytes = packet->data + offset;
    uint32_t length = packet->length - offset;
    return length < FEW ? checksum_few(bytes, length) : checksum_partial(bytes, length);
}

static uint64_t sum_of_spans(const struct packet *packet, uint32_t offset)
{
    uint64_t sum = 0;
    uint32_t done = 0;
    for (uint32_t i = 0; i <= packet->fragment_count; i++) {
        struct span span = span_at(packet, i, &offset);
        uint64_t piece = checksum_partial(span.bytes, span.length);
        sum += done % 2 == 0 ? piece : checksum_shift_odd(piece);
        done += span.length;
    }
    return sum;
}

uint64_t packet_checksum_partial(const struct packet *packet, uint32_t offset)
{
    return packet->fragment_count == 0 ? linear_sum(packet, offset) : sum_of_spans(packet, offset);
}

/* The same of bytes that are sent, whose sums their buffers may know. */
static uint64_t sum_of_spans_to_send(const struct packet *packet, uint32_t offset)
{
    uint64_t sum = 0;
    uint32_t done = 0;
    for (uint32_t i = 0; i <= packet->fragment_count; i++) {
        struct span span = span_at(packet, i, &offset);
        uint32_t hint = 0;
        uint64_t piece;
        if (span.buffer == NULL ||
            !buffer_find_sum(span.buffer, (uint32_t)(span.bytes - span.buffer->data), span.length,
                             &hint, &piece))
            piece = checksum_partial(span.bytes, span.length);
        sum += done % 2 == 0 ? piece : checksum_shift_odd(piece);
        done += span.length;
    }
    return sum;
}

void packet_checksum_complete(struct packet *packet)
{
    if (packet->checksum != CHECKSUM_PARTIAL)
        return;
    uint8_t *transport = packet_transport(packet);
    uint32_t offset = (uint32_t)(transport - packet->data);
    uint64_t sum = packet->fragment_count == 0 ? linear_sum(packet, offset)
                                               : sum_of_spans_to_send(packet, offset);
    uint16_t checksum = checksum_finish(sum);
    checksum_store(transport + packet->checksum_field, checksum != 0 ? checksum : 0xffff);
    packet->checksum = CHECKSUM_COMPLETE;
}

/* ---- Slicing ---- */

/* Adds `n` bytes of a piece to a slice: by reference where they lie in a buffer. */
static bool slice_add(struct packet *slice, const struct span *span, uint32_t n)
{
    if (span->buffer == NULL) {
        if (n > packet_tail_room(slice))
            return false;
        memcpy(packet_put(slice, n), span->bytes, n);
        return true;
    }
    uint32_t offset = (uint32_t)(span->bytes - span->buffer->data);
    if (!packet_add_fragment(slice, span->buffer, offset, n))
        return false;
    buffer_hold(span->buffer);
    return true;
}

struct packet *packet_slice(const struct packet *packet, uint32_t offset, uint32_t length,
                            struct pool *pool, enum purpose purpose)
{
    struct packet *slice = packet_take(pool, purpose);
    if (slice == NULL)
        return NULL;
    for (uint32_t i = 0; length != 0; i++) {
        struct span span = span_at(packet, i, &offset);
        uint32_t n = smaller(span.length, length);
        if (n != 0 && !slice_add(slice, &span, n)) {
            packet_free(slice);
            return NULL;
        }
        length -= n;
    }
    return slice;
}
