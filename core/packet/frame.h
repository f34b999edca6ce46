/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_PACKET_FRAME_H
#define CHASKI_PACKET_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "core/packet/packet.h"

/*
 * Frames as they are received. One of up to FRAME_INLINE bytes (acknowledgements, ARP) lies in the
 * descriptor's own room; a longer one begins in a small buffer and goes on in large ones.
 */
enum {
    FRAME_HEAD_ROOM = 66,       /* puts the network header on a multiple of 16 */
    FRAME_MAX = 65535 + 14 + 4, /* the largest IP packet, an Ethernet header and a tag */
    FRAME_INLINE = PACKET_ROOM - PACKET_HEAD_ROOM,
    FRAME_LINEAR = SMALL_BUFFER - FRAME_HEAD_ROOM,
};

/* A received packet of `length` bytes that are still to be filled in; NULL when it is longer than
 * FRAME_MAX, or the pools have nothing left for receiving. */
struct packet *frame_take(struct packet_memory *memory, uint32_t length);

/* One with a copy of so many bytes. */
struct packet *frame_of_bytes(struct packet_memory *memory, const void *bytes, size_t length);

#endif
