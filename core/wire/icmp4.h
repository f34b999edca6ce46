/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_WIRE_ICMP4_H
#define CHASKI_WIRE_ICMP4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/counters.h"
#include "core/base/checksum.h"
#include "core/base/endian.h"

/* ICMP for IPv4 (RFC 792, RFC 1122, 3.2.2; RFC 1191; RFC 4884). */

enum wire_icmp4 {
    WIRE_ICMP4_TYPE = 0,
    WIRE_ICMP4_CODE = 1,
    WIRE_ICMP4_CHECKSUM = 2,
    WIRE_ICMP4_REST = 4,
    WIRE_ICMP4_IDENTIFIER = 4,   /* echo */
    WIRE_ICMP4_SEQUENCE = 6,     /* echo */
    WIRE_ICMP4_POINTER = 4,      /* parameter problem */
    WIRE_ICMP4_QUOTE_LENGTH = 5, /* errors: of the quote in units of 4 bytes; 0: not told */
    WIRE_ICMP4_MTU = 6,          /* fragmentation needed */
    WIRE_ICMP4_HEADER = 8,
    WIRE_ICMP4_QUOTE_MIN = 8, /* bytes behind the quoted IP header that an error must quote */
    WIRE_ICMP4_ERROR_MIN = WIRE_ICMP4_HEADER + 20 + WIRE_ICMP4_QUOTE_MIN,
    WIRE_ICMP4_QUOTE_MAX = 548, /* so that an error stays within 576 bytes (RFC 1812, 4.3.2.3) */
};

enum wire_icmp4_type {
    WIRE_ICMP4_ECHO_REPLY = 0,
    WIRE_ICMP4_UNREACHABLE = 3,
    WIRE_ICMP4_SOURCE_QUENCH = 4,
    WIRE_ICMP4_REDIRECT = 5,
    WIRE_ICMP4_ECHO = 8,
    WIRE_ICMP4_TIME_EXCEEDED = 11,
    WIRE_ICMP4_PARAMETER_PROBLEM = 12,
    WIRE_ICMP4_TIMESTAMP = 13,
    WIRE_ICMP4_TIMESTAMP_REPLY = 14,
    WIRE_ICMP4_MASK = 17,
    WIRE_ICMP4_MASK_REPLY = 18,
};

enum wire_icmp4_code {
    WIRE_ICMP4_NETWORK_UNREACHABLE = 0,
    WIRE_ICMP4_HOST_UNREACHABLE = 1,
    WIRE_ICMP4_PROTOCOL_UNREACHABLE = 2,
    WIRE_ICMP4_PORT_UNREACHABLE = 3,
    WIRE_ICMP4_FRAGMENTATION_NEEDED = 4,
    WIRE_ICMP4_SOURCE_ROUTE_FAILED = 5,
    WIRE_ICMP4_NETWORK_UNKNOWN = 6,
    WIRE_ICMP4_HOST_UNKNOWN = 7,
    WIRE_ICMP4_SOURCE_ISOLATED = 8,
    WIRE_ICMP4_NETWORK_PROHIBITED = 9,
    WIRE_ICMP4_HOST_PROHIBITED = 10,
    WIRE_ICMP4_NETWORK_SERVICE = 11,
    WIRE_ICMP4_HOST_SERVICE = 12,
    WIRE_ICMP4_PROHIBITED = 13,
    WIRE_ICMP4_PRECEDENCE_VIOLATION = 14,
    WIRE_ICMP4_PRECEDENCE_CUTOFF = 15,

    WIRE_ICMP4_TTL_EXCEEDED = 0,
    WIRE_ICMP4_REASSEMBLY_EXCEEDED = 1,

    WIRE_ICMP4_POINTER_INDICATES = 0,
    WIRE_ICMP4_OPTION_MISSING = 1,
};

static inline uint8_t wire_icmp4_type(const uint8_t *p)
{
    return p[WIRE_ICMP4_TYPE];
}

static inline uint8_t wire_icmp4_code(const uint8_t *p)
{
    return p[WIRE_ICMP4_CODE];
}

static inline uint16_t wire_icmp4_checksum(const uint8_t *p)
{
    return checksum_load(p + WIRE_ICMP4_CHECKSUM);
}

static inline uint16_t wire_icmp4_identifier(const uint8_t *p)
{
    return load_be16(p + WIRE_ICMP4_IDENTIFIER);
}

static inline uint16_t wire_icmp4_sequence(const uint8_t *p)
{
    return load_be16(p + WIRE_ICMP4_SEQUENCE);
}

/* Of the next hop (RFC 1191, 4); 0 from routers that do not tell. */
static inline uint16_t wire_icmp4_mtu(const uint8_t *p)
{
    return load_be16(p + WIRE_ICMP4_MTU);
}

/* Which byte of the quoted datagram is wrong. */
static inline uint8_t wire_icmp4_pointer(const uint8_t *p)
{
    return p[WIRE_ICMP4_POINTER];
}

/* Messages that quote a datagram, about which no error may be sent (RFC 1122, 3.2.2). */
static inline bool wire_icmp4_is_error(uint8_t type)
{
    return type == WIRE_ICMP4_UNREACHABLE || type == WIRE_ICMP4_SOURCE_QUENCH ||
           type == WIRE_ICMP4_REDIRECT || type == WIRE_ICMP4_TIME_EXCEEDED ||
           type == WIRE_ICMP4_PARAMETER_PROBLEM;
}

/* All types have eight bytes; errors have room for the smallest quote behind them, whose contents
 * wire_icmp4_quote() judges. */
static inline enum chaski_counter wire_icmp4_check(const uint8_t *bytes, size_t length)
{
    if (length < WIRE_ICMP4_HEADER)
        return CHASKI_DROP_ICMP4_SHORT;
    if (wire_icmp4_is_error(wire_icmp4_type(bytes)) && length < WIRE_ICMP4_ERROR_MIN)
        return CHASKI_DROP_ICMP4_QUOTE;
    return 0;
}

/* The setters leave the checksum alone. */
static inline void wire_icmp4_set_type_code(uint8_t *p, uint8_t type, uint8_t code)
{
    p[WIRE_ICMP4_TYPE] = type;
    p[WIRE_ICMP4_CODE] = code;
}

/* As checksum_finish() or checksum_update() gives it. */
static inline void wire_icmp4_set_checksum(uint8_t *p, uint16_t checksum)
{
    checksum_store(p + WIRE_ICMP4_CHECKSUM, checksum);
}

/* Writes the header with checksum 0. */
static inline void wire_icmp4_build(uint8_t *p, uint8_t type, uint8_t code, uint32_t rest)
{
    wire_icmp4_set_type_code(p, type, code);
    store_be16(p + WIRE_ICMP4_CHECKSUM, 0);
    store_be32(p + WIRE_ICMP4_REST, rest);
}

/* What follows the header of echo messages. */
static inline uint32_t wire_icmp4_echo_rest(uint16_t identifier, uint16_t sequence)
{
    return (uint32_t)identifier << 16 | sequence;
}

/* The datagram that an error quotes; points into the message. */
struct wire_icmp4_quote {
    const uint8_t *header;     /* IPv4, with options */
    const uint8_t *transport;  /* what is there of the transport header and its payload */
    uint16_t transport_length; /* at least WIRE_ICMP4_QUOTE_MIN */
};

/* Finds the quote of an error of `length` bytes, all of them readable, that has passed
 * wire_icmp4_check(). Refuses what is not an IPv4 header with at least eight bytes of the start of
 * its payload: cut quotes, and later fragments, which no flow can be told from. Bytes beyond
 * the quoted datagram, or beyond the length that RFC 4884 lets the error tell, do not count. */
enum chaski_counter wire_icmp4_quote(const uint8_t *icmp, size_t length,
                                     struct wire_icmp4_quote *quote);

#endif
