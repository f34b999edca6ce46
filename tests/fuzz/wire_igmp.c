/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/wire/igmp.h"
#include "tests/exact.h"
#include "tests/fuzz/target.h"

static void claim_query(const uint8_t *igmp, size_t size)
{
    unsigned version = wire_igmp_query_version(igmp, size);
    must(version >= 1 && version <= 3);
    must(wire_igmp_max_response_ms(igmp, version) <= 3174400);
    must(version != 1 || wire_igmp_max_response_ms(igmp, version) == 10000);
    if (version != 3)
        return;
    must(wire_igmp_robustness(igmp) <= 7 && wire_igmp_interval_s(igmp) <= 31744);
    for (unsigned i = 0; i < wire_igmp_source_count(igmp); i++)
        touch(igmp + WIRE_IGMP_QUERY3_HEADER + 4 * i, 4);
}

/* Copies a record without its auxiliary data by way of getter and builder. */
static size_t rebuild_record(uint8_t *to, const uint8_t *record)
{
    uint16_t count = wire_igmp_record_source_count(record);
    uint32_t *sources = calloc(count + 1u, sizeof *sources);
    must(sources != NULL);
    for (unsigned i = 0; i < count; i++)
        sources[i] = wire_igmp_record_source(record, i);
    size_t length = wire_igmp_build_record(to, wire_igmp_record_type(record),
                                           wire_igmp_record_group(record), sources, count);
    free(sources);
    must(memcmp(to + WIRE_IGMP_RECORD_SOURCE_COUNT, record + WIRE_IGMP_RECORD_SOURCE_COUNT,
                length - WIRE_IGMP_RECORD_SOURCE_COUNT) == 0);
    must(to[WIRE_IGMP_RECORD_TYPE] == record[WIRE_IGMP_RECORD_TYPE]);
    must(wire_igmp_record_length(to) == length);
    return length;
}

static void claim_report(const uint8_t *igmp, size_t size)
{
    uint8_t *built = exact_copy(igmp, size);
    size_t length = WIRE_IGMP_HEADER;
    const uint8_t *record = igmp + WIRE_IGMP_HEADER;
    for (unsigned left = wire_igmp_record_count(igmp); left > 0; left--) {
        length += rebuild_record(built + length, record);
        record += wire_igmp_record_length(record);
    }
    must(length <= size && record <= igmp + size);
    wire_igmp_finish_report3(built, length, wire_igmp_record_count(igmp));
    must(wire_igmp_check(built, length) == 0);
    must(wire_igmp_record_count(built) == wire_igmp_record_count(igmp));
    must(wire_igmp_checksum_ok(built, length));
    exact_free(built, size);
}

static void claim_short(const uint8_t *igmp)
{
    uint8_t built[WIRE_IGMP_HEADER];
    wire_igmp_build(built, wire_igmp_type(igmp), wire_igmp_group(igmp));
    must(wire_igmp_type(built) == wire_igmp_type(igmp));
    must(wire_igmp_group(built) == wire_igmp_group(igmp));
    must(wire_igmp_checksum_ok(built, sizeof built));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *igmp = exact_copy(bytes, size);
    if (wire_igmp_check(igmp, size) == 0) {
        if (wire_igmp_type(igmp) == WIRE_IGMP_QUERY)
            claim_query(igmp, size);
        else if (wire_igmp_type(igmp) == WIRE_IGMP_REPORT3)
            claim_report(igmp, size);
        else
            claim_short(igmp);
    }
    exact_free(igmp, size);
    return 0;
}
