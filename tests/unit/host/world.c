/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/segment.h"

/* The tests' own tools: what they say about frames must be true. */

static const uint8_t datagram[] = {
    0x45, 0x00, 0x00, 0x21, 0x00, 0x01, 0x00, 0x00, 0x40, 0x11, 0xf6, 0xc7, 192, 0,   2,   2,   192,
    0,    2,    1,    0x04, 0xd2, 0x00, 0x07, 0x00, 0x0d, 0x33, 0x25, 'h',  'e', 'l', 'l', 'o',
};

static void checksums_are_made_right(void **state)
{
    (void)state;
    uint8_t bytes[sizeof datagram];
    assert_true(ip4_is_right(datagram, sizeof datagram));
    memcpy(bytes, datagram, sizeof bytes);
    bytes[10] = bytes[11] = bytes[26] = bytes[27] = 0;
    assert_false(ip4_is_right(bytes, sizeof bytes));
    ip4_make_right(bytes, sizeof bytes);
    assert_memory_equal(bytes, datagram, sizeof bytes);
    for (uint32_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 0x10;
        assert_false(ip4_is_right(bytes, sizeof bytes));
        bytes[i] ^= 0x10;
    }
    assert_false(ip4_is_right(bytes, sizeof bytes - 1));
}

static bool lose_all(void *context, struct frame *frame)
{
    uint32_t *lost = context;
    (void)frame;
    ++*lost;
    return true;
}

static void the_cable_delays_and_loses(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = {.prefix_length = 32, .delay_ns = 5 * WORLD_MILLISECOND};
    struct chaski_address peer = world_address(1);
    uint32_t lost = 0;
    world_make(&world, &options);
    assert_int_equal(chaski_ping(world.hosts[0], &peer, 1, 1, NULL, 0), 0);
    world_run(&world, 4 * WORLD_MILLISECOND);
    assert_int_equal(world_sent(&world, 0), 1);
    assert_int_equal(world_sent(&world, 1), 0);
    world_run(&world, 20 * WORLD_MILLISECOND);
    assert_int_equal(world_sent(&world, 0), 2); /* ARP, then the request */
    assert_int_equal(world_sent(&world, 1), 2);
    assert_int_equal(world_last(&world, 1, 0)->sent_ns - world_last(&world, 0, 0)->sent_ns,
                     5 * WORLD_MILLISECOND);
    world_forget(&world);
    assert_int_equal(world_sent(&world, 0), 0);
    world.loses = lose_all;
    world.context = &lost;
    assert_int_equal(chaski_ping(world.hosts[0], &peer, 1, 2, NULL, 0), 0);
    world_run(&world, 20 * WORLD_MILLISECOND);
    assert_int_equal(lost, 1);
    assert_int_equal(world_sent(&world, 0), 1);
    assert_int_equal(world_sent(&world, 1), 0);
    world_free(&world);
}

/* RFC 9293, 3.10.7.1: a SYN to a port where nobody listens is reset. */
static void segments_are_injected_and_read(void **state)
{
    (void)state;
    static const uint8_t options[] = {2, 4, 0x05, 0xb4, 1};
    struct world world;
    struct world_options alone = {.hosts = 1, .prefix_length = 32};
    struct segment syn = {
        .source_port = 1234,
        .destination_port = 80,
        .sequence = 1000,
        .flags = SEGMENT_SYN,
        .window = 5000,
        .options = options,
        .options_length = sizeof options,
    };
    world_make(&world, &alone);
    world_introduce(&world, 0);
    assert_int_equal(world_segments(&world, 0), 0);
    world_inject_segment(&world, 0, &syn);
    assert_int_equal(world_segments(&world, 0), 1);
    struct segment answer = world_last_segment(&world, 0, 0);
    assert_int_equal(answer.flags, SEGMENT_RST | SEGMENT_ACK);
    assert_int_equal(answer.acknowledgment, 1001);
    assert_int_equal(answer.source_port, 80);
    assert_int_equal(answer.destination_port, 1234);
    assert_int_equal(answer.payload_length, 0);
    world_assert_no_leaks(&world);
    world_free(&world);
}

static void options_are_found(void **state)
{
    (void)state;
    static const uint8_t options[] = {1, 2, 4, 0x05, 0xb4, 3, 3, 7, 8, 10};
    struct segment segment = {.options = options, .options_length = sizeof options};
    uint8_t length = 0;
    const uint8_t *value = segment_option(&segment, 3, &length);
    assert_non_null(value);
    assert_int_equal(length, 1);
    assert_int_equal(value[0], 7);
    assert_non_null(segment_option(&segment, 2, &length));
    assert_int_equal(length, 2);
    assert_null(segment_option(&segment, 4, &length));
    assert_null(segment_option(&segment, 8, &length)); /* cut short */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_are_made_right),
        cmocka_unit_test(the_cable_delays_and_loses),
        cmocka_unit_test(segments_are_injected_and_read),
        cmocka_unit_test(options_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
