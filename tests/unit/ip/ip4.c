/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams on their way up, and whose they may be. */
#include "tests/unit/ip/ip4_bench.h"

/* The UDP datagram of all received packets here: port 4000 to 53, "ping". */
#define PING " 0fa00035 000cfd2d 70696e67"

static void hear(struct bench *bench, const char *text, uint8_t flags)
{
    struct packet *packet = packet_of_hex(bench->blocks, text);
    packet->interface = 0;
    packet->flags = flags;
    give(ip4_receive, &bench->ip4, packet, 0);
}

/* Hears a packet that must end with this reason, unanswered and leaving nothing behind. */
static void assert_dropped(struct bench *bench, const char *text, enum chaski_counter why)
{
    uint64_t before = counted(bench->blocks, why);
    hear(bench, text, 0);
    assert_int_equal(counted(bench->blocks, why), before + 1);
    assert_int_equal(bench->blocks->up.count, 0);
    assert_int_equal(bench->blocks->down.count, 0);
    assert_int_equal(bench->blocks->other.count, 0);
    blocks_assert_nothing_held(bench->blocks);
}

/* ---- Up ---- */

/* RFC 791 MUST-11 */
static void a_datagram_for_us_goes_up_without_header_and_padding(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, "45b80020 11114000 3f111602 0a000002 0a000001" PING " 0000 0000 0000", 0);
    assert_int_equal(bench.blocks->up.count, 1);
    const struct packet *packet = bench.blocks->up.packets[0];
    assert_bytes(packet, "0fa00035 000cfd2d 70696e67");
    assert_int_equal(packet->protocol, 17);
    assert_ptr_equal(packet_transport(packet), packet->data);
    assert_ptr_equal(packet_network(packet), packet->data - 20);
    assert_int_equal(address_ip4(&packet->ip.source), PEER);
    assert_int_equal(address_ip4(&packet->ip.destination), OURS);
    assert_int_equal(packet->ip.protocol, 17);
    assert_int_equal(packet->ip.ttl, 63);
    assert_int_equal(packet->ip.traffic_class, 0xb8);
    assert_true(packet->ip.dont_fragment);
    assert_false(packet->ip.destination_multicast);
    assert_int_equal(packet->checksum, CHECKSUM_UNKNOWN);
    assert_int_equal(counted(bench.blocks, CHASKI_IP4_RECEIVED), 1);
    assert_int_equal(counted(bench.blocks, CHASKI_IP4_DELIVERED), 1);
    tear_down(&bench);
}

/* RFC 791 MUST-2 */
static void row_5_headers_that_lie_about_lengths_are_dropped(void **state)
{
    (void)state;
    static const char *const packets[] = {
        "",
        "45000020 00000000 401166cb 0a000002 0a0000",
        "65000020 00000000 401146cb 0a000002 0a000001" PING, /* version 6 */
        "44000020 00000000 401167cb 0a000002 0a000001" PING, /* header of 16 bytes */
        "4f000020 00000000 40115ccb 0a000002 0a000001" PING, /* header beyond the total */
        "45000013 00000000 401166d8 0a000002 0a000001" PING, /* total below the header */
        "45000021 00000000 401166ca 0a000002 0a000001" PING, /* total beyond the frame */
    };
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 0; i < sizeof packets / sizeof packets[0]; i++)
        assert_dropped(&bench, packets[i], CHASKI_DROP_IP4_HEADER);
    assert_int_equal(bench.error.count, 0);
    tear_down(&bench);
}

/* RFC 791 MUST-3; RFC 1122 MUST-6 */
static void a_wrong_header_checksum_is_noticed(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_dropped(&bench, "45000020 00000000 40111234 0a000002 0a000001" PING,
                   CHASKI_DROP_IP4_CHECKSUM);
    tear_down(&bench);
}

/* RFC 791 MUST-5; RFC 1122 MUST-14 */
static void options_are_passed_over(void **state)
{
    (void)state;
    static const char *const packets[] = {
        "4800002c 00000000 401158b4 0a000002 0a000001 070b0400 00000000 00000000" PING,
        "46000024 00000000 4011d1c2 0a000002 0a000001 94040000" PING,
        "46000024 00000000 401107c3 0a000002 0a000001 5e040000" PING,
    };
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 0; i < 3; i++) {
        hear(&bench, packets[i], 0);
        assert_int_equal(bench.blocks->up.count, i + 1);
        assert_bytes(bench.blocks->up.packets[i], PING);
    }
    tear_down(&bench);
}

/* RFC 792 MUST-6; RFC 1122 SHLD-3 */
static void row_6_malformed_options_are_a_parameter_problem(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t pointer;
    } packets[] = {
        {"46000024 00000000 40115ac7 0a000002 0a000001 07000400" PING, 20}, /* length 0 */
        {"46000024 00000000 40111cc6 0a000002 0a000001 44010500" PING, 20}, /* length 1 */
        {"46000024 00000000 40115ab7 0a000002 0a000001 07100400" PING, 20}, /* past the end */
        {"49000030 00000000 4011c114 0a000002 0a000001 8307040a 00000989 07040a00 00080000" PING,
         27}, /* two source routes */
    };
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 0; i < 4; i++) {
        assert_dropped(&bench, packets[i].text, CHASKI_DROP_IP4_OPTION);
        assert_int_equal(bench.error.count, i + 1);
        assert_int_equal(bench.error.type, 12);
        assert_int_equal(bench.error.code, 0);
        assert_int_equal(bench.error.rest, packets[i].pointer << 24);
        assert_int_equal(bench.error.pulled, 0);
    }
    tear_down(&bench);
}

static void row_6_a_source_route_is_dropped_in_silence(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_dropped(&bench, "47000028 00000000 4011d4b1 0a000002 0a000001 8307040a 00000900" PING,
                   CHASKI_DROP_IP4_SOURCE_ROUTE);
    assert_int_equal(bench.error.count, 0);
    tear_down(&bench);
}

/* RFC 1122 MUST-8, MUST-9, MUST-45 */
static void row_9_impossible_sources_are_dropped_in_silence(void **state)
{
    (void)state;
    static const char *const packets[] = {
        "45000020 00000000 401190c7 e0000005 0a000001" PING, /* a group */
        "45000020 00000000 401170cd ffffffff 0a000001" PING, /* the limited broadcast */
        "45000020 00000000 401165ce 0a0000ff 0a000001" PING, /* our network's broadcast */
        "45000020 00000000 401180cb f0000001 0a000001" PING, /* reserved */
        "45000020 00000000 401170cd 00000000 0a000001" PING, /* unspecified */
        "45000020 00000000 40116ec9 00010203 0a000001" PING, /* "this network" */
        "45000020 00000000 4011f1cb 7f000001 0a000001" PING, /* loopback */
        "45000020 00000000 401166cc 0a000001 0a000001" PING, /* our own */
        "45000020 00000000 4011ab23 c0a80501 0a000001" PING, /* our own, of the other interface */
    };
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 0; i < sizeof packets / sizeof packets[0]; i++)
        assert_dropped(&bench, packets[i], CHASKI_DROP_IP4_SOURCE);
    hear(&bench, "45000020 00000000 401166cb 0a000002 0a000001" PING, 0);
    catcher_empty(&bench.blocks->up); /* a good one in between opens no door */
    for (unsigned i = 0; i < sizeof packets / sizeof packets[0]; i++)
        assert_dropped(&bench, packets[i], CHASKI_DROP_IP4_SOURCE);
    assert_int_equal(bench.error.count, 0);
    tear_down(&bench);
}

static void igmp_may_come_from_nobody(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, "4500001c 00000000 0102d9df 00000000 e0000001 1164ee9b 00000000",
         PACKET_LINK_MULTICAST);
    assert_int_equal(bench.blocks->up.count, 1);
    tear_down(&bench);
}

/* RFC 1122 MUST-37 */
static void broadcasts_and_groups_of_ours_are_taken(void **state)
{
    (void)state;
    static const char *const packets[] = {
        "45000020 00000000 401165cd 0a000002 0a0000ff" PING,
        "45000020 00000000 401170cc 0a000002 ffffffff" PING,
        "45000020 00000000 401166cc 0a000002 0a000000" PING,
        "45000020 00000000 401190ca 0a000002 e0000001" PING,
        "45000020 00000000 40117fc7 0a000002 ef010203" PING,
    };
    struct bench bench;
    set_up(&bench);
    assert_dropped(&bench, packets[4], CHASKI_DROP_IP4_NOT_OURS);
    bench.group = GROUP;
    for (unsigned i = 0; i < 5; i++) {
        hear(&bench, packets[i], i == 0 ? PACKET_LINK_BROADCAST : 0);
        assert_int_equal(bench.blocks->up.count, i + 1);
        assert_true(bench.blocks->up.packets[i]->ip.destination_multicast);
    }
    tear_down(&bench);
}

static void an_address_of_ours_is_ours_on_every_interface(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, "45000020 00000000 4011ab22 0a000002 c0a80501" PING, 0);
    assert_int_equal(bench.blocks->up.count, 1);
    assert_int_equal(address_ip4(&bench.blocks->up.packets[0]->ip.destination), OURS_TOO);
    tear_down(&bench);
}

/* RFC 1122 MUST-7 */
static void what_is_not_ours_is_not_answered(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_dropped(&bench, "45000020 00000000 4011667f 0a000002 0a00004d" PING,
                   CHASKI_DROP_IP4_NOT_OURS);
    assert_dropped(&bench, "45000020 00000000 4011f1ca 0a000002 7f000001" PING,
                   CHASKI_DROP_IP4_NOT_OURS);
    bench.ip4.forward = hook_to(&bench.blocks->other);
    hear(&bench, "45000020 00000000 4011667f 0a000002 0a00004d" PING, 0);
    assert_int_equal(bench.blocks->other.count, 1);
    assert_bytes(bench.blocks->other.packets[0],
                 "45000020 00000000 4011667f 0a000002 0a00004d" PING);
    tear_down(&bench);
}

/* RFC 1122 SHLD-8 */
static void a_unicast_datagram_in_a_link_broadcast_is_dropped(void **state)
{
    (void)state;
    static const char text[] = "45000020 00000000 401166cb 0a000002 0a000001" PING;
    struct bench bench;
    set_up(&bench);
    hear(&bench, text, 0); /* the same addresses were good a moment ago */
    assert_int_equal(bench.blocks->up.count, 1);
    hear(&bench, text, PACKET_LINK_BROADCAST);
    hear(&bench, text, PACKET_LINK_MULTICAST);
    assert_int_equal(bench.blocks->up.count, 1);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_LINK_BROADCAST), 2);
    tear_down(&bench);
}

/* RFC 1122 MUST-9 */
static void from_ourselves_our_own_addresses_and_loopback_are_possible(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, "45000020 00000000 401166cc 0a000001 0a000001" PING, PACKET_LOOPED);
    hear(&bench, "45000020 00000000 40117ccb 7f000001 7f000001" PING, PACKET_LOOPED);
    assert_int_equal(bench.blocks->up.count, 2);
    catcher_empty(&bench.blocks->up); /* which does not make them so from outside */
    assert_dropped(&bench, "45000020 00000000 40117ccb 7f000001 7f000001" PING,
                   CHASKI_DROP_IP4_SOURCE);
    assert_dropped(&bench, "45000020 00000000 401166cc 0a000001 0a000001" PING,
                   CHASKI_DROP_IP4_SOURCE);
    tear_down(&bench);
}

static void a_bad_packet_in_a_burst_does_not_disturb_its_neighbours(void **state)
{
    (void)state;
    struct bench bench;
    struct burst burst = {.count = 3};
    set_up(&bench);
    burst.packets[0] =
        packet_of_hex(bench.blocks, "45000020 00000000 401166cb 0a000002 0a000001" PING);
    burst.packets[1] =
        packet_of_hex(bench.blocks, "45000020 00000000 40111234 0a000002 0a000001" PING);
    burst.packets[2] =
        packet_of_hex(bench.blocks, "45000020 00000000 401166cb 0a000002 0a000001" PING);
    struct packet *first = burst.packets[0], *last = burst.packets[2];
    ip4_receive(&bench.ip4, &burst, 0);
    assert_int_equal(burst.count, 0);
    assert_int_equal(bench.blocks->up.count, 2);
    assert_int_equal(bench.blocks->up.bursts, 1);
    assert_ptr_equal(bench.blocks->up.packets[0], first);
    assert_ptr_equal(bench.blocks->up.packets[1], last);
    tear_down(&bench);
}

static void headers_may_lie_in_fragments(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct packet *whole =
        packet_of_hex(bench.blocks, "46000024 00000000 4011d1c2 0a000002 0a000001 94040000" PING);
    struct packet *slice =
        packet_slice(whole, 0, whole->length, &bench.blocks->memory.packets, FOR_CONTROL);
    packet_free(whole);
    give(ip4_receive, &bench.ip4, slice, 0);
    assert_int_equal(bench.blocks->up.count, 1);
    assert_bytes(bench.blocks->up.packets[0], PING);
    tear_down(&bench);
}

/* ---- What transports see ---- */

/* RFC 1122 MUST-36 */
static void paths_say_how_a_destination_is_reached(void **state)
{
    (void)state;
    struct bench bench;
    struct ip_path path;
    struct chaski_address any = {{0}}, to, from;
    set_up(&bench);
    struct network *network = &bench.network;
    to = address_from_ip4(FAR);
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &any, &to, 0, &path), 0);
    assert_int_equal(address_ip4(&path.source), OURS);
    assert_int_equal(address_ip4(&path.next_hop), GATEWAY);
    assert_int_equal(path.interface, 0);
    assert_false(path.local || path.broadcast || path.multicast);
    from = address_from_ip4(OURS_TOO);
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &from, &to, 0, &path), 0);
    assert_int_equal(address_ip4(&path.source), OURS_TOO);
    from = address_from_ip4(PEER);
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &from, &to, 0, &path),
                     CHASKI_BAD_ADDRESS);
    from = address_from_ip4(0x7f000001u);
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &from, &to, 0, &path),
                     CHASKI_BAD_ADDRESS);
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &any, &to, 2, &path),
                     CHASKI_NO_ROUTE);
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &any, &to, 77, &path),
                     CHASKI_NO_ROUTE);
    to = address_from_ip4(0x7f000005u);
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &any, &to, 0, &path), 0);
    assert_true(path.local);
    assert_int_equal(path.mtu, 65535);
    to = address_from_ip4(0xc0a805ffu);
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &any, &to, 0, &path), 0);
    assert_true(path.broadcast);
    assert_int_equal(path.interface, 1);
    to = address_from_ip4(GROUP);
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &any, &to, 2, &path), 0);
    assert_true(path.multicast);
    assert_int_equal(address_ip4(&path.source), OURS_TOO);
    to = (struct chaski_address){{0x20, 1}};
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &any, &to, 0, &path),
                     CHASKI_NO_ROUTE);
    tear_down(&bench);
}

static void transports_can_confirm_join_and_ask_what_is_local(void **state)
{
    (void)state;
    struct bench bench;
    struct chaski_address far = address_from_ip4(FAR), ours = address_from_ip4(OURS_TOO);
    struct chaski_address group = address_from_ip4(GROUP);
    set_up(&bench);
    struct network *network = &bench.network;
    network->confirm(network->block, &far, 0);
    assert_int_equal(bench.confirmed, GATEWAY);
    bench.confirmed = 0;
    network->confirm(network->block, &ours, 0);
    struct chaski_address unspecified = address_from_ip4(0);
    network->confirm(network->block, &unspecified, 0);
    assert_int_equal(bench.confirmed, 0);
    network->doubt(network->block, &ours, 0);
    network->doubt(network->block, &unspecified, 0);
    assert_int_equal(bench.doubted, 0);
    network->doubt(network->block, &far, 0);
    assert_int_equal(bench.doubted, GATEWAY);
    assert_true(network->is_local(network->block, &ours));
    assert_false(network->is_local(network->block, &far));
    assert_int_equal(network->join(network->block, &group, 2, 0), 0);
    assert_int_equal(bench.joined_on, 1);
    assert_int_equal(network->join(network->block, &group, 0, 0), 0);
    assert_int_equal(bench.joined_on, 0); /* where the default route goes */
    assert_int_equal(network->leave(network->block, &group, 1, 0), 0);
    assert_int_equal(bench.group, 0);
    assert_int_equal(network->join(network->block, &far, 0, 0), CHASKI_BAD_ADDRESS);
    assert_int_equal(network->join(network->block, &group, 5, 0), CHASKI_INVALID);
    tear_down(&bench);
}

static void an_unwanted_datagram_becomes_port_unreachable(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, "45000020 00000000 401166cb 0a000002 0a000001" PING, 0);
    bench.blocks->up.count = 0;
    bench.network.port_unreachable(bench.network.block, bench.blocks->up.packets[0], 0);
    assert_int_equal(bench.error.count, 1);
    assert_int_equal(bench.error.type, 3);
    assert_int_equal(bench.error.code, 3);
    assert_int_equal(bench.error.pulled, 20);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_PORT_UNREACHABLE), 1);
    tear_down(&bench);
}

/* ---- Addresses ---- */

static void addresses_must_be_those_of_hosts(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct ip4 *ip4 = &bench.ip4;
    assert_int_equal(ip4_address_add(ip4, 0, 0, 8), CHASKI_INVALID);
    assert_int_equal(ip4_address_add(ip4, 0, 0x7f000009u, 8), CHASKI_INVALID);
    assert_int_equal(ip4_address_add(ip4, 0, GROUP, 24), CHASKI_INVALID);
    assert_int_equal(ip4_address_add(ip4, 0, IP4_BROADCAST, 32), CHASKI_INVALID);
    assert_int_equal(ip4_address_add(ip4, 0, 0x0a0100ffu, 24), CHASKI_INVALID);
    assert_int_equal(ip4_address_add(ip4, 0, 0x0a010000u, 24), CHASKI_INVALID);
    assert_int_equal(ip4_address_add(ip4, 0, 0x0a010001u, 0), CHASKI_INVALID);
    assert_int_equal(ip4_address_add(ip4, 0, 0x0a010001u, 33), CHASKI_INVALID);
    assert_int_equal(ip4_address_add(ip4, 7, 0x0a010001u, 24), CHASKI_INVALID);
    assert_int_equal(ip4_address_add(ip4, 1, OURS, 24), CHASKI_IN_USE);
    assert_int_equal(ip4_address_add(ip4, 0, 0x0a010000u, 31), 0); /* RFC 3021 */
    assert_int_equal(ip4_address_add(ip4, 0, 0x0a0100ffu, 32), 0);
    for (uint32_t i = 0; i < limits.addresses - 4; i++)
        assert_int_equal(ip4_address_add(ip4, 0, 0x0a020001u + i, 24), 0);
    assert_int_equal(ip4_address_add(ip4, 0, 0x0a030001u, 24), CHASKI_NO_MEMORY);
    tear_down(&bench);
}

static void addresses_can_share_a_network_and_leave_it(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct ip4 *ip4 = &bench.ip4;
    assert_int_equal(ip4_address_add(ip4, 0, 0x0a000005u, 24), 0);
    assert_int_equal(ip4_target(ip4, PEER, IP4_ANY_INTERFACE)->source, OURS);
    assert_int_equal(ip4_address_remove(ip4, 0, OURS), 0);
    assert_int_equal(ip4_address_remove(ip4, 0, OURS), CHASKI_BAD_ADDRESS);
    assert_int_equal(ip4_target(ip4, PEER, IP4_ANY_INTERFACE)->source, 0x0a000005u);
    assert_int_equal(ip4_target(ip4, FAR, IP4_ANY_INTERFACE)->source, 0x0a000005u);
    assert_false(ip4_is_local(ip4, OURS));
    assert_dropped(&bench, "45000020 00000000 401166cb 0a000002 0a000001" PING,
                   CHASKI_DROP_IP4_NOT_OURS);
    assert_int_equal(ip4_address_remove(ip4, 0, 0x0a000005u), 0);
    assert_int_equal(ip4_target(ip4, PEER, IP4_ANY_INTERFACE)->next_hop, GATEWAY);
    assert_int_equal(ip4_target(ip4, 0x0a0000ffu, IP4_ANY_INTERFACE)->next_hop, GATEWAY);
    assert_int_equal(ip4_target(ip4, 0x0a000000u, IP4_ANY_INTERFACE)->next_hop, GATEWAY);
    uint32_t before = ip4->routes.count;
    assert_int_equal(ip4_address_add(ip4, 0, 0x0a000004u, 31), 0);
    assert_int_equal(ip4_target(ip4, 0x0a000005u, IP4_ANY_INTERFACE)->kind, IP4_ROUTE_UNICAST);
    assert_int_equal(ip4_address_remove(ip4, 0, 0x0a000004u), 0);
    assert_int_equal(ip4->routes.count, before);
    tear_down(&bench);
}

static void an_address_that_goes_is_no_longer_accepted_from_memory(void **state)
{
    (void)state;
    static const char text[] = "45000020 00000000 401166cb 0a000002 0a000001" PING;
    struct bench bench;
    set_up(&bench);
    hear(&bench, text, 0);
    catcher_empty(&bench.blocks->up);
    assert_int_equal(ip4_address_remove(&bench.ip4, 0, OURS), 0);
    assert_dropped(&bench, text, CHASKI_DROP_IP4_NOT_OURS);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_for_us_goes_up_without_header_and_padding),
        cmocka_unit_test(row_5_headers_that_lie_about_lengths_are_dropped),
        cmocka_unit_test(a_wrong_header_checksum_is_noticed),
        cmocka_unit_test(options_are_passed_over),
        cmocka_unit_test(row_6_malformed_options_are_a_parameter_problem),
        cmocka_unit_test(row_6_a_source_route_is_dropped_in_silence),
        cmocka_unit_test(row_9_impossible_sources_are_dropped_in_silence),
        cmocka_unit_test(igmp_may_come_from_nobody),
        cmocka_unit_test(broadcasts_and_groups_of_ours_are_taken),
        cmocka_unit_test(an_address_of_ours_is_ours_on_every_interface),
        cmocka_unit_test(what_is_not_ours_is_not_answered),
        cmocka_unit_test(a_unicast_datagram_in_a_link_broadcast_is_dropped),
        cmocka_unit_test(from_ourselves_our_own_addresses_and_loopback_are_possible),
        cmocka_unit_test(a_bad_packet_in_a_burst_does_not_disturb_its_neighbours),
        cmocka_unit_test(headers_may_lie_in_fragments),
        cmocka_unit_test(paths_say_how_a_destination_is_reached),
        cmocka_unit_test(transports_can_confirm_join_and_ask_what_is_local),
        cmocka_unit_test(an_unwanted_datagram_becomes_port_unreachable),
        cmocka_unit_test(addresses_must_be_those_of_hosts),
        cmocka_unit_test(addresses_can_share_a_network_and_leave_it),
        cmocka_unit_test(an_address_that_goes_is_no_longer_accepted_from_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
