/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_FRAME_H
#define CHASKI_DRIVERS_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "core/packet/packet.h"

/*
 * Frames as drivers receive them. A frame of up to FRAME_INLINE bytes (acknowledgements, ARP)
 * lies in the descriptor's own room; a longer one begins in a small buffer and goes on in large
 * ones.
 */
enum {
    FRAME_HEAD_ROOM = 66, /* puts the network header on a multiple of 16 */
    FRAME_MAX = 65535 + 14 + 4,
    FRAME_INLINE = PACKET_ROOM - PACKET_HEAD_ROOM,
    FRAME_LINEAR = SMALL_BUFFER - FRAME_HEAD_ROOM,
};

/* A received packet with a copy of `length` <= FRAME_MAX bytes; NULL when the pools have nothing
 * left for receiving. */
struct packet *frame_of_bytes(struct packet_memory *memory, const void *bytes, size_t length);

/* The same with the bytes of `packet`, which stays its owner's. Checksum state, header offsets and
 * segment size are those of the original. */
struct packet *frame_copy(struct packet_memory *memory, const struct packet *packet);

/* Makes a packet that was sent by a link with these features look as one that was received: what
 * the sender's blocks noted in it is gone, and a checksum that such a link completes counts as
 * verified. */
void frame_as_received(struct packet *packet, unsigned features);

#endif
