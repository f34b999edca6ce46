/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_WIRE_ETHERNET_H
#define CHASKI_WIRE_ETHERNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/counters.h"
#include "core/base/bytes.h"
#include "core/base/endian.h"

/*
 * Ethernet II headers (IEEE 802.3, RFC 894). As in every file of this folder: behind the
 * gate wire_NAME_check(), which returns 0 or the reason to drop, nothing fails. `length` is that
 * of the whole packet; the header with its options must be readable at `bytes`, as far as `length`
 * reaches. Numbers are in host byte order, checksums as checksum_load() gives them.
 */

enum wire_ethernet {
    WIRE_ETHERNET_DESTINATION = 0,
    WIRE_ETHERNET_SOURCE = 6,
    WIRE_ETHERNET_TYPE = 12,
    WIRE_ETHERNET_HEADER = 14,
    WIRE_ETHERNET_ADDRESS = 6, /* bytes of an address */
};

enum wire_ethernet_type {
    WIRE_ETHERNET_LENGTH_MAX = 1500, /* up to here the field is an 802.3 length */
    WIRE_ETHERNET_TYPE_MIN = 0x0600,
    WIRE_ETHERNET_IP4 = 0x0800,
    WIRE_ETHERNET_ARP = 0x0806,
    WIRE_ETHERNET_TAG = 0x8100, /* 802.1Q */
    WIRE_ETHERNET_IP6 = 0x86dd,
    WIRE_ETHERNET_SERVICE_TAG = 0x88a8, /* 802.1ad */
};

/* All ones is a group address too: bit 0 of the first byte. */
static inline bool wire_ethernet_is_group(const uint8_t *address)
{
    return (address[0] & 1) != 0;
}

static inline bool wire_ethernet_is_broadcast(const uint8_t *address)
{
    return load_be32(address) == UINT32_MAX && load_be16(address + 4) == UINT16_MAX;
}

static inline bool wire_ethernet_equal(const uint8_t *a, const uint8_t *b)
{
    return ((load_be32(a) ^ load_be32(b)) | (uint32_t)(load_be16(a + 4) ^ load_be16(b + 4))) == 0;
}

static inline const uint8_t *wire_ethernet_destination(const uint8_t *p)
{
    return p + WIRE_ETHERNET_DESTINATION;
}

static inline const uint8_t *wire_ethernet_source(const uint8_t *p)
{
    return p + WIRE_ETHERNET_SOURCE;
}

static inline uint16_t wire_ethernet_type(const uint8_t *p)
{
    return load_be16(p + WIRE_ETHERNET_TYPE);
}

/* A frame that is too short, or comes from a group address, is not one. */
static inline enum chaski_counter wire_ethernet_check(const uint8_t *bytes, size_t length)
{
    if (length < WIRE_ETHERNET_HEADER || wire_ethernet_is_group(wire_ethernet_source(bytes)))
        return CHASKI_DROP_ETHERNET_HEADER;
    return 0;
}

/* Writes WIRE_ETHERNET_HEADER bytes. */
static inline void wire_ethernet_build(uint8_t *p, const uint8_t *destination,
                                       const uint8_t *source, uint16_t type)
{
    memcpy(p + WIRE_ETHERNET_DESTINATION, destination, WIRE_ETHERNET_ADDRESS);
    memcpy(p + WIRE_ETHERNET_SOURCE, source, WIRE_ETHERNET_ADDRESS);
    store_be16(p + WIRE_ETHERNET_TYPE, type);
}

/* The address that frames for an IPv4 group go to (RFC 1112, 6.4). */
static inline void wire_ethernet_group_of_ip4(uint8_t *address, uint32_t group)
{
    store_be16(address, 0x0100);
    store_be32(address + 2, 0x5e000000u | (group & 0x7fffffu));
}

#endif
