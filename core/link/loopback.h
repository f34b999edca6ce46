/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_LINK_LOOPBACK_H
#define CHASKI_LINK_LOOPBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/packet/burst.h"

/*
 * Packets to ourselves. They wait until loopback_run() and come up from there as if received, with
 * PACKET_LOOPED, so that two ends in one host take turns instead of calling each other.
 */
struct loopback {
    struct hook inform; /* ip4_receive */
    struct counters *counters;
    struct packet *first, **last;
    uint32_t count, limit;
};

/* At most `limit` packets wait; later ones are dropped. */
void loopback_setup(struct loopback *loopback, struct counters *counters, uint32_t limit);

/* hook_function: packets with data at the IP header. */
void loopback_transmit(void *loopback, struct burst *burst, uint64_t now_ns);

/* Brings up what waits, but not what is sent meanwhile: the host calls it once a turn. */
void loopback_run(struct loopback *loopback, uint64_t now_ns);

static inline bool loopback_pending(const struct loopback *loopback)
{
    return loopback->count != 0;
}

#endif
