/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams on their way down: routes, fragments, paths. */
#include "tests/unit/ip/ip4_bench.h"

/* ---- Down ---- */

/* A datagram as a transport gives it: the PING's bytes with checksum 0, and where to. */
static struct packet *datagram(struct bench *bench, uint32_t destination)
{
    struct packet *packet = packet_take(&bench->blocks->memory.packets, FOR_CONTROL);
    hex_read("0fa00035 000c0000 70696e67", packet_put(packet, 12), 12);
    packet_set_transport(packet);
    packet->checksum = CHECKSUM_COMPLETE;
    packet->ip.destination = address_from_ip4(destination);
    packet->ip.protocol = 17;
    packet->ip.dont_fragment = true;
    return packet;
}

static void send(struct bench *bench, struct packet *packet)
{
    give(ip4_transmit, &bench->ip4, packet, 0);
}

/* RFC 1122 MUST-30 */
static void a_neighbour_is_sent_to_directly(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct packet *packet = datagram(&bench, PEER);
    packet->ip.ttl = 7;
    packet->ip.traffic_class = 0x10;
    send(&bench, packet);
    assert_int_equal(bench.blocks->down.count, 1);
    assert_bytes(packet, "45100020 00004000 07115fbb 0a000001 0a000002 0fa00035 000c0000 70696e67");
    assert_int_equal(address_ip4(&packet->next_hop), PEER);
    assert_int_equal(packet->interface, 0);
    assert_int_equal(packet->protocol, 0x0800);
    assert_ptr_equal(packet_network(packet), packet->data);
    assert_int_equal(counted(bench.blocks, CHASKI_IP4_SENT), 1);
    tear_down(&bench);
}

/* RFC 1122 MUST-30 */
static void everybody_else_by_the_gateway(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct packet *packet = datagram(&bench, FAR);
    send(&bench, packet);
    assert_bytes(packet, "45000020 00004000 401120bd 0a000001 08080808 0fa00035 000c0000 70696e67");
    assert_int_equal(address_ip4(&packet->next_hop), GATEWAY);
    tear_down(&bench);
}

/* RFC 3376 MUST-1 */
static void a_group_message_has_ttl_1_and_may_carry_router_alert(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct packet *packet = packet_take(&bench.blocks->memory.packets, FOR_CONTROL);
    hex_read("16000000", packet_put(packet, 4), 4);
    packet->ip = (struct packet_ip){
        .destination = address_from_ip4(0xe0000016u),
        .protocol = 2,
        .traffic_class = 0xc0,
        .dont_fragment = true,
        .router_alert = true,
    };
    send(&bench, packet);
    assert_int_equal(bench.blocks->down.count, 1);
    assert_bytes(packet, "46c0001c 00004000 0102fa04 0a000001 e0000016 94040000 16000000");
    assert_int_equal(address_ip4(&packet->next_hop), 0xe0000016u);
    tear_down(&bench);
}

static void the_interface_can_be_asked_for(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct packet *packet = datagram(&bench, GROUP);
    packet->ip.interface = 1 + 1;
    send(&bench, packet);
    assert_int_equal(bench.blocks->other.count, 1);
    assert_int_equal(load_be32(packet->data + 12), OURS_TOO);
    packet = datagram(&bench, FAR); /* no route by that interface */
    packet->ip.interface = 1 + 1;
    send(&bench, packet);
    packet = datagram(&bench, GROUP); /* no such interface */
    packet->ip.interface = 9;
    send(&bench, packet);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_NO_ROUTE), 2);
    assert_int_equal(bench.blocks->down.count, 0);
    tear_down(&bench);
}

static void an_interface_without_address_borrows_one(void **state)
{
    (void)state;
    struct bench bench;
    struct ip_path path;
    struct chaski_address any = {{0}}, to = address_from_ip4(0x0b000001u);
    set_up(&bench);
    ip4_interface_add(&bench.ip4, 2, 1500, hook_to(&bench.blocks->other));
    assert_int_equal(ip4_route_add(&bench.ip4, 0x0b000000u, 8, 0, 2), 0);
    struct network *network = &bench.network;
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &any, &to, 0, &path), 0);
    assert_int_equal(path.interface, 2);
    assert_int_equal(address_ip4(&path.source), OURS);
    to = address_from_ip4(GROUP); /* but not for everybody on the link to see */
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &any, &to, 3, &path), 0);
    assert_true(address_unspecified(&path.source) || address_ip4(&path.source) == 0);
    to = address_from_ip4(IP4_BROADCAST);
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &any, &to, 3, &path), 0);
    assert_int_equal(address_ip4(&path.source), 0);
    assert_true(path.broadcast);
    tear_down(&bench);
}

static void without_any_address_only_many_can_be_sent_to(void **state)
{
    (void)state;
    struct bench bench;
    struct ip_path path;
    struct chaski_address any = {{0}}, far = address_from_ip4(FAR);
    struct chaski_address everybody = address_from_ip4(IP4_BROADCAST);
    set_up(&bench);
    assert_int_equal(ip4_address_remove(&bench.ip4, 0, OURS), 0);
    assert_int_equal(ip4_address_remove(&bench.ip4, 1, OURS_TOO), 0);
    struct network *network = &bench.network;
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &any, &far, 0, &path),
                     CHASKI_NO_ROUTE);
    assert_int_equal(network->path(network->block, WIRE_IP_UDP, &any, &everybody, 0, &path), 0);
    assert_int_equal(path.interface, 0);
    tear_down(&bench);
}

static void of_addresses_on_a_link_that_of_the_same_network_is_used(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_int_equal(ip4_address_add(&bench.ip4, 0, 0x0a010005u, 24), 0);
    assert_int_equal(ip4_route_add(&bench.ip4, 0x0c000000u, 8, 0x0a0100feu, 0), 0);
    assert_int_equal(ip4_target(&bench.ip4, 0x0c000001u, IP4_ANY_INTERFACE)->source, 0x0a010005u);
    assert_int_equal(ip4_target(&bench.ip4, FAR, IP4_ANY_INTERFACE)->source, OURS);
    tear_down(&bench);
}

static void groups_without_a_route_go_by_the_first_interface(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_int_equal(ip4_target(&bench.ip4, GROUP, IP4_ANY_INTERFACE)->interface, 0);
    assert_int_equal(ip4_route_add(&bench.ip4, 0xe0000000u, 4, 0, 1), 0);
    assert_int_equal(ip4_target(&bench.ip4, GROUP, IP4_ANY_INTERFACE)->interface, 1);
    assert_int_equal(ip4_route_remove(&bench.ip4, 0xe0000000u, 4), 0);
    assert_int_equal(ip4_route_remove(&bench.ip4, 0, 0), 0);
    assert_int_equal(ip4_target(&bench.ip4, GROUP, IP4_ANY_INTERFACE)->interface, 0);
    bench.ip4.interfaces[0].used = bench.ip4.interfaces[1].used = false;
    bench.ip4.last_target.destination = 0;
    assert_null(ip4_target(&bench.ip4, GROUP, IP4_ANY_INTERFACE));
    tear_down(&bench);
}

static void routes_must_make_sense(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct ip4 *ip4 = &bench.ip4;
    assert_int_equal(ip4_route_add(ip4, 0, 0, OURS, 2), CHASKI_INVALID);
    assert_int_equal(ip4_route_add(ip4, 0, 0, OURS, 200), CHASKI_INVALID);
    assert_int_equal(ip4_route_add(ip4, 0, 33, OURS, 0), CHASKI_INVALID);
    assert_int_equal(ip4_route_add(ip4, 0, 8, 0xe0000001u, 0), CHASKI_INVALID);
    assert_int_equal(ip4_route_remove(ip4, 0, 33), CHASKI_NO_ROUTE);
    assert_int_equal(ip4_route_add(ip4, FAR, 32, PEER, 0), 0);
    assert_int_equal(ip4_target(ip4, FAR, IP4_ANY_INTERFACE)->next_hop, PEER);
    assert_int_equal(ip4_route_remove(ip4, FAR, 32), 0);
    for (uint32_t i = 0; ip4->routes.count < ip4->routes.limit; i++)
        assert_int_equal(ip4_route_add(ip4, i << 16, 16, PEER, 0), 0);
    assert_int_equal(ip4_route_add(ip4, FAR, 32, PEER, 0), CHASKI_NO_MEMORY);
    tear_down(&bench);
}

static void without_a_route_nothing_is_sent(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_int_equal(ip4_route_remove(&bench.ip4, 0, 0), 0);
    assert_int_equal(ip4_route_remove(&bench.ip4, 0, 0), CHASKI_NO_ROUTE);
    send(&bench, datagram(&bench, FAR));
    send(&bench, datagram(&bench, 0));
    assert_int_equal(bench.blocks->down.count, 0);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_NO_ROUTE), 2);
    tear_down(&bench);
}

static void what_is_for_us_goes_by_the_loopback(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    send(&bench, datagram(&bench, OURS_TOO));
    send(&bench, datagram(&bench, 0x7f000001u));
    struct packet *packet = datagram(&bench, OURS);
    packet->ip.interface = 1 + 1; /* ours is ours, whichever interface is asked for */
    send(&bench, packet);
    assert_int_equal(bench.loop.count, 3);
    assert_int_equal(bench.blocks->down.count, 0);
    assert_int_equal(load_be32(bench.loop.packets[0]->data + 12), OURS_TOO);
    assert_int_equal(load_be32(bench.loop.packets[1]->data + 12), 0x7f000001u);
    tear_down(&bench);
}

static void members_on_this_host_hear_a_copy(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    send(&bench, datagram(&bench, GROUP)); /* not a member */
    assert_int_equal(bench.loop.count, 0);
    catcher_empty(&bench.blocks->down);
    bench.group = GROUP;
    send(&bench, datagram(&bench, GROUP));
    assert_int_equal(bench.blocks->down.count, 1);
    assert_int_equal(bench.loop.count, 1);
    assert_memory_equal(bench.loop.packets[0]->data, bench.blocks->down.packets[0]->data, 32);
    struct packet *packet = datagram(&bench, GROUP);
    packet->ip.no_loop = true;
    send(&bench, packet);
    assert_int_equal(bench.blocks->down.count, 2);
    assert_int_equal(bench.loop.count, 1);
    send(&bench, datagram(&bench, 0x0a0000ffu));
    assert_int_equal(bench.loop.count, 2);
    assert_int_equal(address_ip4(&bench.blocks->down.packets[2]->next_hop), IP4_BROADCAST);
    tear_down(&bench);
}

static void a_burst_keeps_its_order_and_costs_one_call_a_hook(void **state)
{
    (void)state;
    struct bench bench;
    struct burst burst = {.count = 6};
    set_up(&bench);
    static const uint32_t destinations[6] = {PEER, FAR, 0xc0a80502u, 0xc0a80503u, OURS, PEER};
    for (unsigned i = 0; i < 6; i++)
        burst.packets[i] = datagram(&bench, destinations[i]);
    struct packet *first = burst.packets[0], *second = burst.packets[1];
    ip4_transmit(&bench.ip4, &burst, 0);
    assert_int_equal(burst.count, 0);
    assert_int_equal(bench.blocks->down.count, 3);
    assert_int_equal(bench.blocks->down.bursts, 2);
    assert_ptr_equal(bench.blocks->down.packets[0], first);
    assert_ptr_equal(bench.blocks->down.packets[1], second);
    assert_int_equal(bench.blocks->other.count, 2);
    assert_int_equal(bench.blocks->other.bursts, 1);
    assert_int_equal(bench.loop.count, 1);
    tear_down(&bench);
}

/* ---- Fragments and identifications ---- */

/* `length` bytes of payload in one large buffer. */
static struct packet *long_datagram(struct bench *bench, uint32_t destination, uint32_t length)
{
    struct packet *packet = packet_take(&bench->blocks->memory.packets, FOR_CONTROL);
    struct buffer *buffer = buffer_take(&bench->blocks->memory.large, FOR_CONTROL);
    for (uint32_t i = 0; i < length; i++)
        buffer->data[i] = (uint8_t)(i / 8);
    packet_add_fragment(packet, buffer, 0, length);
    packet_set_transport(packet);
    packet->checksum = CHECKSUM_COMPLETE;
    packet->ip.destination = address_from_ip4(destination);
    packet->ip.protocol = 17;
    return packet;
}

/* RFC 791 MUST-7 */
static void long_datagrams_leave_in_fragments(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    send(&bench, long_datagram(&bench, 0xc0a80502u, 1200)); /* MTU 576: 552 + 552 + 96 */
    const struct catcher *out = &bench.blocks->other;
    static const uint16_t lengths[] = {20 + 552, 20 + 552, 20 + 96};
    static const uint16_t fields[] = {0x2000, 0x2000 + 552 / 8, 1104 / 8};
    assert_int_equal(out->count, 3);
    uint16_t identification = 0;
    for (unsigned i = 0; i < 3; i++) {
        uint8_t bytes[576];
        packet_copy_out(out->packets[i], 0, bytes, out->packets[i]->length);
        assert_int_equal(out->packets[i]->length, lengths[i]);
        assert_int_equal(load_be16(bytes + 2), lengths[i]);
        assert_int_equal(load_be16(bytes + 6), fields[i]);
        assert_int_equal(plain_sum(bytes, 20, 0), 0xffff);
        assert_int_equal(bytes[20], i * 69);
        assert_int_equal(address_ip4(&out->packets[i]->next_hop), 0xc0a80502u);
        if (i == 0)
            identification = load_be16(bytes + 4);
        assert_int_equal(load_be16(bytes + 4), identification);
    }
    assert_int_equal(counted(bench.blocks, CHASKI_IP4_FRAGMENTED), 1);
    assert_int_equal(counted(bench.blocks, CHASKI_IP4_FRAGMENTS_SENT), 3);
    tear_down(&bench);
}

/* RFC 791 MUST-7 */
static void what_fits_exactly_is_not_cut(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    send(&bench, long_datagram(&bench, 0xc0a80502u, 556));
    assert_int_equal(bench.blocks->other.count, 1);
    send(&bench, long_datagram(&bench, 0xc0a80502u, 557));
    assert_int_equal(bench.blocks->other.count, 3);
    struct packet *packet = long_datagram(&bench, 0xc0a80502u, 556);
    packet->ip.dont_fragment = true;
    send(&bench, packet);
    assert_int_equal(bench.blocks->other.count, 4);
    send(&bench, long_datagram(&bench, 0xc0a80502u, 2 * 552)); /* two that are full */
    assert_int_equal(bench.blocks->other.count, 6);
    assert_int_equal(load_be16(bench.blocks->other.packets[5]->data + 6), 552 / 8);
    tear_down(&bench);
}

/* RFC 791 MUST-8 */
static void what_may_not_be_cut_is_dropped_when_too_long(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct packet *packet = long_datagram(&bench, 0xc0a80502u, 1200);
    packet->ip.dont_fragment = true;
    send(&bench, packet);
    packet = long_datagram(&bench, PEER, 32768);
    assert_true(packet_add_fragment(packet, buffer_hold(packet->fragments[0].buffer), 0, 32748));
    send(&bench, packet); /* 65 516 + 20: one too many */
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_TOO_BIG), 2);
    assert_int_equal(bench.blocks->down.count + bench.blocks->other.count, 0);
    tear_down(&bench);
}

static void segments_are_left_to_the_edge(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct packet *packet = long_datagram(&bench, PEER, 20000);
    packet->segment_size = 1448;
    packet->ip.dont_fragment = true;
    send(&bench, packet);
    assert_int_equal(bench.blocks->down.count, 1);
    assert_int_equal(load_be16(packet->data + 2), 20020);
    tear_down(&bench);
}

static void running_out_while_cutting_leaves_nothing_behind(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct packet *packet = long_datagram(&bench, 0xc0a80502u, 1200);
    bench.blocks->memory.packets.fail_at = bench.blocks->memory.packets.takes + 2;
    send(&bench, packet);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_NO_MEMORY), 1);
    assert_int_equal(counted(bench.blocks, CHASKI_IP4_FRAGMENTED), 0);
    tear_down(&bench);
}

static uint16_t identification_of(struct bench *bench, uint32_t destination)
{
    struct packet *packet = datagram(bench, destination);
    packet->ip.dont_fragment = false;
    send(bench, packet);
    uint16_t identification = load_be16(packet->data + 4);
    catcher_empty(&bench->blocks->down);
    return identification;
}

/* RFC 6864 MUST-2, SHLD-1 */
static void row_24_identification_is_no_global_counter(void **state)
{
    (void)state;
    struct bench bench;
    static uint8_t seen[65536];
    unsigned next = 0;
    set_up(&bench);
    uint16_t before = identification_of(&bench, FAR);
    for (uint32_t i = 0; i < 1000; i++) {
        uint16_t other = identification_of(&bench, 0x08080900u + i);
        next += other == (uint16_t)(before + 1) || other == (uint16_t)(before + 2);
        before = other;
    }
    assert_in_range(next, 0, 5); /* by chance 1000 * 2 / 65536 */
    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < 65536; i++) {
        uint16_t identification = identification_of(&bench, FAR);
        assert_int_equal(seen[identification], 0);
        seen[identification] = 1;
    }
    tear_down(&bench);
}

/* RFC 6864 SHLD-1 */
static void row_24_another_key_gives_other_identifications(void **state)
{
    (void)state;
    static const struct siphash_key other_key = {1, 2};
    struct ip4_identification one, other;
    unsigned same = 0;
    ip4_identification_init(&one, &test_key);
    ip4_identification_init(&other, &other_key);
    for (uint32_t i = 0; i < 100; i++)
        same += ip4_identification_take(&one, OURS, FAR + i, 17, 1) ==
                ip4_identification_take(&other, OURS, FAR + i, 17, 1);
    assert_in_range(same, 0, 2);
}

/* ---- Paths ---- */

/* RFC 1191 MUST-1, MUST-4, SHLD-3 */
static void row_22_a_path_mtu_only_falls_and_is_forgotten_after_ten_minutes(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct ip4_paths *paths = &bench.ip4.paths;
    assert_null(ip4_paths_find(paths, FAR, WIRE_IP_UDP, 0));
    assert_true(ip4_paths_lower(paths, FAR, WIRE_IP_UDP, 1400, 1500, false, 0));
    assert_false(ip4_paths_lower(paths, FAR, WIRE_IP_UDP, 1450, 1400, false, 1));
    assert_false(ip4_paths_lower(paths, FAR, WIRE_IP_UDP, 1400, 1400, false, 1));
    assert_int_equal(ip4_paths_find(paths, FAR, WIRE_IP_UDP, 600 * SECOND - 1)->mtu, 1400);
    assert_true(ip4_paths_lower(paths, FAR, WIRE_IP_UDP, 1300, 1400, false, 60 * SECOND));
    assert_int_equal(ip4_paths_find(paths, FAR, WIRE_IP_UDP, 660 * SECOND - 1)->mtu, 1300);
    assert_null(ip4_paths_find(paths, FAR, WIRE_IP_UDP, 660 * SECOND));
    tear_down(&bench);
}

/* RFC 1191 MUST-2 */
static void row_22_reported_mtus_are_clamped(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    const struct ip4_paths *paths = &bench.ip4.paths;
    assert_int_equal(ip4_paths_clamp(paths, 1400, 1500), 1400);
    assert_int_equal(ip4_paths_clamp(paths, 552, 1500), 552);
    assert_int_equal(ip4_paths_clamp(paths, 551, 1500), 552);
    assert_int_equal(ip4_paths_clamp(paths, 68, 1500), 552);
    assert_int_equal(ip4_paths_clamp(paths, 1, 1500), 552);
    assert_int_equal(ip4_paths_clamp(paths, 0, 1500), 1492); /* plateaus of RFC 1191 */
    assert_int_equal(ip4_paths_clamp(paths, 0, 1492), 1006);
    assert_int_equal(ip4_paths_clamp(paths, 0, 60), 552);
    tear_down(&bench);
}

static void row_22_the_table_of_paths_is_bounded(void **state)
{
    (void)state;
    struct bench bench;
    unsigned alive = 0;
    set_up(&bench);
    for (uint32_t i = 0; i < 10000; i++)
        ip4_paths_lower(&bench.ip4.paths, FAR + i, WIRE_IP_UDP, 1000, 1500, false, i);
    for (uint32_t i = 0; i < 10000; i++)
        alive += ip4_paths_find(&bench.ip4.paths, FAR + i, WIRE_IP_UDP, 10000) != NULL;
    assert_int_equal(alive, limits.paths);
    assert_non_null(ip4_paths_find(&bench.ip4.paths, FAR + 9999, WIRE_IP_UDP, 10000));
    tear_down(&bench);
}

/* RFC 1122 MUST-36; RFC 1191 MUST-6 */
static void a_narrow_path_is_seen_by_transports_and_cut_to(void **state)
{
    (void)state;
    struct bench bench;
    struct ip_path path;
    struct chaski_address any = {{0}}, far = address_from_ip4(FAR);
    set_up(&bench);
    ip4_paths_lower(&bench.ip4.paths, FAR, WIRE_IP_UDP, 1000, 1500, false, 0);
    assert_int_equal(bench.network.path(bench.network.block, WIRE_IP_UDP, &any, &far, 0, &path), 0);
    assert_int_equal(path.mtu, 1000);
    assert_int_equal(path.link_mtu, 1500);
    send(&bench, long_datagram(&bench, FAR, 1400));
    assert_int_equal(bench.blocks->down.count, 2);
    assert_int_equal(bench.blocks->down.packets[0]->length, 20 + 976);
    tear_down(&bench);
}

static void each_protocol_has_its_path_mtu(void **state)
{
    (void)state;
    struct bench bench;
    struct ip_path path;
    struct chaski_address any = {{0}}, far = address_from_ip4(FAR);
    set_up(&bench);
    ip4_paths_lower(&bench.ip4.paths, FAR, WIRE_IP_UDP, 1000, 1500, true, 0);
    ip4_paths_lower(&bench.ip4.paths, FAR, WIRE_IP_TCP, 1200, 1500, false, 0);
    assert_int_equal(bench.network.path(bench.network.block, WIRE_IP_UDP, &any, &far, 0, &path), 0);
    assert_int_equal(path.mtu, 1000);
    assert_int_equal(bench.network.path(bench.network.block, WIRE_IP_TCP, &any, &far, 0, &path), 0);
    assert_int_equal(path.mtu, 1200);
    assert_false(ip4_paths_find(&bench.ip4.paths, FAR, WIRE_IP_TCP, 0)->fragment);
    tear_down(&bench);
}

static void below_the_minimum_packets_may_be_fragmented_by_routers(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_true(ip4_paths_lower(&bench.ip4.paths, FAR, WIRE_IP_UDP, 552, 1500, true, 0));
    assert_false(ip4_paths_lower(&bench.ip4.paths, FAR, WIRE_IP_UDP, 552, 552, true, 0));
    struct packet *packet = datagram(&bench, FAR);
    send(&bench, packet);
    assert_int_equal(load_be16(packet->data + 6), 0);
    assert_true(ip4_paths_lower(&bench.ip4.paths, PEER, WIRE_IP_UDP, 552, 1500, false, 0));
    assert_true(ip4_paths_lower(&bench.ip4.paths, PEER, WIRE_IP_UDP, 552, 552, true, 0));
    assert_true(ip4_paths_find(&bench.ip4.paths, PEER, WIRE_IP_UDP, 0)->fragment);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_neighbour_is_sent_to_directly),
        cmocka_unit_test(everybody_else_by_the_gateway),
        cmocka_unit_test(a_group_message_has_ttl_1_and_may_carry_router_alert),
        cmocka_unit_test(the_interface_can_be_asked_for),
        cmocka_unit_test(an_interface_without_address_borrows_one),
        cmocka_unit_test(without_any_address_only_many_can_be_sent_to),
        cmocka_unit_test(of_addresses_on_a_link_that_of_the_same_network_is_used),
        cmocka_unit_test(groups_without_a_route_go_by_the_first_interface),
        cmocka_unit_test(routes_must_make_sense),
        cmocka_unit_test(without_a_route_nothing_is_sent),
        cmocka_unit_test(what_is_for_us_goes_by_the_loopback),
        cmocka_unit_test(members_on_this_host_hear_a_copy),
        cmocka_unit_test(a_burst_keeps_its_order_and_costs_one_call_a_hook),
        cmocka_unit_test(long_datagrams_leave_in_fragments),
        cmocka_unit_test(what_fits_exactly_is_not_cut),
        cmocka_unit_test(what_may_not_be_cut_is_dropped_when_too_long),
        cmocka_unit_test(segments_are_left_to_the_edge),
        cmocka_unit_test(running_out_while_cutting_leaves_nothing_behind),
        cmocka_unit_test(row_24_identification_is_no_global_counter),
        cmocka_unit_test(row_24_another_key_gives_other_identifications),
        cmocka_unit_test(row_22_a_path_mtu_only_falls_and_is_forgotten_after_ten_minutes),
        cmocka_unit_test(row_22_reported_mtus_are_clamped),
        cmocka_unit_test(row_22_the_table_of_paths_is_bounded),
        cmocka_unit_test(a_narrow_path_is_seen_by_transports_and_cut_to),
        cmocka_unit_test(each_protocol_has_its_path_mtu),
        cmocka_unit_test(below_the_minimum_packets_may_be_fragmented_by_routers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
