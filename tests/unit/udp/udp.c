/* SPDX-License-Identifier: BSD-2-Clause */
/* UDP: what applications are told, and what sockets there may be. */
#include "core/udp/udp_sockets.h"
#include "tests/unit/udp/udp_block.h"

/* ---- Closures ---- */

static void a_closure_may_close_its_own_socket(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    inject(hello, sizeof hello);
    inject(hello, sizeof hello);
    bench->close_in_closure = socket;
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    assert_int_equal(counted(CHASKI_DROP_UDP_CLOSED), 1);
    assert_false(udp_busy(&bench->udp));
    assert_nothing_held();
}

static void a_closure_may_close_another_socket_that_waits(void **state)
{
    (void)state;
    bound_to(any, 7);
    chaski_udp other = bound_to(any, 8);
    uint8_t bytes[sizeof hello];
    memcpy(bytes, hello, sizeof bytes);
    bytes[3] = 8;
    bytes[7]--;
    inject(hello, sizeof hello);
    inject(bytes, sizeof bytes);
    bench->close_in_closure = other;
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    assert_false(udp_busy(&bench->udp));
}

static void one_call_tells_a_limited_number_and_everybody_has_a_turn(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 7);
    bind.queue = 1000;
    chaski_udp busy = bound(&bind);
    chaski_udp other = bound_to(any, 8);
    uint8_t bytes[sizeof hello];
    memcpy(bytes, hello, sizeof bytes);
    bytes[3] = 8;
    bytes[7]--;
    for (int i = 0; i < 400; i++)
        inject(hello, sizeof hello);
    inject(bytes, sizeof bytes);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 256);
    assert_true(udp_busy(&bench->udp));
    uint32_t others = 0;
    for (uint32_t i = 0; i < bench->told_count; i++)
        others += same(bench->told[i].socket, other);
    assert_int_equal(others, 1);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 401);
    assert_true(same(bench->told[400].socket, busy));
}

/* A datagram that was put together from fragments is told in one piece. */
static void closures_see_one_piece(void **state)
{
    (void)state;
    bound_to(any, 7);
    struct packet *packet = packet_take(&bench->memory.packets, FOR_RECEIVE);
    uint8_t header[8] = {0x04, 0xd2, 0x00, 0x07, 0, 0, 0, 0};
    header[4] = (8 + 60000) >> 8;
    header[5] = (8 + 60000) & 0xff;
    memcpy(packet_put(packet, 3), header, 3); /* a header in two pieces as well */
    struct buffer *small = buffer_take(&bench->memory.small, FOR_RECEIVE);
    memcpy(small->data, header + 3, 5);
    packet_add_fragment(packet, small, 0, 5);
    for (uint32_t piece = 0; piece < 2; piece++) {
        struct buffer *large = buffer_take(&bench->memory.large, FOR_RECEIVE);
        for (uint32_t i = 0; i < 30000; i++)
            large->data[i] = (uint8_t)((piece * 30000 + i) * 7);
        packet_add_fragment(packet, large, 0, 30000);
    }
    packet->ip.source = SENDER;
    packet->ip.destination = bench->local;
    struct burst burst = {.count = 1, .packets = {packet}};
    udp_receive(&bench->udp, &burst, 0);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    assert_int_equal(bench->told[0].length, 60000);
    for (uint32_t i = 0; i < 60000; i++)
        assert_int_equal(bench->last[i], (uint8_t)(i * 7));
}

/* ---- Errors from the network ---- */

static struct ip_error error_about(const uint8_t *quoted, enum ip_error_kind kind)
{
    struct ip_error error = {.kind = kind,
                             .told = CHASKI_REFUSED,
                             .source = bench->local,
                             .destination = SENDER,
                             .quoted = quoted,
                             .quoted_length = 8};
    return error;
}

static const uint8_t quoted[] = {0x00, 0x07, 0x04, 0xd2, 0x00, 0x0d, 0x33, 0x25};

/* RFC 1122 MUST-41 */
static void an_error_is_told_once(void **state)
{
    (void)state;
    chaski_udp socket = connected_to(SENDER, 1234);
    struct ip_error error = error_about(quoted, IP_ERROR_PORT_UNREACHABLE);
    uint8_t bytes[8];
    assert_true(udp_error(&bench->udp, &error, 0));
    assert_int_equal(udp_send(&bench->udp, socket, NULL, "x", 1, 0), CHASKI_REFUSED);
    assert_int_equal(udp_send(&bench->udp, socket, NULL, "x", 1, 0), 0);
    error.kind = IP_ERROR_HOST_UNREACHABLE;
    error.told = CHASKI_UNREACHABLE;
    assert_true(udp_error(&bench->udp, &error, 0));
    assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, 8), CHASKI_UNREACHABLE);
    assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, 8), CHASKI_AGAIN);
    error.kind = IP_ERROR_TOO_BIG;
    assert_false(udp_error(&bench->udp, &error, 0)); /* it may be cut */
    udp_set(&bench->udp, socket, CHASKI_UDP_DONT_FRAGMENT, 1);
    assert_true(udp_error(&bench->udp, &error, 0));
    assert_int_equal(udp_send(&bench->udp, socket, NULL, "x", 1, 0), 0);
}

static void an_error_ends_with_its_socket(void **state)
{
    (void)state;
    chaski_udp socket = connected_to(SENDER, 1234);
    struct ip_error error = error_about(quoted, IP_ERROR_PORT_UNREACHABLE);
    assert_true(udp_error(&bench->udp, &error, 0));
    udp_close(&bench->udp, socket, 0);
    socket = connected_to(SENDER, 1234);
    assert_int_equal(udp_send(&bench->udp, socket, NULL, "x", 1, 0), 0);
}

static void errors_about_nothing_of_ours_are_not_believed(void **state)
{
    (void)state;
    static const uint8_t strange[] = {0x00, 0x08, 0x04, 0xd2, 0x00, 0x0d, 0x33, 0x25};
    chaski_udp socket = connected_to(SENDER, 1234);
    struct ip_error error = error_about(strange, IP_ERROR_PORT_UNREACHABLE);
    assert_false(udp_error(&bench->udp, &error, 0));
    error = error_about(quoted, IP_ERROR_PORT_UNREACHABLE);
    error.destination = chaski_ip4(192, 0, 2, 3);
    assert_false(udp_error(&bench->udp, &error, 0));
    error = error_about(quoted, IP_ERROR_PORT_UNREACHABLE);
    error.source = chaski_ip4(192, 0, 2, 9);
    assert_false(udp_error(&bench->udp, &error, 0));
    assert_int_equal(udp_send(&bench->udp, socket, NULL, "x", 1, 0), 0);
}

static void unconnected_sockets_own_their_flows_but_hear_of_no_error(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 1234};
    struct ip_error error = error_about(quoted, IP_ERROR_PORT_UNREACHABLE);
    assert_true(udp_error(&bench->udp, &error, 0));
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), 0);
}

/* ---- Sockets ---- */

/* Both have to say that they share, or both that they yield. */
static void an_end_is_shared_by_who_both_say_so(void **state)
{
    (void)state;
    chaski_udp socket;
    struct chaski_udp_bind says_nothing = binding(any, 7), shares = says_nothing;
    struct chaski_udp_bind yields = says_nothing;
    shares.shared = true;
    yields.yields = true;
    bound(&shares);
    assert_int_equal(udp_bind(&bench->udp, &says_nothing, &socket), CHASKI_IN_USE);
    assert_int_equal(udp_bind(&bench->udp, &yields, &socket), CHASKI_IN_USE);
    assert_int_equal(udp_bind(&bench->udp, &shares, &socket), 0);
    shares.local.port = yields.local.port = 8;
    bound(&yields);
    assert_int_equal(udp_bind(&bench->udp, &shares, &socket), CHASKI_IN_USE);
    assert_int_equal(udp_bind(&bench->udp, &yields, &socket), 0);
    says_nothing.local.port = shares.local.port = 9;
    bound(&says_nothing);
    assert_int_equal(udp_bind(&bench->udp, &shares, &socket), CHASKI_IN_USE);
}

static void a_socket_that_moves_is_found_where_it_went(void **state)
{
    (void)state;
    static const struct chaski_endpoint nobody;
    struct chaski_endpoint here = {.port = 7}, there = {.address = SENDER, .port = 1234};
    struct chaski_endpoint local;
    struct chaski_udp_bind bind = binding(any, 7);
    chaski_udp socket = bound(&bind);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(udp_move(&bench->udp, socket, &here, &there), 0);
        assert_int_equal(bench->udp.connected, 1);
        assert_int_equal(udp_local(&bench->udp, socket, &local), 0);
        assert_non_null(udp_lookup(&bench->udp, &local, &there));
        there.port++;
        assert_null(udp_lookup(&bench->udp, &local, &there));
    }
    assert_int_equal(udp_move(&bench->udp, socket, &here, &nobody), 0);
    assert_int_equal(bench->udp.connected, 0);
    assert_non_null(udp_lookup(&bench->udp, &local, &there));
}

static void what_is_taken_cannot_be_bound_again(void **state)
{
    (void)state;
    chaski_udp socket;
    struct chaski_udp_bind bind = binding(any, 7);
    bound(&bind);
    assert_int_equal(udp_bind(&bench->udp, &bind, &socket), CHASKI_IN_USE);
    bind.local.address = chaski_ip4(192, 0, 2, 77);
    assert_int_equal(udp_bind(&bench->udp, &bind, &socket), CHASKI_BAD_ADDRESS);
    connected_to(SENDER, 1234);
    bind = binding(any, 7);
    bind.remote = (struct chaski_endpoint){.address = SENDER, .port = 1234};
    assert_int_equal(udp_bind(&bench->udp, &bind, &socket), CHASKI_IN_USE);
    bind.remote.address = any;
    assert_int_equal(udp_bind(&bench->udp, &bind, &socket), CHASKI_INVALID);
    bind.remote.address = chaski_ip4(192, 0, 2, 3);
    bench->path_error = CHASKI_NO_ROUTE;
    assert_int_equal(udp_bind(&bench->udp, &bind, &socket), CHASKI_NO_ROUTE);
    bench->path_error = 0;
    bench->udp.network[FAMILY_IP4].path = NULL;
    assert_int_equal(udp_bind(&bench->udp, &bind, &socket), CHASKI_NO_ROUTE);
    assert_int_equal(bench->udp.connected, 1);
}

static void handles_go_stale(void **state)
{
    (void)state;
    chaski_udp zero = {0, 0};
    struct chaski_endpoint remote = {.address = SENDER, .port = 9};
    assert_int_equal(udp_close(&bench->udp, zero, 0), CHASKI_STALE);
    chaski_udp socket = bound_to(any, 7);
    assert_int_equal(udp_close(&bench->udp, socket, 0), 0);
    chaski_udp next = bound_to(any, 7);
    assert_int_equal(next.index, socket.index);
    assert_int_equal(udp_close(&bench->udp, socket, 0), CHASKI_STALE);
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), CHASKI_STALE);
    assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, NULL, 0), CHASKI_STALE);
    assert_int_equal(udp_set(&bench->udp, socket, CHASKI_UDP_TTL, 1), CHASKI_STALE);
    chaski_udp beyond = {SOCKETS, 1};
    assert_int_equal(udp_close(&bench->udp, beyond, 0), CHASKI_STALE);
}

/* RFC 6056 SHLD-2 */
static void ports_are_drawn_at_random(void **state)
{
    (void)state;
    static uint8_t seen[65536];
    uint32_t steps = 0;
    uint16_t previous = 0;
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < SOCKETS; i++) {
        chaski_udp socket = bound_to(any, 0);
        uint16_t port = bench->udp.sockets[socket.index].local.port;
        assert_in_range(port, 1024, 65535);
        assert_int_equal(seen[port]++, 0);
        steps += port == previous + 1;
        previous = port;
    }
    assert_in_range(steps, 0, 4); /* not in order */
    chaski_udp socket;
    struct chaski_udp_bind bind = binding(any, 0);
    assert_int_equal(udp_bind(&bench->udp, &bind, &socket), CHASKI_NO_MEMORY);
}

/* A port that is drawn hears no other socket's datagrams. */
/* RFC 6056 SHLD-3 */
static void ports_for_one_peer_differ(void **state)
{
    (void)state;
    static uint8_t seen[65536];
    struct chaski_udp_bind bind = binding(any, 0);
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < SOCKETS; i++) {
        bind.remote.port = i % 2 == 0 ? 1234 : 0;
        bind.remote.address = SENDER;
        chaski_udp socket = bound(&bind);
        seen[bench->udp.sockets[socket.index].local.port]++;
    }
    for (uint32_t port = 0; port < 65536; port++)
        assert_in_range(seen[port], 0, port < 1024 ? 0 : 1);
}

/* The port drawn is taken already: the next one is. Drawing is repeated by turning its counter
 * back. */
/* RFC 6056 SHLD-4 */
static void a_port_that_is_taken_is_passed_over(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 0);
    uint16_t ports[4];
    for (uint32_t i = 0; i < 4; i++) {
        bench->udp.ports_drawn = 0;
        if (i == 2)
            bind.remote = (struct chaski_endpoint){.address = SENDER, .port = 1234};
        chaski_udp socket = bound(&bind);
        ports[i] = bench->udp.sockets[socket.index].local.port;
        assert_int_equal(ports[i], i == 0 ? ports[0] : (uint16_t)(ports[i - 1] + 1));
    }
    bind.remote.address = chaski_ip4(192, 0, 2, 3); /* to another peer it is free */
    bench->udp.ports_drawn = 0;
    chaski_udp socket = bound(&bind);
    assert_int_equal(bench->udp.sockets[socket.index].local.port, ports[1] + 1);
}

/* Neither many ports nor many peers of one port make a long chain. */
static void sockets_spread_over_the_table(void **state)
{
    (void)state;
    uint32_t longest = 0;
    for (uint32_t i = 0; i < SOCKETS; i++) {
        if (i % 3 == 0)
            bound_to(any, (uint16_t)(1000 + i));
        else if (i % 3 == 1)
            connected_to(chaski_ip4(198, 51, (uint8_t)(i >> 8), (uint8_t)i), 1234);
        else
            connected_to(SENDER, (uint16_t)(2000 + i));
    }
    for (uint32_t i = 0; i <= bench->udp.chain_mask; i++) {
        uint32_t length = 0;
        for (struct udp_socket *s = bench->udp.chains[i]; s != NULL; s = s->chain)
            length++;
        longest = length > longest ? length : longest;
    }
    assert_in_range(longest, 1, one_chain ? SOCKETS : 8);
}

static void a_new_socket_knows_nothing_of_the_old_one(void **state)
{
    (void)state;
    struct chaski_endpoint remote = {.address = SENDER, .port = 9};
    for (int i = 0; i < 3; i++) {
        chaski_udp sockets[SOCKETS];
        for (uint32_t k = 0; k < SOCKETS; k++)
            sockets[k] = bound_to(any, (uint16_t)(1 + k));
        bench->path.broadcast = bench->path.multicast = false;
        assert_int_equal(udp_send(&bench->udp, sockets[0], &remote, "x", 1, 0), 0);
        udp_flush(&bench->udp, 0);
        const struct packet_ip *ip = &bench->sent[bench->sent_count - 1].ip;
        assert_int_equal(ip->ttl, 0);
        assert_int_equal(ip->traffic_class, 0);
        assert_false(ip->dont_fragment);
        assert_false(ip->no_loop);
        bench->path.broadcast = true;
        assert_int_equal(udp_send(&bench->udp, sockets[0], &remote, "x", 1, 0),
                         CHASKI_NOT_PERMITTED);
        for (uint32_t k = 0; k < SOCKETS; k++) {
            udp_set(&bench->udp, sockets[k], CHASKI_UDP_BROADCAST, 1);
            udp_set(&bench->udp, sockets[k], CHASKI_UDP_TTL, 9);
            udp_set(&bench->udp, sockets[k], CHASKI_UDP_TOS, 9);
            udp_set(&bench->udp, sockets[k], CHASKI_UDP_DONT_FRAGMENT, 1);
            udp_set(&bench->udp, sockets[k], CHASKI_UDP_MULTICAST_LOOP, 0);
            assert_int_equal(udp_close(&bench->udp, sockets[k], 0), 0);
        }
    }
}

static void options_are_checked(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    assert_int_equal(udp_set(&bench->udp, socket, CHASKI_UDP_TTL, 256), CHASKI_INVALID);
    assert_int_equal(udp_set(&bench->udp, socket, CHASKI_UDP_TTL, -1), CHASKI_INVALID);
    assert_int_equal(udp_set(&bench->udp, socket, CHASKI_UDP_BROADCAST, 2), CHASKI_INVALID);
    assert_int_equal(udp_set(&bench->udp, socket, CHASKI_UDP_MULTICAST_TTL, 0), CHASKI_INVALID);
    assert_int_equal(udp_set(&bench->udp, socket, CHASKI_UDP_OPTION_COUNT, 1), CHASKI_INVALID);
    assert_int_equal(udp_set(&bench->udp, socket, CHASKI_UDP_TTL, 255), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_closure_may_close_its_own_socket),
        CASE(a_closure_may_close_another_socket_that_waits),
        CASE(one_call_tells_a_limited_number_and_everybody_has_a_turn),
        CASE(closures_see_one_piece),
        CASE(an_error_is_told_once),
        CASE(an_error_ends_with_its_socket),
        CASE(errors_about_nothing_of_ours_are_not_believed),
        CASE(unconnected_sockets_own_their_flows_but_hear_of_no_error),
        CASE(what_is_taken_cannot_be_bound_again),
        CASE(a_socket_that_moves_is_found_where_it_went),
        CASE(an_end_is_shared_by_who_both_say_so),
        CASE(handles_go_stale),
        CASE(ports_are_drawn_at_random),
        CASE(ports_for_one_peer_differ),
        CASE(a_port_that_is_taken_is_passed_over),
        CASE(sockets_spread_over_the_table),
        CASE(a_new_socket_knows_nothing_of_the_old_one),
        CASE(options_are_checked),
    };
    int failed = cmocka_run_group_tests_name("spread over chains", tests, NULL, NULL);
    one_chain = true;
    return failed + cmocka_run_group_tests_name("all in one chain", tests, NULL, NULL);
}
