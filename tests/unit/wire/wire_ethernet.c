/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/wire/ethernet.h"
#include "tests/exact.h"

static const uint8_t frame[] = {
    0x02, 0x00, 0x5e, 0x10, 0x20, 0x30, /* destination */
    0x0a, 0x01, 0x02, 0x03, 0x04, 0x05, /* source */
    0x08, 0x06,                         /* ARP */
};

static enum chaski_counter check(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = exact_copy(bytes, length);
    enum chaski_counter verdict = wire_ethernet_check(copy, length);
    exact_free(copy, length);
    return verdict;
}

static void reads_a_header(void **state)
{
    (void)state;
    assert_int_equal(check(frame, sizeof frame), 0);
    assert_int_equal(wire_ethernet_type(frame), WIRE_ETHERNET_ARP);
    assert_ptr_equal(wire_ethernet_destination(frame), frame);
    assert_ptr_equal(wire_ethernet_source(frame), frame + 6);
}

static void refuses_a_short_frame(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof frame; length++)
        assert_int_equal(check(frame, length), CHASKI_DROP_ETHERNET_HEADER);
}

static void refuses_a_group_as_source(void **state)
{
    (void)state;
    uint8_t bytes[sizeof frame];
    memcpy(bytes, frame, sizeof bytes);
    bytes[6] = 0x0b;
    assert_int_equal(check(bytes, sizeof bytes), CHASKI_DROP_ETHERNET_HEADER);
    memset(bytes + 6, 0xff, 6);
    assert_int_equal(check(bytes, sizeof bytes), CHASKI_DROP_ETHERNET_HEADER);
}

static void tells_addresses_apart(void **state)
{
    (void)state;
    static const uint8_t broadcast[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t nearly[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
    static const uint8_t nearly_too[] = {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t unicast[] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_true(wire_ethernet_is_broadcast(broadcast));
    assert_true(wire_ethernet_is_group(broadcast));
    assert_false(wire_ethernet_is_broadcast(nearly));
    assert_false(wire_ethernet_is_broadcast(nearly_too));
    assert_true(wire_ethernet_is_group(nearly));
    assert_false(wire_ethernet_is_group(unicast));
    assert_true(wire_ethernet_equal(broadcast, broadcast));
    assert_true(wire_ethernet_equal(frame, frame));
    for (unsigned i = 0; i < 6; i++) {
        uint8_t other[6];
        memcpy(other, broadcast, 6);
        other[i] ^= 0x10;
        assert_false(wire_ethernet_equal(broadcast, other));
        assert_false(wire_ethernet_equal(other, broadcast));
        assert_false(wire_ethernet_is_broadcast(other));
    }
    assert_false(wire_ethernet_equal(broadcast, nearly));
    assert_false(wire_ethernet_equal(broadcast, unicast));
}

static void maps_ip4_groups(void **state)
{
    (void)state;
    static const uint8_t mdns[] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb};
    static const uint8_t high_bit_lost[] = {0x01, 0x00, 0x5e, 0x7f, 0xff, 0xff};
    uint8_t address[6];
    wire_ethernet_group_of_ip4(address, 0xe00000fb);
    assert_memory_equal(address, mdns, 6);
    wire_ethernet_group_of_ip4(address, 0xe0800002);
    assert_int_equal(address[3], 0x00);
    assert_int_equal(address[5], 0x02);
    wire_ethernet_group_of_ip4(address, 0xefffffff);
    assert_memory_equal(address, high_bit_lost, 6);
}

static void builds_what_it_reads(void **state)
{
    (void)state;
    uint8_t built[WIRE_ETHERNET_HEADER];
    wire_ethernet_build(built, frame, frame + 6, WIRE_ETHERNET_ARP);
    assert_memory_equal(built, frame, sizeof frame);
}

static void has_the_numbers_of_the_standards(void **state)
{
    (void)state;
    assert_int_equal(WIRE_ETHERNET_LENGTH_MAX, 1500);
    assert_int_equal(WIRE_ETHERNET_TYPE_MIN, 1536);
    assert_int_equal(WIRE_ETHERNET_IP4, 0x0800);
    assert_int_equal(WIRE_ETHERNET_TAG, 0x8100);
    assert_int_equal(WIRE_ETHERNET_IP6, 0x86dd);
    assert_int_equal(WIRE_ETHERNET_SERVICE_TAG, 0x88a8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_header),
        cmocka_unit_test(refuses_a_short_frame),
        cmocka_unit_test(refuses_a_group_as_source),
        cmocka_unit_test(tells_addresses_apart),
        cmocka_unit_test(maps_ip4_groups),
        cmocka_unit_test(builds_what_it_reads),
        cmocka_unit_test(has_the_numbers_of_the_standards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
