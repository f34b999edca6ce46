/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_DPDK_PRIVATE_H
#define CHASKI_DRIVERS_DPDK_PRIVATE_H

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "drivers/dpdk/dpdk.h"

/* What dpdk_open.c sets up and dpdk.c moves frames with. */

enum {
    DPDK_NAME = 64,
    DPDK_RING = 1024,     /* descriptors of a queue, each way, where the port takes so many */
    DPDK_LENT_MAX = 2048, /* frames that the stack may keep where they lie */
    DPDK_FRAMES = DPDK_LENT_MAX + 2 * DPDK_RING + 1024, /* of the pool; the rest is on its way */
};

struct dpdk {
    struct link link;
    char name[DPDK_NAME];
    struct rte_mempool *pool;
    uint32_t lent;
    uint16_t port, queue;
    bool is_first; /* the port is ours to stop */
};

uint32_t dpdk_receive(struct link *link, struct burst *burst, uint64_t now_ns);
void dpdk_transmit(void *block, struct burst *burst, uint64_t now_ns);

#endif
