/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors from somebody who cannot see the connection: row 22 of docs/attacks.md. */
#include "tests/unit/attack/attack_tcp_blind.h"

/* ---- 22: ICMP ---- */

enum { UNREACHABLE = 3, TIME_EXCEEDED = 11, TOO_BIG = 4 };

/* An error from a router, 192.0.2.2 as well, that quotes a packet of the host's to the peer: of so
 * many bytes, and with such a transport header. */
static void inject_quote(struct peer *peer, uint8_t type, uint8_t code, uint16_t mtu,
                         uint16_t total, uint8_t protocol, const uint8_t transport[8])
{
    uint8_t packet[56] = {0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 2, 192, 0, 2, 1};
    uint8_t quoted[20] = {0x45, 0, 0,   0, 0, 0, 0x40, 0, 60, protocol,
                          0,    0, 192, 0, 2, 1, 192,  0, 2,  2};
    packet[20] = type;
    packet[21] = code;
    store_be16(packet + 26, mtu);
    store_be16(quoted + 2, total);
    memcpy(packet + 28, quoted, 20);
    memcpy(packet + 48, transport, 8);
    ip4_make_right(packet + 28, 20);
    world_inject_ip4(&peer->world, 0, packet, sizeof packet);
}

/* The same, about a segment of the connection's with the sequence number. */
static void inject_error(struct peer *peer, uint8_t type, uint8_t code, uint16_t mtu,
                         uint32_t sequence, uint16_t total)
{
    uint8_t transport[8];
    store_be16(transport, peer->host_port);
    store_be16(transport + 2, peer->port);
    store_be32(transport + 4, sequence);
    inject_quote(peer, type, code, mtu, total, 6, transport);
}

/* A flight of ten segments, none acknowledged. */
static void make_flight(struct peer *peer)
{
    peer_make(peer, NULL);
    peer_opens(peer);
    assert_int_equal(peer_host_writes(peer, 10 * PEER_MSS), 10 * PEER_MSS);
    world_settle(&peer->world);
}

/* RFC 1122 MUST-21; RFC 5927 SHLD-2 */
static void row_22_unreachable_is_a_soft_error(void **state)
{
    (void)state;
    struct peer peer;
    make_flight(&peer);
    struct cost before = cost_now(&peer);
    for (uint8_t code = 0; code < 16; code++) {
        if (code != TOO_BIG)
            inject_error(&peer, UNREACHABLE, code, 0, peer.expected, 1500);
    }
    inject_error(&peer, TIME_EXCEEDED, 0, 0, peer.expected, 1500);
    assert_cost_nothing(&peer, &before);
    assert_int_equal(state_of(&peer), CHASKI_TCP_ESTABLISHED);
    assert_false(peer.events & CHASKI_ENDED);
    assert_int_equal(peer_hears_all(&peer), 10 * PEER_MSS);
    peer_acknowledges(&peer);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), 0);
    assert_int_equal(peer_host_writes(&peer, 100), 100);
    assert_int_equal(peer_hears_all(&peer), 100);
    peer_free(&peer);
}

/* RFC 5927 SHLD-1; RFC 8899 MUST-3 */
static void row_22_quoted_number_outside_of_the_flight_is_ignored(void **state)
{
    (void)state;
    struct peer peer;
    make_flight(&peer);
    uint32_t una = peer.expected, nxt = una + 10 * PEER_MSS;
    const uint32_t numbers[] = {una - 1, nxt, una + 0x80000000u, 0};
    struct cost before = cost_now(&peer);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        inject_error(&peer, UNREACHABLE, TOO_BIG, 1000, numbers[i], 1500);
        inject_error(&peer, UNREACHABLE, 3, 0, numbers[i], 1500);
    }
    assert_cost_nothing(&peer, &before);
    assert_int_equal(counted(&peer, CHASKI_TCP_ICMP_IGNORED), 8);
    assert_int_equal(counted(&peer, CHASKI_DROP_ICMP4_UNBELIEVED), 8);
    assert_int_equal(peer_info(&peer).tcpi_snd_mss, PEER_MSS);
    assert_int_equal(peer_info(&peer).tcpi_pmtu, 1500);
    peer_free(&peer);
}

/* RFC 5927 SHLD-3 */
static void row_22_refusal_while_opening_must_quote_the_syn(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    uint32_t iss = peer_host_connects(&peer).sequence;
    inject_error(&peer, UNREACHABLE, 3, 0, iss - 1, 60);
    inject_error(&peer, UNREACHABLE, 3, 0, iss + 1, 60);
    assert_int_equal(state_of(&peer), CHASKI_TCP_SYN_SENT);
    inject_error(&peer, UNREACHABLE, 3, 0, iss, 60);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_REFUSED);
    peer_free(&peer);
}

/* Whatever is claimed, segments stay of a useful size: IPv4 as low as 552, RFC 1191's minimum of
 * 68 by fragments. */
/* RFC 5927 SHLD-6 */
static void row_22_packet_too_big_is_clamped(void **state)
{
    (void)state;
    static const uint16_t claims[] = {1, 67, 68, 296, 551};
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        struct peer peer;
        make_flight(&peer);
        struct cost before = cost_now(&peer);
        inject_error(&peer, UNREACHABLE, TOO_BIG, claims[i], peer.expected, 1500);
        assert_int_equal(peer_info(&peer).tcpi_snd_mss, 552 - 40);
        assert_in_range(cost_now(&peer).records, before.records, 3 * before.records + 1);
        assert_int_equal(cost_now(&peer).large, before.large);
        peer_runs(&peer, 10 * WORLD_SECOND);
        assert_true(peer_info(&peer).tcpi_state == CHASKI_TCP_ESTABLISHED);
        assert_true(world_sent(&peer.world, 0) < 100);
        peer_free(&peer);
    }
}

static void ignore_pong(void *context, struct chaski *host, const struct chaski_address *from,
                        uint16_t sequence, uint8_t ttl, const void *bytes, size_t length, int error)
{
    (void)context, (void)host, (void)from, (void)sequence, (void)ttl;
    (void)bytes, (void)length, (void)error;
}

static chaski_udp bind_53(struct peer *peer)
{
    struct chaski_udp_bind bind = {.local.port = 53};
    chaski_udp socket;
    assert_int_equal(chaski_udp_bind(peer->host, &bind, &socket), 0);
    return socket;
}

/* A thousand bytes go in one segment and in one piece that may not be cut. */
static void assert_path_is_wide(struct peer *peer)
{
    peer_hears_all(peer);
    peer_acknowledges(peer);
    assert_int_equal(peer_host_writes(peer, 1000), 1000);
    const uint8_t *ip = world_last(&peer->world, 0, 0)->bytes + 14;
    assert_int_equal(load_be16(ip + 2), 1040);
    assert_int_equal(load_be16(ip + 6), 0x4000);
}

/* Datagrams and pings that routers may cut are quoted: whoever knows a port would have narrowed
 * the path of all datagrams to that peer that are not to be cut. */
static void row_22_what_may_be_cut_is_never_too_big(void **state)
{
    (void)state;
    static const uint8_t datagram[] = {0, 53, 0x10, 0xe1, 5, 0xc8, 0, 0},
                         ping[] = {8, 0, 0, 0, 0, 77};
    static const uint16_t claims[] = {300, 600};
    for (unsigned i = 0; i < 4; i++) {
        struct peer peer;
        uint8_t transport[8] = {0};
        memcpy(transport, i % 2 == 0 ? datagram : ping, i % 2 == 0 ? sizeof datagram : sizeof ping);
        make_flight(&peer);
        bind_53(&peer);
        assert_int_equal(chaski_ping_on(peer.host, 77, ignore_pong, NULL), 0);
        inject_quote(&peer, UNREACHABLE, TOO_BIG, claims[i / 2], 1500, i % 2 == 0 ? 17 : 1,
                     transport);
        assert_int_equal(chaski_counter_value(peer.host, CHASKI_IP4_PATH_LOWERED), 0);
        assert_path_is_wide(&peer);
        peer_free(&peer);
    }
}

/* Whoever knows the port of a socket that sends to anybody, and wants its datagrams whole, narrows
 * the path of datagrams, and no connection's. */
static void row_22_too_big_about_a_datagram_narrows_no_segments(void **state)
{
    (void)state;
    static const uint8_t datagram[] = {0, 53, 0x10, 0xe1, 5, 0xc8, 0, 0};
    static const uint16_t claims[] = {300, 600};
    for (unsigned i = 0; i < 2; i++) {
        struct peer peer;
        uint8_t bytes[1000] = {0};
        make_flight(&peer);
        chaski_udp socket = bind_53(&peer);
        assert_int_equal(chaski_udp_set(peer.host, socket, CHASKI_UDP_DONT_FRAGMENT, 1), 0);
        inject_quote(&peer, UNREACHABLE, TOO_BIG, claims[i], 1500, 17, datagram);
        assert_int_equal(chaski_counter_value(peer.host, CHASKI_IP4_PATH_LOWERED), 1);
        struct chaski_endpoint to = {address_from_ip4(0xc0000202), 4321, 0};
        assert_int_equal(chaski_udp_send(peer.host, socket, &to, bytes, sizeof bytes),
                         CHASKI_TOO_BIG);
        assert_path_is_wide(&peer);
        peer_free(&peer);
    }
}

/* RFC 1191 MUST-3; RFC 5927 SHLD-6; RFC 8899 MUST-3 */
static void row_22_packet_too_big_only_lowers(void **state)
{
    (void)state;
    struct peer peer;
    make_flight(&peer);
    inject_error(&peer, UNREACHABLE, TOO_BIG, 1000, peer.expected, 1500);
    assert_int_equal(peer_info(&peer).tcpi_snd_mss, 960);
    static const uint16_t claims[] = {1000, 1001, 1500, 9000, 65535};
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        struct cost before = cost_now(&peer);
        inject_error(&peer, UNREACHABLE, TOO_BIG, claims[i], peer.expected, 1500);
        assert_int_equal(peer_info(&peer).tcpi_snd_mss, 960);
        assert_cost_nothing(&peer, &before);
    }
    peer_free(&peer);
}

/* A segment size that the application fixed below the path's is not raised by a claim either. */
static void row_22_packet_too_big_does_not_raise_what_the_peer_wants(void **state)
{
    (void)state;
    static const uint8_t small[] = {2, 4, 600 >> 8, 600 & 0xff};
    struct peer peer;
    peer_make(&peer, NULL);
    peer.syn_options = small;
    peer.syn_options_length = sizeof small;
    peer_opens(&peer);
    peer_host_writes(&peer, 6000);
    struct cost before = cost_now(&peer);
    inject_error(&peer, UNREACHABLE, TOO_BIG, 1400, peer.expected, 640);
    assert_int_equal(peer_info(&peer).tcpi_snd_mss, 600);
    assert_cost_nothing(&peer, &before);
    peer_free(&peer);
}

/* RFC 5927, 7.2: what full segments got through yesterday is not too big today, unless the flight
 * stands still. */
/* RFC 5927 SHLD-5 */
static void row_22_packet_too_big_is_checked_against_progress(void **state)
{
    (void)state;
    struct peer peer;
    make_flight(&peer);
    peer_hears_all(&peer);
    peer_acknowledges(&peer); /* full segments get through */
    assert_int_equal(peer_host_writes(&peer, 10 * PEER_MSS), 10 * PEER_MSS);
    uint32_t una = peer.expected;
    struct cost before = cost_now(&peer);
    inject_error(&peer, UNREACHABLE, TOO_BIG, 600, una, 1500);
    assert_int_equal(peer_info(&peer).tcpi_snd_mss, PEER_MSS);
    assert_int_equal(peer_info(&peer).tcpi_pmtu, 1500);
    assert_cost_nothing(&peer, &before);
    /* The path did narrow: nothing is acknowledged, the time-out comes, the error comes again. */
    peer_runs(&peer, WORLD_SECOND);
    assert_true(peer_info(&peer).tcpi_backoff > 0);
    inject_error(&peer, UNREACHABLE, TOO_BIG, 600, una, 1500);
    assert_int_equal(peer_info(&peer).tcpi_snd_mss, 560);
    assert_int_equal(peer_info(&peer).tcpi_pmtu, 600);
    peer_free(&peer);
}

/* RFC 5927 SHLD-4 */
static void row_22_source_quench_and_redirects_are_ignored(void **state)
{
    (void)state;
    struct peer peer;
    make_flight(&peer);
    struct cost before = cost_now(&peer);
    inject_error(&peer, 4, 0, 0, peer.expected, 1500);
    inject_error(&peer, 5, 0, 0, peer.expected, 1500);
    assert_cost_nothing(&peer, &before);
    assert_int_equal(peer_info(&peer).tcpi_snd_cwnd, 10);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_22_unreachable_is_a_soft_error),
        cmocka_unit_test(row_22_quoted_number_outside_of_the_flight_is_ignored),
        cmocka_unit_test(row_22_refusal_while_opening_must_quote_the_syn),
        cmocka_unit_test(row_22_packet_too_big_is_clamped),
        cmocka_unit_test(row_22_what_may_be_cut_is_never_too_big),
        cmocka_unit_test(row_22_too_big_about_a_datagram_narrows_no_segments),
        cmocka_unit_test(row_22_packet_too_big_only_lowers),
        cmocka_unit_test(row_22_packet_too_big_does_not_raise_what_the_peer_wants),
        cmocka_unit_test(row_22_packet_too_big_is_checked_against_progress),
        cmocka_unit_test(row_22_source_quench_and_redirects_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
