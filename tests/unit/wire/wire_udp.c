/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/wire/udp.h"
#include "tests/exact.h"

/* Port 50000 to port 53, "hi!". */
static const uint8_t datagram[] = {0xc3, 0x50, 0x00, 0x35, 0x00, 0x0b, 0x12, 0x34, 'h', 'i', '!'};

static enum chaski_counter check(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = exact_copy(bytes, length);
    enum chaski_counter verdict = wire_udp_check(copy, length);
    exact_free(copy, length);
    return verdict;
}

static enum chaski_counter check_with(unsigned at, uint8_t value)
{
    uint8_t bytes[sizeof datagram];
    memcpy(bytes, datagram, sizeof bytes);
    bytes[at] = value;
    return check(bytes, sizeof bytes);
}

static void reads_a_header(void **state)
{
    (void)state;
    static const uint8_t checksum[] = {0x12, 0x34};
    assert_int_equal(check(datagram, sizeof datagram), 0);
    assert_int_equal(wire_udp_source_port(datagram), 50000);
    assert_int_equal(wire_udp_destination_port(datagram), 53);
    assert_int_equal(wire_udp_length(datagram), 11);
    assert_int_equal(wire_udp_checksum(datagram), checksum_load(checksum));
    assert_true(wire_udp_has_checksum(datagram));
}

/* RFC 768 MUST-1 */
static void refuses_wrong_lengths(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof datagram; length++)
        assert_int_equal(check(datagram, length), CHASKI_DROP_UDP_LENGTH);
    assert_int_equal(check_with(5, 0), CHASKI_DROP_UDP_LENGTH);
    assert_int_equal(check_with(5, 7), CHASKI_DROP_UDP_LENGTH);
    assert_int_equal(check_with(5, 12), CHASKI_DROP_UDP_LENGTH);
    assert_int_equal(check_with(4, 0xff), CHASKI_DROP_UDP_LENGTH);
}

static void accepts_the_shortest_and_a_tail(void **state)
{
    (void)state;
    assert_int_equal(check_with(5, 8), 0);
}

static void refuses_port_0_only_as_destination(void **state)
{
    (void)state;
    static const uint8_t no_answer_wanted[] = {0, 0, 0, 7, 0, 8, 0, 0};
    assert_int_equal(check_with(3, 0), CHASKI_DROP_UDP_PORT);
    assert_int_equal(check(no_answer_wanted, sizeof no_answer_wanted), 0);
    assert_false(wire_udp_has_checksum(no_answer_wanted));
}

static void builds_what_it_reads(void **state)
{
    (void)state;
    static const uint8_t checksum[] = {0x12, 0x34};
    uint8_t built[WIRE_UDP_HEADER];
    memset(built, 0xee, sizeof built);
    wire_udp_build(built, 50000, 53, 11);
    assert_false(wire_udp_has_checksum(built));
    wire_udp_set_checksum(built, checksum_load(checksum));
    assert_memory_equal(built, datagram, sizeof built);
}

/* RFC 768 MUST-3 */
static void never_sends_a_computed_checksum_as_0(void **state)
{
    (void)state;
    uint8_t built[WIRE_UDP_HEADER];
    wire_udp_build(built, 1, 2, 8);
    wire_udp_set_checksum(built, 0);
    assert_int_equal(built[6], 0xff);
    assert_int_equal(built[7], 0xff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_header),
        cmocka_unit_test(refuses_wrong_lengths),
        cmocka_unit_test(accepts_the_shortest_and_a_tail),
        cmocka_unit_test(refuses_port_0_only_as_destination),
        cmocka_unit_test(builds_what_it_reads),
        cmocka_unit_test(never_sends_a_computed_checksum_as_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
