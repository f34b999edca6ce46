/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_TAP_H
#define CHASKI_DRIVERS_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/link.h"

/*
 * Linux's TAP device: an Ethernet cable whose other end is a network interface of the kernel. With
 * the virtio-net header, segments of up to 64 kB and unfinished checksums pass both ways.
 */
struct tap_options {
    const char *name; /* of the kernel's interface, 1 to 15 characters; created when missing */
    uint8_t mac[6];   /* of our end; all zero: a random one */
    uint16_t mtu;     /* also set for the kernel's end when it differs; 0: what that has */
    bool plain;       /* no offloads: frames of at most the MTU, checksums complete */
};

/* Opens or creates the device; an interface that was created goes with the link. On failure NULL,
 * nothing left behind, and in `error` one line that names the device and the mend.
 * `memory` must hold at least one packet, one small and (unless plain) three large buffers for
 * receiving, which the link keeps until it is closed. */
struct link *tap_open(const struct tap_options *options, struct packet_memory *memory,
                      struct counters *counters, char *error, size_t error_size);

/* Gives the kernel's end an IPv4 address and sets it up. 0, or -1 and a line in `error`. */
int tap_configure(struct link *link, const struct chaski_address *address, unsigned prefix_length,
                  char *error, size_t error_size);

struct tap_statistics {
    uint64_t received, received_bytes;
    uint64_t sent, sent_bytes;
    uint64_t no_memory; /* received, but there was nothing to pass them on in */
    uint64_t refused;   /* sent, but the kernel did not take them */
    uint64_t oversized; /* sent, longer than the MTU and not to be cut */
};

const struct tap_statistics *tap_statistics(const struct link *link);

#endif
