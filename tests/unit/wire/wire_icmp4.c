/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/wire/icmp4.h"
#include "tests/exact.h"

/* Fragmentation needed, MTU 1400, about a TCP segment from 192.0.2.1 port 80 to 198.51.100.2 port
 * 40000 of which eight bytes are quoted. */
static const uint8_t too_big[] = {
    0x03, 0x04, 0x00, 0x00, 0x00, 0x00, 0x05, 0x78,                         /* ICMP */
    0x45, 0x00, 0x05, 0xdc, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x06, 0x2c, 0x9f, /* IPv4 */
    0xc0, 0x00, 0x02, 0x01, 0xc6, 0x33, 0x64, 0x02,                         /* addresses */
    0x00, 0x50, 0x9c, 0x40, 0x01, 0x02, 0x03, 0x04,                         /* TCP */
};

static enum chaski_counter check(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = exact_copy(bytes, length);
    enum chaski_counter verdict = wire_icmp4_check(copy, length);
    exact_free(copy, length);
    return verdict;
}

/* Gate and quote; the transport header's offset and length when both are fine. */
static enum chaski_counter quote(const uint8_t *bytes, size_t length, size_t *offset,
                                 uint16_t *transport_length)
{
    uint8_t *copy = exact_copy(bytes, length);
    struct wire_icmp4_quote quote;
    enum chaski_counter verdict = wire_icmp4_check(copy, length);
    if (verdict == 0)
        verdict = wire_icmp4_quote(copy, length, &quote);
    if (verdict == 0) {
        *offset = (size_t)(quote.transport - copy);
        *transport_length = quote.transport_length;
        assert_ptr_equal(quote.header, copy + WIRE_ICMP4_HEADER);
    }
    exact_free(copy, length);
    return verdict;
}

static enum chaski_counter quote_with(unsigned at, uint8_t value)
{
    uint8_t bytes[sizeof too_big];
    memcpy(bytes, too_big, sizeof bytes);
    bytes[at] = value;
    size_t offset = 0;
    uint16_t length = 0;
    return quote(bytes, sizeof bytes, &offset, &length);
}

static void reads_an_echo(void **state)
{
    (void)state;
    static const uint8_t echo[] = {0x08, 0x00, 0xab, 0xcd, 0x12, 0x34, 0x00, 0x07};
    assert_int_equal(check(echo, sizeof echo), 0);
    assert_int_equal(wire_icmp4_type(echo), WIRE_ICMP4_ECHO);
    assert_int_equal(wire_icmp4_code(echo), 0);
    assert_int_equal(wire_icmp4_checksum(echo), checksum_load(echo + 2));
    assert_int_equal(wire_icmp4_identifier(echo), 0x1234);
    assert_int_equal(wire_icmp4_sequence(echo), 7);
}

static void refuses_what_is_shorter_than_its_header(void **state)
{
    (void)state;
    static const uint8_t echo[8] = {0x08};
    for (size_t length = 0; length < sizeof echo; length++)
        assert_int_equal(check(echo, length), CHASKI_DROP_ICMP4_SHORT);
}

static void finds_the_quote(void **state)
{
    (void)state;
    size_t offset = 0;
    uint16_t length = 0;
    assert_int_equal(quote(too_big, sizeof too_big, &offset, &length), 0);
    assert_int_equal(offset, 28);
    assert_int_equal(length, 8);
    assert_int_equal(wire_icmp4_mtu(too_big), 1400);
}

/* An error quoting a cut header. */
static void refuses_cut_quotes(void **state)
{
    (void)state;
    size_t offset = 0;
    uint16_t length = 0;
    for (size_t cut = WIRE_ICMP4_HEADER; cut < sizeof too_big; cut++)
        assert_int_equal(quote(too_big, cut, &offset, &length), CHASKI_DROP_ICMP4_QUOTE);
    assert_int_equal(check(too_big, sizeof too_big), 0);
    assert_int_equal(check(too_big, sizeof too_big - 1), CHASKI_DROP_ICMP4_QUOTE);
    assert_int_equal(quote_with(8, 0x46), CHASKI_DROP_ICMP4_QUOTE); /* options cut the rest */
    assert_int_equal(quote_with(8, 0x4f), CHASKI_DROP_ICMP4_QUOTE);
}

static void refuses_quotes_that_cannot_be(void **state)
{
    (void)state;
    assert_int_equal(quote_with(8, 0x65), CHASKI_DROP_ICMP4_QUOTE); /* version */
    assert_int_equal(quote_with(8, 0x44), CHASKI_DROP_ICMP4_QUOTE); /* header length */
    assert_int_equal(quote_with(8, 0x40), CHASKI_DROP_ICMP4_QUOTE);
    assert_int_equal(quote_with(15, 1), CHASKI_DROP_ICMP4_QUOTE); /* a later fragment */
    assert_int_equal(quote_with(14, 0x20), 0);                    /* the first fragment */
}

/* Inner lengths that disagree with the outer. */
static void refuses_a_quoted_length_too_short(void **state)
{
    (void)state;
    uint8_t bytes[sizeof too_big];
    size_t offset = 0;
    uint16_t length = 0;
    memcpy(bytes, too_big, sizeof bytes);
    bytes[10] = 0;
    bytes[11] = 27;
    assert_int_equal(quote(bytes, sizeof bytes, &offset, &length), CHASKI_DROP_ICMP4_QUOTE);
    bytes[11] = 0;
    assert_int_equal(quote(bytes, sizeof bytes, &offset, &length), CHASKI_DROP_ICMP4_QUOTE);
    bytes[11] = 28;
    assert_int_equal(quote(bytes, sizeof bytes, &offset, &length), 0);
    assert_int_equal(length, 8);
}

static void ends_the_quote_with_the_quoted_datagram(void **state)
{
    (void)state;
    uint8_t bytes[sizeof too_big + 20] = {0};
    size_t offset = 0;
    uint16_t length = 0;
    memcpy(bytes, too_big, sizeof too_big);
    assert_int_equal(quote(bytes, sizeof bytes, &offset, &length), 0);
    assert_int_equal(length, 28);
    bytes[10] = 0;
    bytes[11] = 40;
    assert_int_equal(quote(bytes, sizeof bytes, &offset, &length), 0);
    assert_int_equal(length, 20);
}

/* RFC 4884, 4: what follows the told length is extensions. */
static void ends_the_quote_where_extensions_begin(void **state)
{
    (void)state;
    uint8_t bytes[WIRE_ICMP4_HEADER + 128 + 12] = {0};
    size_t offset = 0;
    uint16_t length = 0;
    memcpy(bytes, too_big, sizeof too_big);
    bytes[5] = 32;
    assert_int_equal(quote(bytes, sizeof bytes, &offset, &length), 0);
    assert_int_equal(length, 128 - 20);
    bytes[0] = WIRE_ICMP4_TIME_EXCEEDED;
    assert_int_equal(quote(bytes, sizeof bytes, &offset, &length), 0);
    assert_int_equal(length, 128 - 20);
    bytes[0] = WIRE_ICMP4_PARAMETER_PROBLEM;
    assert_int_equal(quote(bytes, sizeof bytes, &offset, &length), 0);
    assert_int_equal(length, 128 - 20);
    bytes[5] = 2; /* cannot be: left by a sender that knows nothing of it */
    assert_int_equal(quote(bytes, sizeof bytes, &offset, &length), 0);
    assert_int_equal(length, 128 + 12 - 20);
    bytes[5] = 255; /* beyond what is there */
    assert_int_equal(quote(bytes, sizeof bytes, &offset, &length), 0);
    assert_int_equal(length, 128 + 12 - 20);
    bytes[0] = WIRE_ICMP4_REDIRECT; /* the byte is part of a gateway's address */
    bytes[5] = 32;
    assert_int_equal(quote(bytes, sizeof bytes, &offset, &length), 0);
    assert_int_equal(length, 128 + 12 - 20);
}

static void finds_no_quote_in_other_types(void **state)
{
    (void)state;
    assert_int_equal(quote_with(0, WIRE_ICMP4_ECHO), CHASKI_DROP_ICMP4_QUOTE);
    assert_int_equal(quote_with(0, WIRE_ICMP4_MASK), CHASKI_DROP_ICMP4_QUOTE);
    assert_int_equal(quote_with(0, WIRE_ICMP4_TIME_EXCEEDED), 0);
}

static void knows_the_errors(void **state)
{
    (void)state;
    unsigned errors = 0;
    for (unsigned type = 0; type < 256; type++)
        errors += wire_icmp4_is_error((uint8_t)type);
    assert_int_equal(errors, 5);
    assert_true(wire_icmp4_is_error(3));
    assert_true(wire_icmp4_is_error(4));
    assert_true(wire_icmp4_is_error(5));
    assert_true(wire_icmp4_is_error(11));
    assert_true(wire_icmp4_is_error(12));
}

static void builds_what_it_reads(void **state)
{
    (void)state;
    static const uint8_t reply[] = {0x00, 0x00, 0x00, 0x00, 0x12, 0x34, 0xff, 0xfe};
    uint8_t built[WIRE_ICMP4_HEADER];
    memset(built, 0xee, sizeof built);
    wire_icmp4_build(built, WIRE_ICMP4_ECHO_REPLY, 0, wire_icmp4_echo_rest(0x1234, 0xfffe));
    assert_memory_equal(built, reply, sizeof reply);
    wire_icmp4_build(built, WIRE_ICMP4_UNREACHABLE, WIRE_ICMP4_FRAGMENTATION_NEEDED, 1400);
    assert_memory_equal(built, too_big, sizeof built);
    wire_icmp4_build(built, WIRE_ICMP4_PARAMETER_PROBLEM, 0, 21u << 24);
    assert_int_equal(wire_icmp4_pointer(built), 21);
    wire_icmp4_set_checksum(built, checksum_load((const uint8_t[]){0xab, 0xcd}));
    assert_int_equal(built[2], 0xab);
    assert_int_equal(built[3], 0xcd);
}

static void has_the_numbers_of_the_standards(void **state)
{
    (void)state;
    assert_int_equal(WIRE_ICMP4_TIMESTAMP, 13);
    assert_int_equal(WIRE_ICMP4_TIMESTAMP_REPLY, 14);
    assert_int_equal(WIRE_ICMP4_MASK, 17);
    assert_int_equal(WIRE_ICMP4_MASK_REPLY, 18);
    assert_int_equal(WIRE_ICMP4_NETWORK_UNREACHABLE, 0);
    assert_int_equal(WIRE_ICMP4_HOST_UNREACHABLE, 1);
    assert_int_equal(WIRE_ICMP4_PROTOCOL_UNREACHABLE, 2);
    assert_int_equal(WIRE_ICMP4_PORT_UNREACHABLE, 3);
    assert_int_equal(WIRE_ICMP4_SOURCE_ROUTE_FAILED, 5);
    assert_int_equal(WIRE_ICMP4_NETWORK_UNKNOWN, 6);
    assert_int_equal(WIRE_ICMP4_HOST_UNKNOWN, 7);
    assert_int_equal(WIRE_ICMP4_SOURCE_ISOLATED, 8);
    assert_int_equal(WIRE_ICMP4_NETWORK_PROHIBITED, 9);
    assert_int_equal(WIRE_ICMP4_HOST_PROHIBITED, 10);
    assert_int_equal(WIRE_ICMP4_NETWORK_SERVICE, 11);
    assert_int_equal(WIRE_ICMP4_HOST_SERVICE, 12);
    assert_int_equal(WIRE_ICMP4_PROHIBITED, 13);
    assert_int_equal(WIRE_ICMP4_PRECEDENCE_VIOLATION, 14);
    assert_int_equal(WIRE_ICMP4_PRECEDENCE_CUTOFF, 15);
    assert_int_equal(WIRE_ICMP4_TTL_EXCEEDED, 0);
    assert_int_equal(WIRE_ICMP4_REASSEMBLY_EXCEEDED, 1);
    assert_int_equal(WIRE_ICMP4_POINTER_INDICATES, 0);
    assert_int_equal(WIRE_ICMP4_OPTION_MISSING, 1);
    assert_int_equal(WIRE_ICMP4_QUOTE_MAX, 576 - 20 - 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_an_echo),
        cmocka_unit_test(refuses_what_is_shorter_than_its_header),
        cmocka_unit_test(finds_the_quote),
        cmocka_unit_test(refuses_cut_quotes),
        cmocka_unit_test(refuses_quotes_that_cannot_be),
        cmocka_unit_test(refuses_a_quoted_length_too_short),
        cmocka_unit_test(ends_the_quote_with_the_quoted_datagram),
        cmocka_unit_test(ends_the_quote_where_extensions_begin),
        cmocka_unit_test(finds_no_quote_in_other_types),
        cmocka_unit_test(knows_the_errors),
        cmocka_unit_test(builds_what_it_reads),
        cmocka_unit_test(has_the_numbers_of_the_standards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
