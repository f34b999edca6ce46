/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/link/link_lane.h"

#include <stdlib.h>
#include <string.h>

/*
 * Theory of operation
 *
 * A path knows packets of the wire's size, but a TAP link carries up to 64 kB as one frame that is
 * still to be cut, and carrying 1 Gbit/s is cheap only as long as it stays so. The fate of each
 * segment is therefore decided by itself, and neighbours that fare alike stay together as a run,
 * one frame to be cut: a loss in the middle leaves two runs. What is marked stays with what is
 * marked; what is reordered, doubled or corrupted goes alone.
 *
 * A run arrives when its last segment does. So that this does not make lumps of what a slow line
 * would carry one by one, a run ends where its segments would arrive more than `lump_ns` apart,
 * which is less than what network cards wait before they hand up what has come.
 */

static const uint64_t NEVER = UINT64_MAX;

/* Neighbouring segments of `frame` that will be one frame again. */
struct run {
    const struct link_frame *frame;
    uint32_t first, end; /* equal: none */
    bool mark;
    uint64_t first_due_ns, due_ns;
};

void link_lane_begin(struct link_lane *lane, const struct impairment *impairment, uint64_t lump_ns,
                     uint64_t seed, uint64_t stream)
{
    *lane = (struct link_lane){.lump_ns = lump_ns};
    impair_init(&lane->impair, seed, stream);
    impair_set(&lane->impair, impairment);
}

void link_lane_end(struct link_lane *lane)
{
    for (uint32_t i = 0; i < lane->heap_count; i++)
        free(lane->heap[i]);
    free((void *)lane->heap);
}

/* ---- What is on its way -------------------------------------------------------------------- */

static bool sooner(const struct link_carried *a, const struct link_carried *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static bool make_room(struct link_lane *lane)
{
    if (lane->heap_count < lane->heap_room)
        return true;
    uint32_t room = lane->heap_room != 0 ? lane->heap_room * 2 : 1024;
    struct link_carried **heap =
        (struct link_carried **)realloc((void *)lane->heap, room * sizeof(struct link_carried *));
    if (heap == NULL)
        return false;
    lane->heap = heap;
    lane->heap_room = room;
    return true;
}

static bool push(struct link_lane *lane, struct link_carried *entry)
{
    if (!make_room(lane))
        return false;
    struct link_carried **heap = lane->heap;
    uint32_t at = lane->heap_count++;
    entry->order = lane->order++;
    while (at != 0 && sooner(entry, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = entry;
    lane->held_bytes += entry->length;
    return true;
}

static struct link_carried *pop(struct link_lane *lane)
{
    struct link_carried **heap = lane->heap;
    struct link_carried *first = heap[0], *last = heap[--lane->heap_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= lane->heap_count)
            break;
        if (child + 1 < lane->heap_count && sooner(heap[child + 1], heap[child]))
            child++;
        if (!sooner(heap[child], last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    lane->held_bytes -= first->length;
    return first;
}

/* ---- Sending ------------------------------------------------------------------------------- */

/* The run as a frame of its own, to arrive at run->due_ns; NULL: no memory. */
static struct link_carried *carry(struct link_lane *lane, const struct run *run)
{
    const struct link_frame *frame = run->frame;
    size_t room = sizeof frame->header + link_frame_length(frame, run->first, run->end);
    bool full = lane->held_bytes + room > LINK_HELD_BYTES;
    struct link_carried *carried = full ? NULL : malloc(sizeof *carried + room);
    if (carried == NULL) {
        lane->counts.no_memory++;
        return NULL;
    }
    carried->length = link_frame_cut(frame, run->first, run->end, carried->room);
    carried->packets = run->end - run->first;
    carried->wire_bytes = link_frame_length(frame, run->first, run->end) +
                          (carried->packets - 1) * frame->header_length;
    carried->due_ns = run->due_ns;
    if (run->mark && link_frame_mark(frame, carried->room))
        lane->counts.marked += carried->packets;
    if (push(lane, carried))
        return carried;
    free(carried);
    lane->counts.no_memory++;
    return NULL;
}

static void finish(struct link_lane *lane, struct run *run)
{
    if (run->first != run->end)
        carry(lane, run);
    run->first = run->end;
}

/* One segment that shares its fate with none. */
static void carry_alone(struct link_lane *lane, const struct link_frame *frame, uint32_t number,
                        const struct impair_fate *fate)
{
    const struct run alone = {frame, number, number + 1, fate->mark, fate->due_ns, fate->due_ns};
    for (int copies = fate->duplicate ? 2 : 1; copies > 0; copies--) {
        struct link_carried *carried = carry(lane, &alone);
        if (carried != NULL && fate->corrupt)
            link_frame_corrupt(carried->room, carried->length, fate->corrupt_at, fate->corrupt_by);
    }
    lane->counts.reordered += fate->reordered;
    lane->counts.duplicated += fate->duplicate;
    lane->counts.corrupted += fate->corrupt;
}

static bool fits(const struct link_lane *lane, const struct run *run,
                 const struct impair_fate *fate)
{
    return run->first != run->end && run->mark == fate->mark &&
           fate->due_ns - run->first_due_ns <= lane->lump_ns;
}

/* Puts segment `number`, which follows the run's, where its fate sends it. */
static void place(struct link_lane *lane, struct run *run, uint32_t number,
                  const struct impair_fate *fate)
{
    bool alone = fate->reordered || fate->duplicate || fate->corrupt;
    if (fate->end != IMPAIR_ARRIVES || alone || !fits(lane, run, fate))
        finish(lane, run);
    if (fate->end != IMPAIR_ARRIVES) {
        lane->counts.lost += fate->end == IMPAIR_LOST;
        lane->counts.overflowed += fate->end == IMPAIR_OVERFLOWED;
        return;
    }
    if (alone) {
        carry_alone(lane, run->frame, number, fate);
        return;
    }
    if (run->first == run->end)
        *run = (struct run){run->frame, number, number, fate->mark, fate->due_ns, 0};
    run->end = number + 1;
    run->due_ns = fate->due_ns;
}

void link_lane_send(struct link_lane *lane, const struct virtio_net_hdr *header,
                    const uint8_t *bytes, uint32_t length, uint64_t now_ns)
{
    struct link_frame frame;
    lane->counts.frames++;
    if (!link_frame_read(&frame, header, bytes, length)) {
        lane->counts.malformed++;
        return;
    }
    struct run run = {.frame = &frame};
    lane->counts.packets += frame.segments;
    if (lane->impair.plain) {
        run = (struct run){&frame, 0, frame.segments, false, now_ns, now_ns};
        lane->counts.bytes += length + (frame.segments - 1) * frame.header_length;
    }
    for (uint32_t i = 0; i < frame.segments && !lane->impair.plain; i++) {
        uint32_t on_wire = link_frame_length(&frame, i, i + 1);
        struct impair_fate fate = impair_judge(&lane->impair, on_wire, frame.network != 0, now_ns);
        lane->counts.bytes += on_wire;
        place(lane, &run, i, &fate);
    }
    finish(lane, &run);
}

/* ---- Receiving ----------------------------------------------------------------------------- */

uint64_t link_lane_deadline(const struct link_lane *lane)
{
    return lane->heap_count != 0 ? lane->heap[0]->due_ns : NEVER;
}

struct link_carried *link_lane_receive(struct link_lane *lane, uint64_t now_ns)
{
    return link_lane_deadline(lane) <= now_ns ? pop(lane) : NULL;
}

void link_lane_written(struct link_lane *lane, const struct link_carried *carried, bool taken,
                       uint64_t now_ns)
{
    struct link_counts *counts = &lane->counts;
    uint64_t late_ns = now_ns > carried->due_ns ? now_ns - carried->due_ns : 0;
    if (!taken) {
        counts->refused += carried->packets;
        return;
    }
    counts->delivered += carried->packets;
    counts->delivered_bytes += carried->wire_bytes;
    counts->arrivals++;
    counts->late_ns += late_ns;
    if (late_ns > counts->latest_ns)
        counts->latest_ns = late_ns;
}
