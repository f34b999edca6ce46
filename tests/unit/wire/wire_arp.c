/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/wire/arp.h"
#include "tests/exact.h"

/* 10.0.0.1 asks who has 10.0.0.2. */
static const uint8_t request[WIRE_ARP_SIZE] = {
    0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01,             /* Ethernet, IPv4, 6, 4, request */
    0x02, 0x11, 0x22, 0x33, 0x44, 0x55, 0x0a, 0x00, 0x00, 0x01, /* sender */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x00, 0x00, 0x02, /* target */
};

static enum chaski_counter check(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = exact_copy(bytes, length);
    enum chaski_counter verdict = wire_arp_check(copy, length);
    exact_free(copy, length);
    return verdict;
}

/* The request with one byte changed. */
static enum chaski_counter check_with(unsigned at, uint8_t value)
{
    uint8_t bytes[sizeof request];
    memcpy(bytes, request, sizeof bytes);
    bytes[at] = value;
    return check(bytes, sizeof bytes);
}

static void reads_a_request(void **state)
{
    (void)state;
    assert_int_equal(check(request, sizeof request), 0);
    assert_int_equal(wire_arp_operation(request), WIRE_ARP_REQUEST);
    assert_int_equal(wire_arp_sender_ip(request), 0x0a000001);
    assert_int_equal(wire_arp_target_ip(request), 0x0a000002);
    assert_ptr_equal(wire_arp_sender_mac(request), request + 8);
    assert_ptr_equal(wire_arp_target_mac(request), request + 18);
}

static void accepts_a_reply_and_padding(void **state)
{
    (void)state;
    assert_int_equal(check_with(7, 2), 0);
    uint8_t padded[46] = {0};
    memcpy(padded, request, sizeof request);
    assert_int_equal(check(padded, sizeof padded), 0);
}

/* RFC 826 MUST-1 */
static void refuses_a_cut_packet(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof request; length++)
        assert_int_equal(check(request, length), CHASKI_DROP_ARP_MALFORMED);
}

/* RFC 826 MUST-1 */
static void refuses_other_types_and_lengths(void **state)
{
    (void)state;
    assert_int_equal(check_with(0, 1), CHASKI_DROP_ARP_MALFORMED);    /* hardware type */
    assert_int_equal(check_with(1, 6), CHASKI_DROP_ARP_MALFORMED);    /* IEEE 802 */
    assert_int_equal(check_with(2, 0x86), CHASKI_DROP_ARP_MALFORMED); /* protocol type */
    assert_int_equal(check_with(3, 6), CHASKI_DROP_ARP_MALFORMED);
    assert_int_equal(check_with(4, 0), CHASKI_DROP_ARP_MALFORMED); /* hardware length */
    assert_int_equal(check_with(4, 5), CHASKI_DROP_ARP_MALFORMED);
    assert_int_equal(check_with(4, 255), CHASKI_DROP_ARP_MALFORMED);
    assert_int_equal(check_with(5, 0), CHASKI_DROP_ARP_MALFORMED); /* protocol length */
    assert_int_equal(check_with(5, 16), CHASKI_DROP_ARP_MALFORMED);
    assert_int_equal(check_with(5, 255), CHASKI_DROP_ARP_MALFORMED);
}

static void refuses_other_operations(void **state)
{
    (void)state;
    assert_int_equal(check_with(6, 1), CHASKI_DROP_ARP_MALFORMED);
    assert_int_equal(check_with(7, 0), CHASKI_DROP_ARP_MALFORMED);
    assert_int_equal(check_with(7, 3), CHASKI_DROP_ARP_MALFORMED); /* reverse request */
}

static void builds_what_it_reads(void **state)
{
    (void)state;
    static const struct wire_arp_fields fields = {
        .operation = WIRE_ARP_REQUEST,
        .sender_mac = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55},
        .sender_ip = 0x0a000001,
        .target_ip = 0x0a000002,
    };
    uint8_t built[WIRE_ARP_SIZE];
    memset(built, 0xee, sizeof built);
    wire_arp_build(built, &fields);
    assert_memory_equal(built, request, sizeof request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_request),
        cmocka_unit_test(accepts_a_reply_and_padding),
        cmocka_unit_test(refuses_a_cut_packet),
        cmocka_unit_test(refuses_other_types_and_lengths),
        cmocka_unit_test(refuses_other_operations),
        cmocka_unit_test(builds_what_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
