/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_DPDK_H
#define CHASKI_DRIVERS_DPDK_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/link.h"

/*
 * A queue of a port of DPDK's: a PCI device that is bound to a driver for it, or a virtual device.
 * DPDK has no offloads here: frames are of at most the MTU, checksums are ours to compute; those of
 * received frames are believed where the port has verified them. There is nothing to wait for, so a
 * loop with such a link never sleeps.
 *
 * DPDK itself is set up with the first link of the process, without huge pages when the system has
 * none free, and never taken down again.
 */

/* On failure NULL, nothing left behind, and in `error` one line that names the device and the mend.
 * Packets that were received must be freed before the link is closed, or not be used after. */
struct link *dpdk_open(const struct queue_options *options, struct packet_memory *memory,
                       struct counters *counters, char *error, size_t error_size);

#endif
