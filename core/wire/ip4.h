/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_WIRE_IP4_H
#define CHASKI_WIRE_IP4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/counters.h"
#include "core/base/checksum.h"
#include "core/base/endian.h"

/* IPv4 headers (RFC 791), their options, and protocol numbers. */

enum wire_ip4 {
    WIRE_IP4_VERSION_LENGTH = 0,
    WIRE_IP4_TRAFFIC_CLASS = 1, /* DSCP and ECN (RFC 2474, RFC 3168) */
    WIRE_IP4_TOTAL_LENGTH = 2,
    WIRE_IP4_IDENTIFICATION = 4,
    WIRE_IP4_FRAGMENT = 6,
    WIRE_IP4_TTL = 8,
    WIRE_IP4_PROTOCOL = 9,
    WIRE_IP4_CHECKSUM = 10,
    WIRE_IP4_SOURCE = 12,
    WIRE_IP4_DESTINATION = 16,
    WIRE_IP4_HEADER = 20, /* without options */
    WIRE_IP4_HEADER_MAX = 60,
    WIRE_IP4_TOTAL_MAX = 65535,
    WIRE_IP4_MTU_MIN = 68, /* every link carries so much (RFC 791) */
};

/* The 16-bit fragment field. */
enum wire_ip4_fragment {
    WIRE_IP4_DONT_FRAGMENT = 0x4000,
    WIRE_IP4_MORE_FRAGMENTS = 0x2000,
    WIRE_IP4_OFFSET_MASK = 0x1fff, /* units of 8 bytes */
};

enum wire_ip_protocol {
    WIRE_IP_ICMP4 = 1,
    WIRE_IP_IGMP = 2,
    WIRE_IP_TCP = 6,
    WIRE_IP_UDP = 17,
    WIRE_IP_ICMP6 = 58,
};

static inline uint8_t wire_ip4_version(const uint8_t *p)
{
    return p[WIRE_IP4_VERSION_LENGTH] >> 4;
}

static inline uint8_t wire_ip4_header_length(const uint8_t *p)
{
    return (uint8_t)((p[WIRE_IP4_VERSION_LENGTH] & 0xf) * 4);
}

static inline uint8_t wire_ip4_traffic_class(const uint8_t *p)
{
    return p[WIRE_IP4_TRAFFIC_CLASS];
}

static inline uint16_t wire_ip4_total_length(const uint8_t *p)
{
    return load_be16(p + WIRE_IP4_TOTAL_LENGTH);
}

static inline uint16_t wire_ip4_payload_length(const uint8_t *p)
{
    return (uint16_t)(wire_ip4_total_length(p) - wire_ip4_header_length(p));
}

static inline uint16_t wire_ip4_identification(const uint8_t *p)
{
    return load_be16(p + WIRE_IP4_IDENTIFICATION);
}

/* A set of enum wire_ip4_fragment and the offset. */
static inline uint16_t wire_ip4_fragment(const uint8_t *p)
{
    return load_be16(p + WIRE_IP4_FRAGMENT);
}

static inline bool wire_ip4_dont_fragment(const uint8_t *p)
{
    return (wire_ip4_fragment(p) & WIRE_IP4_DONT_FRAGMENT) != 0;
}

static inline bool wire_ip4_more_fragments(const uint8_t *p)
{
    return (wire_ip4_fragment(p) & WIRE_IP4_MORE_FRAGMENTS) != 0;
}

/* In bytes; at most 65528. */
static inline uint32_t wire_ip4_fragment_offset(const uint8_t *p)
{
    return (uint32_t)(wire_ip4_fragment(p) & WIRE_IP4_OFFSET_MASK) * 8;
}

static inline bool wire_ip4_is_fragment(const uint8_t *p)
{
    return (wire_ip4_fragment(p) & (WIRE_IP4_MORE_FRAGMENTS | WIRE_IP4_OFFSET_MASK)) != 0;
}

static inline uint8_t wire_ip4_ttl(const uint8_t *p)
{
    return p[WIRE_IP4_TTL];
}

static inline uint8_t wire_ip4_protocol(const uint8_t *p)
{
    return p[WIRE_IP4_PROTOCOL];
}

static inline uint16_t wire_ip4_checksum(const uint8_t *p)
{
    return checksum_load(p + WIRE_IP4_CHECKSUM);
}

static inline uint32_t wire_ip4_source(const uint8_t *p)
{
    return load_be32(p + WIRE_IP4_SOURCE);
}

static inline uint32_t wire_ip4_destination(const uint8_t *p)
{
    return load_be32(p + WIRE_IP4_DESTINATION);
}

static inline bool wire_ip4_has_options(const uint8_t *p)
{
    return wire_ip4_header_length(p) > WIRE_IP4_HEADER;
}

/* Version, header length and total length agree with each other and with the `length` bytes that
 * the link delivered, which may be more (Ethernet padding: the caller trims to the total length).
 * The checksum and the options have checks of their own. */
static inline enum chaski_counter wire_ip4_check(const uint8_t *bytes, size_t length)
{
    if (length < WIRE_IP4_HEADER || wire_ip4_version(bytes) != 4)
        return CHASKI_DROP_IP4_HEADER;
    if (wire_ip4_header_length(bytes) < WIRE_IP4_HEADER ||
        wire_ip4_total_length(bytes) < wire_ip4_header_length(bytes) ||
        wire_ip4_total_length(bytes) > length)
        return CHASKI_DROP_IP4_HEADER;
    return 0;
}

static inline uint32_t wire_ip4_word(const uint8_t *p)
{
    uint32_t word;
    __builtin_memcpy(&word, p, sizeof word);
    return word;
}

/* The words behind the first five, added up. */
uint64_t wire_ip4_options_sum(const uint8_t *p);

/* The one's complement sum of the header, in machine order: five to fifteen words. */
static inline uint16_t wire_ip4_header_sum(const uint8_t *p)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < WIRE_IP4_HEADER; i += 4)
        sum += wire_ip4_word(p + i);
    if (wire_ip4_has_options(p))
        sum += wire_ip4_options_sum(p);
    return checksum_fold(sum);
}

static inline bool wire_ip4_header_checksum_ok(const uint8_t *p)
{
    return wire_ip4_header_sum(p) == 0xffff;
}

/* Computes the checksum anew over a header whose other fields are final. */
static inline void wire_ip4_finish_checksum(uint8_t *p)
{
    checksum_store(p + WIRE_IP4_CHECKSUM, 0);
    checksum_store(p + WIRE_IP4_CHECKSUM, (uint16_t)~wire_ip4_header_sum(p));
}

/* The setters leave the checksum alone. */
static inline void wire_ip4_set_header_length(uint8_t *p, uint8_t length)
{
    p[WIRE_IP4_VERSION_LENGTH] = (uint8_t)(4 << 4 | length / 4);
}

static inline void wire_ip4_set_traffic_class(uint8_t *p, uint8_t traffic_class)
{
    p[WIRE_IP4_TRAFFIC_CLASS] = traffic_class;
}

static inline void wire_ip4_set_total_length(uint8_t *p, uint16_t length)
{
    store_be16(p + WIRE_IP4_TOTAL_LENGTH, length);
}

static inline void wire_ip4_set_identification(uint8_t *p, uint16_t identification)
{
    store_be16(p + WIRE_IP4_IDENTIFICATION, identification);
}

/* Flags and the offset in units of 8 bytes. */
static inline void wire_ip4_set_fragment(uint8_t *p, uint16_t fragment)
{
    store_be16(p + WIRE_IP4_FRAGMENT, fragment);
}

static inline void wire_ip4_set_ttl(uint8_t *p, uint8_t ttl)
{
    p[WIRE_IP4_TTL] = ttl;
}

static inline void wire_ip4_set_protocol(uint8_t *p, uint8_t protocol)
{
    p[WIRE_IP4_PROTOCOL] = protocol;
}

/* As checksum_finish() or checksum_update() gives it. */
static inline void wire_ip4_set_checksum(uint8_t *p, uint16_t checksum)
{
    checksum_store(p + WIRE_IP4_CHECKSUM, checksum);
}

static inline void wire_ip4_set_source(uint8_t *p, uint32_t address)
{
    store_be32(p + WIRE_IP4_SOURCE, address);
}

static inline void wire_ip4_set_destination(uint8_t *p, uint32_t address)
{
    store_be32(p + WIRE_IP4_DESTINATION, address);
}

struct wire_ip4_fields {
    uint32_t source, destination;
    uint16_t payload_length; /* what follows the header */
    uint16_t identification;
    uint16_t fragment; /* flags and the offset in units of 8 bytes */
    uint8_t traffic_class;
    uint8_t ttl;
    uint8_t protocol;
    bool router_alert; /* adds the option of RFC 2113 */
};

enum { WIRE_IP4_ROUTER_ALERT_SIZE = 4 };

/* How long the header for `fields` is: 20 or 24. */
static inline uint8_t wire_ip4_build_length(const struct wire_ip4_fields *fields)
{
    return (uint8_t)(WIRE_IP4_HEADER + WIRE_IP4_ROUTER_ALERT_SIZE * fields->router_alert);
}

/* Writes a header of wire_ip4_build_length() bytes, checksum included, and returns its length.
 * Header and payload together are at most WIRE_IP4_TOTAL_MAX. */
uint8_t wire_ip4_build(uint8_t *p, const struct wire_ip4_fields *fields);

enum wire_ip4_option {
    WIRE_IP4_OPTION_END = 0,
    WIRE_IP4_OPTION_NOP = 1,
    WIRE_IP4_OPTION_RECORD_ROUTE = 7,
    WIRE_IP4_OPTION_TIMESTAMP = 68,
    WIRE_IP4_OPTION_LOOSE_ROUTE = 131,
    WIRE_IP4_OPTION_STRICT_ROUTE = 137,
    WIRE_IP4_OPTION_ROUTER_ALERT = 148,
    WIRE_IP4_OPTION_COPIED = 0x80, /* this bit: goes into every fragment */
};

/* Where the options that a host looks at begin, from the header's start; 0: absent. */
struct wire_ip4_options {
    uint8_t source_route;
    uint8_t record_route;
    uint8_t timestamp;
    uint8_t router_alert;
    bool source_route_strict;
    bool source_route_ended; /* its last hop is reached: the datagram is for its destination */
    uint8_t error;           /* refused: the offending byte, for a parameter problem's pointer */
};

/* Reads the options of a checked header (RFC 791, 3.1; RFC 1122, 3.2.1.8). Refuses lengths that
 * are 0, 1, past the end or too small for the option, pointers before or across its slots, and
 * a route, record or timestamp option that comes twice; unknown options are passed over. */
enum chaski_counter wire_ip4_parse_options(const uint8_t *header, struct wire_ip4_options *options);

#endif
