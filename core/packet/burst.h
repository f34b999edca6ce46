/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_PACKET_BURST_H
#define CHASKI_PACKET_BURST_H

#include <stdint.h>

#include "core/packet/packet.h"

/*
 * What blocks hand each other. The callee owns every packet of a burst that it is given and leaves
 * the burst empty, so the caller can fill it again.
 */
enum { BURST_MAX = 64 };

struct burst {
    uint32_t count;
    struct packet *packets[BURST_MAX];
};

/*
 * A hook is where one block is wired to the next: set at setup, constant afterwards. A block has
 * entry functions `NAME_receive` (called from below) and `NAME_transmit` (called from above) of
 * type hook_function, and calls its hooks `inform` (up) and `request` (down).
 */
typedef void hook_function(void *block, struct burst *burst, uint64_t now_ns);

struct hook {
    hook_function *call;
    void *block;
};

/* Frees and counts everything as CHASKI_DROP_NOT_WIRED; `block` is a struct counters. What a hook
 * is before it is wired. */
void hook_not_wired(void *counters, struct burst *burst, uint64_t now_ns);

static inline void hook_call(const struct hook *hook, struct burst *burst, uint64_t now_ns)
{
    if (burst->count != 0)
        hook->call(hook->block, burst, now_ns);
}

/* Adds to a burst that the caller empties through `hook` whenever it is full. */
static inline void burst_add(struct burst *burst, struct packet *packet, const struct hook *hook,
                             uint64_t now_ns)
{
    burst->packets[burst->count++] = packet;
    if (burst->count == BURST_MAX)
        hook->call(hook->block, burst, now_ns);
}

#endif
