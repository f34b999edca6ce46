/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_WIRE_ARP_H
#define CHASKI_WIRE_ARP_H

#include <stddef.h>
#include <stdint.h>

#include "chaski/counters.h"
#include "core/base/bytes.h"
#include "core/base/endian.h"

/* ARP for IPv4 on Ethernet (RFC 826), and nothing else. */

enum wire_arp {
    WIRE_ARP_HARDWARE = 0,
    WIRE_ARP_PROTOCOL = 2,
    WIRE_ARP_HARDWARE_LENGTH = 4,
    WIRE_ARP_PROTOCOL_LENGTH = 5,
    WIRE_ARP_OPERATION = 6,
    WIRE_ARP_SENDER_MAC = 8,
    WIRE_ARP_SENDER_IP = 14,
    WIRE_ARP_TARGET_MAC = 18,
    WIRE_ARP_TARGET_IP = 24,
    WIRE_ARP_SIZE = 28,
};

enum wire_arp_operation {
    WIRE_ARP_REQUEST = 1,
    WIRE_ARP_REPLY = 2,
};

/* Refuses what is cut short, of other types or lengths, or neither a request nor a reply. */
enum chaski_counter wire_arp_check(const uint8_t *bytes, size_t length);

static inline uint16_t wire_arp_operation(const uint8_t *p)
{
    return load_be16(p + WIRE_ARP_OPERATION);
}

static inline const uint8_t *wire_arp_sender_mac(const uint8_t *p)
{
    return p + WIRE_ARP_SENDER_MAC;
}

static inline uint32_t wire_arp_sender_ip(const uint8_t *p)
{
    return load_be32(p + WIRE_ARP_SENDER_IP);
}

static inline const uint8_t *wire_arp_target_mac(const uint8_t *p)
{
    return p + WIRE_ARP_TARGET_MAC;
}

static inline uint32_t wire_arp_target_ip(const uint8_t *p)
{
    return load_be32(p + WIRE_ARP_TARGET_IP);
}

struct wire_arp_fields {
    uint16_t operation;
    uint8_t sender_mac[6], target_mac[6];
    uint32_t sender_ip, target_ip;
};

/* Writes WIRE_ARP_SIZE bytes. */
void wire_arp_build(uint8_t *p, const struct wire_arp_fields *fields);

#endif
