/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_LINK_ETHERNET_H
#define CHASKI_LINK_ETHERNET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/packet/burst.h"

/*
 * Ethernet II (RFC 894), one block an interface. Upwards it keeps what is for this station, sets
 * packet->interface, flags and protocol and pulls the header; downwards it pushes the header from
 * packet->link_destination and packet->protocol. A priority tag (802.1Q with VLAN 0) is removed,
 * frames of other VLANs are dropped.
 *
 * Groups are filtered as network cards do it: by a small hash, so that no list can overflow. What
 * passes without having been asked for, the IP block drops.
 */
enum { ETHERNET_GROUP_BINS = 64 };

struct ethernet {
    struct hook inform;  /* up: data behind the header, protocol is the EtherType */
    struct hook request; /* down: whole frames */
    struct counters *counters;
    struct packet_memory *memory;
    uint16_t group_bins[ETHERNET_GROUP_BINS]; /* groups joined, by hash */
    uint8_t mac[6];
    uint8_t interface;
    bool promiscuous; /* takes frames for other stations too */
};

void ethernet_setup(struct ethernet *ethernet, struct packet_memory *memory,
                    struct counters *counters, uint8_t interface, const uint8_t mac[6]);

/* hook_functions. */
void ethernet_receive(void *ethernet, struct burst *burst, uint64_t now_ns);
void ethernet_transmit(void *ethernet, struct burst *burst, uint64_t now_ns);

/* Lets frames for a group through, and no longer; each join wants one leave. */
void ethernet_join(void *ethernet, const uint8_t group[6]);
void ethernet_leave(void *ethernet, const uint8_t group[6]);

#endif
