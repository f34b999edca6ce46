/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/receiving/tcp_receive_queue.h"

#include "core/base/bytes.h"
#include "core/base/sequence.h"

/*
 * Theory of operation. A packet that keeps much more memory busy than it carries is poured into the
 * room behind the packet before it, where that memory is ours alone; so a stream of small segments
 * costs about what it carries, at the price of copying small segments only.
 * Behind a gap there may be nothing to pour into: such packets are charged in full, and when
 * the charge passes the limit the furthest one goes, because it is needed last.
 */

enum { CHARGE_SLACK = 65536 }; /* one segment of the largest size is always admitted */

static struct packet *run_of(struct tree_node *node)
{
    return node == NULL ? NULL : tree_entry(node, struct packet, tcp.node);
}

/* Memory that the packet keeps busy. A buffer that others hold too is theirs as much as ours: only
 * the bytes in use count. */
static uint32_t charge_of(const struct packet *packet)
{
    uint32_t charge = sizeof(struct packet);
    if (packet->linear != NULL)
        charge += packet->linear->size;
    for (unsigned i = 0; i < packet->fragment_count; i++) {
        const struct fragment *fragment = &packet->fragments[i];
        charge += fragment->buffer->references == 1 ? fragment->buffer->size : fragment->length;
    }
    return charge;
}

void receive_queue_init(struct tcp_receive_queue *queue, uint32_t limit)
{
    *queue = (struct tcp_receive_queue){.limit = limit};
}

static bool exclusive(const struct buffer *buffer)
{
    return buffer->references == 1 && buffer->release == buffer_release_to_pool;
}

/* Where `n` more bytes can be put behind what the packet holds; NULL when they cannot. */
static uint8_t *room_behind(struct packet *packet, uint32_t n)
{
    if (packet->fragment_count == 0) {
        bool ours = packet->linear == NULL || exclusive(packet->linear);
        return ours && packet_tail_room(packet) >= n ? packet_put(packet, n) : NULL;
    }
    struct fragment *last = &packet->fragments[packet->fragment_count - 1];
    if (!exclusive(last->buffer) || last->buffer->size - last->offset - last->length < n)
        return NULL;
    uint8_t *at = last->buffer->data + last->offset + last->length;
    last->buffer->sums = NULL; /* of what its writer had there */
    last->length += n;
    packet->length += n;
    return at;
}

static bool wasteful(const struct packet *packet)
{
    return packet->tcp.charge > 2 * packet->length;
}

/* Pours `packet` into the room behind `before`. */
static bool pour(struct packet *before, struct packet *packet)
{
    if (!wasteful(packet))
        return false;
    uint32_t n = packet->length;
    uint8_t *at = room_behind(before, n);
    if (at == NULL)
        return false;
    packet_copy_out(packet, 0, at, n);
    before->tcp.received_ns = packet->tcp.received_ns;
    packet_free(packet);
    return true;
}

void receive_queue_append(struct tcp_receive_queue *queue, struct packet *packet)
{
    uint32_t length = packet->length;
    packet->tcp.charge = charge_of(packet);
    packet->next = NULL;
    queue->length += length;
    if (queue->tail != NULL && pour(queue->tail, packet))
        return;
    queue->charge += packet->tcp.charge;
    if (queue->tail != NULL)
        queue->tail->next = packet;
    else
        queue->head = packet;
    queue->tail = packet;
}

static void begin_run(struct tcp_receive_queue *queue, struct packet *packet)
{
    packet->tcp.node.key = packet->tcp.sequence;
    packet->tcp.run_tail = packet;
    packet->tcp.run_end = packet->tcp.sequence + packet->length;
    tree_insert(&queue->runs, &packet->tcp.node);
}

static void drop_run(struct tcp_receive_queue *queue, struct packet *run, struct counters *counters,
                     enum chaski_counter why)
{
    tree_remove(&queue->runs, &run->tcp.node);
    while (run != NULL) {
        struct packet *next = run->next;
        queue->charge -= run->tcp.charge;
        packet_drop(run, counters, why);
        run = next;
    }
}

/* The run that `sequence` lies in; NULL when none does. */
static struct packet *run_at(const struct tcp_receive_queue *queue, uint32_t sequence)
{
    struct packet *run = run_of(tree_floor(&queue->runs, sequence));
    return run != NULL && seq_lt(sequence, run->tcp.run_end) ? run : NULL;
}

bool receive_queue_overlap(const struct tcp_receive_queue *queue, uint32_t left, uint32_t right,
                           uint32_t *from, uint32_t *to)
{
    const struct packet *run = run_at(queue, left);
    if (run == NULL)
        run = run_of(tree_ceiling(&queue->runs, left));
    if (run == NULL || seq_ge(run->tcp.sequence, right))
        return false;
    *from = seq_max(run->tcp.sequence, left);
    *to = seq_min(run->tcp.run_end, right);
    return true;
}

/* Runs refer to the one that grew before them. Takes `run` out of that chain, of which only as much
 * matters as a SACK option can tell. */
static void forget_recent(struct tcp_receive_queue *queue, const struct packet *run)
{
    uint32_t *link = &queue->latest;
    for (unsigned i = 0; i < WIRE_TCP_SACK_MAX; i++) {
        struct packet *at = run_at(queue, *link);
        if (at == run)
            *link = run->tcp.run_before;
        if (at == NULL || at == run)
            return;
        link = &at->tcp.run_before;
    }
}

static void make_latest(struct tcp_receive_queue *queue, struct packet *run)
{
    run->tcp.run_before = queue->latest;
    queue->latest = run->tcp.node.key;
}

/* `behind` begins where `run` ends. */
static void join_runs(struct tcp_receive_queue *queue, struct packet *run, struct packet *behind)
{
    forget_recent(queue, behind);
    tree_remove(&queue->runs, &behind->tcp.node);
    run->tcp.run_tail->next = behind;
    run->tcp.run_tail = behind->tcp.run_tail;
    run->tcp.run_end = behind->tcp.run_end;
}

/* Cuts off what the queue already has, on both sides; the bytes that came first stay. What
 * remains behind a run in the middle comes back as a packet of its own in *rest. False when nothing
 * is missing. */
static bool cut_overlap(struct tcp_receive_queue *queue, struct packet *packet,
                        struct packet **rest)
{
    uint32_t left = packet->tcp.sequence, right = left + packet->length;
    struct packet *before = run_of(tree_floor(&queue->runs, left));
    if (before != NULL && seq_gt(before->tcp.run_end, left))
        left = before->tcp.run_end;
    if (seq_ge(left, right))
        return false;
    struct packet *after = run_of(tree_ceiling(&queue->runs, left));
    uint32_t cut = right;
    if (after != NULL && seq_lt(after->tcp.node.key, right)) {
        cut = after->tcp.node.key;
        if (seq_lt(after->tcp.run_end, right)) {
            uint32_t at = after->tcp.run_end - packet->tcp.sequence;
            *rest = packet_slice(packet, at, packet->length - at, packet->pool, FOR_RECEIVE);
            if (*rest != NULL) {
                (*rest)->tcp.sequence = after->tcp.run_end;
                (*rest)->tcp.received_ns = packet->tcp.received_ns;
            }
        }
    }
    packet_trim(packet, cut - packet->tcp.sequence);
    packet_consume(packet, left - packet->tcp.sequence);
    packet->tcp.sequence = left;
    return cut != left;
}

/* Files a packet that overlaps nothing. */
static void file_packet(struct tcp_receive_queue *queue, struct packet *packet)
{
    uint32_t length = packet->length, end = packet->tcp.sequence + length;
    struct packet *run = run_of(tree_floor(&queue->runs, packet->tcp.sequence));
    packet->tcp.charge = charge_of(packet);
    packet->next = NULL;
    if (run == NULL || run->tcp.run_end != packet->tcp.sequence) {
        queue->charge += packet->tcp.charge;
        begin_run(queue, packet);
        run = packet;
    } else {
        uint32_t charge = packet->tcp.charge;
        if (!pour(run->tcp.run_tail, packet)) {
            queue->charge += charge;
            run->tcp.run_tail->next = packet;
            run->tcp.run_tail = packet;
        }
        run->tcp.run_end = end;
        forget_recent(queue, run);
    }
    make_latest(queue, run);
    struct packet *behind = run_of(tree_next(&run->tcp.node));
    if (behind != NULL && behind->tcp.node.key == end)
        join_runs(queue, run, behind);
}

/* What came twice is told with the run that holds it, the first of those told (RFC 2883, 4). */
static void tell_first(struct tcp_receive_queue *queue, uint32_t sequence)
{
    struct packet *run = run_at(queue, sequence);
    forget_recent(queue, run);
    make_latest(queue, run);
}

bool receive_queue_insert(struct tcp_receive_queue *queue, struct packet *packet,
                          struct counters *counters)
{
    bool news = false;
    while (packet != NULL) {
        struct packet *rest = NULL;
        if (cut_overlap(queue, packet, &rest)) {
            file_packet(queue, packet);
            news = true;
        } else {
            tell_first(queue, packet->tcp.sequence);
            packet_drop(packet, counters, CHASKI_DROP_TCP_DUPLICATE);
        }
        packet = rest;
    }
    return news;
}

uint32_t receive_queue_close_gap(struct tcp_receive_queue *queue, uint32_t next)
{
    struct packet *run = run_of(tree_first(&queue->runs));
    if (run == NULL || run->tcp.node.key != next)
        return 0;
    forget_recent(queue, run);
    tree_remove(&queue->runs, &run->tcp.node);
    uint32_t length = run->tcp.run_end - next;
    queue->length += length;
    if (queue->tail != NULL)
        queue->tail->next = run;
    else
        queue->head = run;
    queue->tail = run->tcp.run_tail;
    return length;
}

/* What was received must leave something to send with: an application that answers reads on only
 * once it has written. And what is being sent must not keep out what is received, lest two hosts
 * wait for each other. So text is turned away when more than half of a pool is busy with other
 * things than sending; a little more where nothing is queued yet, that others' queues starve
 * nobody. What lies behind a gap is not worth the last objects at all: what fills the gap needs one
 * to come in. */
enum place {
    FIRST, /* next in order, with nothing queued */
    NEXT,  /* next in order */
    BEHIND_GAP,
};

static bool is_low(const struct pool *pool, enum place place)
{
    uint32_t busy = pool->total - pool->free_count;
    uint32_t receiving = busy > pool->sending ? busy - pool->sending : 0;
    if (place == BEHIND_GAP && pool->free_count <= pool->keep[FOR_SEND])
        return true;
    uint32_t most = place == FIRST ? pool->total / 8 * 5 : pool->total / 2;
    uint32_t left = pool->total - pool->keep[FOR_SEND]; /* the last of these is to send with */
    return receiving > most || receiving >= left;
}

static bool buffer_is_scarce(const struct buffer *buffer, enum place place)
{
    return buffer->release == buffer_release_to_pool && is_low(buffer->owner, place);
}

/* Whether the pools miss the memory that the packet keeps busy. */
static bool is_scarce(const struct packet *packet, enum place place)
{
    if (is_low(packet->pool, place) ||
        (packet->linear != NULL && buffer_is_scarce(packet->linear, place)))
        return true;
    for (unsigned i = 0; i < packet->fragment_count; i++)
        if (buffer_is_scarce(packet->fragments[i].buffer, place))
            return true;
    return false;
}

static bool is_empty(const struct tcp_receive_queue *queue)
{
    return queue->length == 0 && tree_empty(&queue->runs);
}

static enum place place_of(const struct tcp_receive_queue *queue, bool next)
{
    return !next ? BEHIND_GAP : is_empty(queue) ? FIRST : NEXT;
}

bool receive_queue_is_scarce(const struct tcp_receive_queue *queue, const struct packet *packet,
                             bool next)
{
    return is_scarce(packet, place_of(queue, next));
}

void receive_queue_prune(struct tcp_receive_queue *queue, struct counters *counters)
{
    drop_run(queue, run_of(tree_last(&queue->runs)), counters, CHASKI_DROP_TCP_PRUNED);
}

static uint32_t most_busy(const struct tcp_receive_queue *queue)
{
    return 2 * queue->limit + CHARGE_SLACK;
}

uint32_t receive_queue_room(const struct tcp_receive_queue *queue)
{
    uint32_t most = most_busy(queue);
    return queue->charge < most ? (most - queue->charge) / 2 : 0;
}

bool receive_queue_fits(const struct tcp_receive_queue *queue, const struct packet *packet,
                        bool next)
{
    enum place place = place_of(queue, next);
    return !is_scarce(packet, place) &&
           (place == FIRST || queue->charge + charge_of(packet) <= most_busy(queue));
}

bool receive_queue_admit(struct tcp_receive_queue *queue, const struct packet *packet, bool next,
                         struct counters *counters)
{
    while (!receive_queue_fits(queue, packet, next)) {
        struct packet *furthest = run_of(tree_last(&queue->runs));
        if (furthest == NULL || seq_le(furthest->tcp.node.key, packet->tcp.sequence))
            return false;
        receive_queue_prune(queue, counters);
    }
    return true;
}

static bool is_among(const struct packet *run, const struct wire_tcp_sack *blocks, unsigned count)
{
    unsigned i = 0;
    while (i < count && blocks[i].left != run->tcp.node.key)
        i++;
    return i < count;
}

unsigned receive_queue_blocks(const struct tcp_receive_queue *queue, struct wire_tcp_sack *blocks,
                              unsigned most)
{
    unsigned n = 0;
    struct packet *run = run_at(queue, queue->latest);
    for (; n < most && run != NULL && !is_among(run, blocks, n);
         run = run_at(queue, run->tcp.run_before))
        blocks[n++] = (struct wire_tcp_sack){run->tcp.node.key, run->tcp.run_end};
    /* Where recency is not known any more, the ones nearest to the gap. */
    run = run_of(tree_first(&queue->runs));
    for (; n < most && run != NULL; run = run_of(tree_next(&run->tcp.node))) {
        if (!is_among(run, blocks, n))
            blocks[n++] = (struct wire_tcp_sack){run->tcp.node.key, run->tcp.run_end};
    }
    return n;
}

unsigned receive_queue_look(const struct tcp_receive_queue *queue, struct chaski_piece *pieces,
                            unsigned most)
{
    unsigned n = 0;
    for (const struct packet *packet = queue->head; packet != NULL && n < most;
         packet = packet->next) {
        if (packet->linear_length != 0)
            pieces[n++] = (struct chaski_piece){packet->data, packet->linear_length};
        for (unsigned i = 0; i < packet->fragment_count && n < most; i++) {
            const struct fragment *fragment = &packet->fragments[i];
            if (fragment->length != 0)
                pieces[n++] = (struct chaski_piece){fragment->buffer->data + fragment->offset,
                                                    fragment->length};
        }
    }
    return n;
}

uint32_t receive_queue_copy(const struct tcp_receive_queue *queue, uint32_t over, uint8_t *bytes,
                            uint32_t n)
{
    uint32_t done = 0;
    for (const struct packet *packet = queue->head; packet != NULL && done < n;
         packet = packet->next) {
        uint32_t from = over < packet->length ? over : packet->length;
        uint32_t left = packet->length - from;
        uint32_t part = n - done < left ? n - done : left;
        over -= from;
        packet_copy_out(packet, from, bytes + done, part);
        done += part;
    }
    return done;
}

uint64_t receive_queue_arrival(const struct tcp_receive_queue *queue, uint32_t n)
{
    const struct packet *packet = queue->head;
    while (packet != NULL && n > packet->length) {
        n -= packet->length;
        packet = packet->next;
    }
    return packet != NULL && n != 0 ? packet->tcp.received_ns : 0;
}

static void free_head(struct tcp_receive_queue *queue)
{
    struct packet *head = queue->head;
    queue->charge -= head->tcp.charge;
    queue->head = head->next;
    if (queue->head == NULL)
        queue->tail = NULL;
    packet_free(head);
}

void receive_queue_consume(struct tcp_receive_queue *queue, uint32_t n)
{
    queue->length -= n;
    while (queue->head != NULL && n >= queue->head->length) {
        n -= queue->head->length;
        free_head(queue);
    }
    if (n != 0)
        packet_consume(queue->head, n);
}

uint32_t receive_queue_read(struct tcp_receive_queue *queue, uint8_t *bytes, uint32_t n)
{
    uint32_t done = 0;
    if (n > queue->length)
        n = queue->length;
    while (done < n) {
        struct packet *head = queue->head;
        uint32_t part = n - done < head->length ? n - done : head->length;
        packet_copy_out(head, 0, bytes + done, part);
        done += part;
        if (part == head->length)
            free_head(queue);
        else
            packet_consume(head, part);
    }
    queue->length -= done;
    return done;
}

void receive_queue_drop_runs(struct tcp_receive_queue *queue, struct counters *counters,
                             enum chaski_counter why)
{
    struct packet *run;
    while ((run = run_of(tree_first(&queue->runs))) != NULL)
        drop_run(queue, run, counters, why);
}

void receive_queue_clear(struct tcp_receive_queue *queue, struct counters *counters)
{
    while (queue->head != NULL)
        free_head(queue);
    receive_queue_drop_runs(queue, counters, CHASKI_DROP_TCP_CLOSED);
    queue->length = 0;
}
