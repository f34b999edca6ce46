/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_FRAME_H
#define CHASKI_DRIVERS_FRAME_H

#include "core/packet/frame.h"

/* A frame with the bytes of `packet`, which stays its owner's; NULL as frame_take(). Checksum
 * state, header offsets and segment size are those of the original. */
struct packet *frame_copy(struct packet_memory *memory, const struct packet *packet);

/* Makes a packet that was sent by a link with these features look as one that was received: what
 * the sender's blocks noted in it is gone, and a checksum that such a link completes counts as
 * verified. */
void frame_as_received(struct packet *packet, unsigned features);

#endif
