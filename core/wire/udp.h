/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_WIRE_UDP_H
#define CHASKI_WIRE_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/counters.h"
#include "core/base/checksum.h"
#include "core/base/endian.h"

/* UDP headers (RFC 768). */

enum wire_udp {
    WIRE_UDP_SOURCE_PORT = 0,
    WIRE_UDP_DESTINATION_PORT = 2,
    WIRE_UDP_LENGTH = 4,
    WIRE_UDP_CHECKSUM = 6,
    WIRE_UDP_HEADER = 8,
};

/* 0 is lawful: the sender wants no answer. */
static inline uint16_t wire_udp_source_port(const uint8_t *p)
{
    return load_be16(p + WIRE_UDP_SOURCE_PORT);
}

static inline uint16_t wire_udp_destination_port(const uint8_t *p)
{
    return load_be16(p + WIRE_UDP_DESTINATION_PORT);
}

/* Header and payload; at least 8. The IP payload may be longer, the rest is not UDP's. */
static inline uint16_t wire_udp_length(const uint8_t *p)
{
    return load_be16(p + WIRE_UDP_LENGTH);
}

static inline uint16_t wire_udp_checksum(const uint8_t *p)
{
    return checksum_load(p + WIRE_UDP_CHECKSUM);
}

/* The sender computed a checksum. Over IPv6 it must (RFC 8200, 8.1). */
static inline bool wire_udp_has_checksum(const uint8_t *p)
{
    return wire_udp_checksum(p) != 0;
}

/* `length` is that of the IP payload. */
static inline enum chaski_counter wire_udp_check(const uint8_t *bytes, size_t length)
{
    if (length < WIRE_UDP_HEADER || wire_udp_length(bytes) < WIRE_UDP_HEADER ||
        wire_udp_length(bytes) > length)
        return CHASKI_DROP_UDP_LENGTH;
    if (wire_udp_destination_port(bytes) == 0)
        return CHASKI_DROP_UDP_PORT;
    return 0;
}

/* Stores a finished checksum; one that is 0 is sent as its other form, all ones. */
static inline void wire_udp_set_checksum(uint8_t *p, uint16_t checksum)
{
    checksum_store(p + WIRE_UDP_CHECKSUM, checksum == 0 ? UINT16_MAX : checksum);
}

/* Writes WIRE_UDP_HEADER bytes with checksum 0. `length` counts header and payload. */
static inline void wire_udp_build(uint8_t *p, uint16_t source_port, uint16_t destination_port,
                                  uint16_t length)
{
    store_be16(p + WIRE_UDP_SOURCE_PORT, source_port);
    store_be16(p + WIRE_UDP_DESTINATION_PORT, destination_port);
    store_be16(p + WIRE_UDP_LENGTH, length);
    store_be16(p + WIRE_UDP_CHECKSUM, 0);
}

#endif
