/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_LINK_BARE_H
#define CHASKI_LINK_BARE_H

#include <stdint.h>

#include "core/packet/burst.h"

/*
 * A link without a link header: IP packets as they are, as TUN devices and tunnels carry them; one
 * block an interface. Upwards it reads the IP version and sets packet->interface and protocol.
 * Downwards there is nothing to add, and no neighbour to look for: the other end is whoever
 * listens.
 */
struct bare {
    struct hook inform;  /* up: data at the IP header, protocol is the EtherType of its version */
    struct hook request; /* down: whole IP packets */
    struct counters *counters;
    struct packet_memory *memory;
    uint8_t interface;
};

void bare_setup(struct bare *bare, struct packet_memory *memory, struct counters *counters,
                uint8_t interface);

/* hook_functions. */
void bare_receive(void *bare, struct burst *burst, uint64_t now_ns);
void bare_transmit(void *bare, struct burst *burst, uint64_t now_ns);

#endif
