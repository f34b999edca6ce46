/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_XDP_SOCKET_H
#define CHASKI_DRIVERS_XDP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/link.h"

/*
 * A queue of an Ethernet interface through Linux's AF_XDP sockets: all frames of the queue are
 * ours, the kernel's stack sees none of them. Received frames lie in memory that is shared with the
 * kernel, and go up the stack where they lie. There are no offloads: frames are of at most the MTU,
 * and checksums are ours to compute and to verify. So on a veth pair the other end must complete
 * its checksums too (`ethtool -K PEER tx off`): the kernel would leave them for a device to do.
 *
 * The kernel copies frames where the interface's driver cannot work in our memory (veth).
 */

/* On failure NULL, nothing left behind, and in `error` one line that names the interface and the
 * mend. Packets that were received must be freed before the link is closed, or not be used
 * after. `memory` needs no buffers while the link's own suffice. */
struct link *xdp_socket_open(const struct queue_options *options, struct packet_memory *memory,
                             struct counters *counters, char *error, size_t error_size);

#endif
