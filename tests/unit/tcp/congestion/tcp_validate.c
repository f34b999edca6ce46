/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "core/tcp/window/tcp_cwnd.h"
#include "tests/support/peer.h"

/* Congestion window validation (RFC 7661). The round trip is 20 ms; the peer is the test. */

enum { MSS = PEER_MSS, RTT_MS = 20 };

static const uint8_t options[] = {2, 4, PEER_MSS >> 8, PEER_MSS & 0xff, 4, 2, 1, 3, 3, 7, 0, 0};

static struct peer peer;

static struct tcp_connection *connection(void)
{
    return &peer.host->tcp.connections[peer.connection.index];
}

static uint32_t window(void)
{
    return connection()->congestion.window;
}

static void set(const char *knob, const char *value)
{
    assert_int_equal(chaski_set_knob(peer.host, knob, value), 0);
}

/* Writes n segments; all that goes is acknowledged, segment by segment, a round trip later. */
static void exchange(uint32_t segments)
{
    uint32_t left = segments * MSS, heard;
    while (left != 0) {
        left -= peer_host_writes(&peer, left);
        while ((heard = peer_hears_all(&peer)) != 0) {
            peer_runs(&peer, RTT_MS * WORLD_MILLISECOND);
            uint32_t end = peer.expected;
            for (peer.expected -= heard; peer.expected != end;) {
                peer.expected += MSS;
                peer_acknowledges(&peer);
            }
        }
    }
}

static void use_160_segments(void)
{
    connection()->congestion.window = connection()->congestion.threshold = 160 * MSS;
    exchange(160); /* the first of so long a round trip: a probe may think that something is lost */
    window_begin(&peer.host->tcp, connection()); /* which is forgotten */
    connection()->congestion.window = connection()->congestion.threshold = 160 * MSS;
}

/* Validation on; the window is 160 segments, and all of it was used. */
static void make(const char *algorithm)
{
    peer_make(&peer, NULL);
    set("tcp_cwnd_validation", "1");
    set("tcp_congestion_control", algorithm);
    peer.syn_options = options;
    peer.syn_options_length = sizeof options;
    peer_is_opened(&peer);
    peer.window = 10000;
    peer_host_sets(&peer, CHASKI_TCP_SNDBUF, 1000 * MSS);
    exchange(10);
    use_160_segments();
}

static void pass(uint64_t seconds)
{
    peer_runs(&peer, seconds * WORLD_SECOND);
}

static void a_pause_costs_nothing(void **state)
{
    (void)state;
    make("cubic");
    pass(60);
    peer_host_writes(&peer, 160 * MSS);
    assert_int_equal(peer_hears_all(&peer), 160 * MSS); /* at once */
    peer_free(&peer);
    peer_make(&peer, NULL); /* and without it, as much as at first */
    peer.syn_options = options;
    peer.syn_options_length = sizeof options;
    peer_is_opened(&peer);
    peer.window = 10000;
    peer_host_sets(&peer, CHASKI_TCP_SNDBUF, 1000 * MSS);
    exchange(10);
    use_160_segments();
    pass(60);
    peer_host_writes(&peer, 60 * MSS);
    assert_int_equal(peer_hears_all(&peer), 10 * MSS);
    peer_free(&peer);
}

/* RFC 7661 MUST-1, MUST-4 */
static void what_is_not_used_does_not_grow(void **state)
{
    (void)state;
    static const char *const algorithms[] = {"cubic", "reno"};
    for (unsigned i = 0; i < 2; i++) {
        make(algorithms[i]);
        for (unsigned k = 0; k < 200; k++) /* less than half, for longer than a second */
            exchange(60);
        assert_int_not_equal(connection()->flight->validation.doubted_ms, 0);
        uint32_t before = window();
        for (unsigned k = 0; k < 50; k++)
            exchange(70);
        assert_int_equal(window(), before);
        peer_free(&peer);
    }
}

/* RFC 7661 SHLD-3 */
static void use_validates_the_window_again(void **state)
{
    (void)state;
    make("cubic");
    for (unsigned k = 0; k < 200; k++)
        exchange(20);
    uint32_t before = window();
    assert_int_not_equal(connection()->flight->validation.doubted_ms, 0);
    exchange(4 * before / MSS);
    assert_int_equal(connection()->flight->validation.doubted_ms, 0);
    assert_true(window() > before);
    peer_free(&peer);
}

/* RFC 7661 MUST-12, SHLD-2 */
static void after_five_minutes_it_is_halved(void **state)
{
    (void)state;
    static const struct {
        uint32_t seconds, segments;
    } cases[] = {{290, 160}, {310, 80}, {610, 40}, {910, 20}, {100000, 10}};
    for (unsigned i = 0; i < 5; i++) {
        make("cubic");
        exchange(1);
        pass(2);
        exchange(1); /* the doubt begins */
        pass(cases[i].seconds);
        peer_host_writes(&peer, 200 * MSS);
        assert_int_equal(peer_hears_all(&peer), cases[i].segments * MSS);
        peer_free(&peer);
    }
}

/* The same while a little is sent all the time. */
/* RFC 7661 MUST-11, MUST-12, SHLD-2 */
static void a_trickle_does_not_keep_the_window(void **state)
{
    (void)state;
    make("cubic");
    for (unsigned second = 0; second < 310; second++) {
        exchange(5);
        pass(1);
    }
    assert_int_equal(window(), 80 * MSS);
    assert_int_equal(connection()->congestion.threshold, 160 * MSS);
    peer_free(&peer);
}

/* The first of ten segments is lost while the window of 160 is not validated: what counts is ten,
 * or what got through lately. */
/* RFC 7661 MUST-2, MUST-3, MUST-5, MUST-7, MUST-8, MUST-10, SHLD-1 */
static void a_loss_in_a_pause_is_measured_by_what_is_known(void **state)
{
    (void)state;
    make("reno");
    for (unsigned k = 0; k < 100; k++)
        exchange(20);
    exchange(30);
    peer_host_writes(&peer, 10 * MSS);
    assert_int_equal(peer_hears_all(&peer), 10 * MSS);
    peer.expected -= 10 * MSS;
    for (unsigned i = 1; i <= 3; i++) {
        struct segment ack = peer_segment(&peer, SEGMENT_ACK);
        uint32_t left = peer.expected + MSS, right = left + i * MSS;
        uint8_t sack[12] = {1, 1, 5, 10};
        for (unsigned k = 0; k < 4; k++) {
            sack[4 + k] = (uint8_t)(left >> (24 - 8 * k));
            sack[8 + k] = (uint8_t)(right >> (24 - 8 * k));
        }
        ack.options = sack;
        ack.options_length = sizeof sack;
        peer_runs(&peer, RTT_MS * WORLD_MILLISECOND);
        peer_injects(&peer, &ack);
    }
    assert_int_equal(connection()->recovery, TCP_CA_RECOVERY);
    assert_int_equal(connection()->congestion.threshold, 15 * MSS); /* half of thirty, */
    peer_hears_all(&peer);
    peer.expected = connection()->snd_nxt;
    peer_acknowledges(&peer);
    assert_int_equal(connection()->recovery, TCP_CA_OPEN);
    assert_int_equal(connection()->congestion.threshold / MSS, 14); /* less what went again */
    assert_false(connection()->flight->validation.known);           /* it is to be measured anew */
    peer_free(&peer);
}

/* Or else it would stay at a segment until all that was lost has arrived. */
/* RFC 7661 MUST-6 */
static void after_a_time_out_it_grows_as_ever(void **state)
{
    (void)state;
    make("reno");
    set("tcp_frto", "0");
    for (unsigned k = 0; k < 100; k++)
        exchange(20);
    assert_int_not_equal(connection()->flight->validation.doubted_ms, 0);
    peer_host_writes(&peer, 40 * MSS);
    assert_int_equal(peer_hears_all(&peer), 40 * MSS);
    for (unsigned i = 0; i < 100 && connection()->recovery != TCP_CA_LOSS; i++)
        peer_runs(&peer, RTT_MS * WORLD_MILLISECOND);
    assert_int_equal(connection()->recovery, TCP_CA_LOSS);
    assert_int_equal(window(), MSS);
    for (uint32_t i = 1; i <= 4; i++) {
        peer_hears_all(&peer);
        peer.expected = connection()->snd_una + MSS;
        peer_acknowledges(&peer);
        assert_int_equal(window(), (1 + i) * MSS);
    }
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_costs_nothing),
        cmocka_unit_test(what_is_not_used_does_not_grow),
        cmocka_unit_test(use_validates_the_window_again),
        cmocka_unit_test(after_five_minutes_it_is_halved),
        cmocka_unit_test(a_trickle_does_not_keep_the_window),
        cmocka_unit_test(a_loss_in_a_pause_is_measured_by_what_is_known),
        cmocka_unit_test(after_a_time_out_it_grows_as_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
