/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/blocks.h"

#include "core/link/dispatch.h"

enum { IP4 = 0x0800, ARP = 0x0806 };

static struct packet *packet_for(struct blocks *blocks, uint16_t protocol)
{
    struct packet *packet = packet_take(&blocks->memory.packets, FOR_CONTROL);
    assert_non_null(packet);
    packet->protocol = protocol;
    return packet;
}

static void a_burst_of_one_protocol_is_passed_on_whole(void **state)
{
    (void)state;
    struct blocks *blocks = blocks_make(64);
    struct dispatch dispatch;
    struct burst burst = {0};
    dispatch_setup(&dispatch, &blocks->counters);
    assert_true(dispatch_wire(&dispatch, IP4, hook_to(&blocks->up)));
    for (unsigned i = 0; i < BURST_MAX; i++)
        burst.packets[burst.count++] = packet_for(blocks, IP4);
    dispatch_receive(&dispatch, &burst, 0);
    assert_int_equal(burst.count, 0);
    assert_int_equal(blocks->up.count, BURST_MAX);
    assert_int_equal(blocks->up.bursts, 1);
    blocks_end(blocks);
}

static void neighbours_travel_together_and_order_is_kept(void **state)
{
    (void)state;
    static const uint16_t protocols[] = {IP4, IP4, ARP, IP4, 0x86dd, 0x86dd, ARP};
    struct blocks *blocks = blocks_make(16);
    struct dispatch dispatch;
    struct burst burst = {0};
    struct packet *sent[7];
    dispatch_setup(&dispatch, &blocks->counters);
    dispatch_wire(&dispatch, IP4, hook_to(&blocks->up));
    dispatch_wire(&dispatch, ARP, hook_to(&blocks->down));
    dispatch.other = hook_to(&blocks->other);
    for (unsigned i = 0; i < 7; i++)
        burst.packets[burst.count++] = sent[i] = packet_for(blocks, protocols[i]);
    dispatch_receive(&dispatch, &burst, 0);
    assert_int_equal(burst.count, 0);
    assert_int_equal(blocks->up.bursts, 2);
    assert_ptr_equal(blocks->up.packets[0], sent[0]);
    assert_ptr_equal(blocks->up.packets[1], sent[1]);
    assert_ptr_equal(blocks->up.packets[2], sent[3]);
    assert_int_equal(blocks->down.bursts, 2);
    assert_ptr_equal(blocks->down.packets[1], sent[6]);
    assert_int_equal(blocks->other.bursts, 1);
    assert_int_equal(blocks->other.count, 2);
    blocks_end(blocks);
}

static void what_nobody_wants_is_dropped_and_counted(void **state)
{
    (void)state;
    struct blocks *blocks = blocks_make(4);
    struct dispatch dispatch;
    dispatch_setup(&dispatch, &blocks->counters);
    give(dispatch_receive, &dispatch, packet_for(blocks, 0x88cc), 0);
    assert_int_equal(counted(blocks, CHASKI_DROP_NOT_WIRED), 1);
    struct burst empty = {0};
    dispatch_receive(&dispatch, &empty, 0);
    assert_int_equal(counted(blocks, CHASKI_DROP_NOT_WIRED), 1);
    blocks_end(blocks);
}

static void the_table_is_small_and_entries_can_be_replaced(void **state)
{
    (void)state;
    struct blocks *blocks = blocks_make(4);
    struct dispatch dispatch;
    dispatch_setup(&dispatch, &blocks->counters);
    for (uint16_t i = 0; i < DISPATCH_ENTRIES; i++)
        assert_true(dispatch_wire(&dispatch, i, hook_to(&blocks->up)));
    assert_false(dispatch_wire(&dispatch, DISPATCH_ENTRIES, hook_to(&blocks->up)));
    assert_true(dispatch_wire(&dispatch, 3, hook_to(&blocks->down)));
    give(dispatch_receive, &dispatch, packet_for(blocks, 3), 0);
    assert_int_equal(blocks->up.count, 0);
    assert_int_equal(blocks->down.count, 1);
    blocks_end(blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_of_one_protocol_is_passed_on_whole),
        cmocka_unit_test(neighbours_travel_together_and_order_is_kept),
        cmocka_unit_test(what_nobody_wants_is_dropped_and_counted),
        cmocka_unit_test(the_table_is_small_and_entries_can_be_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
