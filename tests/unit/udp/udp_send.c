/* SPDX-License-Identifier: BSD-2-Clause */
/* UDP (RFC 768): what is sent, and which packets it takes. */
#include "tests/unit/udp/udp_block.h"

/* RFC 768 MUST-2; RFC 1122 MUST-42, MUST-46 */
static void a_datagram_is_sent_as_rfc_768_writes_it(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x00, 0x07, 0x04, 0xd2, 0x00, 0x0d, 0x33,
                                       0x25, 'h',  'e',  'l',  'l',  'o'};
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 1234};
    udp_set(&bench->udp, socket, CHASKI_UDP_TTL, 9);
    udp_set(&bench->udp, socket, CHASKI_UDP_TOS, 0xb8);
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "hello", 5, 0), 0);
    assert_int_equal(bench->sent_count, 0);
    assert_true(udp_busy(&bench->udp));
    udp_flush(&bench->udp, 0);
    assert_false(udp_busy(&bench->udp));
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].length, sizeof expected);
    assert_memory_equal(bench->sent[0].bytes, expected, sizeof expected);
    assert_int_equal(bench->sent[0].ip.protocol, 17);
    assert_int_equal(bench->sent[0].ip.ttl, 9);
    assert_int_equal(bench->sent[0].ip.traffic_class, 0xb8);
    assert_memory_equal(&bench->sent[0].ip.destination, &remote.address, 16);
    assert_memory_equal(&bench->sent[0].ip.source, &bench->local, 16);
    assert_int_equal(counted(CHASKI_UDP_DATAGRAMS_SENT), 1);
}

/* RFC 768: "If the computed checksum is zero, it is transmitted as all ones". */
/* RFC 768 MUST-3 */
static void a_checksum_of_zero_is_sent_as_all_ones(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x00, 0x07, 0x04, 0xd2, 0x00, 0x0a, 0xff, 0xff, 0x76, 0xfd};
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 1234};
    assert_int_equal(udp_send(&bench->udp, socket, &remote, expected + 8, 2, 0), 0);
    udp_flush(&bench->udp, 0);
    assert_int_equal(bench->sent[0].length, sizeof expected);
    assert_memory_equal(bench->sent[0].bytes, expected, sizeof expected);
}

static void payloads_of_every_size_leave_whole(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0,    1,    127,  128,   129,   1472,  1984,
                                     1985, 9920, 9921, 32768, 32769, 65506, 65507};
    uint8_t *payload = malloc(DATAGRAM);
    for (uint32_t i = 0; i < DATAGRAM; i++)
        payload[i] = (uint8_t)(i * 31 + (i >> 8));
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 1234};
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(udp_send(&bench->udp, socket, &remote, payload, sizes[i], 0), 0);
        udp_flush(&bench->udp, 0);
        const struct sent *sent = &bench->sent[i];
        assert_int_equal(sent->length, sizes[i] + 8);
        assert_memory_equal(sent->bytes + 8, payload, sizes[i]);
        assert_int_equal(sent->bytes[4] << 8 | sent->bytes[5], sizes[i] + 8);
        assert_nothing_held();
    }
    assert_int_equal(udp_send(&bench->udp, socket, &remote, payload, 65508, 0), CHASKI_TOO_BIG);
    free(payload);
}

static void a_datagram_that_must_not_be_fragmented_is_refused(void **state)
{
    (void)state;
    static const uint8_t payload[1473];
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 1234};
    udp_set(&bench->udp, socket, CHASKI_UDP_DONT_FRAGMENT, 1);
    assert_int_equal(udp_send(&bench->udp, socket, &remote, payload, 1473, 0), CHASKI_TOO_BIG);
    assert_int_equal(udp_send(&bench->udp, socket, &remote, payload, 1472, 0), 0);
    udp_flush(&bench->udp, 0);
    assert_true(bench->sent[0].ip.dont_fragment);
}

static void a_full_burst_leaves_at_once(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 1234};
    for (int i = 0; i < BURST_MAX; i++)
        assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), 0);
    assert_int_equal(bench->bursts, 1);
    assert_int_equal(bench->sent_count, BURST_MAX);
    assert_false(udp_busy(&bench->udp));
}

static void what_cannot_be_sent_says_why(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 0};
    assert_int_equal(udp_send(&bench->udp, socket, NULL, "x", 1, 0), CHASKI_NOT_CONNECTED);
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), CHASKI_INVALID);
    remote = (struct chaski_endpoint){.port = 9};
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), CHASKI_INVALID);
    remote.address = SENDER;
    bench->path_error = CHASKI_NO_ROUTE;
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), CHASKI_NO_ROUTE);
    bench->path_error = 0;
    bench->path.broadcast = true;
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), CHASKI_NOT_PERMITTED);
    udp_set(&bench->udp, socket, CHASKI_UDP_BROADCAST, 1);
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), 0);
    bench->udp.network[FAMILY_IP4].path = NULL;
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), CHASKI_NO_ROUTE);
}

/* RFC 1122 MUST-13 */
static void groups_are_sent_to_with_a_ttl_of_their_own(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint group = {.address = chaski_ip4(239, 1, 2, 3), .port = 9, .interface = 3};
    bench->path.multicast = true;
    chaski_udp member = bound_to(group.address, 9);
    assert_int_equal(udp_send(&bench->udp, member, &group, "x", 1, 0), 0);
    assert_memory_equal(&bench->path_source, &any, 16); /* a group is no source */
    udp_flush(&bench->udp, 0);
    bench->sent_count = 0;
    udp_set(&bench->udp, socket, CHASKI_UDP_TTL, 64);
    udp_send(&bench->udp, socket, &group, "x", 1, 0);
    assert_int_equal(bench->path_interface, 3);
    udp_set(&bench->udp, socket, CHASKI_UDP_MULTICAST_TTL, 4);
    udp_send(&bench->udp, socket, &group, "x", 1, 0);
    udp_flush(&bench->udp, 0);
    assert_int_equal(bench->sent[0].ip.ttl, 1);
    assert_int_equal(bench->sent[1].ip.ttl, 4);
    assert_int_equal(bench->sent[1].ip.interface, 3);
    assert_false(bench->sent[1].ip.no_loop);
    udp_set(&bench->udp, socket, CHASKI_UDP_MULTICAST_LOOP, 0);
    udp_send(&bench->udp, socket, &group, "x", 1, 0);
    udp_flush(&bench->udp, 0);
    assert_true(bench->sent[2].ip.no_loop);
}

/* Every allocation of a send fails once; nothing is held and nothing is sent in half. */
static void running_out_of_memory_while_sending_leaks_nothing(void **state)
{
    (void)state;
    static const uint8_t payload[40000];
    struct pool *pools[] = {&bench->memory.packets, &bench->memory.small, &bench->memory.large};
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 1234};
    uint32_t failures = 0;
    for (uint32_t pool = 0; pool < 3; pool++) {
        for (uint32_t n = 1; n <= 3; n++) {
            pools[pool]->fail_at = pools[pool]->takes + n;
            failures += udp_send(&bench->udp, socket, &remote, payload, 3000, 0) != 0;
            failures += udp_send(&bench->udp, socket, &remote, payload, 40000, 0) != 0;
            pools[pool]->fail_at = 0;
            udp_flush(&bench->udp, 0);
            assert_nothing_held();
        }
    }
    /* either descriptor and the one large buffer; a missing small buffer is made up for by a large
     * one */
    assert_int_equal(failures, 2 + 0 + 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_datagram_is_sent_as_rfc_768_writes_it),
        CASE(a_checksum_of_zero_is_sent_as_all_ones),
        CASE(payloads_of_every_size_leave_whole),
        CASE(a_datagram_that_must_not_be_fragmented_is_refused),
        CASE(a_full_burst_leaves_at_once),
        CASE(what_cannot_be_sent_says_why),
        CASE(groups_are_sent_to_with_a_ttl_of_their_own),
        CASE(running_out_of_memory_while_sending_leaks_nothing),
    };
    int failed = cmocka_run_group_tests_name("spread over chains", tests, NULL, NULL);
    one_chain = true;
    return failed + cmocka_run_group_tests_name("all in one chain", tests, NULL, NULL);
}
