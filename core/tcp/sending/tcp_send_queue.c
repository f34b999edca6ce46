/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/sending/tcp_send_queue.h"

#include "core/base/bytes.h"
#include "core/base/sequence.h"

_Static_assert(sizeof(struct send_chunk) <= BUFFER_HEADER,
               "a chunk's place fits in front of the data of a pool buffer");

enum { CHUNK_MOST = (1 << 30) - 1 };

/* What an application hands over has its chunk in itself. */
struct lent_chunk {
    struct send_chunk chunk;
    struct send_returns *returns;
};

_Static_assert(sizeof(struct lent_chunk) <= sizeof(((struct chaski_memory *)NULL)->reserved),
               "a chunk fits in what an application hands over");

void send_queue_init(struct tcp_send_queue *queue, uint32_t start)
{
    *queue = (struct tcp_send_queue){.start = start};
}

static void append_chunk(struct tcp_send_queue *queue, uint32_t end, struct send_chunk *chunk)
{
    chunk->next = NULL;
    chunk->sequence = end;
    if (queue->tail != NULL)
        queue->tail->next = chunk;
    else
        queue->head = chunk;
    queue->tail = chunk;
}

/* How far it is from `sequence` to where the next segment begins. */
static uint32_t until_next(const struct send_cuts *cuts, uint32_t sequence)
{
    return cuts->size - (sequence - cuts->begin) % cuts->size;
}

/* Makes room for the sums of segments, as many as fit in whole. */
static void prepare_sums(struct buffer *buffer, const struct send_cuts *cuts, uint32_t sequence)
{
    enum { SUMS_ROOM = sizeof(struct buffer_sums) + 64 * 4 };
    uint32_t first = until_next(cuts, sequence) % cuts->size;
    uint32_t most = buffer->size - SUMS_ROOM, whole = 0;
    if (first <= most && most - first >= cuts->size) /* else half of the buffer would be spared */
        whole = first + (most - first) / cuts->size * cuts->size;
    buffer_note_sums(buffer, buffer->size - (whole != 0 ? whole : most));
}

/* A queue that has grown past one small buffer is bulk: it goes on in large ones. */
static struct send_chunk *new_chunk(struct packet_memory *memory, uint32_t queued, uint32_t length,
                                    const struct send_cuts *cuts, uint32_t sequence)
{
    struct buffer *buffer = NULL;
    if (length > SMALL_BUFFER || queued >= SMALL_BUFFER)
        buffer = buffer_take(&memory->large, FOR_SEND);
    if (buffer != NULL && memory->sums)
        prepare_sums(buffer, cuts, sequence);
    if (buffer == NULL)
        buffer = buffer_take(&memory->small, FOR_SEND);
    if (buffer == NULL)
        return NULL;
    ((struct pool *)buffer->owner)->sending++;
    struct send_chunk *chunk = (struct send_chunk *)(void *)buffer;
    chunk->length = 0;
    chunk->ends_record = false;
    return chunk;
}

/* Copies n bytes in, and notes the sum of each segment that they are expected to leave in. */
static void fill(struct send_chunk *chunk, const uint8_t *bytes, uint32_t n,
                 const struct send_cuts *cuts)
{
    uint32_t at = chunk->length;
    if (chunk->buffer.sums == NULL)
        memcpy(chunk->buffer.data + at, bytes, n);
    else
        buffer_copy_in(&chunk->buffer, at, bytes, n, until_next(cuts, chunk->sequence + at),
                       cuts->size);
    chunk->length = (at + n) & CHUNK_MOST;
}

uint32_t send_queue_write(struct tcp_send_queue *queue, struct packet_memory *memory, uint32_t end,
                          const uint8_t *bytes, uint32_t length, const struct send_cuts *cuts)
{
    uint32_t written = 0;
    while (written < length) {
        struct send_chunk *tail = queue->tail;
        if (tail == NULL || tail->length == tail->buffer.size || tail->ends_record) {
            tail = new_chunk(memory, end + written - queue->start, length - written, cuts,
                             end + written);
            if (tail == NULL)
                break;
            append_chunk(queue, end + written, tail);
        }
        uint32_t room = tail->buffer.size - tail->length;
        uint32_t n = length - written < room ? length - written : room;
        fill(tail, bytes + written, n, cuts);
        written += n;
    }
    return written;
}

/* Nothing refers to it any more. */
static void return_lent(struct buffer *buffer)
{
    struct lent_chunk *lent = (struct lent_chunk *)(void *)buffer;
    struct send_returns *returns = lent->returns;
    lent->chunk.next = NULL;
    if (returns->last != NULL)
        returns->last->next = &lent->chunk;
    else
        returns->first = &lent->chunk;
    returns->last = &lent->chunk;
}

void send_returns_release(struct send_returns *returns)
{
    struct send_chunk *chunk = returns->first;
    *returns = (struct send_returns){NULL, NULL};
    while (chunk != NULL) {
        struct chaski_memory *memory = chunk->buffer.owner;
        chunk = chunk->next;
        memory->release(memory);
    }
}

void send_queue_hand_over(struct tcp_send_queue *queue, uint32_t end, struct chaski_memory *memory,
                          struct send_returns *returns)
{
    struct lent_chunk *lent = (struct lent_chunk *)(void *)memory->reserved;
    struct send_chunk *chunk = &lent->chunk;
    lent->returns = returns;
    chunk->buffer = (struct buffer){
        .references = 1,
        .size = (uint32_t)memory->length,
        .data = (uint8_t *)(uintptr_t)memory->bytes,
        .release = return_lent,
        .owner = memory,
    };
    append_chunk(queue, end, chunk);
    chunk->length = (uint32_t)memory->length & CHUNK_MOST;
    chunk->ends_record = false;
}

void send_queue_end_record(struct tcp_send_queue *queue, bool pushes)
{
    if (queue->tail == NULL || queue->tail->ends_record)
        return;
    queue->tail->ends_record = true;
    queue->tail->pushes = pushes;
    queue->records++;
}

/* The chunk that ends the record of the byte at `sequence`; NULL when none does. */
static const struct send_chunk *record_end(struct tcp_send_queue *queue, uint32_t sequence)
{
    const struct send_chunk *chunk =
        queue->records != 0 ? send_queue_unsent(queue, sequence) : NULL;
    while (chunk != NULL && !chunk->ends_record)
        chunk = chunk->next;
    return chunk;
}

uint32_t send_queue_record_end(struct tcp_send_queue *queue, uint32_t sequence, uint32_t end)
{
    const struct send_chunk *chunk = record_end(queue, sequence);
    return chunk != NULL ? chunk->sequence + chunk->length : end;
}

bool send_queue_pushes(struct tcp_send_queue *queue, uint32_t sequence, uint32_t end)
{
    const struct send_chunk *chunk = record_end(queue, sequence);
    return chunk != NULL && chunk->pushes && chunk->sequence + chunk->length == end;
}

static void drop_head(struct tcp_send_queue *queue)
{
    struct send_chunk *chunk = queue->head;
    queue->head = chunk->next;
    if (queue->head == NULL)
        queue->tail = NULL;
    if (queue->unsent == chunk)
        queue->unsent = NULL;
    queue->records -= chunk->ends_record;
    if (chunk->buffer.release == buffer_release_to_pool)
        ((struct pool *)chunk->buffer.owner)->sending--;
    buffer_drop(&chunk->buffer);
}

void send_queue_acknowledge(struct tcp_send_queue *queue, uint32_t sequence)
{
    queue->start = sequence;
    while (queue->head != NULL && seq_le(queue->head->sequence + queue->head->length, sequence))
        drop_head(queue);
}

void send_queue_clear(struct tcp_send_queue *queue)
{
    while (queue->head != NULL)
        drop_head(queue);
}

struct send_chunk *send_queue_unsent(struct tcp_send_queue *queue, uint32_t sequence)
{
    queue->unsent = send_chunk_at(queue->unsent != NULL ? queue->unsent : queue->head, sequence);
    return queue->unsent;
}

uint32_t send_queue_slice(struct send_chunk *chunk, uint32_t sequence, uint32_t length,
                          struct packet *packet)
{
    bool copy = length <= packet_tail_room(packet);
    uint32_t done = 0;
    while (done < length) {
        uint32_t offset = sequence + done - chunk->sequence;
        uint32_t n = chunk->length - offset;
        if (n > length - done)
            n = length - done;
        if (copy)
            memcpy(packet_put(packet, n), chunk->buffer.data + offset, n);
        else if (packet->fragment_count < PACKET_FRAGMENTS)
            packet_add_fragment(packet, buffer_hold(&chunk->buffer), offset, n);
        else
            break;
        done += n;
        chunk = chunk->next;
    }
    return done;
}
