/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/wire/igmp.h"

static bool query_whole(const uint8_t *bytes, size_t length)
{
    if (length == WIRE_IGMP_HEADER)
        return true;
    return length >= WIRE_IGMP_QUERY3_HEADER &&
           (length - WIRE_IGMP_QUERY3_HEADER) / 4 >= wire_igmp_source_count(bytes);
}

static bool records_whole(const uint8_t *bytes, size_t length)
{
    size_t at = WIRE_IGMP_HEADER;
    for (unsigned left = wire_igmp_record_count(bytes); left > 0; left--) {
        if (length - at < WIRE_IGMP_RECORD_HEADER ||
            length - at < wire_igmp_record_length(bytes + at))
            return false;
        at += wire_igmp_record_length(bytes + at);
    }
    return true;
}

enum chaski_counter wire_igmp_check(const uint8_t *bytes, size_t length)
{
    bool whole = length >= WIRE_IGMP_HEADER;
    if (whole && wire_igmp_type(bytes) == WIRE_IGMP_QUERY)
        whole = query_whole(bytes, length);
    else if (whole && wire_igmp_type(bytes) == WIRE_IGMP_REPORT3)
        whole = records_whole(bytes, length);
    return whole ? 0 : CHASKI_DROP_IGMP_MALFORMED;
}

bool wire_igmp_checksum_ok(const uint8_t *bytes, size_t length)
{
    return checksum_finish(checksum_partial(bytes, length)) == 0;
}

static void finish_checksum(uint8_t *p, size_t length)
{
    checksum_store(p + WIRE_IGMP_CHECKSUM, 0);
    checksum_store(p + WIRE_IGMP_CHECKSUM, checksum_finish(checksum_partial(p, length)));
}

void wire_igmp_build(uint8_t *p, uint8_t type, uint32_t group)
{
    p[WIRE_IGMP_TYPE] = type;
    p[WIRE_IGMP_MAX_RESPONSE] = 0;
    store_be32(p + WIRE_IGMP_GROUP, group);
    finish_checksum(p, WIRE_IGMP_HEADER);
}

size_t wire_igmp_build_record(uint8_t *record, uint8_t type, uint32_t group,
                              const uint32_t *sources, uint16_t source_count)
{
    record[WIRE_IGMP_RECORD_TYPE] = type;
    record[WIRE_IGMP_RECORD_AUXILIARY] = 0;
    store_be16(record + WIRE_IGMP_RECORD_SOURCE_COUNT, source_count);
    store_be32(record + WIRE_IGMP_RECORD_GROUP, group);
    for (unsigned i = 0; i < source_count; i++)
        store_be32(record + WIRE_IGMP_RECORD_HEADER + 4 * i, sources[i]);
    return WIRE_IGMP_RECORD_HEADER + (size_t)source_count * 4;
}

void wire_igmp_finish_report3(uint8_t *p, size_t length, uint16_t record_count)
{
    p[WIRE_IGMP_TYPE] = WIRE_IGMP_REPORT3;
    p[WIRE_IGMP_MAX_RESPONSE] = 0;
    store_be16(p + WIRE_IGMP_GROUP, 0);
    store_be16(p + WIRE_IGMP_RECORD_COUNT, record_count);
    finish_checksum(p, length);
}
