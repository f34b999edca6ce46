/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/memory_wire.h"

#include <stdlib.h>

#include "drivers/frame.h"
#include "drivers/frame_damage.h"
#include "drivers/impair.h"
#include "drivers/wire_queue.h"

/*
 * Theory of operation
 *
 * Every ordered pair of stations is a direction with statistics and what decides on its frames
 * (impair.h), which has chances of its own, so that what happens one way does not change another's.
 *
 * What is on its way to a station is in its queue (wire_queue.h); beyond its size, frames are lost.
 *
 * Frames change hands by pointer. Where a second copy is needed (for duplicates, for corruption,
 * because the receiver would otherwise share the sender's bytes, and for the second and further
 * stations that hear a frame) it lives in the wire's own memory.
 */

enum {
    COPIES_MAX = 2048, /* at a time, unless every frame is copied */
    ETHERNET_HEADER = 14,
};

struct direction {
    struct impair impair;
    struct memory_wire_statistics statistics;
};

struct station {
    struct link link;
    struct memory_wire *wire;
    uint32_t number;
    bool hear_all;
    struct wire_queue queue; /* on the way to it */
};

struct memory_wire {
    uint32_t station_max, station_count;
    uint32_t capacity; /* of each station's queue */
    bool copy;
    struct packet_memory memory;
    void *memory_bytes;
    struct counters unseen; /* of stations that have none */
    struct station *stations;
    struct direction *directions; /* from * station_max + to */
};

static struct direction *direction_of(const struct memory_wire *wire, uint32_t from, uint32_t to)
{
    return &wire->directions[from * wire->station_max + to];
}

/* Takes the frame over; it arrives at `due_ns`. */
static void enqueue(struct station *to, struct direction *direction, struct packet *packet,
                    uint64_t due_ns, uint64_t now_ns)
{
    if (wire_queue_room(&to->queue) == 0) {
        direction->statistics.overflowed++;
        packet_free(packet);
        return;
    }
    direction->statistics.delivered++;
    if (due_ns <= now_ns)
        wire_queue_push(&to->queue, packet);
    else
        wire_queue_push_timed(&to->queue, packet, due_ns);
}

/* ---- Impairments --------------------------------------------------------------------------- */

/* A copy that is damaged. NULL when there is no memory. */
static struct packet *corrupted(struct memory_wire *wire, struct direction *direction,
                                struct packet *packet, const struct impair_fate *fate)
{
    struct packet *copy = frame_copy(&wire->memory, packet);
    packet_free(packet);
    if (copy == NULL)
        return NULL;
    frame_corrupt(copy, fate->corrupt_at, fate->corrupt_by);
    direction->statistics.corrupted++;
    return copy;
}

/* The packet if it arrives; otherwise NULL, and why is counted. */
static struct packet *survivor(struct memory_wire *wire, struct direction *direction,
                               struct packet *packet, const struct impair_fate *fate)
{
    direction->statistics.reordered += fate->reordered;
    if (fate->mark)
        direction->statistics.marked += frame_mark(packet);
    if (fate->end != IMPAIR_ARRIVES) {
        packet_free(packet);
        packet = NULL;
    } else if (fate->corrupt) {
        packet = corrupted(wire, direction, packet, fate);
    }
    if (packet == NULL && fate->end == IMPAIR_OVERFLOWED)
        direction->statistics.overflowed++;
    else if (packet == NULL)
        direction->statistics.lost++;
    return packet;
}

static void carry_impaired(struct station *from, struct station *to, struct direction *direction,
                           struct packet *packet, uint64_t now_ns)
{
    struct memory_wire *wire = from->wire;
    struct impair_fate fate =
        impair_judge(&direction->impair, packet->length, frame_is_ip4(packet), now_ns);
    packet = survivor(wire, direction, packet, &fate);
    if (packet == NULL)
        return;
    frame_as_received(packet, from->link.features);
    struct packet *second = fate.duplicate ? frame_copy(&wire->memory, packet) : NULL;
    enqueue(to, direction, packet, fate.due_ns, now_ns);
    if (second != NULL) {
        direction->statistics.duplicated++;
        enqueue(to, direction, second, fate.due_ns, now_ns);
    }
}

/* ---- Sending ------------------------------------------------------------------------------- */

static bool hears(const struct station *station, const struct packet *packet)
{
    return station->hear_all || packet->linear_length < ETHERNET_HEADER ||
           (packet->data[0] & 1) != 0 || memcmp(packet->data, station->link.mac, 6) == 0;
}

/* Counts the frame and says whether it is for station `to`. */
static bool offer(const struct station *from, const struct station *to, struct direction *direction,
                  const struct packet *packet)
{
    struct memory_wire_statistics *statistics = &direction->statistics;
    statistics->frames++;
    statistics->bytes += packet->length;
    if (link_oversized(&from->link, packet)) {
        statistics->oversized++;
        return false;
    }
    if (!hears(to, packet)) {
        statistics->unwanted++;
        return false;
    }
    return true;
}

/* Takes the packet over. */
static void carry(struct station *from, struct station *to, struct direction *direction,
                  struct packet *packet, uint64_t now_ns)
{
    if (!direction->impair.plain) {
        carry_impaired(from, to, direction, packet, now_ns);
        return;
    }
    frame_as_received(packet, from->link.features);
    enqueue(to, direction, packet, 0, now_ns);
}

/* The packet itself for the last station that hears it, copies for those before. */
static void carry_to_all(struct station *from, struct packet *packet, uint64_t now_ns)
{
    struct memory_wire *wire = from->wire;
    struct station *last = NULL;
    for (uint32_t i = 0; i < wire->station_count; i++) {
        struct station *to = &wire->stations[i];
        if (to == from || !offer(from, to, direction_of(wire, from->number, i), packet))
            continue;
        struct packet *copy = last != NULL ? frame_copy(&wire->memory, packet) : NULL;
        if (copy != NULL)
            carry(from, last, direction_of(wire, from->number, last->number), copy, now_ns);
        else if (last != NULL)
            direction_of(wire, from->number, last->number)->statistics.overflowed++;
        last = to;
    }
    if (last != NULL)
        carry(from, last, direction_of(wire, from->number, last->number), packet, now_ns);
    else
        packet_free(packet);
}

/* The packet, or with the option `copy` a copy of it in the wire's memory; NULL: no memory. */
static struct packet *enter(struct memory_wire *wire, struct packet *packet)
{
    if (!wire->copy)
        return packet;
    struct packet *copy = frame_copy(&wire->memory, packet);
    packet_free(packet);
    return copy;
}

static void transmit_one(struct station *from, struct packet *packet, uint64_t now_ns)
{
    struct memory_wire *wire = from->wire;
    uint32_t other = 1 - from->number;
    if (wire->station_count != 2) {
        carry_to_all(from, packet, now_ns);
        return;
    }
    struct direction *direction = direction_of(wire, from->number, other);
    if (offer(from, &wire->stations[other], direction, packet))
        carry(from, &wire->stations[other], direction, packet, now_ns);
    else
        packet_free(packet);
}

/* The same for a burst to the only other station, by pointer and without impairments; there is room
 * for all of it. */
static void transmit_plain(struct station *from, struct station *to, struct direction *direction,
                           const struct burst *burst)
{
    struct memory_wire_statistics *statistics = &direction->statistics;
    uint32_t delivered = 0;
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        statistics->bytes += packet->length;
        bool oversized = link_oversized(&from->link, packet);
        if (oversized || !hears(to, packet)) {
            statistics->oversized += oversized;
            statistics->unwanted += !oversized;
            packet_free(packet);
            continue;
        }
        frame_as_received(packet, from->link.features);
        wire_queue_push(&to->queue, packet);
        delivered++;
    }
    statistics->frames += burst->count;
    statistics->delivered += delivered;
}

static void station_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct station *from = block;
    struct memory_wire *wire = from->wire;
    struct station *to = &wire->stations[1 - (from->number & 1)];
    struct direction *direction = direction_of(wire, from->number, 1 - (from->number & 1));
    if (wire->station_count == 2 && !wire->copy && direction->impair.plain &&
        burst->count <= wire_queue_room(&to->queue)) {
        transmit_plain(from, to, direction, burst);
        burst->count = 0;
        return;
    }
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = enter(wire, burst->packets[i]);
        if (packet != NULL)
            transmit_one(from, packet, now_ns);
        else
            count(from->link.counters, CHASKI_DROP_LINK_REFUSED);
    }
    burst->count = 0;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

/* The packet, or with the option `copy` a copy in the station's memory; NULL: no memory. */
static struct packet *leave(struct station *station, struct packet *packet)
{
    if (!station->wire->copy)
        return packet;
    struct packet *copy = frame_copy(station->link.memory, packet);
    packet_free(packet);
    if (copy == NULL)
        count(station->link.counters, CHASKI_DROP_NO_MEMORY);
    return copy;
}

static uint32_t station_receive(struct link *link, struct burst *burst, uint64_t now_ns)
{
    struct station *station = (struct station *)link;
    while (burst->count < BURST_MAX && wire_queue_due(&station->queue, now_ns)) {
        struct packet *packet = leave(station, wire_queue_take(&station->queue));
        if (packet != NULL)
            burst->packets[burst->count++] = packet;
    }
    link->more = burst->count == BURST_MAX && wire_queue_due(&station->queue, now_ns);
    return burst->count;
}

static uint64_t station_deadline(struct link *link)
{
    return wire_queue_deadline(&((const struct station *)link)->queue);
}

uint64_t memory_wire_deadline(struct memory_wire *wire)
{
    uint64_t earliest = UINT64_MAX;
    for (uint32_t i = 0; i < wire->station_count; i++) {
        uint64_t deadline = station_deadline(&wire->stations[i].link);
        if (deadline < earliest)
            earliest = deadline;
    }
    return earliest;
}

/* ---- Setup --------------------------------------------------------------------------------- */

static void lay_out(struct memory_wire *wire, struct memory *memory, bool large)
{
    uint32_t frames = wire->station_max * wire->capacity;
    if (!wire->copy && frames > COPIES_MAX)
        frames = COPIES_MAX;
    pool_init(&wire->memory.packets, memory, sizeof(struct packet), frames);
    pool_init(&wire->memory.small, memory, BUFFER_HEADER + SMALL_BUFFER, frames);
    pool_init(&wire->memory.large, memory, BUFFER_HEADER + LARGE_BUFFER, large ? frames : 0);
    wire->stations = memory_take(memory, wire->station_max * sizeof(struct station));
    wire->directions =
        memory_take(memory, wire->station_max * wire->station_max * sizeof(struct direction));
    for (uint32_t i = 0; i < wire->station_max; i++) {
        struct wire_queue queue;
        if (wire_queue_init(&queue, memory, wire->capacity) && wire->stations != NULL)
            wire->stations[i].queue = queue;
    }
}

static bool allocate(struct memory_wire *wire, bool large)
{
    struct memory memory = {0};
    lay_out(wire, &memory, large);
    memory.size = memory.used;
    memory.used = 0;
    wire->memory_bytes = aligned_alloc(MEMORY_ALIGN, memory.size);
    memory.base = wire->memory_bytes;
    if (memory.base == NULL)
        return false;
    lay_out(wire, &memory, large);
    return true;
}

struct memory_wire *memory_wire_create(const struct memory_wire_options *options)
{
    uint32_t queue = options->queue_packets != 0 ? options->queue_packets : 1024;
    if (options->stations > MEMORY_WIRE_STATIONS || queue > MEMORY_WIRE_QUEUE_MAX)
        return NULL;
    struct memory_wire *wire = calloc(1, sizeof *wire);
    if (wire == NULL)
        return NULL;
    wire->station_max = options->stations != 0 ? options->stations : 2;
    wire->capacity = wire_queue_capacity(queue);
    wire->copy = options->copy;
    if (!allocate(wire, options->large)) {
        free(wire);
        return NULL;
    }
    for (uint32_t i = 0; i < wire->station_max * wire->station_max; i++) {
        impair_init(&wire->directions[i].impair, options->seed, i);
    }
    return wire;
}

void memory_wire_destroy(struct memory_wire *wire)
{
    if (wire == NULL)
        return;
    for (uint32_t i = 0; i < wire->station_count; i++) {
        while (wire_queue_length(&wire->stations[i].queue) != 0)
            packet_free(wire_queue_take(&wire->stations[i].queue));
    }
    free(wire->memory_bytes);
    free(wire);
}

struct link *memory_wire_join(struct memory_wire *wire, const struct memory_wire_station *options)
{
    if (wire->station_count == wire->station_max)
        return NULL;
    struct station *station = &wire->stations[wire->station_count];
    station->wire = wire;
    station->number = wire->station_count++;
    station->hear_all = options->hear_all;
    station->link = (struct link){
        .name = options->name,
        .memory = options->memory,
        .counters = options->counters != NULL ? options->counters : &wire->unseen,
        .fd = -1,
        .news_fd = -1,
        .features = options->features,
        .mtu = options->mtu != 0 ? options->mtu : 1500,
        .receive = station_receive,
        .transmit = station_transmit,
        .deadline = station_deadline,
    };
    memcpy(station->link.mac, options->mac, sizeof options->mac);
    return &station->link;
}

/* ---- Settings and statistics --------------------------------------------------------------- */

static bool selected(int selection, uint32_t number)
{
    return selection == MEMORY_WIRE_EVERY || (uint32_t)selection == number;
}

void memory_wire_impair(struct memory_wire *wire, int from, int to,
                        const struct memory_wire_impairment *impairment)
{
    const struct impairment same = {
        .loss = impairment->loss,
        .duplicate = impairment->duplicate,
        .corrupt = impairment->corrupt,
        .reorder = impairment->reorder,
        .reorder_ns = impairment->reorder_ns,
        .delay_ns = impairment->delay_ns,
        .jitter_ns = impairment->jitter_ns,
        .rate_bits = impairment->rate_bits,
        .queue_bytes = impairment->queue_bytes,
        .mark_bytes = impairment->mark_bytes,
    };
    for (uint32_t i = 0; i < wire->station_max * wire->station_max; i++) {
        if (selected(from, i / wire->station_max) && selected(to, i % wire->station_max))
            impair_set(&wire->directions[i].impair, &same);
    }
}

static void add(struct memory_wire_statistics *sum, const struct memory_wire_statistics *part)
{
    sum->frames += part->frames;
    sum->bytes += part->bytes;
    sum->delivered += part->delivered;
    sum->lost += part->lost;
    sum->overflowed += part->overflowed;
    sum->unwanted += part->unwanted;
    sum->oversized += part->oversized;
    sum->duplicated += part->duplicated;
    sum->corrupted += part->corrupted;
    sum->reordered += part->reordered;
    sum->marked += part->marked;
}

struct memory_wire_statistics memory_wire_statistics(const struct memory_wire *wire, int from,
                                                     int to)
{
    struct memory_wire_statistics sum = {0};
    for (uint32_t i = 0; i < wire->station_max * wire->station_max; i++) {
        if (selected(from, i / wire->station_max) && selected(to, i % wire->station_max))
            add(&sum, &wire->directions[i].statistics);
    }
    return sum;
}

uint32_t memory_wire_in_flight(const struct memory_wire *wire, int station)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < wire->station_count; i++) {
        if (selected(station, i))
            sum += wire_queue_length(&wire->stations[i].queue);
    }
    return sum;
}
