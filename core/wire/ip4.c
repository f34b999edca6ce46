/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/wire/ip4.h"

#include "core/base/bytes.h"

/*
 * Options are a type byte, for all but two followed by a length byte that counts both. Route and
 * timestamp options carry a third byte, the pointer: where in the option, counted from 1, the next
 * free slot begins. It points past the end when all slots are used.
 */
enum {
    OPTION_LENGTH = 1,
    OPTION_POINTER = 2,
    ROUTE_FIRST = 4,     /* the pointer's smallest value in route options */
    TIMESTAMP_FIRST = 5, /* likewise, behind overflow count and flags */
    TIMESTAMP_FLAGS = 3,
    ADDRESS_SIZE = 4,
};

uint64_t wire_ip4_options_sum(const uint8_t *p)
{
    uint64_t sum = 0;
    for (unsigned i = WIRE_IP4_HEADER; i < wire_ip4_header_length(p); i += 4)
        sum += wire_ip4_word(p + i);
    return sum;
}

uint8_t wire_ip4_build(uint8_t *p, const struct wire_ip4_fields *fields)
{
    uint8_t length = wire_ip4_build_length(fields);
    uint32_t total = (uint16_t)(length + fields->payload_length);
    /* By words, as they are read again at once to be summed. */
    store_be32(p, (4u << 4 | length / 4u) << 24 | (uint32_t)fields->traffic_class << 16 | total);
    store_be32(p + WIRE_IP4_IDENTIFICATION,
               (uint32_t)fields->identification << 16 | fields->fragment);
    store_be32(p + WIRE_IP4_TTL, (uint32_t)fields->ttl << 24 | (uint32_t)fields->protocol << 16);
    wire_ip4_set_source(p, fields->source);
    wire_ip4_set_destination(p, fields->destination);
    if (fields->router_alert)
        store_be32(p + WIRE_IP4_HEADER, (uint32_t)WIRE_IP4_OPTION_ROUTER_ALERT << 24 |
                                            (uint32_t)WIRE_IP4_ROUTER_ALERT_SIZE << 16);
    wire_ip4_set_checksum(p, (uint16_t)~wire_ip4_header_sum(p));
    return length;
}

/* Slots of `size` bytes from `first` on: the pointer is past them all, or leaves room for one more
 * (RFC 791, 3.1). */
static bool slots_ok(const uint8_t *option, uint8_t first, uint8_t size)
{
    unsigned length = option[OPTION_LENGTH];
    unsigned pointer = option[OPTION_POINTER];
    return pointer >= first && (pointer > length || pointer + size - 1 <= length);
}

/* Notes where an option was seen; false when it was seen before. */
static bool note_once(uint8_t *seen, uint8_t offset)
{
    if (*seen != 0)
        return false;
    *seen = offset;
    return true;
}

static bool read_source_route(const uint8_t *header, uint8_t at, struct wire_ip4_options *options)
{
    const uint8_t *option = header + at;
    if (option[OPTION_LENGTH] <= OPTION_POINTER || !slots_ok(option, ROUTE_FIRST, ADDRESS_SIZE) ||
        !note_once(&options->source_route, at))
        return false;
    options->source_route_strict = option[0] == WIRE_IP4_OPTION_STRICT_ROUTE;
    options->source_route_ended = option[OPTION_POINTER] > option[OPTION_LENGTH];
    return true;
}

static bool read_record_route(const uint8_t *header, uint8_t at, struct wire_ip4_options *options)
{
    const uint8_t *option = header + at;
    return option[OPTION_LENGTH] > OPTION_POINTER && slots_ok(option, ROUTE_FIRST, ADDRESS_SIZE) &&
           note_once(&options->record_route, at);
}

static bool read_timestamp(const uint8_t *header, uint8_t at, struct wire_ip4_options *options)
{
    const uint8_t *option = header + at;
    if (option[OPTION_LENGTH] <= TIMESTAMP_FLAGS)
        return false;
    bool with_address = (option[TIMESTAMP_FLAGS] & 0xf) != 0;
    return slots_ok(option, TIMESTAMP_FIRST, with_address ? 8 : 4) &&
           note_once(&options->timestamp, at);
}

static bool read_router_alert(const uint8_t *header, uint8_t at, struct wire_ip4_options *options)
{
    if (header[at + OPTION_LENGTH] != WIRE_IP4_ROUTER_ALERT_SIZE)
        return false;
    if (options->router_alert == 0)
        options->router_alert = at;
    return true;
}

/* One option that lies within the header, of at least two bytes. */
static bool read_option(const uint8_t *header, uint8_t at, struct wire_ip4_options *options)
{
    switch (header[at]) {
    case WIRE_IP4_OPTION_LOOSE_ROUTE:
    case WIRE_IP4_OPTION_STRICT_ROUTE:
        return read_source_route(header, at, options);
    case WIRE_IP4_OPTION_RECORD_ROUTE:
        return read_record_route(header, at, options);
    case WIRE_IP4_OPTION_TIMESTAMP:
        return read_timestamp(header, at, options);
    case WIRE_IP4_OPTION_ROUTER_ALERT:
        return read_router_alert(header, at, options);
    default:
        return true;
    }
}

enum chaski_counter wire_ip4_parse_options(const uint8_t *header, struct wire_ip4_options *options)
{
    memset(options, 0, sizeof *options);
    unsigned end = wire_ip4_header_length(header);
    unsigned at = WIRE_IP4_HEADER;
    while (at < end && header[at] != WIRE_IP4_OPTION_END) {
        if (header[at] == WIRE_IP4_OPTION_NOP) {
            at++;
            continue;
        }
        if (at + OPTION_LENGTH >= end || header[at + OPTION_LENGTH] < 2 ||
            header[at + OPTION_LENGTH] > end - at || !read_option(header, (uint8_t)at, options)) {
            options->error = (uint8_t)at;
            return CHASKI_DROP_IP4_OPTION;
        }
        at += header[at + OPTION_LENGTH];
    }
    return 0;
}
