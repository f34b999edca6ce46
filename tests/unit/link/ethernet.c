/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/blocks.h"

#include "core/link/ethernet.h"

static const uint8_t our_mac[6] = {0x02, 0, 0, 0, 0, 0x01};

static struct blocks *make(struct ethernet *ethernet)
{
    struct blocks *blocks = blocks_make(16);
    ethernet_setup(ethernet, &blocks->memory, &blocks->counters, 3, our_mac);
    ethernet->inform = hook_to(&blocks->up);
    ethernet->request = hook_to(&blocks->down);
    return blocks;
}

static void receive(struct blocks *blocks, struct ethernet *ethernet, const char *frame)
{
    give(ethernet_receive, ethernet, packet_of_hex(blocks, frame), 0);
}

/* RFC 1122 MUST-3 */
static void a_frame_for_us_loses_its_header(void **state)
{
    (void)state;
    struct ethernet ethernet;
    struct blocks *blocks = make(&ethernet);
    receive(blocks, &ethernet, "020000000001 020000000002 0800 45000014");
    assert_int_equal(blocks->up.count, 1);
    const struct packet *packet = blocks->up.packets[0];
    assert_bytes(packet, "45000014");
    assert_int_equal(packet->protocol, 0x0800);
    assert_int_equal(packet->interface, 3);
    assert_int_equal(packet->flags, 0);
    assert_int_equal(counted(blocks, CHASKI_LINK_FRAMES_RECEIVED), 1);
    assert_int_equal(counted(blocks, CHASKI_LINK_BYTES_RECEIVED), 18);
    blocks_end(blocks);
}

/* RFC 1122 MUST-4 */
static void broadcast_is_flagged(void **state)
{
    (void)state;
    struct ethernet ethernet;
    struct blocks *blocks = make(&ethernet);
    receive(blocks, &ethernet, "ffffffffffff 020000000002 0806 0001");
    assert_int_equal(blocks->up.count, 1);
    assert_int_equal(blocks->up.packets[0]->flags, PACKET_LINK_BROADCAST);
    blocks_end(blocks);
}

static void frames_for_others_are_dropped_unless_promiscuous(void **state)
{
    (void)state;
    struct ethernet ethernet;
    struct blocks *blocks = make(&ethernet);
    receive(blocks, &ethernet, "020000000009 020000000002 0800 45");
    assert_int_equal(blocks->up.count, 0);
    assert_int_equal(counted(blocks, CHASKI_DROP_ETHERNET_NOT_OURS), 1);
    ethernet.promiscuous = true;
    receive(blocks, &ethernet, "020000000009 020000000002 0800 45");
    assert_int_equal(blocks->up.count, 1);
    blocks_end(blocks);
}

/* RFC 1122 SHLD-9 */
static void groups_pass_while_they_are_joined(void **state)
{
    (void)state;
    static const char frame[] = "01005e010203 020000000002 0800 45";
    static const uint8_t group[6] = {0x01, 0x00, 0x5e, 0x01, 0x02, 0x03};
    struct ethernet ethernet;
    struct blocks *blocks = make(&ethernet);
    receive(blocks, &ethernet, frame);
    assert_int_equal(blocks->up.count, 0);
    ethernet_join(&ethernet, group);
    ethernet_join(&ethernet, group);
    receive(blocks, &ethernet, frame);
    assert_int_equal(blocks->up.count, 1);
    assert_int_equal(blocks->up.packets[0]->flags, PACKET_LINK_MULTICAST);
    ethernet_leave(&ethernet, group);
    receive(blocks, &ethernet, frame);
    assert_int_equal(blocks->up.count, 2);
    ethernet_leave(&ethernet, group);
    receive(blocks, &ethernet, frame);
    assert_int_equal(blocks->up.count, 2);
    ethernet_leave(&ethernet, group); /* one too many */
    receive(blocks, &ethernet, frame);
    assert_int_equal(blocks->up.count, 2);
    assert_int_equal(counted(blocks, CHASKI_DROP_ETHERNET_NOT_OURS), 3);
    blocks_end(blocks);
}

static void a_priority_tag_is_taken_off_and_other_vlans_are_not_ours(void **state)
{
    (void)state;
    struct ethernet ethernet;
    struct blocks *blocks = make(&ethernet);
    receive(blocks, &ethernet, "020000000001 020000000002 8100 a000 0800 4500");
    assert_int_equal(blocks->up.count, 1);
    assert_int_equal(blocks->up.packets[0]->protocol, 0x0800);
    assert_bytes(blocks->up.packets[0], "4500");
    receive(blocks, &ethernet, "020000000001 020000000002 8100 a005 0800 4500");
    assert_int_equal(blocks->up.count, 1);
    assert_int_equal(counted(blocks, CHASKI_DROP_ETHERNET_TAGGED), 1);
    blocks_end(blocks);
}

static void cut_frames_and_group_sources_are_dropped(void **state)
{
    (void)state;
    struct ethernet ethernet;
    struct blocks *blocks = make(&ethernet);
    receive(blocks, &ethernet, "");
    receive(blocks, &ethernet, "020000000001 020000000002 08");
    receive(blocks, &ethernet, "020000000001 020000000002 8100 a000 08");
    receive(blocks, &ethernet, "020000000001 030000000002 0800 45");
    assert_int_equal(blocks->up.count, 0);
    assert_int_equal(blocks->down.count, 0);
    assert_int_equal(counted(blocks, CHASKI_DROP_ETHERNET_HEADER), 4);
    blocks_assert_nothing_held(blocks);
    blocks_end(blocks);
}

static void a_header_in_fragments_is_pulled_up(void **state)
{
    (void)state;
    struct ethernet ethernet;
    struct blocks *blocks = make(&ethernet);
    struct packet *whole =
        packet_of_hex(blocks, "020000000001 020000000002 8100 0000 0806 0001 0800");
    struct packet *slice =
        packet_slice(whole, 0, whole->length, &blocks->memory.packets, FOR_CONTROL);
    assert_int_equal(slice->linear_length, 0);
    give(ethernet_receive, &ethernet, slice, 0);
    packet_free(whole);
    assert_int_equal(blocks->up.count, 1);
    assert_int_equal(blocks->up.packets[0]->protocol, 0x0806);
    assert_bytes(blocks->up.packets[0], "0001 0800");
    blocks_end(blocks);
}

static void a_bad_frame_does_not_disturb_its_neighbours(void **state)
{
    (void)state;
    struct ethernet ethernet;
    struct blocks *blocks = make(&ethernet);
    struct burst burst = {.count = 3};
    burst.packets[0] = packet_of_hex(blocks, "020000000001 020000000002 0800 01");
    burst.packets[1] = packet_of_hex(blocks, "020000000007 020000000002 0800 02");
    burst.packets[2] = packet_of_hex(blocks, "020000000001 020000000002 0800 03");
    ethernet_receive(&ethernet, &burst, 0);
    assert_int_equal(burst.count, 0);
    assert_int_equal(blocks->up.bursts, 1);
    assert_int_equal(blocks->up.count, 2);
    assert_bytes(blocks->up.packets[0], "01");
    assert_bytes(blocks->up.packets[1], "03");
    blocks_end(blocks);
}

/* RFC 1122 MUST-3 */
static void a_header_is_put_before_what_is_sent(void **state)
{
    (void)state;
    static const uint8_t peer[6] = {0x02, 0, 0, 0, 0, 0x02};
    struct ethernet ethernet;
    struct blocks *blocks = make(&ethernet);
    struct packet *packet = packet_of_hex(blocks, "45000014");
    memcpy(packet->link_destination, peer, 6);
    packet->protocol = 0x0800;
    give(ethernet_transmit, &ethernet, packet, 0);
    assert_int_equal(blocks->down.count, 1);
    assert_bytes(blocks->down.packets[0], "020000000002 020000000001 0800 45000014");
    assert_int_equal(counted(blocks, CHASKI_LINK_FRAMES_SENT), 1);
    assert_int_equal(counted(blocks, CHASKI_LINK_BYTES_SENT), 18);
    blocks_end(blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_for_us_loses_its_header),
        cmocka_unit_test(broadcast_is_flagged),
        cmocka_unit_test(frames_for_others_are_dropped_unless_promiscuous),
        cmocka_unit_test(groups_pass_while_they_are_joined),
        cmocka_unit_test(a_priority_tag_is_taken_off_and_other_vlans_are_not_ours),
        cmocka_unit_test(cut_frames_and_group_sources_are_dropped),
        cmocka_unit_test(a_header_in_fragments_is_pulled_up),
        cmocka_unit_test(a_bad_frame_does_not_disturb_its_neighbours),
        cmocka_unit_test(a_header_is_put_before_what_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
