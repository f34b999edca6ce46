/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_MEMORY_WIRE_H
#define CHASKI_DRIVERS_MEMORY_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/link.h"

/*
 * A wire between any number of stations in one process and one thread, in virtual time: each
 * frame reaches every other station that wants it. Every direction between two stations can lose,
 * duplicate, reorder, corrupt and delay frames and limit their rate, by chances that follow from
 * the seed alone, so that a run can be repeated exactly.
 *
 * Frames are handed over by pointer: the descriptor changes owner and returns to its own pool when
 * the receiver frees it, and the bytes are shared. With the option `copy` a frame is copied as it
 * enters the wire and again as it arrives, into the receiver's memory, as between real machines.
 */
struct memory_wire;

enum {
    MEMORY_WIRE_STATIONS = 64,
    MEMORY_WIRE_QUEUE_MAX = 1 << 20,
    MEMORY_WIRE_EVERY = -1, /* any station, in place of its number */
};

struct memory_wire_options {
    uint64_t seed;
    uint32_t stations;      /* how many may join, up to MEMORY_WIRE_STATIONS; 0: 2 */
    uint32_t queue_packets; /* frames that may be on their way to one station; 0: 1024 */
    bool copy;              /* every frame, see above; the wire then holds 2 kB for each that may be
                             * on its way */
    bool large; /* stations may have LINK_CUT or LINK_WHOLE: the wire can copy 64 kB frames */
};

/* NULL when there is no memory or an option is out of range. */
struct memory_wire *memory_wire_create(const struct memory_wire_options *options);

/* Frees the wire, its links, and what is still on its way. Call it when no host holds packets that
 * came by it any more, and while all hosts' memory still exists. */
void memory_wire_destroy(struct memory_wire *wire);

struct memory_wire_station {
    const char *name; /* must live as long as the wire */
    struct packet_memory *memory;
    struct counters *counters; /* NULL: what the station drops is counted nowhere but in the wire */
    uint8_t mac[6];
    uint16_t mtu;      /* 0: 1500 */
    unsigned features; /* enum link_feature; by default none, so the host cuts and sums itself */
    bool hear_all;     /* also frames to other stations' addresses */
};

/* A new station's link, NULL when all have joined. Stations count from 0 in the order of joining.
 * The link is the wire's; its close() is not needed. */
struct link *memory_wire_join(struct memory_wire *wire, const struct memory_wire_station *station);

/* What a direction does to frames. All zero: nothing, for nothing. Chances are per million. */
struct memory_wire_impairment {
    uint32_t loss;
    uint32_t duplicate; /* the copy arrives right behind */
    uint32_t corrupt; /* a byte behind the Ethernet header changes; what is not IP is lost instead,
                       * since the Ethernet checksum would have told */
    uint32_t reorder; /* arrives reorder_ns late, so that others overtake it */
    uint64_t reorder_ns; /* 0: 1 ms */
    uint64_t delay_ns;
    uint64_t jitter_ns; /* up to this is added to the delay, evenly spread; order is kept */
    uint64_t rate_bits; /* a second; 0: no limit */
    uint32_t
        mark_bytes; /* with so many waiting, IPv4 packets that are ECT are marked CE; 0: none */
    uint32_t queue_bytes; /* that may wait for the rate limit; 0: as many as queue_packets frames */
};

/* Sets the direction between two stations, either of which may be MEMORY_WIRE_EVERY; at any time.
 * Frames that are on their way keep the time they have. */
void memory_wire_impair(struct memory_wire *wire, int from, int to,
                        const struct memory_wire_impairment *impairment);

struct memory_wire_statistics {
    uint64_t frames; /* that were sent this way */
    uint64_t bytes;
    uint64_t delivered;
    uint64_t lost;       /* by chance */
    uint64_t overflowed; /* no room in a queue, or no memory for a copy */
    uint64_t unwanted;   /* addressed to somebody else */
    uint64_t oversized;  /* longer than the sender's MTU */
    uint64_t duplicated, corrupted, reordered, marked;
};

/* Of one direction, or the sum of several (MEMORY_WIRE_EVERY). */
struct memory_wire_statistics memory_wire_statistics(const struct memory_wire *wire, int from,
                                                     int to);

/* When the wire next has a frame for any station: 0 at once, UINT64_MAX for none. */
uint64_t memory_wire_deadline(struct memory_wire *wire);

/* Frames that are on their way to `station` (or to all of them). */
uint32_t memory_wire_in_flight(const struct memory_wire *wire, int station);

#endif
