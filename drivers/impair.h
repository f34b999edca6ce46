/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_IMPAIR_H
#define CHASKI_DRIVERS_IMPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/random.h"

/*
 * What a path like the Internet's does to packets in one direction: decided here, packet by packet,
 * by chances that follow from a seed alone; done by whoever carries the packets. Time is an
 * argument, virtual or real.
 */
struct impairment {
    uint32_t loss; /* chances are per million */
    uint32_t duplicate;
    uint32_t corrupt;
    uint32_t reorder;    /* arrives reorder_ns late, so that others overtake it */
    uint64_t reorder_ns; /* 0: 1 ms */
    uint64_t delay_ns;
    uint64_t jitter_ns;   /* up to this is added to the delay, evenly spread; order is kept */
    uint64_t rate_bits;   /* a second; 0: no limit */
    uint32_t queue_bytes; /* that may wait for the rate limit; 0: any number */
    uint32_t mark_bytes;  /* with so many waiting, packets are marked; 0: none */
};

enum { IMPAIR_MILLION = 1000000 };

/* One direction's state; only `plain` is for others to read. */
struct impair {
    struct impairment impairment;
    bool plain; /* does nothing: packets need not be judged */
    struct random random;
    uint64_t bytes_per_second;
    uint64_t queue_ns; /* how long the longest queue takes to drain */
    uint64_t mark_ns;  /* and one from which on packets are marked */
    uint64_t busy_until_ns;
    uint64_t last_due_ns; /* what is sent later arrives no sooner */
};

enum impair_end {
    IMPAIR_ARRIVES,
    IMPAIR_LOST,
    IMPAIR_OVERFLOWED, /* found the queue full */
};

struct impair_fate {
    enum impair_end end;
    bool mark; /* a router would mark it, before it could be lost */
    /* The rest is about what arrives. */
    bool reordered;
    bool duplicate; /* a second one arrives right behind */
    bool corrupt;
    uint8_t corrupt_by;  /* not 0: to be exclusive-ored to */
    uint32_t corrupt_at; /* this byte, counted from behind the Ethernet header */
    uint64_t due_ns;
};

/* Begins with no impairment; each `stream` of a seed has chances of its own. */
void impair_init(struct impair *impair, uint64_t seed, uint64_t stream);

/* At any time; the fates of packets before stay what they are. */
void impair_set(struct impair *impair, const struct impairment *impairment);

/* The fate of a frame of `length` bytes that is sent now. One that is not `checked` (no checksum
 * but Ethernet's would tell that it was corrupted) is lost instead of corrupted. */
struct impair_fate impair_judge(struct impair *impair, uint32_t length, bool checked,
                                uint64_t now_ns);

#endif
