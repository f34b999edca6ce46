/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/tcp/recovery/recovery.h"

/* How much may go while something is lost, and after a pause: limited transmit (RFC 3042),
 * proportional rate reduction (RFC 6937, RFC 9937). */

/* RFC 3042 MUST-2, MUST-3, SHLD-1; RFC 5681 MUST-1, SHLD-3 */
static void the_first_two_reports_let_new_segments_go(void **state)
{
    (void)state;
    uint32_t una = fly(5);
    SAY(una, una + MSS, una + 2 * MSS);
    assert_int_equal(hear(), una + 10 * MSS);
    assert_silent();
    ms(2);
    SAY(una, una + MSS, una + 3 * MSS);
    assert_int_equal(hear(), una + 11 * MSS);
    assert_silent();
    assert_int_equal(info().tcpi_snd_cwnd, 10);
}

/* Nothing goes beyond the peer's window; when that opens it does. */
/* RFC 3042 MUST-1 */
static void limited_transmit_respects_the_window(void **state)
{
    (void)state;
    uint32_t una = fly(5);
    peer.window = 10 * MSS;
    SAY(una, una + MSS, una + 2 * MSS);
    assert_silent();
    peer.window = 20 * MSS;
    SAY(una, una + MSS, una + 3 * MSS);
    assert_int_equal(hear(), una + 10 * MSS);
}

/* RFC 6937, 3.1: over the round trip, as much goes of the window as the threshold is of the flight.
 */
/* RFC 2018 MUST-6; RFC 5681 MUST-15, MUST-18; RFC 6675 MUST-2, MUST-3, MUST-5; RFC 9438 MUST-5;
 * RFC 9937 MUST-1, MUST-2, MUST-4, MUST-5, SHLD-2 */
static void the_rate_is_reduced_in_proportion(void **state)
{
    (void)state;
    uint32_t una = fly(20);
    peer.host->tcp.knobs.reordering = 1;
    SAY(una, una + MSS, una + 2 * MSS);
    unsigned sent = hear_all();
    assert_int_equal(sent, 1); /* the lost one, at once */
    uint32_t threshold = info().tcpi_snd_ssthresh;
    assert_int_equal(threshold, 7);
    for (uint32_t k = 3; k <= 10; k++) {
        SAY(una, una + MSS, una + k * MSS);
        unsigned now = hear_all();
        assert_true(now <= 2);
        sent += now;
    }
    assert_in_range(sent, threshold - 1, threshold);
    assert_in_range(info().tcpi_unacked - info().tcpi_sacked - info().tcpi_lost +
                        info().tcpi_retrans,
                    threshold - 1, threshold);
    ms(RTT_MS);
    acknowledge(una + 10 * MSS);
    assert_in_range(info().tcpi_snd_cwnd, threshold, threshold + 1);
    assert_int_equal(info().tcpi_ca_state, TCP_CA_OPEN);
}

/* The peer's window let nothing go while the loss was mended. The window is the threshold again at
 * once, but what it lets go now is spread over a round trip, until the first of it is acknowledged.
 */
/* RFC 9937 MUST-5 */
static void what_was_held_back_is_spread(void **state)
{
    (void)state;
    enum { FLIGHT = 40, THRESHOLD = FLIGHT * 717 / 1024, SPREAD_MS = RTT_MS * 10 / 12 };
    uint32_t una = fly(20);
    peer.window = FLIGHT * MSS;
    for (uint32_t n = 10; n < FLIGHT; n *= 2) {
        acknowledge(una += n * MSS);
        peer_host_writes(&peer, 2 * n * MSS);
        hear_all();
        ms(RTT_MS);
    }
    assert_int_equal(info().tcpi_unacked, FLIGHT);
    peer_host_writes(&peer, FLIGHT * MSS);
    SAY(una, una + MSS, una + FLIGHT * MSS);
    assert_int_equal(hear(), una);
    assert_silent();
    ms(RTT_MS);
    acknowledge(una += FLIGHT * MSS);
    assert_int_equal(info().tcpi_snd_cwnd, THRESHOLD);
    assert_int_equal(hear_all(), 2);
    ms(SPREAD_MS / 2);
    assert_in_range(hear_all(), THRESHOLD / 2 - 4, THRESHOLD / 2 + 2);
    ms(SPREAD_MS / 2 + 2);
    hear_all();
    assert_in_range(info().tcpi_unacked, THRESHOLD - 1, THRESHOLD);
    ms(RTT_MS - SPREAD_MS);
    acknowledge(una + 10 * MSS);
    assert_in_range(hear_all(), 10, 11);
    assert_false(info().paced);
}

/* What can follow at once needs no spreading. */
/* RFC 9937 MUST-5 */
static void a_little_goes_at_once_after_a_recovery(void **state)
{
    (void)state;
    uint32_t una = fly(0);
    SAY(una, una + MSS, una + 10 * MSS);
    assert_int_equal(hear(), una);
    ms(RTT_MS);
    peer_host_writes(&peer, 20 * MSS);
    hear_all();
    acknowledge(una + 10 * MSS);
    hear_all();
    assert_int_equal(info().tcpi_snd_cwnd, 7);
    assert_int_equal(info().tcpi_unacked, 7);
}

/* Its successor's SafeACK: when nothing more is lost, a segment more than has arrived goes, until
 * the threshold is reached. */
/* RFC 9937 MUST-3, SHLD-1 */
static void progress_lets_a_segment_more_go(void **state)
{
    (void)state;
    uint32_t una = fly(0);
    peer.host->tcp.knobs.reordering = 1;
    SAY(una, una + 6 * MSS, una + 10 * MSS); /* six are lost; as much goes as has arrived */
    assert_int_equal(hear_all(), 4);
    ms(RTT_MS);
    SAY(una + MSS, una + 6 * MSS, una + 10 * MSS);
    assert_int_equal(hear_all(), 2);
}

/* Reports alone are no progress: as much goes as has arrived. */
/* RFC 9937 MUST-3, SHLD-1 */
static void reports_let_as_much_go_as_has_arrived(void **state)
{
    (void)state;
    uint32_t una = fly(0);
    peer.host->tcp.knobs.reordering = 1;
    SAY(una, una + 6 * MSS, una + 9 * MSS); /* six are lost, and the last is on its way */
    assert_int_equal(hear_all(), 3);
    ms(2);
    SAY(una, una + 6 * MSS, una + 10 * MSS);
    assert_int_equal(hear_all(), 1);
}

/* What came twice has not arrived now: a report of duplicates lets nothing go, be it alone or
 * beside what is news, and takes no part in the rate (RFC 9937, 5). */
/* RFC 9937 MUST-3 */
static void duplicates_let_nothing_go(void **state)
{
    (void)state;
    uint32_t una = fly(20);
    peer.host->tcp.knobs.reordering = 1;
    SAY(una, una + 6 * MSS, una + 10 * MSS); /* six are lost; as much goes as has arrived */
    assert_int_equal(hear_all(), 4);
    ms(RTT_MS);
    SAY(una, una - 100, una, una + 6 * MSS, una + 10 * MSS);
    assert_silent();
    SAY(una + MSS, una - 100, una, una + 6 * MSS, una + 10 * MSS);
    assert_int_equal(hear_all(), 2); /* one for what has arrived, one since that is progress */
}

/* RFC 5681, 4.1, and Linux's knob that turns it off. */
/* RFC 5681 SHLD-4; RFC 6928 SHLD-2 */
static void a_pause_takes_the_window_back(void **state)
{
    (void)state;
    for (unsigned keeps = 0; keeps < 2; keeps++) {
        if (keeps)
            peer_free(&peer);
        uint32_t una = fly(0);
        acknowledge(una + 10 * MSS);
        assert_int_equal(info().tcpi_snd_cwnd, 20);
        if (keeps)
            assert_int_equal(chaski_set_knob(peer.host, "tcp_slow_start_after_idle", "0"), 0);
        ms(5000);
        peer_host_writes(&peer, 20 * MSS);
        assert_int_equal(hear_all(), keeps ? 20 : 10);
    }
}

/* RFC 2861, 3.1: how far it had come is remembered. */
static void slow_start_after_a_pause_goes_three_quarters_of_the_way(void **state)
{
    (void)state;
    acknowledge(fly(0) + 10 * MSS);
    connection()->congestion.threshold = 5 * MSS; /* of a loss long ago */
    ms(5000);
    peer_host_writes(&peer, 20 * MSS);
    assert_int_equal(hear_all(), 10);
    assert_int_equal(info().tcpi_snd_ssthresh, 15);
}

/* To go again beside a report, a full segment is cut; where no record is left for the rest, it goes
 * as it went, and tells nothing. */
static void without_a_record_what_goes_again_is_not_cut(void **state)
{
    (void)state;
    for (unsigned fails = 0; fails < 2; fails++) {
        if (fails)
            peer_free(&peer);
        uint32_t una = send_few(1);
        struct pool *records = &peer.host->tcp.sent;
        struct segment again = {0};
        uint8_t length;
        assert_int_equal(chaski_set_knob(peer.host, "tcp_early_retrans", "0"), 0);
        peer.expected = una;           /* it has not arrived */
        text_at(peer.next + 100, 100); /* behind a gap */
        peer_hears_all(&peer);
        records->fail_at = fails ? records->takes + 1 : 0;
        peer_waits(&peer, WORLD_SECOND);
        assert_true(peer_hears(&peer, &again));
        assert_int_equal(again.sequence, una);
        assert_int_equal(again.payload_length, fails ? MSS : MSS - 12);
        assert_int_equal(segment_option(&again, 5, &length) == NULL, fails);
    }
}

static void keep(struct chaski_memory *memory)
{
    (void)memory;
}

/* Lent pieces of 100 bytes: a packet refers to five of them, and what it cannot carry of a run goes
 * in the next one. As many segments are in flight as have gone. */
static void a_run_that_a_packet_cannot_carry_is_counted_as_it_went(void **state)
{
    (void)state;
    enum { PIECES = 30, LENGTH = 100 };
    static uint8_t bytes[PIECES][LENGTH];
    static struct chaski_memory pieces[PIECES];
    uint32_t una = open_with_sack();
    for (unsigned i = 0; i < PIECES; i++) {
        pieces[i] = (struct chaski_memory){.bytes = bytes[i], .length = LENGTH, .release = keep};
        assert_int_equal(chaski_tcp_hand_over(peer.host, peer.connection, &pieces[i]), 0);
    }
    peer_settles(&peer);
    assert_int_equal(info().tcpi_unacked, hear_all());
    acknowledge(una + PIECES * LENGTH);
}

int main(void)
{
#define test(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        test(the_first_two_reports_let_new_segments_go),
        test(limited_transmit_respects_the_window),
        test(the_rate_is_reduced_in_proportion),
        test(what_was_held_back_is_spread),
        test(a_little_goes_at_once_after_a_recovery),
        test(progress_lets_a_segment_more_go),
        test(reports_let_as_much_go_as_has_arrived),
        test(duplicates_let_nothing_go),
        test(a_pause_takes_the_window_back),
        test(slow_start_after_a_pause_goes_three_quarters_of_the_way),
        test(a_run_that_a_packet_cannot_carry_is_counted_as_it_went),
        test(without_a_record_what_goes_again_is_not_cut),
    };
#undef test
    return cmocka_run_group_tests(tests, NULL, NULL);
}
