/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/blocks.h"

#include "core/link/loopback.h"

static struct blocks *make(struct loopback *loopback, uint32_t limit)
{
    struct blocks *blocks = blocks_make(256);
    loopback_setup(loopback, &blocks->counters, limit);
    loopback->inform = hook_to(&blocks->up);
    return blocks;
}

static void packets_come_back_in_order_in_the_next_run(void **state)
{
    (void)state;
    struct loopback loopback;
    struct blocks *blocks = make(&loopback, 200);
    for (unsigned i = 0; i < 100; i++) {
        uint8_t byte = (uint8_t)i;
        give(loopback_transmit, &loopback, packet_with(blocks, &byte, 1), 0);
    }
    assert_true(loopback_pending(&loopback));
    assert_int_equal(blocks->up.count, 0);
    loopback_run(&loopback, 1);
    assert_false(loopback_pending(&loopback));
    assert_int_equal(blocks->up.count, 100);
    assert_int_equal(blocks->up.bursts, 2);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(blocks->up.packets[i]->data[0], i);
    blocks_end(blocks);
}

static void packets_look_as_if_received_and_checked(void **state)
{
    (void)state;
    struct loopback loopback;
    struct blocks *blocks = make(&loopback, 4);
    struct packet *packet = packet_of_hex(blocks, "45");
    packet->checksum = CHECKSUM_PARTIAL;
    packet->segment_size = 1448;
    give(loopback_transmit, &loopback, packet, 0);
    loopback_run(&loopback, 0);
    assert_int_equal(packet->checksum, CHECKSUM_VERIFIED);
    assert_int_equal(packet->segment_size, 0);
    assert_int_equal(packet->flags, PACKET_LOOPED);
    blocks_end(blocks);
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    struct loopback loopback;
    struct blocks *blocks = make(&loopback, 2);
    for (unsigned i = 0; i < 5; i++)
        give(loopback_transmit, &loopback, packet_of_hex(blocks, "45"), 0);
    assert_int_equal(counted(blocks, CHASKI_DROP_LOOPBACK_FULL), 3);
    loopback_run(&loopback, 0);
    assert_int_equal(blocks->up.count, 2);
    blocks_end(blocks);
}

/* A host that answers everything it hears from itself. */
static void send_again(void *block, struct burst *burst, uint64_t now_ns)
{
    loopback_transmit(block, burst, now_ns);
}

static void a_run_ends_even_when_every_packet_is_answered(void **state)
{
    (void)state;
    struct loopback loopback;
    struct blocks *blocks = make(&loopback, 8);
    loopback.inform = (struct hook){send_again, &loopback};
    give(loopback_transmit, &loopback, packet_of_hex(blocks, "45"), 0);
    loopback_run(&loopback, 0);
    assert_true(loopback_pending(&loopback));
    loopback.inform = hook_to(&blocks->up);
    loopback_run(&loopback, 0);
    assert_int_equal(blocks->up.count, 1);
    blocks_end(blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_come_back_in_order_in_the_next_run),
        cmocka_unit_test(packets_look_as_if_received_and_checked),
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(a_run_ends_even_when_every_packet_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
