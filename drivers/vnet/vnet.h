/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_VNET_H
#define CHASKI_DRIVERS_VNET_H

#include <net/if.h>

#include "drivers/frame.h"
#include "drivers/link.h"

/*
 * Frames behind a virtio-net header, through a file descriptor: what TAP devices and packet sockets
 * have in common. Segments of up to 64 kB and unfinished checksums pass both ways.
 */

enum { VNET_LARGE = 3 };

struct vnet {
    struct link link;
    char name[IFNAMSIZ];
    /* Where the next frame goes; NULL where the pool had nothing. */
    struct buffer *small;
    struct buffer *large[VNET_LARGE];
    uint32_t used;      /* bytes of large[0] that frames before have taken */
    uint32_t eagerness; /* frames that the next receive() looks for */
    /* The interface was seen down: whether it is gone is looked up now and then, until something is
     * received again. */
    bool in_doubt;
    uint64_t looked_ns;
    /* Stands in for buffers that are missing; what lands in it is dropped. */
    uint8_t spare_linear[FRAME_LINEAR];
    uint8_t spare_rest[2 * LARGE_BUFFER];
};

/* A link without a descriptor, all its memory zero but what is set here; `name` is copied. Whoever
 * opens it sets the descriptor, the features and the addresses. NULL: no memory. */
struct vnet *vnet_create(const char *name, struct packet_memory *memory, struct counters *counters);

/* Whether `memory` suffices to receive: a packet, a small buffer, and VNET_LARGE large ones, which
 * the link keeps until it is closed. Without segments to be cut, that is more than is needed. */
bool vnet_memory_suffices(const struct packet_memory *memory);

/* Closes the descriptor, when there is one, and frees the link: link.close. */
void vnet_close(struct link *link);

#endif
