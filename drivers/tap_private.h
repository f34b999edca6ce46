/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_TAP_PRIVATE_H
#define CHASKI_DRIVERS_TAP_PRIVATE_H

#include <net/if.h>

#include "drivers/frame.h"
#include "drivers/tap.h"

/* What tap_open.c sets up and tap.c moves frames with. */

enum { TAP_LARGE = 3 };

struct tap {
    struct link link;
    char name[IFNAMSIZ];
    struct tap_statistics statistics;
    /* Where the next frame goes; NULL where the pool had nothing. */
    struct buffer *small;
    struct buffer *large[TAP_LARGE];
    uint32_t used;      /* bytes of large[0] that frames before have taken */
    uint32_t eagerness; /* frames that the next receive() looks for */
    /* Stands in for buffers that are missing; what lands in it is dropped. */
    uint8_t spare_linear[FRAME_LINEAR];
    uint8_t spare_rest[2 * LARGE_BUFFER];
};

uint32_t tap_receive(struct link *link, struct burst *burst, uint64_t now_ns);
void tap_transmit(void *block, struct burst *burst, uint64_t now_ns);

#endif
