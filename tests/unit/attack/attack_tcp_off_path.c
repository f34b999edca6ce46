// SPDX-License-Identifier: BSD-2-Clause
/* Segments and errors from somebody who cannot see the connection: rows 18 to 28 of
 * docs/attacks.md. */
#include "tests/unit/attack/attack.h"

static const uint8_t with_timestamp[] = {2,
                                         4,
                                         PEER_MSS >> 8,
                                         PEER_MSS & 0xff,
                                         1,
                                         1,
                                         8,
                                         10,
                                         0,
                                         0,
                                         3,
                                         232, /* 1000 */
                                         0,
                                         0,
                                         0,
                                         0};

static uint32_t window_of(const struct peer *peer)
{
    return peer_info(peer).tcpi_rcv_wnd;
}

static uint8_t state_of(const struct peer *peer)
{
    return peer_info(peer).tcpi_state;
}

static void advance(struct peer *peer, uint64_t ms)
{
    peer_runs(peer, ms * WORLD_MILLISECOND);
    peer_hears_all(peer);
}

/* ---- 18: resets ---- */

static void inject_reset(struct peer *peer, uint32_t offset)
{
    struct segment reset = peer_segment(peer, SEGMENT_RST);
    reset.sequence += offset;
    peer_injects(peer, &reset);
}

/* RFC 5961 MUST-1 */
static void row_18_reset_that_is_next_resets(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_hears_all(&peer);
    inject_reset(&peer, 0);
    peer_expects_nothing(&peer);
    assert_true(peer.events & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_RESET);
    peer_free(&peer);
}

/* RFC 5961 MUST-2 */
static void row_18_reset_elsewhere_in_the_window_is_challenged(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_hears_all(&peer);
    const uint32_t offsets[] = {1, 1000, window_of(&peer) - 1};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        inject_reset(&peer, offsets[i]);
        struct segment ack = peer_expects(&peer, SEGMENT_ACK);
        assert_int_equal(ack.acknowledgment, peer.next);
        assert_int_equal(ack.sequence, peer.expected);
        advance(&peer, 501);
    }
    assert_int_equal(state_of(&peer), CHASKI_TCP_ESTABLISHED);
    assert_int_equal(counted(&peer, CHASKI_TCP_CHALLENGE_ACKS), 3);
    /* Whoever really sent the reset repeats it at the number that the challenge says. */
    inject_reset(&peer, 0);
    assert_true(peer.events & CHASKI_ENDED);
    peer_free(&peer);
}

/* RFC 5961 MUST-3 */
static void row_18_reset_outside_of_the_window_is_dropped(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_hears_all(&peer);
    const uint32_t offsets[] = {UINT32_MAX, 0x80000000u, window_of(&peer), 0x7fffffff, 0xffff0000};
    struct cost before = cost_now(&peer);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
        inject_reset(&peer, offsets[i]);
    assert_cost_nothing(&peer, &before);
    assert_int_equal(state_of(&peer), CHASKI_TCP_ESTABLISHED);
    peer_free(&peer);
}

/* A burst of guesses over the whole sequence space costs two answers a second at most. */
/* RFC 5961 SHLD-1 */
static void row_18_guessing_resets_costs_little(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_hears_all(&peer);
    struct cost before = cost_now(&peer);
    for (uint32_t i = 1; i < 10000; i++)
        inject_reset(&peer, i * 6);
    assert_int_equal(cost_now(&peer).frames - before.frames, 1);
    assert_int_equal(state_of(&peer), CHASKI_TCP_ESTABLISHED);
    assert_kept_nothing(&peer, &before);
    peer_free(&peer);
}

static void row_18_reset_of_a_half_open_connection(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    peer_says(&peer, SEGMENT_SYN, 0);
    peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK);
    inject_reset(&peer, 1000);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
    inject_reset(&peer, 0x80000000u);
    peer_expects_nothing(&peer);
    assert_int_equal(cost_now(&peer).half_open, 1);
    inject_reset(&peer, 0);
    peer_expects_nothing(&peer);
    assert_int_equal(cost_now(&peer).half_open, 0);
    peer_free(&peer);
}

/* ---- 19: SYNs ---- */

/* RFC 5961 MUST-4 */
static void row_19_syn_in_a_connection_is_challenged(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_hears_all(&peer);
    static const uint32_t offsets[] = {0, 1, 1000, 0x80000000u, UINT32_MAX};
    struct cost before = cost_now(&peer);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        struct segment syn = peer_segment(&peer, i % 2 ? SEGMENT_SYN | SEGMENT_ACK : SEGMENT_SYN);
        syn.sequence += offsets[i];
        peer_injects(&peer, &syn);
        peer_injects(&peer, &syn); /* at most one answer in half a second */
        assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
        peer_expects_nothing(&peer);
        advance(&peer, 501);
    }
    assert_int_equal(state_of(&peer), CHASKI_TCP_ESTABLISHED);
    assert_kept_nothing(&peer, &before);
    peer_free(&peer);
}

/* ---- 20: acknowledgements ---- */

/* RFC 5961 MUST-5 */
static void row_20_acknowledgement_far_from_the_flight(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_writes(&peer, 1000);
    peer_hears_all(&peer);
    peer_acknowledges(&peer);
    peer_host_writes(&peer, 1000);
    uint32_t una = peer.expected, nxt = una + 1000;
    peer_hears_all(&peer);
    const uint32_t numbers[] = {nxt + 1, nxt + 0x7fffffff, una - 65536, una - 0x7fffffff};
    struct cost before = cost_now(&peer);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct segment segment = peer_segment(&peer, SEGMENT_ACK);
        segment.acknowledgment = numbers[i];
        segment.window = 1; /* must not be believed either */
        peer_injects(&peer, &segment);
        assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
        assert_int_equal(peer_info(&peer).tcpi_snd_wnd, 65535);
        advance(&peer, 501);
    }
    assert_kept_nothing(&peer, &before);
    peer_free(&peer);
}

/* Text in such a segment is forged as well (RFC 5961, 5.2). */
/* RFC 5961 MUST-5 */
static void row_20_text_with_such_an_acknowledgement_is_dropped(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_hears_all(&peer);
    static const uint32_t offsets[] = {1, 0x7fffffff, (uint32_t)-65537, 0x80000000u};
    struct cost before = cost_now(&peer);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        struct segment segment = peer_segment(&peer, SEGMENT_ACK);
        segment.acknowledgment += offsets[i];
        segment.payload_length = 100;
        peer_injects(&peer, &segment);
        assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
        assert_int_equal(peer_host_reads(&peer, 100), CHASKI_AGAIN);
        advance(&peer, 501);
    }
    assert_kept_nothing(&peer, &before);
    peer_free(&peer);
}

/* ---- 21: no shared limit ---- */

/* One connection is provoked a thousand times; another one answers as if nothing had been. */
/* RFC 5961 SHLD-2 */
static void row_21_challenges_on_one_connection_say_nothing_about_another(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_hears_all(&peer);
    struct segment syn = stray(&peer, 6000, SEGMENT_SYN);
    peer_injects(&peer, &syn);
    struct segment ack = stray(&peer, 6000, SEGMENT_ACK);
    ack.sequence++;
    ack.acknowledgment = world_last_segment(&peer.world, 0, 0).sequence + 1;
    peer_injects(&peer, &ack);
    assert_int_equal(cost_now(&peer).connections, 2);
    for (uint32_t i = 1; i <= 1000; i++) {
        struct segment reset = ack;
        reset.flags = SEGMENT_RST;
        reset.sequence += i;
        peer_injects(&peer, &reset);
    }
    peer_hears_all(&peer);
    for (int i = 0; i < 3; i++) {
        inject_reset(&peer, 1);
        assert_int_equal(peer_expects(&peer, SEGMENT_ACK).destination_port, PEER_PORT);
        advance(&peer, 501);
    }
    peer_free(&peer);
}

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
        chaski_udp socket;
        struct chaski_udp_bind bind = {.local.port = 53};
        uint8_t transport[8] = {0};
        memcpy(transport, i % 2 == 0 ? datagram : ping, i % 2 == 0 ? sizeof datagram : sizeof ping);
        make_flight(&peer);
        assert_int_equal(chaski_udp_bind(peer.host, &bind, &socket), 0);
        assert_int_equal(chaski_ping_on(peer.host, 77, ignore_pong, NULL), 0);
        inject_quote(&peer, UNREACHABLE, TOO_BIG, claims[i / 2], 1500, i % 2 == 0 ? 17 : 1,
                     transport);
        assert_int_equal(chaski_counter_value(peer.host, CHASKI_IP4_PATH_LOWERED), 0);
        peer_hears_all(&peer);
        peer_acknowledges(&peer);
        assert_int_equal(peer_host_writes(&peer, 1000), 1000);
        const uint8_t *ip = world_last(&peer.world, 0, 0)->bytes + 14;
        assert_int_equal(load_be16(ip + 2), 1040);
        assert_int_equal(load_be16(ip + 6), 0x4000); /* in one piece that may not be cut */
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
        chaski_udp socket;
        struct chaski_udp_bind bind = {.local.port = 53};
        uint8_t bytes[1000] = {0};
        make_flight(&peer);
        assert_int_equal(chaski_udp_bind(peer.host, &bind, &socket), 0);
        assert_int_equal(chaski_udp_set(peer.host, socket, CHASKI_UDP_DONT_FRAGMENT, 1), 0);
        inject_quote(&peer, UNREACHABLE, TOO_BIG, claims[i], 1500, 17, datagram);
        assert_int_equal(chaski_counter_value(peer.host, CHASKI_IP4_PATH_LOWERED), 1);
        struct chaski_endpoint to = {address_from_ip4(0xc0000202), 4321, 0};
        assert_int_equal(chaski_udp_send(peer.host, socket, &to, bytes, sizeof bytes),
                         CHASKI_TOO_BIG);
        peer_hears_all(&peer);
        peer_acknowledges(&peer);
        assert_int_equal(peer_host_writes(&peer, 1000), 1000);
        const uint8_t *ip = world_last(&peer.world, 0, 0)->bytes + 14;
        assert_int_equal(load_be16(ip + 2), 1040);
        assert_int_equal(load_be16(ip + 6), 0x4000); /* in one piece that may not be cut */
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

/* ---- 23 to 25: numbers that nobody can guess ---- */

/* What the host answers to a SYN from `port`; the half-open entry is gone afterwards. */
static struct segment answer_to_syn(struct peer *peer, uint16_t port)
{
    struct segment syn = stray(peer, port, SEGMENT_SYN);
    syn.options = with_timestamp;
    syn.options_length = sizeof with_timestamp;
    peer_injects(peer, &syn);
    struct segment answer = world_last_segment(&peer->world, 0, 0);
    assert_int_equal(answer.destination_port, port);
    struct segment reset = stray(peer, port, SEGMENT_RST);
    reset.sequence++;
    peer_injects(peer, &reset);
    return answer;
}

static void forget_frames(struct peer *peer)
{
    world_forget(&peer->world);
    peer->heard = peer->answered = peer->world.frame_count;
}

/* How often each bit of a number is set. */
struct bits {
    uint32_t set[32], numbers;
};

static void add_bits(struct bits *bits, uint32_t number)
{
    bits->numbers++;
    for (unsigned i = 0; i < 32; i++)
        bits->set[i] += number >> i & 1;
}

/* Each of the upper bits is set in half of the numbers, but for five standard deviations. */
static void assert_balanced(const struct bits *bits, unsigned lowest, unsigned highest)
{
    uint32_t n = bits->numbers, slack = 1;
    while (slack * slack < 25 * n / 4)
        slack++;
    for (unsigned i = lowest; i <= highest; i++)
        assert_in_range(bits->set[i], n / 2 - slack, n / 2 + slack);
}

/* RFC 6528 SHLD-2 */
static void row_23_initial_numbers_are_not_correlated_between_peers(void **state)
{
    (void)state;
    struct peer peer;
    struct bits values = {0}, differences = {0};
    uint32_t last = 0;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t iss = answer_to_syn(&peer, (uint16_t)(1024 + i % 60000)).sequence;
        add_bits(&values, iss);
        add_bits(&differences, iss - last);
        last = iss;
        forget_frames(&peer);
        if (i % 1000 == 0)
            world_run(&peer.world, WORLD_MILLISECOND);
    }
    assert_balanced(&values, 0, 31);
    assert_balanced(&differences, 0, 31);
    assert_int_equal(cost_now(&peer).half_open, 0);
    peer_free(&peer);
}

/* RFC 6528: for one pair of ends the number moves with the clock, 4 microseconds a step, so that a
 * new connection begins behind the old one's numbers. */
/* RFC 6528 SHLD-3 */
static void row_23_initial_numbers_of_one_peer_are_monotone(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    uint32_t last = answer_to_syn(&peer, 6000).sequence;
    uint64_t step = 5000;
    for (int i = 0; i < 30; i++, step += step / 2) {
        world_run(&peer.world, step);
        uint32_t iss = answer_to_syn(&peer, 6000).sequence;
        assert_in_range(iss - last, step / 4200, step / 4000 + 1);
        last = iss;
    }
    peer_free(&peer);
}

/* RFC 6528 MUST-1 */
static void row_23_initial_numbers_depend_on_the_seed(void **state)
{
    (void)state;
    uint32_t numbers[8];
    for (uint8_t seed = 0; seed < 8; seed++) {
        struct world_options options = {.seed = seed};
        struct peer peer;
        peer_make(&peer, &options);
        peer_host_listens(&peer);
        numbers[seed] = answer_to_syn(&peer, 6000).sequence;
        for (uint8_t i = 0; i < seed; i++)
            assert_true(numbers[i] - numbers[seed] > 100000 && numbers[seed] - numbers[i] > 100000);
        peer_free(&peer);
    }
}

/* The port that is chosen for a connection to `port` of the peer's. */
static uint16_t port_chosen(struct peer *peer, uint16_t port)
{
    struct chaski_tcp_connect connect = {.remote = world_endpoint(1, port)};
    chaski_tcp connection;
    assert_int_equal(chaski_tcp_connect(peer->host, &connect, &connection), 0);
    world_settle(&peer->world);
    uint16_t chosen = world_last_segment(&peer->world, 0, 0).source_port;
    assert_int_equal(chaski_tcp_abort(peer->host, connection), 0);
    forget_frames(peer);
    return chosen;
}

/* RFC 6056 SHLD-1, SHLD-2 */
static void row_24_local_ports_are_random(void **state)
{
    (void)state;
    struct peer peer;
    uint32_t bins[16] = {0}, near = 0;
    uint16_t last = 0;
    peer_make(&peer, NULL);
    for (uint32_t i = 0; i < 16000; i++) {
        uint16_t port = port_chosen(&peer, (uint16_t)(1 + i));
        assert_true(port >= 1024);
        bins[(port - 1024u) / 4032]++;
        near += (uint16_t)(port - last + 100) < 200;
        last = port;
    }
    for (unsigned i = 0; i < 16; i++)
        assert_in_range(bins[i], 1000 - 160, 1000 + 160);
    assert_true(near < 100); /* one peer's port says nothing about the next one's */
    peer_free(&peer);
}

/* RFC 6056 SHLD-3 */
static void row_24_local_ports_to_one_peer_do_not_repeat_soon(void **state)
{
    (void)state;
    static uint8_t seen[65536];
    struct peer peer;
    memset(seen, 0, sizeof seen);
    peer_make(&peer, NULL);
    for (uint32_t i = 0; i < 10000; i++)
        assert_int_equal(seen[port_chosen(&peer, 80)]++, 0);
    peer_free(&peer);
}

static uint16_t identification_of(const struct frame *frame)
{
    return (uint16_t)(frame->bytes[18] << 8 | frame->bytes[19]);
}

/* Segments are never fragmented, so their identification may say nothing at all (RFC 6864). */
static void row_24_identification_is_no_global_counter(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    for (int i = 0; i < 10; i++) {
        peer_host_writes(&peer, 10);
        peer_hears_all(&peer);
        peer_acknowledges(&peer);
        assert_int_equal(identification_of(world_last(&peer.world, 0, 0)), 0);
    }
    peer_free(&peer);
}

/* RFC 7323 SHLD-3 */
static void row_25_timestamps_do_not_tell_how_long_the_host_has_been_up(void **state)
{
    (void)state;
    struct peer peer;
    struct bits values = {0}, differences = {0};
    uint32_t last = 0;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    for (uint32_t i = 0; i < 20000; i++) {
        uint8_t length;
        struct segment answer = answer_to_syn(&peer, (uint16_t)(1024 + i));
        const uint8_t *option = segment_option(&answer, 8, &length);
        assert_non_null(option);
        uint32_t value = (uint32_t)option[0] << 24 | (uint32_t)option[1] << 16 |
                         (uint32_t)option[2] << 8 | option[3];
        add_bits(&values, value);
        add_bits(&differences, value - last);
        last = value;
        forget_frames(&peer);
    }
    assert_balanced(&values, 0, 31);
    assert_balanced(&differences, 0, 31);
    peer_free(&peer);
}

/* ---- 26, 27: after the end, and out of step ---- */

static void enter_time_wait(struct peer *peer)
{
    peer_opens(peer);
    assert_int_equal(chaski_tcp_close(peer->host, peer->connection), 0);
    world_settle(&peer->world);
    peer_hears_all(peer);
    peer_says(peer, SEGMENT_ACK | SEGMENT_FIN, 0);
    peer_hears_all(peer);
    assert_int_equal(cost_now(peer).time_wait, 1);
    assert_int_equal(cost_now(peer).connections, 0);
}

static void row_26_reset_in_time_wait_changes_nothing(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    enter_time_wait(&peer);
    struct cost before = cost_now(&peer);
    static const uint32_t offsets[] = {0, 1, 1000, UINT32_MAX};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
        inject_reset(&peer, offsets[i]);
    assert_cost_nothing(&peer, &before);
    peer_runs(&peer, 59 * WORLD_SECOND);
    assert_int_equal(cost_now(&peer).time_wait, 1);
    peer_runs(&peer, 2 * WORLD_SECOND);
    assert_int_equal(cost_now(&peer).time_wait, 0);
    peer_free(&peer);
}

/* A forged FIN is answered, and does not keep the entry; the peer's own does. */
static void row_26_only_the_peers_fin_is_waited_for_anew(void **state)
{
    (void)state;
    for (uint32_t own = 0; own < 2; own++) {
        struct peer peer;
        peer_make(&peer, NULL);
        enter_time_wait(&peer);
        peer_runs(&peer, 50 * WORLD_SECOND);
        struct segment fin = peer_segment(&peer, SEGMENT_ACK | SEGMENT_FIN);
        fin.sequence += own ? UINT32_MAX : 12345;
        peer_injects(&peer, &fin);
        peer_expects(&peer, SEGMENT_ACK);
        peer_runs(&peer, 20 * WORLD_SECOND);
        assert_int_equal(cost_now(&peer).time_wait, own);
        peer_runs(&peer, 50 * WORLD_SECOND);
        assert_int_equal(cost_now(&peer).time_wait, 0);
        peer_free(&peer);
    }
}

/* A new SYN ends TIME-WAIT only where somebody listens: else a guess would do what a reset may
 * not. */
static void row_26_syn_ends_time_wait_for_a_listener_only(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    enter_time_wait(&peer);
    assert_int_equal(chaski_tcp_unbind(peer.host, peer.listener), 0);
    struct segment syn = peer_segment(&peer, SEGMENT_SYN);
    syn.sequence += 100000;
    peer_injects(&peer, &syn);
    assert_int_equal(cost_now(&peer).time_wait, 1);
    peer_expects(&peer, SEGMENT_ACK);
    peer_expects_nothing(&peer);
    peer_free(&peer);
}

static void ignore_events(void *context, struct chaski *host, chaski_tcp connection,
                          unsigned events)
{
    (void)events;
    (void)host;
    *(chaski_tcp *)context = connection;
}

/* Two hosts with a connection between them, 10 ms apart. */
struct couple {
    struct world world;
    chaski_tcp ends[2];
    chaski_listener listener;
};

static void make_couple(struct couple *couple)
{
    struct world_options options = {.delay_ns = 10 * WORLD_MILLISECOND};
    world_make(&couple->world, &options);
    world_run(&couple->world, 20 * WORLD_SECOND); /* addresses are announced */
    struct chaski_tcp_bind bind = {
        .local.port = 7, .receive = ignore_events, .context = &couple->ends[1]};
    assert_int_equal(chaski_tcp_bind(couple->world.hosts[1], &bind, &couple->listener), 0);
    struct chaski_tcp_connect connect = {
        .remote = world_endpoint(1, 7), .receive = ignore_events, .context = &couple->ends[0]};
    assert_int_equal(chaski_tcp_connect(couple->world.hosts[0], &connect, &couple->ends[0]), 0);
    world_run(&couple->world, WORLD_SECOND);
}

static struct tcp_connection *end_of(struct couple *couple, unsigned i)
{
    return &couple->world.hosts[i]->tcp.connections[couple->ends[i].index];
}

/* Each end takes the other's numbers for old, and says so. */
static void row_27_desynchronised_ends_fall_silent(void **state)
{
    (void)state;
    struct couple couple;
    make_couple(&couple);
    couple.world.unmodelled = true;
    for (unsigned i = 0; i < 2; i++) {
        struct tcp_connection *c = end_of(&couple, i);
        c->rcv_nxt += 0x20000000;
        c->rcv_advertised += 0x20000000;
    }
    uint32_t before = world_sent(&couple.world, 0) + world_sent(&couple.world, 1);
    assert_int_equal(chaski_tcp_write(couple.world.hosts[0], couple.ends[0], "x", 1), 1);
    world_run(&couple.world, 10 * WORLD_SECOND);
    uint32_t sent = world_sent(&couple.world, 0) + world_sent(&couple.world, 1) - before;
    assert_in_range(sent, 2, 40); /* retransmissions and their answers, and one answer to those */
    world_free(&couple.world);
}

/* The same between two TIME-WAIT entries: a forged segment starts it. */
static void row_27_desynchronised_time_waits_fall_silent(void **state)
{
    (void)state;
    struct couple couple;
    make_couple(&couple);
    couple.world.unmodelled = true;
    /* Both close at once: both are in TIME-WAIT. */
    struct tcp_key key = end_of(&couple, 0)->key;
    assert_int_equal(chaski_tcp_close(couple.world.hosts[0], couple.ends[0]), 0);
    assert_int_equal(chaski_tcp_close(couple.world.hosts[1], couple.ends[1]), 0);
    world_run(&couple.world, WORLD_SECOND);
    for (unsigned i = 0; i < 2; i++) {
        struct tcp *tcp = &couple.world.hosts[i]->tcp;
        assert_int_equal(tcp->time_wait.count, 1);
        tcp->time_wait.entries[tcp->time_wait.first - 1].rcv_nxt += 0x20000000;
    }
    uint32_t before = world_sent(&couple.world, 0) + world_sent(&couple.world, 1);
    struct segment segment = {
        .source_port = 7, .destination_port = key.local_port, .flags = SEGMENT_ACK};
    world_inject_segment(&couple.world, 0, &segment);
    world_run(&couple.world, 10 * WORLD_SECOND);
    assert_in_range(world_sent(&couple.world, 0) + world_sent(&couple.world, 1) - before, 1, 50);
    world_run(&couple.world, 70 * WORLD_SECOND);
    assert_int_equal(couple.world.hosts[0]->tcp.time_wait.count, 0);
    world_free(&couple.world);
}

/* Two listeners that were each told that the other one opens. */
static void row_27_two_forged_syns_do_not_set_listeners_on_each_other(void **state)
{
    (void)state;
    struct world_options options = {.delay_ns = WORLD_MILLISECOND};
    struct world world;
    chaski_tcp ends[2];
    world_make(&world, &options);
    world_run(&world, 20 * WORLD_SECOND);
    for (uint32_t i = 0; i < 2; i++) {
        chaski_listener listener;
        struct chaski_tcp_bind bind = {
            .local.port = 7, .receive = ignore_events, .context = &ends[i]};
        assert_int_equal(chaski_tcp_bind(world.hosts[i], &bind, &listener), 0);
    }
    uint32_t before = world_sent(&world, 0) + world_sent(&world, 1);
    struct segment syn = {.source_port = 7, .destination_port = 7, .flags = SEGMENT_SYN};
    world_inject_segment(&world, 0, &syn);
    world_inject_segment(&world, 1, &syn);
    world_run(&world, 100 * WORLD_SECOND);
    /* Six SYN+ACKs from each, and one answer to each of those. */
    assert_in_range(world_sent(&world, 0) + world_sent(&world, 1) - before, 4, 40);
    assert_int_equal(world.hosts[0]->tcp.half_open.count, 0);
    assert_int_equal(world.hosts[1]->tcp.half_open.count, 0);
    world_free(&world);
}

/* ---- 28: PAWS ---- */

static void set_timestamp(uint8_t *options, uint32_t value)
{
    options[0] = options[1] = 1;
    options[2] = 8;
    options[3] = 10;
    for (int i = 0; i < 4; i++)
        options[4 + i] = (uint8_t)(value >> (24 - 8 * i));
}

/* A segment of the connection's with a timestamp. */
static void say_at(struct peer *peer, uint32_t timestamp, uint8_t flags, uint32_t offset,
                   uint32_t length)
{
    uint8_t options[12] = {0};
    set_timestamp(options, timestamp);
    struct segment segment = peer_segment(peer, flags);
    segment.sequence += offset;
    segment.options = options;
    segment.options_length = sizeof options;
    segment.payload_length = length;
    peer_injects(peer, &segment);
}

/* Open with timestamps, the latest one 1000. */
static void open_with_timestamps(struct peer *peer)
{
    peer_make(peer, NULL);
    peer->syn_options = with_timestamp;
    peer->syn_options_length = sizeof with_timestamp;
    peer_host_listens(peer);
    struct segment syn = peer_segment(peer, SEGMENT_SYN);
    syn.options = with_timestamp;
    syn.options_length = sizeof with_timestamp;
    peer_injects(peer, &syn);
    peer->next++;
    peer->expected = peer_expects(peer, SEGMENT_SYN | SEGMENT_ACK).sequence + 1;
    say_at(peer, 1000, SEGMENT_ACK, 0, 0);
    assert_true(peer->events & CHASKI_CONNECTED);
    assert_int_equal(peer_info(peer).tcpi_options & 1, 1);
}

static uint32_t echo_of(const struct segment *segment)
{
    uint8_t length;
    const uint8_t *option = segment_option(segment, 8, &length);
    assert_non_null(option);
    return (uint32_t)option[4] << 24 | (uint32_t)option[5] << 16 | (uint32_t)option[6] << 8 |
           option[7];
}

/* RFC 7323 MUST-13 */
static void row_28_old_timestamp_is_dropped_and_answered(void **state)
{
    (void)state;
    struct peer peer;
    open_with_timestamps(&peer);
    static const uint32_t old[] = {999, 0, 1000u - 0x7fffffff};
    for (size_t i = 0; i < 3; i++) {
        say_at(&peer, old[i], SEGMENT_ACK, 0, 10);
        struct segment ack = peer_expects(&peer, SEGMENT_ACK);
        assert_int_equal(ack.acknowledgment, peer.next);
        assert_int_equal(echo_of(&ack), 1000);
        assert_int_equal(peer_host_reads(&peer, 10), CHASKI_AGAIN);
    }
    say_at(&peer, 1000, SEGMENT_ACK, 0, 10);
    assert_int_equal(peer_host_reads(&peer, 10), 10);
    peer_free(&peer);
}

/* RFC 7323 MUST-10, MUST-14 */
static void row_28_resets_are_exempt(void **state)
{
    (void)state;
    struct peer peer;
    open_with_timestamps(&peer);
    say_at(&peer, 1, SEGMENT_RST, 0, 0);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_RESET);
    peer_free(&peer);
}

/* RFC 7323 MUST-9 */
static void row_28_segment_without_timestamp_is_dropped_silently(void **state)
{
    (void)state;
    struct peer peer;
    open_with_timestamps(&peer);
    struct cost before = cost_now(&peer);
    struct segment segment = peer_segment(&peer, SEGMENT_ACK);
    segment.payload_length = 10;
    peer_injects(&peer, &segment);
    assert_cost_nothing(&peer, &before);
    assert_int_equal(peer_host_reads(&peer, 10), CHASKI_AGAIN);
    peer_free(&peer);
}

/* RFC 7323, 4.3: what is beyond the last acknowledgement sent, as forged text in the window would
 * be, does not move TS.Recent; else one such segment would shut out all that follow. */
/* RFC 7323 MUST-12 */
static void row_28_recent_timestamp_moves_only_up_to_the_last_acknowledgement(void **state)
{
    (void)state;
    struct peer peer;
    open_with_timestamps(&peer);
    say_at(&peer, 0x70000000, SEGMENT_ACK, 5000, 10); /* behind a gap */
    struct segment ack = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(echo_of(&ack), 1000);
    say_at(&peer, 1001, SEGMENT_ACK, 0, 10);
    ack = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(echo_of(&ack), 1001);
    assert_int_equal(peer_host_reads(&peer, 100), 10);
    peer_free(&peer);
}

/* A timestamp that is not outdated by more than its clock can say stays one for 24 days. */
/* RFC 7323 MUST-17 */
static void row_28_recent_timestamp_expires_after_24_days(void **state)
{
    (void)state;
    struct peer peer;
    open_with_timestamps(&peer);
    peer_runs(&peer, UINT64_C(23) * 86400 * WORLD_SECOND);
    say_at(&peer, 999, SEGMENT_ACK, 0, 10);
    assert_int_equal(peer_host_reads(&peer, 10), CHASKI_AGAIN);
    peer_runs(&peer, UINT64_C(2) * 86400 * WORLD_SECOND);
    peer_hears_all(&peer);
    say_at(&peer, 999, SEGMENT_ACK, 0, 10);
    assert_int_equal(peer_host_reads(&peer, 10), 10);
    peer.next += 10;
    say_at(&peer, 999, SEGMENT_ACK, 1000,
           10); /* another takes its place: it is echoed, and holds */
    struct segment ack = peer_expects(&peer, SEGMENT_ACK);
    while (peer_hears(&peer, &ack))
        ;
    assert_int_equal(echo_of(&ack), 999);
    say_at(&peer, 998, SEGMENT_ACK, 0, 10);
    assert_int_equal(peer_host_reads(&peer, 10), CHASKI_AGAIN);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_18_reset_that_is_next_resets),
        cmocka_unit_test(row_18_reset_elsewhere_in_the_window_is_challenged),
        cmocka_unit_test(row_18_reset_outside_of_the_window_is_dropped),
        cmocka_unit_test(row_18_guessing_resets_costs_little),
        cmocka_unit_test(row_18_reset_of_a_half_open_connection),
        cmocka_unit_test(row_19_syn_in_a_connection_is_challenged),
        cmocka_unit_test(row_20_acknowledgement_far_from_the_flight),
        cmocka_unit_test(row_20_text_with_such_an_acknowledgement_is_dropped),
        cmocka_unit_test(row_21_challenges_on_one_connection_say_nothing_about_another),
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
        cmocka_unit_test(row_23_initial_numbers_are_not_correlated_between_peers),
        cmocka_unit_test(row_23_initial_numbers_of_one_peer_are_monotone),
        cmocka_unit_test(row_23_initial_numbers_depend_on_the_seed),
        cmocka_unit_test(row_24_local_ports_are_random),
        cmocka_unit_test(row_24_local_ports_to_one_peer_do_not_repeat_soon),
        cmocka_unit_test(row_24_identification_is_no_global_counter),
        cmocka_unit_test(row_25_timestamps_do_not_tell_how_long_the_host_has_been_up),
        cmocka_unit_test(row_26_reset_in_time_wait_changes_nothing),
        cmocka_unit_test(row_26_only_the_peers_fin_is_waited_for_anew),
        cmocka_unit_test(row_26_syn_ends_time_wait_for_a_listener_only),
        cmocka_unit_test(row_27_desynchronised_ends_fall_silent),
        cmocka_unit_test(row_27_desynchronised_time_waits_fall_silent),
        cmocka_unit_test(row_27_two_forged_syns_do_not_set_listeners_on_each_other),
        cmocka_unit_test(row_28_old_timestamp_is_dropped_and_answered),
        cmocka_unit_test(row_28_resets_are_exempt),
        cmocka_unit_test(row_28_segment_without_timestamp_is_dropped_silently),
        cmocka_unit_test(row_28_recent_timestamp_moves_only_up_to_the_last_acknowledgement),
        cmocka_unit_test(row_28_recent_timestamp_expires_after_24_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
