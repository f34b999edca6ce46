/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/wire/igmp.h"
#include "tests/exact.h"

static const uint8_t query1[] = {0x11, 0x00, 0xee, 0xff, 0x00, 0x00, 0x00, 0x00};
static const uint8_t query2[] = {0x11, 0x64, 0xee, 0x9b, 0x00, 0x00, 0x00, 0x00};

/* About 225.2.3.4 and the source 192.0.2.1. */
static const uint8_t query3[] = {
    0x11, 0x8c, 0x3d, 0xed, 0xe1, 0x02, 0x03, 0x04, 0x0a, 0x7d, 0x00, 0x01, 0xc0, 0x00, 0x02, 0x01,
};

/* 225.2.3.4 from all sources, 239.1.2.3 from 192.0.2.1 only. */
static const uint8_t report3[] = {
    0x22, 0x00, 0x3f, 0xef, 0x00, 0x00, 0x00, 0x02,                         /* header */
    0x04, 0x00, 0x00, 0x00, 0xe1, 0x02, 0x03, 0x04,                         /* record */
    0x03, 0x00, 0x00, 0x01, 0xef, 0x01, 0x02, 0x03, 0xc0, 0x00, 0x02, 0x01, /* record */
};

static const uint8_t report2[] = {0x16, 0x00, 0x05, 0xf9, 0xe1, 0x02, 0x03, 0x04};

static enum chaski_counter check(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = exact_copy(bytes, length);
    enum chaski_counter verdict = wire_igmp_check(copy, length);
    exact_free(copy, length);
    return verdict;
}

static enum chaski_counter check_with(const uint8_t *bytes, size_t length, unsigned at,
                                      uint8_t value)
{
    uint8_t changed[64];
    memcpy(changed, bytes, length);
    changed[at] = value;
    return check(changed, length);
}

static void tells_the_versions_of_queries(void **state)
{
    (void)state;
    assert_int_equal(check(query1, sizeof query1), 0);
    assert_int_equal(wire_igmp_query_version(query1, sizeof query1), 1);
    assert_int_equal(check(query2, sizeof query2), 0);
    assert_int_equal(wire_igmp_query_version(query2, sizeof query2), 2);
    assert_int_equal(check(query3, sizeof query3), 0);
    assert_int_equal(wire_igmp_query_version(query3, sizeof query3), 3);
    assert_int_equal(wire_igmp_max_response_ms(query1, 1), 10000);
    assert_int_equal(wire_igmp_max_response_ms(query2, 2), 10000);
    assert_int_equal(wire_igmp_max_response_ms(query3, 3), 22400);
}

static void reads_a_version_3_query(void **state)
{
    (void)state;
    assert_int_equal(wire_igmp_type(query3), WIRE_IGMP_QUERY);
    assert_int_equal(wire_igmp_group(query3), 0xe1020304);
    assert_int_equal(wire_igmp_robustness(query3), 2);
    assert_int_equal(wire_igmp_interval_s(query3), 125);
    assert_int_equal(wire_igmp_source_count(query3), 1);
    assert_int_equal(wire_igmp_source(query3, 0), 0xc0000201);
}

/* RFC 3376, 4.1.1. */
/* RFC 3376 MUST-2 */
static void decodes_floating_times(void **state)
{
    (void)state;
    assert_int_equal(wire_igmp_decode_time(0), 0);
    assert_int_equal(wire_igmp_decode_time(127), 127);
    assert_int_equal(wire_igmp_decode_time(0x80), 128);
    assert_int_equal(wire_igmp_decode_time(0x81), 136);
    assert_int_equal(wire_igmp_decode_time(0x8f), 248);
    assert_int_equal(wire_igmp_decode_time(0x90), 256);
    assert_int_equal(wire_igmp_decode_time(0xff), 31744);
}

/* RFC 3376 MUST-4 */
static void refuses_cut_messages(void **state)
{
    (void)state;
    for (size_t length = 0; length < 8; length++) {
        assert_int_equal(check(query1, length), CHASKI_DROP_IGMP_MALFORMED);
        assert_int_equal(check(report2, length), CHASKI_DROP_IGMP_MALFORMED);
    }
    for (size_t length = 9; length < sizeof query3; length++)
        assert_int_equal(check(query3, length), CHASKI_DROP_IGMP_MALFORMED);
    for (size_t length = 0; length < sizeof report3; length++)
        assert_int_equal(check(report3, length), CHASKI_DROP_IGMP_MALFORMED);
}

static void refuses_counts_past_the_end(void **state)
{
    (void)state;
    const enum chaski_counter malformed = CHASKI_DROP_IGMP_MALFORMED;
    assert_int_equal(check_with(query3, sizeof query3, 11, 2), malformed);
    assert_int_equal(check_with(query3, sizeof query3, 10, 0xff), malformed);
    assert_int_equal(check_with(report3, sizeof report3, 7, 3), malformed);
    assert_int_equal(check_with(report3, sizeof report3, 6, 0xff), malformed);
    assert_int_equal(check_with(report3, sizeof report3, 19, 2), malformed);
    assert_int_equal(check_with(report3, sizeof report3, 18, 0xff), malformed);
    assert_int_equal(check_with(report3, sizeof report3, 17, 1), malformed);
    assert_int_equal(check_with(report3, sizeof report3, 10, 0xff), malformed);
}

/* RFC 3376 MUST-5 */
static void accepts_what_follows_a_whole_message(void **state)
{
    (void)state;
    assert_int_equal(check_with(query3, sizeof query3, 11, 0), 0);
    assert_int_equal(check_with(report3, sizeof report3, 7, 1), 0);
    assert_int_equal(check_with(report2, sizeof report2, 0, 0x99), 0);
}

static void reads_records(void **state)
{
    (void)state;
    assert_int_equal(wire_igmp_record_count(report3), 2);
    const uint8_t *record = report3 + WIRE_IGMP_HEADER;
    assert_int_equal(wire_igmp_record_type(record), WIRE_IGMP_CHANGE_TO_EXCLUDE);
    assert_int_equal(wire_igmp_record_source_count(record), 0);
    assert_int_equal(wire_igmp_record_group(record), 0xe1020304);
    assert_int_equal(wire_igmp_record_length(record), 8);
    record += wire_igmp_record_length(record);
    assert_int_equal(wire_igmp_record_type(record), WIRE_IGMP_CHANGE_TO_INCLUDE);
    assert_int_equal(wire_igmp_record_group(record), 0xef010203);
    assert_int_equal(wire_igmp_record_source_count(record), 1);
    assert_int_equal(wire_igmp_record_source(record, 0), 0xc0000201);
    assert_int_equal(wire_igmp_record_length(record), 12);
}

/* RFC 3376 MUST-4 */
static void verifies_checksums(void **state)
{
    (void)state;
    assert_true(wire_igmp_checksum_ok(query1, sizeof query1));
    assert_true(wire_igmp_checksum_ok(query2, sizeof query2));
    assert_true(wire_igmp_checksum_ok(query3, sizeof query3));
    assert_true(wire_igmp_checksum_ok(report3, sizeof report3));
    assert_false(wire_igmp_checksum_ok(query3, sizeof query3 - 4));
}

static void builds_what_it_reads(void **state)
{
    (void)state;
    static const uint32_t source = 0xc0000201;
    uint8_t built[64];
    memset(built, 0xee, sizeof built);
    wire_igmp_build(built, WIRE_IGMP_REPORT2, 0xe1020304);
    assert_memory_equal(built, report2, sizeof report2);
    memset(built, 0xee, sizeof built);
    size_t length = WIRE_IGMP_HEADER;
    length +=
        wire_igmp_build_record(built + length, WIRE_IGMP_CHANGE_TO_EXCLUDE, 0xe1020304, NULL, 0);
    length +=
        wire_igmp_build_record(built + length, WIRE_IGMP_CHANGE_TO_INCLUDE, 0xef010203, &source, 1);
    wire_igmp_finish_report3(built, length, 2);
    assert_int_equal(length, sizeof report3);
    assert_memory_equal(built, report3, sizeof report3);
}

static void has_the_numbers_of_the_standards(void **state)
{
    (void)state;
    assert_int_equal(WIRE_IGMP_QUERY, 0x11);
    assert_int_equal(WIRE_IGMP_REPORT1, 0x12);
    assert_int_equal(WIRE_IGMP_REPORT2, 0x16);
    assert_int_equal(WIRE_IGMP_LEAVE, 0x17);
    assert_int_equal(WIRE_IGMP_REPORT3, 0x22);
    assert_int_equal(WIRE_IGMP_MODE_IS_INCLUDE, 1);
    assert_int_equal(WIRE_IGMP_MODE_IS_EXCLUDE, 2);
    assert_int_equal(WIRE_IGMP_CHANGE_TO_INCLUDE, 3);
    assert_int_equal(WIRE_IGMP_CHANGE_TO_EXCLUDE, 4);
    assert_int_equal(WIRE_IGMP_ALLOW_NEW_SOURCES, 5);
    assert_int_equal(WIRE_IGMP_BLOCK_OLD_SOURCES, 6);
}

static void reads_and_builds_several_sources(void **state)
{
    (void)state;
    static const uint8_t two[] = {
        0x22, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,                         /* header */
        0x01, 0x01, 0x00, 0x02, 0xe1, 0x02, 0x03, 0x04, 0xc0, 0x00, 0x02, 0x01, /* record */
        0xc0, 0x00, 0x02, 0x02, 0xaa, 0xbb, 0xcc, 0xdd,                         /* auxiliary */
        0x02, 0x00, 0x00, 0x00, 0xe1, 0x02, 0x03, 0x05,                         /* record */
    };
    assert_int_equal(check(two, sizeof two), 0);
    assert_int_equal(check(two, sizeof two - 1), CHASKI_DROP_IGMP_MALFORMED);
    const uint8_t *record = two + WIRE_IGMP_HEADER;
    const uint32_t sources[] = {wire_igmp_record_source(record, 0),
                                wire_igmp_record_source(record, 1)};
    assert_int_equal(sources[0], 0xc0000201);
    assert_int_equal(sources[1], 0xc0000202);
    assert_int_equal(wire_igmp_record_length(record), 20);
    uint8_t built[32];
    assert_int_equal(
        wire_igmp_build_record(built, WIRE_IGMP_MODE_IS_INCLUDE, 0xe1020304, sources, 2), 16);
    assert_int_equal(built[1], 0);
    assert_memory_equal(built + 2, record + 2, 14);

    static const uint8_t query[] = {
        0x11, 0x64, 0x00, 0x00, 0xe1, 0x02, 0x03, 0x04, 0x02, 0x7d,
        0x00, 0x02, 0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02,
    };
    assert_int_equal(check(query, sizeof query), 0);
    assert_int_equal(wire_igmp_source(query, 1), 0xc0000202);
}

static void knows_a_version_3_query_without_sources(void **state)
{
    (void)state;
    static const uint8_t query[] = {0x11, 0x64, 0x00, 0x00, 0, 0, 0, 0, 0x02, 0x7d, 0x00, 0x00};
    assert_int_equal(check(query, sizeof query), 0);
    assert_int_equal(wire_igmp_query_version(query, sizeof query), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_versions_of_queries),
        cmocka_unit_test(reads_a_version_3_query),
        cmocka_unit_test(decodes_floating_times),
        cmocka_unit_test(refuses_cut_messages),
        cmocka_unit_test(refuses_counts_past_the_end),
        cmocka_unit_test(accepts_what_follows_a_whole_message),
        cmocka_unit_test(reads_records),
        cmocka_unit_test(verifies_checksums),
        cmocka_unit_test(builds_what_it_reads),
        cmocka_unit_test(has_the_numbers_of_the_standards),
        cmocka_unit_test(reads_and_builds_several_sources),
        cmocka_unit_test(knows_a_version_3_query_without_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
