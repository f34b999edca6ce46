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
struct xdp_socket_options {
    const char *name;         /* of the interface, which exists */
    uint8_t mac[6];           /* all zero: the interface's own */
    uint16_t mtu;             /* also set for the interface when that differs; 0: what that has */
    uint32_t queues;          /* all that the interface receives by, and */
    uint32_t queue;           /* which of them this is, from 0 */
    const struct link *first; /* the one that was opened first, closed last; NULL: this one is */
};

/* On failure NULL, nothing left behind, and in `error` one line that names the interface and the
 * mend. Packets that were received must be freed before the link is closed, or not be used
 * after. `memory` needs no buffers while the link's own suffice. */
struct link *xdp_socket_open(const struct xdp_socket_options *options, struct packet_memory *memory,
                             struct counters *counters, char *error, size_t error_size);

struct xdp_socket_statistics {
    uint64_t received, received_bytes;
    uint64_t sent, sent_bytes;
    uint64_t copied;    /* received, and not left where they were because too many lay there */
    uint64_t no_memory; /* received, but there was nothing to pass them on in */
    uint64_t refused;   /* sent, but the interface could not take them */
    uint64_t oversized; /* sent, longer than the MTU */
};

const struct xdp_socket_statistics *xdp_socket_statistics(const struct link *link);

/* Whether the interface works in our memory, without a copy. */
bool xdp_socket_is_zero_copy(const struct link *link);

#endif
