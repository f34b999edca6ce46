/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_PACKET_PACKET_JOIN_H
#define CHASKI_PACKET_PACKET_JOIN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/packet/packet.h"

/*
 * Bytes of several packets behind each other in the first: by reference while its fragments
 * suffice, else copied into large buffers.
 */

/* How many fragments packet_join() makes of `packet`; more than PACKET_FRAGMENTS when it has
 * bytes in the descriptor's own room, to which nobody else can refer. */
uint32_t packet_join_pieces(const struct packet *packet);

/* Puts the bytes of `packet` behind those of `first`, which has room for its pieces. Consumes
 * `packet`. */
void packet_join(struct packet *first, struct packet *packet);

/* Leaves of `first` what is linear and moves the rest into a buffer that packet_join_copy() goes
 * on filling. False when there is no memory; `first` may be cut short then. */
bool packet_join_copy_begin(struct packet *first, struct packet_memory *memory);

/* Appends the bytes of `packet` to the last fragment of `first`, which packet_join_copy_begin()
 * made and which is followed by new ones as it fills up. False, with a part appended, when no
 * buffer or no room for a fragment is left. */
bool packet_join_copy(struct packet *first, const struct packet *packet,
                      struct packet_memory *memory);

#endif
