/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_PACKET_SOCKET_H
#define CHASKI_DRIVERS_PACKET_SOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/link.h"
#include "drivers/vnet/vnet.h"

/*
 * An Ethernet interface that the kernel has too, through Linux's packet sockets (AF_PACKET), with
 * segments of up to 64 kB and unfinished checksums both ways. The kernel sees every frame that
 * comes in as well. It ignores those to a MAC address that is not the interface's, so a link with
 * one of its own is a second station, and the kernel may keep its addresses on the interface.
 * With the interface's own (for networks that pass no other), the kernel must have no IP address
 * there, or it would answer our connections with resets. We and it do not hear each other.
 *
 * Frames with a VLAN tag belong to others and are left alone.
 */

/* On failure NULL, nothing left behind, and in `error` one line that names the interface and the
 * mend. `memory` as for tap_open(). Its statistics tell what passed. An interface that is down
 * passes nothing until it is up again; one that is gone ends the link. */
struct link *packet_socket_open(const struct queue_options *options, struct packet_memory *memory,
                                struct counters *counters, char *error, size_t error_size);

#endif
