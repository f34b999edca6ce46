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
struct dpdk_options {
    const char *device;       /* "0000:03:00.0", or such as "net_tap0,iface=NAME" */
    uint8_t mac[6];           /* all zero: the port's own */
    uint16_t mtu;             /* 0: the port's own */
    uint32_t queues;          /* of the port, a flow always by the same one where it can do that */
    uint32_t queue;           /* which of them this is, from 0; they are opened in this order */
    const struct link *first; /* the link of queue 0, which is closed last; NULL: this is it */
};

/* On failure NULL, nothing left behind, and in `error` one line that names the device and the mend.
 * Packets that were received must be freed before the link is closed, or not be used after. */
struct link *dpdk_open(const struct dpdk_options *options, struct packet_memory *memory,
                       struct counters *counters, char *error, size_t error_size);

struct dpdk_statistics {
    uint64_t received, received_bytes;
    uint64_t sent, sent_bytes;
    uint64_t copied;    /* received, and not left where they were because too many lay there */
    uint64_t no_memory; /* received, but there was nothing to pass them on in */
    uint64_t refused;   /* sent, but the port could not take them */
    uint64_t oversized; /* sent, longer than the MTU */
};

const struct dpdk_statistics *dpdk_statistics(const struct link *link);

#endif
