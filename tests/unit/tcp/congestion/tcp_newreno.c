/* SPDX-License-Identifier: BSD-2-Clause */
/* Loss and time-outs where the peer agreed to no options: recovery as RFC 6582 has it, the timer of
 * RFC 6298, and the window around them (RFC 5681, 6928, 7661). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "tests/support/peer.h"

enum { RTT_MS = 40, MSS = PEER_MSS };

static struct peer peer;

static void ms(uint32_t n)
{
    peer_runs(&peer, n * WORLD_MILLISECOND);
}

static int tear_down(void **state)
{
    (void)state;
    peer_free(&peer);
    return 0;
}

static void acknowledge(uint32_t number)
{
    struct segment ack = peer_segment(&peer, SEGMENT_ACK);
    ack.acknowledgment = number;
    peer_injects(&peer, &ack);
}

static void duplicate(uint32_t number, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        acknowledge(number);
}

/* The next full segment: where it begins. */
static uint32_t hear(void)
{
    struct segment segment = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(segment.payload_length, MSS);
    return segment.sequence;
}

static uint64_t counted(enum chaski_counter which)
{
    return chaski_counter_value(peer.host, which);
}

/* Ten full segments of `total` are in flight, for a round trip already, and the round trip is
 * known; returns where they begin. */
static uint32_t fly(uint32_t total)
{
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_CONGESTION, CHASKI_NEWRENO);
    peer_host_writes(&peer, 100);
    peer_hears_all(&peer);
    ms(RTT_MS);
    peer_acknowledges(&peer);
    uint32_t una = peer.expected;
    peer_host_writes(&peer, total * MSS);
    assert_int_equal(peer_hears_all(&peer), 10 * MSS);
    ms(RTT_MS);
    return una;
}

/* RFC 3042: two duplicates, apart, let a segment go each. */
static void limited_transmit(uint32_t una)
{
    acknowledge(una);
    assert_int_equal(hear(), una + 10 * MSS);
    ms(2);
    acknowledge(una);
    assert_int_equal(hear(), una + 11 * MSS);
}

/* ---- Recovery (RFC 6582) ---- */

/* RFC 5681 MUST-12; RFC 6582 MUST-1 */
static void three_duplicates_without_sack_are_enough(void **state)
{
    (void)state;
    uint32_t una = fly(10);
    duplicate(una, 2);
    peer_expects_nothing(&peer);
    acknowledge(una);
    assert_int_equal(hear(), una);
    peer_expects_nothing(&peer);
    assert_int_equal(peer_info(&peer).tcpi_snd_ssthresh, 5);
    duplicate(una, 7); /* no more than once for one window */
    assert_int_equal(counted(CHASKI_TCP_RECOVERIES), 1);
    assert_int_equal(peer_info(&peer).tcpi_snd_ssthresh, 5);
}

/* Holes at the first, third and fifth segment: a round trip mends each. */
/* RFC 5681 MUST-13; RFC 6582 MUST-2, MUST-3, MUST-4 */
static void partial_acknowledgements_fill_hole_after_hole(void **state)
{
    (void)state;
    uint32_t una = fly(13);
    limited_transmit(una);
    acknowledge(una);
    assert_int_equal(hear(), una);
    assert_int_equal(peer_info(&peer).tcpi_snd_ssthresh, 5); /* of the ten, not of twelve */
    duplicate(una,
              4); /* seven of twelve have arrived, one goes again: no room in a window of five */
    peer_expects_nothing(&peer);
    duplicate(una, 1);
    assert_int_equal(hear(), una + 12 * MSS);
    ms(RTT_MS);
    acknowledge(una + 2 * MSS);
    assert_int_equal(hear(), una + 2 * MSS);
    peer_expects_nothing(&peer);
    ms(RTT_MS);
    acknowledge(una + 4 * MSS);
    assert_int_equal(hear(), una + 4 * MSS);
    peer_expects_nothing(&peer);
    assert_int_equal(peer_info(&peer).tcpi_ca_state, 3);
    ms(RTT_MS);
    acknowledge(una + 13 * MSS);
    assert_int_equal(peer_info(&peer).tcpi_ca_state, 0);
    assert_in_range(peer_info(&peer).tcpi_snd_cwnd, 5, 6);
    assert_int_equal(counted(CHASKI_TCP_TIMEOUTS), 0);
    assert_int_equal(counted(CHASKI_TCP_RECOVERIES), 1);
}

/* What duplicates have told of has left the network, also when a hole before it is filled. */
static void a_partial_acknowledgement_of_one_segment_leaves_the_duplicates(void **state)
{
    (void)state;
    uint32_t una = fly(13);
    limited_transmit(una);
    acknowledge(una);
    assert_int_equal(hear(), una);
    duplicate(una, 4);
    peer_expects_nothing(&peer);
    ms(RTT_MS);
    acknowledge(una + MSS);
    assert_int_equal(hear(), una + MSS);
    assert_int_equal(hear(), una + 12 * MSS);
    peer_expects_nothing(&peer);
}

/* Each puts off the time-out only once, so that many holes are left to it. */
/* RFC 6582 SHLD-1 */
static void the_first_partial_acknowledgement_alone_puts_the_timer_off(void **state)
{
    (void)state;
    uint32_t una = fly(10);
    duplicate(una, 3);
    assert_int_equal(hear(), una);
    for (uint32_t k = 1; k < 6; k++) {
        ms(80);
        if (counted(CHASKI_TCP_TIMEOUTS) != 0)
            return;
        acknowledge(una + k * MSS);
    }
    fail();
}

/* RFC 6582 MUST-6 */
static void a_time_out_ends_recovery_without_sack(void **state)
{
    (void)state;
    uint32_t una = fly(10);
    duplicate(una, 3);
    assert_int_equal(hear(), una);
    assert_in_range(peer_waits(&peer, WORLD_SECOND), 100 * WORLD_MILLISECOND,
                    300 * WORLD_MILLISECOND);
    assert_int_equal(hear(), una);
    assert_int_equal(peer_info(&peer).tcpi_ca_state, 4);
    assert_int_equal(peer_info(&peer).tcpi_snd_cwnd, 1);
}

/* What goes again needlessly causes duplicates; they are not of a new loss. */
/* RFC 6582 MUST-5 */
static void duplicates_after_a_time_out_begin_nothing(void **state)
{
    (void)state;
    uint32_t una = fly(10);
    assert_int_equal(chaski_set_knob(peer.host, "tcp_frto", "0"), 0);
    peer_waits(&peer, WORLD_SECOND);
    assert_int_equal(hear(), una);
    acknowledge(una + MSS);
    peer_hears_all(&peer);
    while (peer.heard != peer.world.frame_count)
        hear();
    uint32_t threshold = peer_info(&peer).tcpi_snd_ssthresh;
    duplicate(una + MSS, 5);
    assert_int_equal(counted(CHASKI_TCP_RECOVERIES), 0);
    assert_int_equal(peer_info(&peer).tcpi_snd_ssthresh, threshold);
    assert_int_equal(peer_info(&peer).tcpi_ca_state, 4);
}

/* ---- The timer (RFC 6298) ---- */

/* RFC 6298 MUST-9, MUST-10 */
static void news_restarts_the_timer(void **state)
{
    (void)state;
    uint32_t una = fly(10);
    for (uint32_t k = 1; k < 10; k++) { /* 900 ms, and never a time-out */
        acknowledge(una + k * MSS);
        ms(100);
    }
    peer_expects_nothing(&peer);
    acknowledge(una + 10 * MSS);
    peer_runs(&peer, 1000 * WORLD_SECOND); /* nothing is in flight */
    peer_expects_nothing(&peer);
    assert_int_equal(counted(CHASKI_TCP_TIMEOUTS), 0);
}

/* What has already led to a lower threshold does not lower it again. */
/* RFC 5681 MUST-9 */
static void repeated_time_outs_count_once(void **state)
{
    (void)state;
    uint32_t una = fly(10);
    for (int i = 0; i < 3; i++) {
        peer_waits(&peer, 10 * WORLD_SECOND);
        assert_int_equal(hear(), una);
        assert_int_equal(peer_info(&peer).tcpi_snd_ssthresh, 5);
    }
}

/* ---- F-RTO (RFC 5682, 2.1) ---- */

/* RFC 5682 MUST-1, MUST-2, MUST-5 */
static void a_spurious_time_out_is_taken_back_without_sack(void **state)
{
    (void)state;
    uint32_t una = fly(20), window = peer_info(&peer).tcpi_snd_cwnd;
    peer_waits(&peer, WORLD_SECOND);
    assert_int_equal(hear(), una);
    peer_expects_nothing(&peer);
    assert_int_equal(peer_info(&peer).tcpi_ca_state, 4);
    acknowledge(una + MSS); /* step 2.b: two new ones */
    assert_int_equal(hear(), una + 10 * MSS);
    assert_int_equal(hear(), una + 11 * MSS);
    peer_expects_nothing(&peer);
    acknowledge(una + 2 * MSS); /* step 3.b: not sent again */
    assert_int_equal(peer_info(&peer).tcpi_ca_state, 0);
    assert_true(peer_info(&peer).tcpi_snd_cwnd >= window);
    assert_int_equal(peer_info(&peer).tcpi_total_retrans, 1);
}

/* RFC 5682 MUST-4 */
static void a_real_time_out_goes_on_without_sack(void **state)
{
    (void)state;
    uint32_t una = fly(20);
    peer_waits(&peer, WORLD_SECOND);
    assert_int_equal(hear(), una);
    acknowledge(una + MSS);
    peer_hears_all(&peer);
    acknowledge(una + MSS); /* step 3.a: only the new ones have arrived */
    assert_int_equal(hear(), una + MSS);
    assert_int_equal(peer_info(&peer).tcpi_ca_state, 4);
}

/* ---- The window ---- */

/* RFC 6928 MUST-1 */
static void a_handshake_that_lost_something_begins_with_one_segment(void **state)
{
    (void)state;
    for (unsigned passive = 0; passive < 2; passive++) {
        struct segment again;
        if (passive)
            peer_free(&peer);
        peer_make(&peer, NULL);
        if (passive) {
            peer_host_listens(&peer);
            struct segment syn = peer_segment(&peer, SEGMENT_SYN);
            syn.options = peer.syn_options;
            syn.options_length = peer.syn_options_length;
            peer_injects(&peer, &syn);
            peer.next++;
            peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK);
        } else {
            peer_host_connects(&peer);
        }
        for (int i = 0; i < 2; i++) {
            peer_waits(&peer, 10 * WORLD_SECOND);
            assert_true(peer_hears(&peer, &again));
        }
        peer.expected = again.sequence + 1;
        if (passive)
            peer_acknowledges(&peer);
        else
            peer_answers(&peer);
        peer_host_writes(&peer, 10 * MSS);
        assert_int_equal(peer_hears_all(&peer), MSS);
    }
}

/* RFC 6298 MUST-12 */
static void data_after_a_lost_syn_waits_longer(void **state)
{
    (void)state;
    peer_make(&peer, NULL);
    peer_host_connects(&peer);
    peer_waits(&peer, 10 * WORLD_SECOND);
    struct segment again = peer_expects(&peer, SEGMENT_SYN);
    peer.expected = again.sequence + 1;
    peer_answers(&peer);
    peer_host_writes(&peer, 100);
    peer_hears_all(&peer);
    assert_in_range(peer_waits(&peer, 10 * WORLD_SECOND), 3 * WORLD_SECOND, 4 * WORLD_SECOND);
}

/* An application that writes a segment a round trip learns nothing about a larger window. */
/* RFC 7661 MUST-1 */
static void an_unused_window_does_not_grow(void **state)
{
    (void)state;
    uint32_t una = fly(10);
    acknowledge(una + 10 * MSS);
    uint32_t window = peer_info(&peer).tcpi_snd_cwnd;
    for (int i = 0; i < 100; i++) {
        peer_host_writes(&peer, MSS);
        peer_hears_all(&peer);
        ms(RTT_MS);
        peer_acknowledges(&peer);
    }
    assert_int_equal(peer_info(&peer).tcpi_snd_cwnd, window);
}

int main(void)
{
#define test(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        test(three_duplicates_without_sack_are_enough),
        test(partial_acknowledgements_fill_hole_after_hole),
        test(a_partial_acknowledgement_of_one_segment_leaves_the_duplicates),
        test(the_first_partial_acknowledgement_alone_puts_the_timer_off),
        test(a_time_out_ends_recovery_without_sack),
        test(duplicates_after_a_time_out_begin_nothing),
        test(news_restarts_the_timer),
        test(repeated_time_outs_count_once),
        test(a_spurious_time_out_is_taken_back_without_sack),
        test(a_real_time_out_goes_on_without_sack),
        test(a_handshake_that_lost_something_begins_with_one_segment),
        test(data_after_a_lost_syn_waits_longer),
        test(an_unused_window_does_not_grow),
    };
#undef test
    return cmocka_run_group_tests(tests, NULL, NULL);
}
