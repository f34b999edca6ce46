/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/wire/ip4.h"
#include "tests/exact.h"

/* 192.0.2.1 to 198.51.100.2, TCP, 40 bytes of payload, don't fragment. */
static const uint8_t plain[WIRE_IP4_HEADER] = {
    0x45, 0x00, 0x00, 0x3c, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x06,
    0x32, 0x3f, 0xc0, 0x00, 0x02, 0x01, 0xc6, 0x33, 0x64, 0x02,
};

/* 10.0.0.1 to 224.0.0.22, IGMP, 8 bytes of payload, router alert. */
static const uint8_t alert[24] = {
    0x46, 0xb8, 0x00, 0x20, 0x12, 0x34, 0x00, 0x00, 0x01, 0x02, 0x27, 0xd5,
    0x0a, 0x00, 0x00, 0x01, 0xe0, 0x00, 0x00, 0x16, 0x94, 0x04, 0x00, 0x00,
};

/* `readable` bytes are there; the gate is told that the packet has `claimed`. */
static enum chaski_counter check(const uint8_t *header, size_t readable, size_t claimed)
{
    uint8_t *copy = exact_copy(header, readable);
    enum chaski_counter verdict = wire_ip4_check(copy, claimed);
    exact_free(copy, readable);
    return verdict;
}

static enum chaski_counter check_with(unsigned at, uint8_t value, size_t claimed)
{
    uint8_t bytes[sizeof plain];
    memcpy(bytes, plain, sizeof bytes);
    bytes[at] = value;
    return check(bytes, sizeof bytes, claimed);
}

static void reads_a_header(void **state)
{
    (void)state;
    assert_int_equal(check(plain, sizeof plain, 60), 0);
    assert_int_equal(wire_ip4_version(plain), 4);
    assert_int_equal(wire_ip4_header_length(plain), 20);
    assert_int_equal(wire_ip4_traffic_class(plain), 0);
    assert_int_equal(wire_ip4_total_length(plain), 60);
    assert_int_equal(wire_ip4_payload_length(plain), 40);
    assert_int_equal(wire_ip4_identification(plain), 0x1c46);
    assert_true(wire_ip4_dont_fragment(plain));
    assert_false(wire_ip4_more_fragments(plain));
    assert_false(wire_ip4_is_fragment(plain));
    assert_int_equal(wire_ip4_ttl(plain), 64);
    assert_int_equal(wire_ip4_protocol(plain), WIRE_IP_TCP);
    assert_int_equal(wire_ip4_source(plain), 0xc0000201);
    assert_int_equal(wire_ip4_destination(plain), 0xc6336402);
    assert_false(wire_ip4_has_options(plain));
    assert_true(wire_ip4_has_options(alert));
}

static void refuses_cut_headers(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof plain; length++)
        assert_int_equal(check(plain, length, length), CHASKI_DROP_IP4_HEADER);
}

/* RFC 791 MUST-2 */
static void refuses_header_lengths_that_cannot_be(void **state)
{
    (void)state;
    for (uint8_t words = 0; words < 5; words++)
        assert_int_equal(check_with(0, 0x40 | words, 60), CHASKI_DROP_IP4_HEADER);
    assert_int_equal(check_with(3, 19, 60), CHASKI_DROP_IP4_HEADER);
    assert_int_equal(check_with(3, 0, 60), CHASKI_DROP_IP4_HEADER);
    uint8_t over_total[24];
    memcpy(over_total, alert, sizeof over_total);
    over_total[3] = 23;
    assert_int_equal(check(over_total, sizeof over_total, 60), CHASKI_DROP_IP4_HEADER);
}

static void refuses_a_total_length_over_the_frame(void **state)
{
    (void)state;
    assert_int_equal(check(plain, sizeof plain, 59), CHASKI_DROP_IP4_HEADER);
    assert_int_equal(check_with(2, 0xff, 60), CHASKI_DROP_IP4_HEADER);
}

/* RFC 791 MUST-11 */
static void accepts_ethernet_padding(void **state)
{
    (void)state;
    assert_int_equal(check_with(3, 20, 46), 0);
    assert_int_equal(check_with(3, 20, 20), 0);
}

/* RFC 791 MUST-1; RFC 1122 MUST-5 */
static void refuses_other_versions(void **state)
{
    (void)state;
    assert_int_equal(check_with(0, 0x65, 60), CHASKI_DROP_IP4_HEADER);
    assert_int_equal(check_with(0, 0x05, 60), CHASKI_DROP_IP4_HEADER);
}

/* RFC 791 MUST-3 */
static void verifies_the_checksum(void **state)
{
    (void)state;
    assert_true(wire_ip4_header_checksum_ok(plain));
    assert_true(wire_ip4_header_checksum_ok(alert));
    for (unsigned i = 0; i < 8 * sizeof alert; i++) {
        if (i / 8 == 0)
            continue;
        uint8_t bytes[sizeof alert];
        memcpy(bytes, alert, sizeof bytes);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_false(wire_ip4_header_checksum_ok(bytes));
    }
}

static void sums_the_longest_header_of_ones(void **state)
{
    (void)state;
    uint8_t bytes[WIRE_IP4_HEADER_MAX];
    memset(bytes, 0xff, sizeof bytes);
    bytes[0] = 0x4f;
    wire_ip4_finish_checksum(bytes);
    assert_true(wire_ip4_header_checksum_ok(bytes));
    assert_int_equal(bytes[10], 0xb0);
    assert_int_equal(bytes[11], 0x00);
}

/* An end over 65535 can be told, because nothing is cut to 16 bits. */
static void reads_fragment_fields(void **state)
{
    (void)state;
    uint8_t bytes[sizeof plain];
    memcpy(bytes, plain, sizeof bytes);
    wire_ip4_set_fragment(bytes, WIRE_IP4_MORE_FRAGMENTS | 8189);
    assert_true(wire_ip4_is_fragment(bytes));
    assert_true(wire_ip4_more_fragments(bytes));
    assert_false(wire_ip4_dont_fragment(bytes));
    assert_int_equal(wire_ip4_fragment_offset(bytes), 65512);
    assert_int_equal(wire_ip4_fragment_offset(bytes) + wire_ip4_payload_length(bytes), 65552);
    wire_ip4_set_fragment(bytes, WIRE_IP4_OFFSET_MASK);
    assert_int_equal(wire_ip4_fragment_offset(bytes), 65528);
    assert_true(wire_ip4_is_fragment(bytes));
    wire_ip4_set_fragment(bytes, WIRE_IP4_MORE_FRAGMENTS);
    assert_true(wire_ip4_is_fragment(bytes));
}

static void builds_what_it_reads(void **state)
{
    (void)state;
    static const struct wire_ip4_fields fields = {
        .source = 0xc0000201,
        .destination = 0xc6336402,
        .payload_length = 40,
        .identification = 0x1c46,
        .fragment = WIRE_IP4_DONT_FRAGMENT,
        .ttl = 64,
        .protocol = WIRE_IP_TCP,
    };
    uint8_t built[WIRE_IP4_HEADER_MAX];
    memset(built, 0xee, sizeof built);
    assert_int_equal(wire_ip4_build(built, &fields), 20);
    assert_memory_equal(built, plain, sizeof plain);
    assert_int_equal(built[20], 0xee);
}

static void builds_a_router_alert(void **state)
{
    (void)state;
    static const struct wire_ip4_fields fields = {
        .source = 0x0a000001,
        .destination = 0xe0000016,
        .payload_length = 8,
        .identification = 0x1234,
        .traffic_class = 0xb8,
        .ttl = 1,
        .protocol = WIRE_IP_IGMP,
        .router_alert = true,
    };
    uint8_t built[WIRE_IP4_HEADER_MAX];
    memset(built, 0xee, sizeof built);
    assert_int_equal(wire_ip4_build(built, &fields), 24);
    assert_memory_equal(built, alert, sizeof alert);
}

static void setters_write_where_getters_read(void **state)
{
    (void)state;
    uint8_t bytes[WIRE_IP4_HEADER] = {0};
    wire_ip4_set_header_length(bytes, 20);
    wire_ip4_set_total_length(bytes, 60);
    wire_ip4_set_identification(bytes, 0x1c46);
    wire_ip4_set_fragment(bytes, WIRE_IP4_DONT_FRAGMENT);
    wire_ip4_set_ttl(bytes, 64);
    wire_ip4_set_protocol(bytes, WIRE_IP_TCP);
    wire_ip4_set_source(bytes, 0xc0000201);
    wire_ip4_set_destination(bytes, 0xc6336402);
    wire_ip4_set_checksum(bytes, wire_ip4_checksum(plain));
    assert_memory_equal(bytes, plain, sizeof plain);
    wire_ip4_set_traffic_class(bytes, 0xb8);
    assert_int_equal(wire_ip4_traffic_class(bytes), 0xb8);
}

/* Parses options behind a header that is as long as they are, rounded up. */
static enum chaski_counter parse(const uint8_t *bytes, size_t length,
                                 struct wire_ip4_options *options)
{
    uint8_t header[WIRE_IP4_HEADER_MAX] = {0};
    memcpy(header, plain, sizeof plain);
    memcpy(header + sizeof plain, bytes, length);
    size_t padded = (sizeof plain + length + 3) / 4 * 4;
    wire_ip4_set_header_length(header, (uint8_t)padded);
    uint8_t *copy = exact_copy(header, padded);
    enum chaski_counter verdict = wire_ip4_parse_options(copy, options);
    exact_free(copy, padded);
    return verdict;
}

#define PARSE(options, ...)                                                                        \
    parse((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), options)

static void reads_no_options(void **state)
{
    (void)state;
    struct wire_ip4_options options;
    memset(&options, 0xee, sizeof options);
    assert_int_equal(wire_ip4_parse_options(plain, &options), 0);
    assert_int_equal(options.source_route, 0);
    assert_int_equal(options.router_alert, 0);
    assert_false(options.source_route_ended);
}

static void reads_a_router_alert(void **state)
{
    (void)state;
    struct wire_ip4_options options;
    assert_int_equal(wire_ip4_parse_options(alert, &options), 0);
    assert_int_equal(options.router_alert, 20);
}

static void reads_routes(void **state)
{
    (void)state;
    struct wire_ip4_options options;
    assert_int_equal(PARSE(&options, 1, 131, 7, 4, 10, 0, 0, 9), 0);
    assert_int_equal(options.source_route, 21);
    assert_false(options.source_route_strict);
    assert_false(options.source_route_ended);
    assert_int_equal(PARSE(&options, 137, 7, 8, 10, 0, 0, 9, 0), 0);
    assert_int_equal(options.source_route, 20);
    assert_true(options.source_route_strict);
    assert_true(options.source_route_ended);
    assert_int_equal(PARSE(&options, 7, 7, 4, 0, 0, 0, 0, 0), 0);
    assert_int_equal(options.record_route, 20);
    assert_int_equal(options.source_route, 0);
}

static void reads_timestamps(void **state)
{
    (void)state;
    struct wire_ip4_options options;
    assert_int_equal(PARSE(&options, 68, 8, 5, 0, 0, 0, 0, 0), 0);
    assert_int_equal(options.timestamp, 20);
    assert_int_equal(PARSE(&options, 68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0), 0);
    assert_int_equal(options.timestamp, 20);
    assert_int_equal(PARSE(&options, 68, 12, 13, 1, 0, 0, 0, 0, 0, 0, 0, 0), 0);
}

/* RFC 791 MUST-5 */
static void passes_over_what_it_does_not_know(void **state)
{
    (void)state;
    struct wire_ip4_options options;
    /* Security, stream identifier, then a router alert. */
    assert_int_equal(
        PARSE(&options, 130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 136, 4, 0, 1, 148, 4, 0, 0, 0), 0);
    assert_int_equal(options.router_alert, 35);
    assert_int_equal(PARSE(&options, 1, 1, 130, 2), 0);
}

static void stops_at_the_end_option(void **state)
{
    (void)state;
    struct wire_ip4_options options;
    assert_int_equal(PARSE(&options, 0, 131, 0, 0), 0);
    assert_int_equal(options.source_route, 0);
}

static void refuses_option_lengths_that_cannot_be(void **state)
{
    (void)state;
    struct wire_ip4_options options;
    assert_int_equal(PARSE(&options, 1, 130, 0, 0), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(options.error, 21);
    assert_int_equal(PARSE(&options, 130, 1, 0, 0), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 130, 5, 0, 0), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 130, 255, 0, 0), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 1, 1, 1, 130), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(options.error, 23);
    assert_int_equal(PARSE(&options, 1, 1, 131, 2), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 1, 68, 3, 5), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 1, 1, 7, 2), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 1, 1, 148, 2), CHASKI_DROP_IP4_OPTION);
}

static void refuses_pointers_that_cannot_be(void **state)
{
    (void)state;
    struct wire_ip4_options options;
    assert_int_equal(PARSE(&options, 131, 7, 3, 0, 0, 0, 0, 0), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 131, 7, 0, 0, 0, 0, 0, 0), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 131, 7, 5, 0, 0, 0, 0, 0), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 7, 7, 7, 0, 0, 0, 0, 0), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 68, 8, 4, 0, 0, 0, 0, 0), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 68, 8, 6, 0, 0, 0, 0, 0), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 68, 8, 5, 1, 0, 0, 0, 0), CHASKI_DROP_IP4_OPTION);
}

static void refuses_two_source_routes(void **state)
{
    (void)state;
    struct wire_ip4_options options;
    assert_int_equal(PARSE(&options, 131, 3, 4, 131, 3, 4, 0, 0), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 131, 3, 4, 137, 3, 4, 0, 0), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(options.error, 23);
    assert_int_equal(PARSE(&options, 7, 3, 4, 7, 3, 4, 0, 0), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 68, 4, 5, 0, 68, 4, 5, 0), CHASKI_DROP_IP4_OPTION);
    assert_int_equal(PARSE(&options, 148, 4, 0, 0, 148, 4, 0, 0), 0);
}

static void has_the_numbers_of_the_standards(void **state)
{
    (void)state;
    assert_int_equal(WIRE_IP_ICMP4, 1);
    assert_int_equal(WIRE_IP_IGMP, 2);
    assert_int_equal(WIRE_IP_TCP, 6);
    assert_int_equal(WIRE_IP_UDP, 17);
    assert_int_equal(WIRE_IP_ICMP6, 58);
    assert_int_equal(WIRE_IP4_HEADER_MAX, 60);
    assert_int_equal(WIRE_IP4_TOTAL_MAX, 65535);
    assert_int_equal(WIRE_IP4_MTU_MIN, 68);
    assert_int_equal(WIRE_IP4_MORE_FRAGMENTS, 8192);
    assert_int_equal(WIRE_IP4_DONT_FRAGMENT, 16384);
    assert_int_equal(WIRE_IP4_OPTION_COPIED, 128);
}

static void carries_to_the_last_bit(void **state)
{
    (void)state;
    uint8_t bytes[WIRE_IP4_HEADER_MAX] = {
        0x45, 0x00, 0x00, 0x14, 0x00, 0x00, 0x40, 0x00, 0x40, 0x06,
        0x00, 0x00, 0xef, 0xbe, 0xed, 0xfe, 0x8b, 0x3a, 0xd2, 0xec,
    };
    wire_ip4_finish_checksum(bytes);
    assert_int_equal(bytes[10], 0xfe);
    assert_int_equal(bytes[11], 0xff);
    assert_true(wire_ip4_header_checksum_ok(bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_header),
        cmocka_unit_test(refuses_cut_headers),
        cmocka_unit_test(refuses_header_lengths_that_cannot_be),
        cmocka_unit_test(refuses_a_total_length_over_the_frame),
        cmocka_unit_test(accepts_ethernet_padding),
        cmocka_unit_test(refuses_other_versions),
        cmocka_unit_test(verifies_the_checksum),
        cmocka_unit_test(sums_the_longest_header_of_ones),
        cmocka_unit_test(carries_to_the_last_bit),
        cmocka_unit_test(reads_fragment_fields),
        cmocka_unit_test(builds_what_it_reads),
        cmocka_unit_test(builds_a_router_alert),
        cmocka_unit_test(setters_write_where_getters_read),
        cmocka_unit_test(reads_no_options),
        cmocka_unit_test(reads_a_router_alert),
        cmocka_unit_test(reads_routes),
        cmocka_unit_test(reads_timestamps),
        cmocka_unit_test(passes_over_what_it_does_not_know),
        cmocka_unit_test(stops_at_the_end_option),
        cmocka_unit_test(refuses_option_lengths_that_cannot_be),
        cmocka_unit_test(refuses_pointers_that_cannot_be),
        cmocka_unit_test(refuses_two_source_routes),
        cmocka_unit_test(has_the_numbers_of_the_standards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
