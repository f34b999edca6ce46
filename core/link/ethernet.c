/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/link/ethernet.h"

#include "core/wire/ethernet.h"

enum {
    TAG_SIZE = 4,
    TAG_VLAN = 0x0fff, /* the part of a tag that says which; the rest is priority */
};

void ethernet_setup(struct ethernet *ethernet, struct packet_memory *memory,
                    struct counters *counters, uint8_t interface, const uint8_t mac[6])
{
    memset(ethernet, 0, sizeof *ethernet);
    ethernet->inform = (struct hook){hook_not_wired, counters};
    ethernet->request = (struct hook){hook_not_wired, counters};
    ethernet->counters = counters;
    ethernet->memory = memory;
    ethernet->interface = interface;
    memcpy(ethernet->mac, mac, sizeof ethernet->mac);
}

/* ---- Groups ---- */

/* Stations hear of 32 IPv4 groups under one address anyway, so the bins need not be perfect. */
static unsigned group_bin(const uint8_t group[6])
{
    uint32_t low = (uint32_t)group[3] << 16 | (uint32_t)group[4] << 8 | group[5];
    return (uint32_t)(low * 0x9e3779b1u) >> 26;
}

void ethernet_join(void *block, const uint8_t group[6])
{
    struct ethernet *ethernet = block;
    uint16_t *bin = &ethernet->group_bins[group_bin(group)];
    if (*bin != UINT16_MAX) /* full bins stay open for good */
        ++*bin;
}

void ethernet_leave(void *block, const uint8_t group[6])
{
    struct ethernet *ethernet = block;
    uint16_t *bin = &ethernet->group_bins[group_bin(group)];
    if (*bin != 0 && *bin != UINT16_MAX)
        --*bin;
}

/* ---- Up ---- */

/* Notes how the frame was addressed; 0 when it is for this station. */
static enum chaski_counter check_destination(const struct ethernet *ethernet, struct packet *packet,
                                             const uint8_t *destination)
{
    if (wire_ethernet_equal(destination, ethernet->mac))
        return 0;
    if (!wire_ethernet_is_group(destination))
        return ethernet->promiscuous ? 0 : CHASKI_DROP_ETHERNET_NOT_OURS;
    if (wire_ethernet_is_broadcast(destination)) {
        packet->flags |= PACKET_LINK_BROADCAST;
        return 0;
    }
    packet->flags |= PACKET_LINK_MULTICAST;
    if (ethernet->promiscuous || ethernet->group_bins[group_bin(destination)] != 0)
        return 0;
    return CHASKI_DROP_ETHERNET_NOT_OURS;
}

/* Takes off a priority tag; data is behind the Ethernet header. */
static enum chaski_counter take_tag(const struct ethernet *ethernet, struct packet *packet)
{
    if (!packet_pull_up(packet, TAG_SIZE, ethernet->memory))
        return packet->length < TAG_SIZE ? CHASKI_DROP_ETHERNET_HEADER : CHASKI_DROP_NO_MEMORY;
    if ((load_be16(packet->data) & TAG_VLAN) != 0)
        return CHASKI_DROP_ETHERNET_TAGGED;
    packet->protocol = load_be16(packet->data + 2);
    packet_pull(packet, TAG_SIZE);
    return 0;
}

static enum chaski_counter receive_one(const struct ethernet *ethernet, struct packet *packet)
{
    if (packet->linear_length < WIRE_ETHERNET_HEADER && packet->length >= WIRE_ETHERNET_HEADER &&
        !packet_pull_up(packet, WIRE_ETHERNET_HEADER, ethernet->memory))
        return CHASKI_DROP_NO_MEMORY;
    enum chaski_counter why = wire_ethernet_check(packet->data, packet->length);
    if (why == 0)
        why = check_destination(ethernet, packet, wire_ethernet_destination(packet->data));
    if (why != 0)
        return why;
    packet->interface = ethernet->interface;
    packet->protocol = wire_ethernet_type(packet->data);
    packet_pull(packet, WIRE_ETHERNET_HEADER);
    if (packet->protocol == WIRE_ETHERNET_TAG)
        return take_tag(ethernet, packet);
    return 0;
}

void ethernet_receive(void *block, struct burst *burst, uint64_t now_ns)
{
    struct ethernet *ethernet = block;
    uint32_t kept = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < burst->count; i++) {
        bytes += burst->packets[i]->length;
        enum chaski_counter why = receive_one(ethernet, burst->packets[i]);
        if (why != 0)
            packet_drop(burst->packets[i], ethernet->counters, why);
        else
            burst->packets[kept++] = burst->packets[i];
    }
    count_many(ethernet->counters, CHASKI_LINK_FRAMES_RECEIVED, burst->count);
    count_many(ethernet->counters, CHASKI_LINK_BYTES_RECEIVED, bytes);
    burst->count = kept;
    hook_call(&ethernet->inform, burst, now_ns);
}

/* ---- Down ---- */

void ethernet_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct ethernet *ethernet = block;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        wire_ethernet_build(packet_push(packet, WIRE_ETHERNET_HEADER), packet->link_destination,
                            ethernet->mac, packet->protocol);
        bytes += packet->length;
    }
    count_many(ethernet->counters, CHASKI_LINK_FRAMES_SENT, burst->count);
    count_many(ethernet->counters, CHASKI_LINK_BYTES_SENT, bytes);
    hook_call(&ethernet->request, burst, now_ns);
}
