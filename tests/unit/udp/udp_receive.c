/* SPDX-License-Identifier: BSD-2-Clause */
/* UDP (RFC 768): what is received, and how much waits to be read. */
#include "tests/unit/udp/udp_block.h"

/* ---- Receiving ---- */

/* RFC 768 MUST-6; RFC 1122 MUST-44 */
static void a_datagram_reaches_its_socket(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    inject_from(SENDER, bench->local, 2, hello, sizeof hello);
    assert_int_equal(bench->told_count, 0); /* nothing is called during input */
    assert_true(udp_busy(&bench->udp));
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    const struct told *told = &bench->told[0];
    assert_true(same(told->socket, socket));
    assert_int_equal(told->length, 5);
    assert_memory_equal(told->bytes, "hello", 5);
    assert_int_equal(told->local.port, 7);
    assert_int_equal(told->local.interface, 3);
    assert_memory_equal(&told->local.address, &bench->local, 16);
    assert_int_equal(told->remote.port, 1234);
    assert_int_equal(told->remote.interface, 0); /* an answer takes the way that the route says */
    assert_memory_equal(told->remote.address.bytes, SENDER.bytes, 16);
    assert_false(udp_busy(&bench->udp));
}

static void an_empty_datagram_is_one(void **state)
{
    (void)state;
    static const uint8_t empty[] = {0x04, 0xd2, 0x00, 0x07, 0x00, 0x08, 0x77, 0x01};
    bound_to(any, 7);
    inject(empty, sizeof empty);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    assert_int_equal(bench->told[0].length, 0);
    assert_int_equal(counted(CHASKI_UDP_DATAGRAMS_RECEIVED), 1);
}

/* Row 12 of hostile input: lengths. */
static void lengths_that_disagree_are_dropped(void **state)
{
    (void)state;
    bound_to(any, 7);
    uint8_t bytes[sizeof hello];
    inject(hello, 7);
    inject(hello, 0);
    memcpy(bytes, hello, sizeof bytes);
    bytes[5] = 7; /* shorter than the header */
    inject(bytes, sizeof bytes);
    bytes[5] = 14; /* longer than the packet */
    inject(bytes, sizeof bytes);
    bytes[4] = 0xff;
    inject(bytes, sizeof bytes);
    assert_int_equal(counted(CHASKI_DROP_UDP_LENGTH), 5);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 0);
    assert_int_equal(bench->unreachable, 0);
    assert_nothing_held();
}

static void bytes_behind_the_datagram_are_not_its_own(void **state)
{
    (void)state;
    uint8_t bytes[sizeof hello + 3];
    bound_to(any, 7);
    memcpy(bytes, hello, sizeof hello);
    memset(bytes + sizeof hello, 0xaa, 3);
    inject(bytes, sizeof bytes);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    assert_int_equal(bench->told[0].length, 5);
}

/* Row 12: port 0. A source port of 0 is lawful though (RFC 768: "if not used, a value of zero is
 * inserted"), and cannot be answered. */
/* RFC 768 MUST-5 */
static void port_zero(void **state)
{
    (void)state;
    static const uint8_t to_zero[] = {0x04, 0xd2, 0x00, 0x00, 0x00, 0x0d, 0x00,
                                      0x00, 'h',  'e',  'l',  'l',  'o'};
    static const uint8_t from_zero[] = {0x00, 0x00, 0x00, 0x07, 0x00, 0x0d, 0x37,
                                        0xf7, 'h',  'e',  'l',  'l',  'o'};
    chaski_udp socket = bound_to(any, 7);
    inject(to_zero, sizeof to_zero);
    assert_int_equal(counted(CHASKI_DROP_UDP_PORT), 1);
    inject(from_zero, sizeof from_zero);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    assert_int_equal(bench->told[0].remote.port, 0);
    assert_int_equal(udp_send(&bench->udp, socket, &bench->told[0].remote, "x", 1, 0),
                     CHASKI_INVALID);
}

/* RFC 768 MUST-4; RFC 1122 MUST-42, MUST-43 */
static void checksums_are_verified_unless_there_is_none(void **state)
{
    (void)state;
    uint8_t bytes[sizeof hello];
    bound_to(any, 7);
    memcpy(bytes, hello, sizeof bytes);
    bytes[12] ^= 1;
    inject(bytes, sizeof bytes);
    assert_int_equal(counted(CHASKI_DROP_UDP_CHECKSUM), 1);
    bytes[6] = bytes[7] = 0;
    inject(bytes, sizeof bytes);
    assert_int_equal(counted(CHASKI_DROP_UDP_CHECKSUM), 1);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    assert_memory_equal(bench->told[0].bytes, "helln", 5);
}

/* RFC 8200, 8.1: over IPv6 there is always one. */
static void ipv6_wants_a_checksum(void **state)
{
    (void)state;
    static const struct chaski_address us = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    static const struct chaski_address them = {{0x20, 0x01, 0x0d, 0xb8, [15] = 2}};
    uint8_t bytes[sizeof hello];
    bound_to(any, 7);
    memcpy(bytes, hello, sizeof bytes);
    bytes[6] = bytes[7] = 0;
    inject_from(them, us, 0, bytes, sizeof bytes);
    assert_int_equal(counted(CHASKI_DROP_UDP_CHECKSUM), 1);
}

/* RFC 1122 SHLD-10 */
static void nobody_there_is_answered_as_unreachable(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 8);
    inject(hello, sizeof hello);
    assert_int_equal(bench->unreachable, 1);
    assert_int_equal(bench->unreachable_length, sizeof hello); /* header and all */
    udp_close(&bench->udp, socket, 0);
    connected_to(chaski_ip4(192, 0, 2, 3), 1234);
    inject(hello, sizeof hello);
    assert_int_equal(bench->unreachable, 2);
}

static void without_icmp_nobody_there_is_only_counted(void **state)
{
    (void)state;
    bench->udp.network[FAMILY_IP4].port_unreachable = NULL;
    inject(hello, sizeof hello);
    assert_int_equal(counted(CHASKI_DROP_UDP_NO_SOCKET), 1);
    assert_nothing_held();
}

/* Whom the datagram is told. */
static chaski_udp hearer(void)
{
    uint32_t before = bench->told_count;
    inject(hello, sizeof hello);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, before + 1);
    return bench->told[before].socket;
}

static void the_best_match_wins(void **state)
{
    (void)state;
    struct chaski_udp_bind narrow_bind = binding(any, 7);
    narrow_bind.local.interface = 1;
    chaski_udp wild = bound_to(any, 7);
    assert_true(same(hearer(), wild));
    chaski_udp narrow = bound(&narrow_bind);
    assert_true(same(hearer(), narrow));
    chaski_udp specific = bound_to(bench->local, 7);
    assert_true(same(hearer(), specific));
    chaski_udp connected = connected_to(SENDER, 1234);
    assert_true(same(hearer(), connected));
    bound_to(any, 8);
    connected_to(SENDER, 1235);
    connected_to(chaski_ip4(192, 0, 2, 3), 1234);
    assert_true(same(hearer(), connected));
    udp_close(&bench->udp, wild, 0); /* now the other way round */
    wild = bound_to(any, 7);
    assert_true(same(hearer(), connected));
    udp_close(&bench->udp, connected, 0);
    assert_true(same(hearer(), specific));
    udp_close(&bench->udp, specific, 0);
    assert_true(same(hearer(), narrow));
    udp_close(&bench->udp, narrow, 0);
    assert_true(same(hearer(), wild));
}

static void only_what_fits_is_a_match(void **state)
{
    (void)state;
    struct chaski_udp_bind elsewhere = binding(any, 7);
    elsewhere.local.interface = 2;
    bound(&elsewhere);
    bound_to(any, 8);
    bench->local = chaski_ip4(192, 0, 2, 9);
    bound_to(bench->local, 7);
    bench->local = chaski_ip4(192, 0, 2, 1);
    connected_to(SENDER, 1235);
    connected_to(chaski_ip4(192, 0, 2, 3), 1234);
    inject(hello, sizeof hello);
    assert_int_equal(bench->unreachable, 1);
    chaski_udp wild = bound_to(any, 7);
    assert_true(same(hearer(), wild));
}

/* From 192.0.2.2 port 1234 to port 7 of 192.0.2.255 and of 239.1.2.3. */
static const uint8_t to_broadcast[] = {0x04, 0xd2, 0x00, 0x07, 0x00, 0x0d, 0x32,
                                       0x27, 'h',  'e',  'l',  'l',  'o'};
static const uint8_t to_group[] = {0x04, 0xd2, 0x00, 0x07, 0x00, 0x0d, 0x04,
                                   0x22, 'h',  'e',  'l',  'l',  'o'};
#define BROADCAST chaski_ip4(192, 0, 2, 255)
#define GROUP chaski_ip4(239, 1, 2, 3)

static void broadcasts_reach_all_but_those_bound_to_one_address(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 7);
    bind.local.interface = 1;
    bound_to(any, 7);
    bound_to(bench->local, 7);
    bound(&bind);
    bind.local.interface = 2;
    bound(&bind);
    inject_from(SENDER, BROADCAST, 1, to_broadcast, sizeof to_broadcast);
    uint8_t other[sizeof hello] = {0}; /* what was in the pool before is not what is told */
    inject(other, sizeof other);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct told *told = &bench->told[i];
        assert_int_equal(told->length, 5);
        assert_memory_equal(told->bytes, "hello", 5);
        assert_int_equal(told->local.port, 7);
        assert_int_equal(told->local.interface, 2);
        assert_memory_equal(told->local.address.bytes, BROADCAST.bytes, 16);
        assert_int_equal(told->remote.port, 1234);
        assert_memory_equal(told->remote.address.bytes, SENDER.bytes, 16);
    }
    assert_false(same(bench->told[0].socket, bench->told[1].socket));
    assert_nothing_held();
}

static void connected_sockets_hear_broadcasts_of_their_peer(void **state)
{
    (void)state;
    chaski_udp peer = connected_to(SENDER, 1234);
    connected_to(chaski_ip4(192, 0, 2, 3), 1234);
    bound_to(any, 7);
    inject_from(SENDER, BROADCAST, 1, to_broadcast, sizeof to_broadcast);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 2);
    assert_true(same(bench->told[0].socket, peer) || same(bench->told[1].socket, peer));
}

static void a_copy_that_cannot_be_made_is_counted(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 7);
    bound(&bind);
    bind.local.interface = 1;
    bound(&bind);
    bench->memory.packets.fail_at = bench->memory.packets.takes + 2; /* 1: the datagram itself */
    inject_from(SENDER, BROADCAST, 0, to_broadcast, sizeof to_broadcast);
    assert_int_equal(counted(CHASKI_DROP_NO_MEMORY), 1);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
}

static void nobody_answers_for_a_broadcast(void **state)
{
    (void)state;
    inject_from(SENDER, BROADCAST, 0, to_broadcast, sizeof to_broadcast);
    inject_from(SENDER, GROUP, 0, to_group, sizeof to_group);
    assert_int_equal(counted(CHASKI_DROP_UDP_NO_SOCKET), 2);
    assert_int_equal(bench->unreachable, 0);
    assert_nothing_held();
}

static void groups_reach_members_on_the_interface(void **state)
{
    (void)state;
    struct chaski_address group = GROUP;
    struct chaski_udp_bind bind = binding(any, 7);
    chaski_udp wild = bound(&bind);
    bind.local.interface = 1;
    bound(&bind); /* not a member */
    chaski_udp first = bound_to(group, 7), second = bound_to(group, 7);
    bench->path.interface = 0;
    assert_int_equal(udp_join(&bench->udp, wild, &group, 0, 0), 0); /* by the route: 1 */
    assert_int_equal(udp_join(&bench->udp, first, &group, 1, 0), 0);
    assert_int_equal(udp_join(&bench->udp, second, &group, 2, 0), 0);
    inject_from(SENDER, GROUP, 0, to_group, sizeof to_group);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 2);
    assert_false(same(bench->told[0].socket, second) || same(bench->told[1].socket, second));
    inject_from(SENDER, GROUP, 1, to_group, sizeof to_group);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 3);
    assert_true(same(bench->told[2].socket, second));
    assert_int_equal(udp_leave(&bench->udp, wild, &group, 0, 0), 0);
    inject_from(SENDER, GROUP, 0, to_group, sizeof to_group);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 4);
    assert_true(same(bench->told[3].socket, first));
    assert_int_equal(bench->left, 1);
}

static void memberships_are_limited_and_end_with_their_socket(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    struct chaski_address group = GROUP, one = SENDER;
    assert_int_equal(udp_join(&bench->udp, socket, &one, 1, 0), CHASKI_INVALID);
    for (uint16_t interface = 1; interface <= 4; interface++)
        assert_int_equal(udp_join(&bench->udp, socket, &group, interface, 0), 0);
    assert_int_equal(udp_join(&bench->udp, socket, &group, 4, 0), CHASKI_IN_USE);
    assert_int_equal(udp_join(&bench->udp, socket, &group, 5, 0), CHASKI_NO_MEMORY);
    assert_int_equal(udp_leave(&bench->udp, socket, &group, 5, 0), CHASKI_INVALID);
    assert_int_equal(udp_leave(&bench->udp, socket, &group, 2, 0), 0);
    assert_int_equal(udp_join(&bench->udp, socket, &group, 5, 0), 0);
    udp_close(&bench->udp, socket, 0);
    assert_int_equal(bench->left, 5);
    chaski_udp next = bound_to(any, 7);
    for (uint16_t interface = 1; interface <= 4; interface++)
        assert_int_equal(udp_join(&bench->udp, next, &group, interface, 0), 0);
    bench->udp.network[FAMILY_IP4].path = NULL;
    assert_int_equal(udp_leave(&bench->udp, next, &group, 1, 0), CHASKI_NO_ROUTE);
    assert_int_equal(udp_join(&bench->udp, socket, &group, 1, 0), CHASKI_STALE);
}

/* ---- Queues ---- */

static void a_queue_holds_as_many_as_was_said(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 7);
    bind.queue = 2;
    bind.receive = NULL;
    chaski_udp socket = bound(&bind);
    for (int i = 0; i < 3; i++)
        inject(hello, sizeof hello);
    assert_int_equal(counted(CHASKI_DROP_UDP_QUEUE_FULL), 1);
    uint8_t bytes[8];
    for (int i = 0; i < 2; i++)
        assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, sizeof bytes), 5);
    assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, sizeof bytes), CHASKI_AGAIN);
    inject(hello, sizeof hello);
    assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, sizeof bytes), 5);
}

/* The same datagram, but lying in a buffer of 32 kB: its linear part, or all but its first byte. */
static bool inject_in(struct buffer *buffer, bool linear)
{
    struct packet *packet;
    uint32_t first = linear ? sizeof hello : 1;
    if (linear) {
        packet = packet_take_in(&bench->memory.packets, buffer, 64, FOR_RECEIVE);
    } else {
        packet = packet_take(&bench->memory.packets, FOR_RECEIVE);
        memcpy(buffer->data, hello + 1, sizeof hello - 1);
    }
    memcpy(packet_put(packet, first), hello, first);
    if (!linear)
        packet_add_fragment(packet, buffer, 0, sizeof hello - 1);
    packet->ip.source = SENDER;
    packet->ip.destination = bench->local;
    struct burst burst = {.count = 1, .packets = {packet}};
    uint64_t before = counted(CHASKI_DROP_UDP_QUEUE_FULL);
    udp_receive(&bench->udp, &burst, 0);
    return counted(CHASKI_DROP_UDP_QUEUE_FULL) == before;
}

static bool inject_heavy(bool linear)
{
    return inject_in(buffer_take(&bench->memory.large, FOR_RECEIVE), linear);
}

/* A driver may put each frame into a buffer larger than it need be. The queue holds what it says.
 */
static void queues_hold_frames_of_4_kb(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 7);
    uint8_t bytes[8];
    bind.receive = NULL;
    bind.queue = 8;
    chaski_udp socket = bound(&bind);
    for (int i = 0; i < 8; i++) {
        struct buffer *buffer = buffer_take(&bench->memory.large, FOR_RECEIVE);
        buffer->size = 4096;
        assert_true(inject_in(buffer, true));
    }
    for (int i = 0; i < 8; i++)
        assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, sizeof bytes), 5);
    udp_close(&bench->udp, socket, 0);
}

/* A datagram of 5 bytes that lies in a buffer of 32 kB keeps 32 kB busy, and is charged so. */
static void queues_are_charged_what_they_keep_busy(void **state)
{
    (void)state;
    for (uint16_t linear = 0; linear < 2; linear++) {
        struct chaski_udp_bind bind = binding(any, 7);
        uint8_t bytes[8];
        bind.receive = NULL;
        bind.queue = 16; /* frames of 4 kB, that is */
        chaski_udp socket = bound(&bind);
        uint32_t accepted = 0;
        for (int i = 0; i < 16; i++)
            accepted += inject_heavy(linear != 0);
        assert_in_range(accepted, 1, 3);
        while (udp_take(&bench->udp, socket, NULL, NULL, bytes, sizeof bytes) == 5)
            accepted--;
        assert_int_equal(accepted, 0);
        for (int i = 0; i < 16; i++) { /* what was taken is not charged any more */
            assert_true(inject_heavy(linear != 0));
            assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, sizeof bytes), 5);
        }
        udp_close(&bench->udp, socket, 0);
    }
}

static void a_header_in_pieces_wants_memory(void **state)
{
    (void)state;
    bound_to(any, 7);
    struct buffer *buffer = buffer_take(&bench->memory.small, FOR_RECEIVE);
    struct packet *packet = packet_take_in(&bench->memory.packets, buffer, 64, FOR_RECEIVE);
    memcpy(packet_put(packet, sizeof hello), hello, sizeof hello);
    /* its bytes are somebody else's too, so the header must be put together elsewhere */
    struct packet *shared = packet_slice(packet, 0, 4, &bench->memory.packets, FOR_RECEIVE);
    buffer_hold(buffer);
    packet_add_fragment(shared, buffer, 64 + 4, sizeof hello - 4);
    packet_free(packet);
    struct burst burst = {.count = 1, .packets = {shared}};
    shared->end = shared->data; /* no room of its own either */
    bench->memory.small.fail_at = bench->memory.small.takes + 1;
    udp_receive(&bench->udp, &burst, 0);
    assert_int_equal(counted(CHASKI_DROP_NO_MEMORY), 1);
    assert_nothing_held();
}

static void what_no_closure_could_be_told_is_not_received(void **state)
{
    (void)state;
    bound_to(any, 7);
    bench->udp.setup.datagram_max = 4;
    inject(hello, sizeof hello);
    assert_int_equal(counted(CHASKI_DROP_NO_MEMORY), 1);
    bench->udp.setup.datagram_max = 5;
    inject(hello, sizeof hello);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
}

static void all_queues_together_are_limited(void **state)
{
    (void)state;
    make_udp(1 << 24, 3);
    bound_to(any, 7);
    bound_to(any, 8);
    uint8_t bytes[sizeof hello];
    memcpy(bytes, hello, sizeof bytes);
    inject(bytes, sizeof bytes);
    inject(bytes, sizeof bytes);
    bytes[3] = 8;
    bytes[7]--;
    inject(bytes, sizeof bytes);
    inject(bytes, sizeof bytes);
    assert_int_equal(counted(CHASKI_DROP_UDP_QUEUE_FULL), 1);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 3);
    make_udp(2 * sizeof(struct packet), 500);
    bound_to(any, 7);
    for (int i = 0; i < 3; i++)
        inject(hello, sizeof hello);
    assert_int_equal(counted(CHASKI_DROP_UDP_QUEUE_FULL), 2);
}

static void a_datagram_is_cut_to_the_room_there_is(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 7);
    struct chaski_endpoint local, remote;
    bind.receive = NULL;
    chaski_udp socket = bound(&bind);
    uint8_t bytes[4] = {0, 0, 0, 0xaa};
    inject(hello, sizeof hello);
    assert_int_equal(udp_take(&bench->udp, socket, &local, &remote, bytes, 3), 5);
    assert_memory_equal(bytes, "hel\xaa", 4);
    assert_int_equal(local.port, 7);
    assert_int_equal(remote.port, 1234);
    assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, 3), CHASKI_AGAIN);
}

static void filters_refuse(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 7);
    bind.filter = filter;
    chaski_udp socket = bound(&bind);
    bench->accept = false;
    inject(hello, sizeof hello);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 0);
    inject(hello, sizeof hello);
    uint8_t bytes[8];
    assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, 8), CHASKI_AGAIN);
    assert_int_equal(counted(CHASKI_DROP_UDP_FILTERED), 2);
    assert_nothing_held();
    bench->accept = true;
    inject(hello, sizeof hello);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_datagram_reaches_its_socket),
        CASE(an_empty_datagram_is_one),
        CASE(lengths_that_disagree_are_dropped),
        CASE(bytes_behind_the_datagram_are_not_its_own),
        CASE(port_zero),
        CASE(checksums_are_verified_unless_there_is_none),
        CASE(ipv6_wants_a_checksum),
        CASE(nobody_there_is_answered_as_unreachable),
        CASE(without_icmp_nobody_there_is_only_counted),
        CASE(the_best_match_wins),
        CASE(only_what_fits_is_a_match),
        CASE(broadcasts_reach_all_but_those_bound_to_one_address),
        CASE(connected_sockets_hear_broadcasts_of_their_peer),
        CASE(a_copy_that_cannot_be_made_is_counted),
        CASE(nobody_answers_for_a_broadcast),
        CASE(groups_reach_members_on_the_interface),
        CASE(memberships_are_limited_and_end_with_their_socket),
        CASE(a_queue_holds_as_many_as_was_said),
        CASE(queues_are_charged_what_they_keep_busy),
        CASE(queues_hold_frames_of_4_kb),
        CASE(a_header_in_pieces_wants_memory),
        CASE(what_no_closure_could_be_told_is_not_received),
        CASE(all_queues_together_are_limited),
        CASE(a_datagram_is_cut_to_the_room_there_is),
        CASE(filters_refuse),
    };
    int failed = cmocka_run_group_tests_name("spread over chains", tests, NULL, NULL);
    one_chain = true;
    return failed + cmocka_run_group_tests_name("all in one chain", tests, NULL, NULL);
}
