/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/wire/tcp.h"
#include "tests/exact.h"

/* Port 40000 to port 80, ACK and PSH, without options. */
static const uint8_t plain[WIRE_TCP_HEADER] = {
    0x9c, 0x40, 0x00, 0x50, 0x01, 0x02, 0x03, 0x04, 0xf1, 0xf2,
    0xf3, 0xf4, 0x50, 0x18, 0x01, 0xf6, 0xab, 0xcd, 0x00, 0x09,
};

static enum chaski_counter check(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = exact_copy(bytes, length);
    enum chaski_counter verdict = wire_tcp_check(copy, length);
    exact_free(copy, length);
    return verdict;
}

/* The plain header followed by options, which are padded with END. */
static size_t header_with(uint8_t *header, const uint8_t *options, size_t length)
{
    size_t padded = (sizeof plain + length + 3) / 4 * 4;
    assert_true(padded <= WIRE_TCP_HEADER_MAX);
    memset(header, 0, padded);
    memcpy(header, plain, sizeof plain);
    memcpy(header + sizeof plain, options, length);
    wire_tcp_set_length_flags(header, (uint8_t)padded, TCP_ACK);
    return padded;
}

static struct wire_tcp_options parse(const uint8_t *bytes, size_t length)
{
    uint8_t header[WIRE_TCP_HEADER_MAX];
    size_t padded = header_with(header, bytes, length);
    uint8_t *copy = exact_copy(header, padded);
    struct wire_tcp_options options;
    memset(&options, 0xee, sizeof options);
    assert_int_equal(wire_tcp_check(copy, padded), 0);
    wire_tcp_parse_options(copy, &options);
    exact_free(copy, padded);
    return options;
}

#define PARSE(...) parse((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void assert_nothing(struct wire_tcp_options options)
{
    assert_false(options.has_mss);
    assert_false(options.has_window_scale);
    assert_false(options.sack_permitted);
    assert_false(options.has_timestamp);
    assert_false(options.has_fast_open);
    assert_int_equal(options.sack_count, 0);
}

static void reads_a_header(void **state)
{
    (void)state;
    assert_int_equal(check(plain, sizeof plain), 0);
    assert_int_equal(wire_tcp_source_port(plain), 40000);
    assert_int_equal(wire_tcp_destination_port(plain), 80);
    assert_int_equal(wire_tcp_sequence(plain), 0x01020304);
    assert_int_equal(wire_tcp_acknowledgment(plain), 0xf1f2f3f4);
    assert_int_equal(wire_tcp_header_length(plain), 20);
    assert_int_equal(wire_tcp_flags(plain), TCP_ACK | TCP_PSH);
    assert_int_equal(wire_tcp_flags_ae(plain), TCP_ACK | TCP_PSH);
    assert_int_equal(wire_tcp_window(plain), 502);
    assert_int_equal(wire_tcp_checksum(plain), checksum_load(plain + 16));
    assert_int_equal(wire_tcp_urgent(plain), 9);
}

static void refuses_cut_headers(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof plain; length++)
        assert_int_equal(check(plain, length), CHASKI_DROP_TCP_HEADER);
}

static void refuses_data_offsets_that_cannot_be(void **state)
{
    (void)state;
    uint8_t bytes[WIRE_TCP_HEADER_MAX + 1] = {0};
    memcpy(bytes, plain, sizeof plain);
    for (unsigned words = 0; words < 5; words++) {
        bytes[12] = (uint8_t)(words << 4);
        assert_int_equal(check(bytes, sizeof bytes), CHASKI_DROP_TCP_HEADER);
    }
    for (unsigned words = 5; words <= 15; words++) {
        bytes[12] = (uint8_t)(words << 4);
        assert_int_equal(check(bytes, words * 4 - 1), CHASKI_DROP_TCP_HEADER);
        assert_int_equal(check(bytes, words * 4), 0);
        assert_int_equal(check(bytes, words * 4 + 1), 0);
    }
}

/* None and all. */
static void reads_every_flag(void **state)
{
    (void)state;
    uint8_t bytes[sizeof plain];
    memcpy(bytes, plain, sizeof bytes);
    bytes[12] = 0x5e; /* reserved bits set, AE not */
    bytes[13] = 0x00;
    assert_int_equal(wire_tcp_flags_ae(bytes), 0);
    assert_int_equal(wire_tcp_header_length(bytes), 20);
    bytes[12] = 0x51;
    bytes[13] = 0xff;
    assert_int_equal(wire_tcp_flags(bytes), 0xff);
    assert_int_equal(wire_tcp_flags_ae(bytes), TCP_AE | TCP_CWR | TCP_ECE | TCP_URG | TCP_ACK |
                                                   TCP_PSH | TCP_RST | TCP_SYN | TCP_FIN);
}

static void setters_write_where_getters_read(void **state)
{
    (void)state;
    uint8_t bytes[sizeof plain];
    memset(bytes, 0xee, sizeof bytes);
    wire_tcp_set_ports(bytes, 40000, 80);
    wire_tcp_set_sequence(bytes, 0x01020304);
    wire_tcp_set_acknowledgment(bytes, 0xf1f2f3f4);
    wire_tcp_set_length_flags(bytes, 20, TCP_ACK | TCP_PSH);
    wire_tcp_set_window(bytes, 502);
    wire_tcp_set_checksum(bytes, checksum_load(plain + 16));
    wire_tcp_set_urgent(bytes, 9);
    assert_memory_equal(bytes, plain, sizeof plain);
    wire_tcp_set_length_flags(bytes, 60, TCP_AE | TCP_FIN);
    assert_int_equal(bytes[12], 0xf1);
    assert_int_equal(bytes[13], 0x01);
}

static void reads_a_syn_of_linux(void **state)
{
    (void)state;
    struct wire_tcp_options o =
        PARSE(2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7);
    assert_true(o.has_mss);
    assert_int_equal(o.mss, 1460);
    assert_true(o.sack_permitted);
    assert_true(o.has_timestamp);
    assert_int_equal(o.timestamp, 0x01020304);
    assert_int_equal(o.timestamp_echo, 0);
    assert_true(o.has_window_scale);
    assert_int_equal(o.window_scale, 7);
    assert_false(o.window_scale_clamped);
    assert_int_equal(o.sack_count, 0);
    assert_false(o.has_fast_open);
}

static void reads_an_option_that_ends_with_the_header(void **state)
{
    (void)state;
    assert_true(PARSE(1, 1, 4, 2).sack_permitted);
    assert_int_equal(PARSE(1, 3, 3, 9).window_scale, 9);
}

static void reads_no_options(void **state)
{
    (void)state;
    struct wire_tcp_options options;
    memset(&options, 0xee, sizeof options);
    wire_tcp_parse_options(plain, &options);
    assert_nothing(options);
}

static void reads_sack_blocks(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {
        1, 1, 8, 10, 0, 0, 0, 1,  0, 0, 0, 2,                          /* timestamp */
        1, 1, 5, 18, 0, 0, 0, 10, 0, 0, 0, 20, 0xff, 0xff, 0xff, 0xf0, /* blocks */
        0, 0, 0, 5,
    };
    struct wire_tcp_options o = parse(bytes, sizeof bytes);
    assert_int_equal(o.sack_count, 2);
    assert_int_equal(o.sack_offset, 36);
    uint8_t header[WIRE_TCP_HEADER_MAX];
    header_with(header, bytes, sizeof bytes);
    struct wire_tcp_sack first = wire_tcp_sack(header, o.sack_offset, 0);
    struct wire_tcp_sack second = wire_tcp_sack(header, o.sack_offset, 1);
    assert_int_equal(first.left, 10);
    assert_int_equal(first.right, 20);
    assert_int_equal(second.left, 0xfffffff0);
    assert_int_equal(second.right, 5);
}

/* RFC 7413 MUST-1 */
static void reads_fast_open_cookies(void **state)
{
    (void)state;
    struct wire_tcp_options o = PARSE(34, 2);
    assert_true(o.has_fast_open);
    assert_int_equal(o.fast_open_length, 0);
    o = PARSE(1, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8);
    assert_true(o.has_fast_open);
    assert_int_equal(o.fast_open_length, 8);
    assert_int_equal(o.fast_open_offset, 23);
    assert_int_equal(PARSE(34, 6, 1, 2, 3, 4).fast_open_length, 4);
    assert_int_equal(
        PARSE(34, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16).fast_open_length, 16);
    assert_nothing(PARSE(34, 19, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17));
    assert_nothing(PARSE(34, 3, 1));
    assert_nothing(PARSE(34, 4, 1, 2));
    assert_nothing(PARSE(34, 7, 1, 2, 3, 4, 5));
    assert_nothing(PARSE(34, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18));
}

static void reads_the_experimental_fast_open_option(void **state)
{
    (void)state;
    struct wire_tcp_options o = PARSE(254, 4, 0xf9, 0x89);
    assert_true(o.has_fast_open && o.fast_open_experimental);
    assert_int_equal(o.fast_open_length, 0);
    o = PARSE(1, 254, 12, 0xf9, 0x89, 1, 2, 3, 4, 5, 6, 7, 8);
    assert_int_equal(o.fast_open_length, 8);
    assert_int_equal(o.fast_open_offset, 25);
    assert_nothing(PARSE(254, 4, 0xf9, 0x88));
    assert_nothing(PARSE(254, 3, 0xf9));
    assert_nothing(PARSE(254, 2));
    assert_nothing(PARSE(254, 6, 0xf9, 0x89, 1, 2));
    assert_nothing(PARSE(254, 9, 0xf9, 0x89, 1, 2, 3, 4, 5));
    assert_nothing(
        PARSE(254, 22, 0xf9, 0x89, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18));
    o = PARSE(34, 2, 254, 4, 0xf9, 0x89);
    assert_false(o.fast_open_experimental); /* of two the first counts */
}

/* RFC 7413 MUST-1 */
static void builds_fast_open_options(void **state)
{
    (void)state;
    static const uint8_t cookie[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t usual[12] = {34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1};
    static const uint8_t old[12] = {254, 12, 0xf9, 0x89, 1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t asking[4] = {34, 2, 1, 1}, asking_old[4] = {254, 4, 0xf9, 0x89};
    uint8_t built[40];
    assert_int_equal(wire_tcp_build_fast_open(built, cookie, 8, false), 12);
    assert_memory_equal(built, usual, 12);
    assert_int_equal(wire_tcp_build_fast_open(built, cookie, 8, true), 12);
    assert_memory_equal(built, old, 12);
    assert_int_equal(wire_tcp_build_fast_open(built, cookie, 0, false), 4);
    assert_memory_equal(built, asking, 4);
    assert_int_equal(wire_tcp_build_fast_open(built, cookie, 0, true), 4);
    assert_memory_equal(built, asking_old, 4);
}

/* Every kind with length 0, 1 and past the end. */
static void stops_at_lengths_that_cannot_be(void **state)
{
    (void)state;
    for (unsigned kind = 2; kind < 256; kind++) {
        assert_nothing(PARSE((uint8_t)kind, 0, 4, 2));
        assert_nothing(PARSE((uint8_t)kind, 1, 4, 2));
        assert_nothing(PARSE((uint8_t)kind, 5, 4, 2));
        assert_nothing(PARSE((uint8_t)kind, 255, 4, 2));
        assert_nothing(PARSE(1, 1, 1, (uint8_t)kind));
    }
}

static void keeps_what_came_before_a_bad_length(void **state)
{
    (void)state;
    struct wire_tcp_options o = PARSE(2, 4, 0x02, 0x18, 8, 0, 4, 2);
    assert_true(o.has_mss);
    assert_int_equal(o.mss, 536);
    assert_false(o.has_timestamp);
    assert_false(o.sack_permitted);
}

static void passes_over_options_of_a_wrong_length(void **state)
{
    (void)state;
    assert_nothing(PARSE(2, 3, 5, 1));
    assert_nothing(PARSE(2, 5, 5, 0xb4, 0, 0, 0, 0));
    assert_nothing(PARSE(3, 2, 1, 1));
    assert_nothing(PARSE(3, 4, 7, 7));
    assert_nothing(PARSE(4, 3, 0, 1));
    assert_nothing(PARSE(8, 8, 0, 0, 0, 1, 0, 0));
    assert_nothing(PARSE(8, 12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0));
    struct wire_tcp_options o = PARSE(2, 3, 5, 4, 2, 2, 4, 0x05, 0xb4);
    assert_true(o.sack_permitted);
    assert_int_equal(o.mss, 1460);
}

static void passes_over_sack_lengths_other_than_8n_2(void **state)
{
    (void)state;
    uint8_t bytes[WIRE_TCP_OPTIONS_MAX] = {5};
    for (unsigned length = 2; length <= sizeof bytes; length++) {
        bytes[1] = (uint8_t)length;
        struct wire_tcp_options o = parse(bytes, sizeof bytes);
        bool whole = length == 10 || length == 18 || length == 26 || length == 34;
        assert_int_equal(o.sack_count, whole ? length / 8 : 0);
    }
}

/* RFC 7323 MUST-5 */
static void clamps_the_window_scale(void **state)
{
    (void)state;
    struct wire_tcp_options o = PARSE(3, 3, 14);
    assert_int_equal(o.window_scale, 14);
    assert_false(o.window_scale_clamped);
    o = PARSE(3, 3, 15);
    assert_int_equal(o.window_scale, 14);
    assert_true(o.window_scale_clamped);
    o = PARSE(3, 3, 255);
    assert_int_equal(o.window_scale, 14);
    assert_true(o.window_scale_clamped);
}

static void believes_the_first_of_two(void **state)
{
    (void)state;
    struct wire_tcp_options o = PARSE(2, 4, 0x05, 0xb4, 2, 4, 0, 1, 3, 3, 7, 3, 3, 99);
    assert_int_equal(o.mss, 1460);
    assert_int_equal(o.window_scale, 7);
    assert_false(o.window_scale_clamped);
    o = PARSE(8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4);
    assert_int_equal(o.timestamp, 1);
    assert_int_equal(o.timestamp_echo, 2);
    o = PARSE(5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 5, 18, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6);
    assert_int_equal(o.sack_count, 1);
    assert_int_equal(o.sack_offset, 22);
    o = PARSE(34, 2, 34, 6, 1, 2, 3, 4);
    assert_int_equal(o.fast_open_length, 0);
}

static void stops_at_the_end_option(void **state)
{
    (void)state;
    assert_nothing(PARSE(0, 4, 2, 0));
    assert_nothing(PARSE(1, 1, 0, 2, 4, 5, 0xb4));
}

static void takes_the_fast_path_for_a_timestamp_alone(void **state)
{
    (void)state;
    uint8_t header[WIRE_TCP_HEADER_MAX];
    uint32_t timestamp = 0, echo = 0;
    static const uint8_t alone[] = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t otherwise[] = {8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1};
    static const uint8_t with_more[] = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 1, 1};
    header_with(header, alone, sizeof alone);
    assert_true(wire_tcp_timestamp_only(header, &timestamp, &echo));
    assert_int_equal(timestamp, 0x01020304);
    assert_int_equal(echo, 0x05060708);
    header_with(header, otherwise, sizeof otherwise);
    assert_false(wire_tcp_timestamp_only(header, &timestamp, &echo));
    header_with(header, with_more, sizeof with_more);
    assert_false(wire_tcp_timestamp_only(header, &timestamp, &echo));
    assert_false(wire_tcp_timestamp_only(plain, &timestamp, &echo));
}

/* RFC 2018 MUST-1; RFC 7323 MUST-1 */
static void builds_the_options_of_a_syn(void **state)
{
    (void)state;
    static const uint8_t all[] = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2,
                                  3, 4, 5,    6,    7, 8, 1, 3,  3, 7};
    static const uint8_t no_timestamp[] = {2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7};
    static const uint8_t no_sack[] = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
    struct wire_tcp_options o = {
        .has_mss = true,
        .mss = 1460,
        .sack_permitted = true,
        .has_timestamp = true,
        .timestamp = 0x01020304,
        .timestamp_echo = 0x05060708,
        .has_window_scale = true,
        .window_scale = 7,
    };
    uint8_t built[WIRE_TCP_OPTIONS_MAX];
    assert_int_equal(wire_tcp_build_syn_options(built, &o), sizeof all);
    assert_memory_equal(built, all, sizeof all);
    o.has_timestamp = false;
    assert_int_equal(wire_tcp_build_syn_options(built, &o), sizeof no_timestamp);
    assert_memory_equal(built, no_timestamp, sizeof no_timestamp);
    o = (struct wire_tcp_options){
        .has_timestamp = true, .timestamp = 0x01020304, .timestamp_echo = 0x05060708};
    assert_int_equal(wire_tcp_build_syn_options(built, &o), sizeof no_sack);
    assert_memory_equal(built, no_sack, sizeof no_sack);
    o.has_timestamp = false;
    assert_int_equal(wire_tcp_build_syn_options(built, &o), 0);
    o = (struct wire_tcp_options){.has_window_scale = true};
    assert_int_equal(wire_tcp_build_syn_options(built, &o), 4);
    assert_memory_equal(built, ((const uint8_t[]){1, 3, 3, 0}), 4);
}

static void builds_timestamp_and_sack(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        1, 1, 8, 10, 0, 0, 0, 9,  0,    0,    0,    8,    1, 1, 5, 18,
        0, 0, 0, 10, 0, 0, 0, 20, 0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 5,
    };
    static const struct wire_tcp_sack blocks[] = {{10, 20}, {0xfffffff0, 5}};
    uint8_t built[WIRE_TCP_OPTIONS_MAX];
    memset(built, 0xee, sizeof built);
    size_t length = wire_tcp_build_timestamp(built, 9, 8);
    assert_int_equal(length, 12);
    length += wire_tcp_build_sack(built + length, blocks, 2);
    assert_int_equal(length, sizeof expected);
    assert_memory_equal(built, expected, sizeof expected);
    assert_int_equal(built[sizeof expected], 0xee);
    assert_int_equal(wire_tcp_build_sack(built, blocks, 0), 0);
}

/* RFC 2018 SHLD-2 */
static void builds_as_many_blocks_as_a_header_holds(void **state)
{
    (void)state;
    static const struct wire_tcp_sack blocks[] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}};
    uint8_t built[WIRE_TCP_OPTIONS_MAX];
    size_t length = wire_tcp_build_sack(built, blocks, WIRE_TCP_SACK_MAX);
    assert_int_equal(length, 36);
    struct wire_tcp_options o = parse(built, length);
    assert_int_equal(o.sack_count, 4);
    uint8_t header[WIRE_TCP_HEADER_MAX];
    header_with(header, built, length);
    assert_int_equal(wire_tcp_sack(header, o.sack_offset, 3).right, 8);
}

static void has_the_numbers_of_the_standards(void **state)
{
    (void)state;
    assert_int_equal(TCP_FIN, 1);
    assert_int_equal(TCP_SYN, 2);
    assert_int_equal(TCP_RST, 4);
    assert_int_equal(TCP_PSH, 8);
    assert_int_equal(TCP_ACK, 16);
    assert_int_equal(TCP_URG, 32);
    assert_int_equal(TCP_ECE, 64);
    assert_int_equal(TCP_CWR, 128);
    assert_int_equal(TCP_AE, 256);
    assert_int_equal(WIRE_TCP_HEADER_MAX, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_header),
        cmocka_unit_test(refuses_cut_headers),
        cmocka_unit_test(refuses_data_offsets_that_cannot_be),
        cmocka_unit_test(reads_every_flag),
        cmocka_unit_test(setters_write_where_getters_read),
        cmocka_unit_test(reads_a_syn_of_linux),
        cmocka_unit_test(reads_an_option_that_ends_with_the_header),
        cmocka_unit_test(reads_no_options),
        cmocka_unit_test(reads_sack_blocks),
        cmocka_unit_test(reads_fast_open_cookies),
        cmocka_unit_test(reads_the_experimental_fast_open_option),
        cmocka_unit_test(builds_fast_open_options),
        cmocka_unit_test(stops_at_lengths_that_cannot_be),
        cmocka_unit_test(keeps_what_came_before_a_bad_length),
        cmocka_unit_test(passes_over_options_of_a_wrong_length),
        cmocka_unit_test(passes_over_sack_lengths_other_than_8n_2),
        cmocka_unit_test(clamps_the_window_scale),
        cmocka_unit_test(believes_the_first_of_two),
        cmocka_unit_test(stops_at_the_end_option),
        cmocka_unit_test(takes_the_fast_path_for_a_timestamp_alone),
        cmocka_unit_test(builds_the_options_of_a_syn),
        cmocka_unit_test(builds_timestamp_and_sack),
        cmocka_unit_test(builds_as_many_blocks_as_a_header_holds),
        cmocka_unit_test(has_the_numbers_of_the_standards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
