/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_TAP_H
#define CHASKI_DRIVERS_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/link.h"
#include "drivers/vnet/vnet.h"

/*
 * Linux's TAP device: an Ethernet cable whose other end is a network interface of the kernel. With
 * the virtio-net header, segments of up to 64 kB and unfinished checksums pass both ways.
 *
 * A device of several queues is several links with the same options, one opened after the other;
 * all their MAC addresses must be given, and the same. A flow's frames come by the queue that we
 * last sent a frame of that flow by; those of a new flow, by one that the kernel chooses.
 */
struct tap_options {
    const char *name; /* of the kernel's interface, 1 to 15 characters; created when missing */
    uint8_t mac[6];   /* of our end; all zero: a random one */
    uint16_t mtu;     /* also set for the kernel's end when it differs; 0: what that has */
    bool plain;       /* no offloads: frames of at most the MTU, checksums complete */
    bool multi_queue; /* one of several links of this name */
};

/* Opens or creates the device; an interface that was created goes with the (last) link. On failure
 * NULL, nothing left behind, and in `error` one line that names the device and the mend.
 * `memory` must hold at least one packet, one small and three large buffers for receiving,
 * which the link keeps until it is closed. Its statistics tell what passed. */
struct link *tap_open(const struct tap_options *options, struct packet_memory *memory,
                      struct counters *counters, char *error, size_t error_size);

/* Gives the kernel's end an IPv4 address and sets it up. 0, or -1 and a line in `error`. */
int tap_configure(struct link *link, const struct chaski_address *address, unsigned prefix_length,
                  char *error, size_t error_size);

#endif
