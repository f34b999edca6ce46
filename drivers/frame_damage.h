/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_FRAME_DAMAGE_H
#define CHASKI_DRIVERS_FRAME_DAMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/packet/packet.h"

/* What a way does to the Ethernet frames that it carries. */

bool frame_is_ip4(const struct packet *packet);

/* Changes the byte at `at` behind the Ethernet header, which must be there, by exclusive or with
 * `by`. Any such change is seen by the Internet checksum. The frame is nobody else's. */
void frame_corrupt(struct packet *packet, uint32_t at, uint8_t by);

/* A router whose queue grows long marks what would else be dropped sooner or later (RFC 3168, 5).
 * Whether there was something to mark: an IPv4 header that says ECT, and that nobody shares. */
bool frame_mark(struct packet *packet);

#endif
