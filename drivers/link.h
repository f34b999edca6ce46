/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_LINK_H
#define CHASKI_DRIVERS_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/packet/burst.h"

/*
 * What moves frames: the one interface of all drivers. A driver fills in a struct link that it
 * embeds, and takes the packets that it receives into from `memory`, the host's own.
 */
enum link_feature {
    LINK_CHECKSUM = 1, /* takes CHECKSUM_PARTIAL packets */
    LINK_CUT = 2,      /* takes packets with a segment_size, up to 64 kB (implies CHECKSUM) */
};

struct link {
    const char *name;
    struct packet_memory *memory;
    struct counters *counters;
    int fd;            /* readable when there is something to receive; -1: must be polled */
    unsigned features; /* enum link_feature */
    uint16_t mtu;      /* IP packet size that it carries */
    uint8_t mac[6];
    /* Puts up to BURST_MAX received frames into an empty burst; returns how many. Never blocks. */
    uint32_t (*receive)(struct link *link, struct burst *burst, uint64_t now_ns);
    /* Sends and frees; a hook_function whose block is the struct link. */
    hook_function *transmit;
    /* When a link that lives in virtual time has the next frame: TIMER_NEVER for none. NULL: a
     * real link, wait on fd. */
    uint64_t (*deadline)(struct link *link);
    /* Gives everything back, the struct included when the driver allocated it. */
    void (*close)(struct link *link);
};

#endif
