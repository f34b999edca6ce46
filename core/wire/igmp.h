/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_WIRE_IGMP_H
#define CHASKI_WIRE_IGMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/counters.h"
#include "core/base/checksum.h"
#include "core/base/endian.h"

/* IGMP, versions 1 (RFC 1112), 2 (RFC 2236) and 3 (RFC 3376). */

enum wire_igmp {
    WIRE_IGMP_TYPE = 0,
    WIRE_IGMP_MAX_RESPONSE = 1, /* queries */
    WIRE_IGMP_CHECKSUM = 2,
    WIRE_IGMP_GROUP = 4,        /* not in version 3 reports */
    WIRE_IGMP_RECORD_COUNT = 6, /* version 3 reports */
    WIRE_IGMP_HEADER = 8,

    WIRE_IGMP_ROBUSTNESS = 8, /* version 3 queries: S flag and robustness variable */
    WIRE_IGMP_INTERVAL = 9,
    WIRE_IGMP_SOURCE_COUNT = 10,
    WIRE_IGMP_QUERY3_HEADER = 12,

    WIRE_IGMP_RECORD_TYPE = 0, /* offsets within a group record */
    WIRE_IGMP_RECORD_AUXILIARY = 1,
    WIRE_IGMP_RECORD_SOURCE_COUNT = 2,
    WIRE_IGMP_RECORD_GROUP = 4,
    WIRE_IGMP_RECORD_HEADER = 8,
};

enum wire_igmp_type {
    WIRE_IGMP_QUERY = 0x11,
    WIRE_IGMP_REPORT1 = 0x12,
    WIRE_IGMP_REPORT2 = 0x16,
    WIRE_IGMP_LEAVE = 0x17,
    WIRE_IGMP_REPORT3 = 0x22,
};

enum wire_igmp_record_type {
    WIRE_IGMP_MODE_IS_INCLUDE = 1,
    WIRE_IGMP_MODE_IS_EXCLUDE = 2,
    WIRE_IGMP_CHANGE_TO_INCLUDE = 3,
    WIRE_IGMP_CHANGE_TO_EXCLUDE = 4,
    WIRE_IGMP_ALLOW_NEW_SOURCES = 5,
    WIRE_IGMP_BLOCK_OLD_SOURCES = 6,
};

#define WIRE_IGMP_ALL_ROUTERS 0xe0000002u /* 224.0.0.2: leaves */
#define WIRE_IGMP_REPORTS3 0xe0000016u    /* 224.0.0.22: version 3 reports */

static inline uint8_t wire_igmp_type(const uint8_t *p)
{
    return p[WIRE_IGMP_TYPE];
}

/* 0.0.0.0 in a general query. */
static inline uint32_t wire_igmp_group(const uint8_t *p)
{
    return load_be32(p + WIRE_IGMP_GROUP);
}

/* The message is whole: `length` covers all sources of a query and all records of a report, and
 * is one of those that tell the versions apart (RFC 3376, 7.1). Unknown types pass when they have
 * eight bytes. All `length` bytes must be readable. */
enum chaski_counter wire_igmp_check(const uint8_t *bytes, size_t length);

/* 1, 2 or 3: the version of a checked query (RFC 3376, 7.1). */
static inline unsigned wire_igmp_query_version(const uint8_t *p, size_t length)
{
    if (length >= WIRE_IGMP_QUERY3_HEADER)
        return 3;
    return p[WIRE_IGMP_MAX_RESPONSE] == 0 ? 1 : 2;
}

/* The eight-bit floating form of version 3's times (RFC 3376, 4.1.1 and 4.1.7). */
static inline uint32_t wire_igmp_decode_time(uint8_t code)
{
    if (code < 128)
        return code;
    return (uint32_t)((code & 0xf) | 0x10) << (((code >> 4) & 7) + 3);
}

/* Within which a host must answer a query, in milliseconds; version as above. */
static inline uint32_t wire_igmp_max_response_ms(const uint8_t *p, unsigned version)
{
    if (version == 1)
        return 10000;
    if (version == 2)
        return p[WIRE_IGMP_MAX_RESPONSE] * 100u;
    return wire_igmp_decode_time(p[WIRE_IGMP_MAX_RESPONSE]) * 100u;
}

/* Version 3 queries: how many times a report is sent; 0 stands for "use the default". */
static inline uint8_t wire_igmp_robustness(const uint8_t *p)
{
    return p[WIRE_IGMP_ROBUSTNESS] & 7;
}

/* Version 3 queries: from one to the next, in seconds. */
static inline uint32_t wire_igmp_interval_s(const uint8_t *p)
{
    return wire_igmp_decode_time(p[WIRE_IGMP_INTERVAL]);
}

static inline uint16_t wire_igmp_source_count(const uint8_t *p)
{
    return load_be16(p + WIRE_IGMP_SOURCE_COUNT);
}

/* Source i < wire_igmp_source_count() of a version 3 query. */
static inline uint32_t wire_igmp_source(const uint8_t *p, unsigned i)
{
    return load_be32(p + WIRE_IGMP_QUERY3_HEADER + 4 * i);
}

static inline uint16_t wire_igmp_record_count(const uint8_t *p)
{
    return load_be16(p + WIRE_IGMP_RECORD_COUNT);
}

/* Records of a checked version 3 report lie behind one another from WIRE_IGMP_HEADER on. */
static inline uint8_t wire_igmp_record_type(const uint8_t *record)
{
    return record[WIRE_IGMP_RECORD_TYPE];
}

static inline uint16_t wire_igmp_record_source_count(const uint8_t *record)
{
    return load_be16(record + WIRE_IGMP_RECORD_SOURCE_COUNT);
}

static inline uint32_t wire_igmp_record_group(const uint8_t *record)
{
    return load_be32(record + WIRE_IGMP_RECORD_GROUP);
}

static inline uint32_t wire_igmp_record_source(const uint8_t *record, unsigned i)
{
    return load_be32(record + WIRE_IGMP_RECORD_HEADER + 4 * i);
}

/* Sources and auxiliary data included. */
static inline uint32_t wire_igmp_record_length(const uint8_t *record)
{
    return WIRE_IGMP_RECORD_HEADER + 4u * wire_igmp_record_source_count(record) +
           4u * record[WIRE_IGMP_RECORD_AUXILIARY];
}

/* The checksum covers the whole message. */
bool wire_igmp_checksum_ok(const uint8_t *bytes, size_t length);

/* Writes a report or leave of version 1 or 2, checksum included: WIRE_IGMP_HEADER bytes. */
void wire_igmp_build(uint8_t *p, uint8_t type, uint32_t group);

/* Version 3 reports are built record by record behind WIRE_IGMP_HEADER bytes; each returns the
 * bytes it wrote. */
size_t wire_igmp_build_record(uint8_t *record, uint8_t type, uint32_t group,
                              const uint32_t *sources, uint16_t source_count);

/* Writes the header of a report whose records lie behind it, checksum included. `length` is that of
 * the whole message. */
void wire_igmp_finish_report3(uint8_t *p, size_t length, uint16_t record_count);

#endif
