/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_LINK_FRAME_H
#define CHASKI_CLI_LINK_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/virtio_net.h>

/*
 * Frames as TAP and packet sockets give and take them: a virtio-net header that says what is left
 * to do (sum, cut into segments), and the bytes. A frame to be cut stands for several on the wire;
 * here a run of them is taken out of it as a smaller frame to be cut, or as a single one.
 */

enum {
    LINK_FRAME_BYTES = 65535 + 14 + 4,
    LINK_FRAME_ROOM = sizeof(struct virtio_net_hdr) + LINK_FRAME_BYTES,
};

struct link_frame {
    struct virtio_net_hdr header;
    const uint8_t *bytes; /* from the Ethernet header on; whoever made it keeps them */
    uint32_t length;
    uint32_t network;       /* offset of the IP header; 0: no IP */
    uint32_t transport;     /* of the TCP header, and */
    uint32_t header_length; /* all bytes before its payload; only of a frame to be cut */
    uint32_t segments;      /* at least 1 */
};

/* Looks at what was read, `length` bytes behind the virtio-net header. False when the header
 * promises what the bytes do not hold. */
bool link_frame_read(struct link_frame *frame, const struct virtio_net_hdr *header,
                     const uint8_t *bytes, uint32_t length);

/* Bytes of segments `first` to `end` - 1 as one frame: of a single one, its bytes on the wire. */
uint32_t link_frame_length(const struct link_frame *frame, uint32_t first, uint32_t end);

/* Writes virtio-net header and bytes of segments `first` to `end` - 1 to `room`, which has room
 * for them; returns how many. */
uint32_t link_frame_cut(const struct link_frame *frame, uint32_t first, uint32_t end,
                        uint8_t *room);

/* What can happen to a frame as link_frame_cut() wrote it, `length` bytes in all. */

/* Finishes the checksum, then changes the byte `at` behind the Ethernet header. A single frame. */
void link_frame_corrupt(uint8_t *room, uint32_t length, uint32_t at, uint8_t by);

/* Marks it as having met congestion (RFC 3168, 5); false when it is not ECN-capable, or marked
 * already. */
bool link_frame_mark(const struct link_frame *frame, uint8_t *room);

#endif
