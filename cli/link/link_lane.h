/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_LINK_LANE_H
#define CHASKI_CLI_LINK_LANE_H

#include "cli/link/link_frame.h"
#include "drivers/impair.h"

/*
 * One direction of `chaski link`: judges what is sent into it, wire packet by wire packet, and
 * keeps what arrives until its time. Packets are counted as they would be on a wire, so a frame to
 * be cut counts as its segments.
 */

struct link_counts {
    uint64_t frames, packets,
        bytes; /* sent into it: frames as they were read, packets on the wire */
    uint64_t delivered, delivered_bytes; /* on the wire, of what were written to the other end */
    uint64_t lost, overflowed, duplicated, corrupted, reordered, marked;
    uint64_t no_memory;          /* frames */
    uint64_t malformed;          /* frames whose virtio-net header is not true */
    uint64_t refused;            /* packets that the other end did not take */
    uint64_t late_ns, latest_ns; /* what arrived after its time: the sum, and the worst */
    uint64_t arrivals;           /* how many that sum is of */
};

struct link_carried {
    uint64_t due_ns, order;
    uint32_t length, packets;
    uint32_t wire_bytes; /* of all its packets, headers of each included */
    uint8_t room[];      /* virtio-net header and bytes */
};

struct link_lane {
    struct impair impair;
    uint64_t lump_ns; /* segments of a frame that arrive within this time stay together */
    uint64_t order;
    uint64_t held_bytes;
    struct link_carried **heap; /* ordered by due_ns, then by order */
    uint32_t heap_count, heap_room;
    struct link_counts counts;
};

enum {
    LINK_HELD_BYTES = 512 << 20, /* that a lane keeps at most */
};

/* Closed again by link_lane_end(). */
void link_lane_begin(struct link_lane *lane, const struct impairment *impairment, uint64_t lump_ns,
                     uint64_t seed, uint64_t stream);
void link_lane_end(struct link_lane *lane);

/* Takes a frame in; it is copied. */
void link_lane_send(struct link_lane *lane, const struct virtio_net_hdr *header,
                    const uint8_t *bytes, uint32_t length, uint64_t now_ns);

/* When the next frame is due; UINT64_MAX: there is none. */
uint64_t link_lane_deadline(const struct link_lane *lane);

/* The next frame that is due; the caller frees it. NULL: none is. */
struct link_carried *link_lane_receive(struct link_lane *lane, uint64_t now_ns);

/* Notes that the frame was written, or refused. */
void link_lane_written(struct link_lane *lane, const struct link_carried *carried, bool taken,
                       uint64_t now_ns);

#endif
