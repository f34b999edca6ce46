/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/tcp/recovery/recovery.h"

#include "core/tcp/recovery/tcp_recovery.h"

/* What is lost, and when that is known: RACK (RFC 8985, 6). */

/* The first of ten segments is lost, three behind it are reported, and it goes again. */
static uint32_t lose_first(uint32_t more)
{
    uint32_t una = fly(more);
    SAY(una, una + MSS, una + 4 * MSS);
    assert_int_equal(hear(), una);
    return una;
}

/* 6.2, step 4: with three segments reported and no reordering seen the window is nought. */
/* RFC 2018 MUST-5, SHLD-4; RFC 5681 MUST-12; RFC 6675 MUST-1; RFC 8985 MUST-1, SHLD-3 */
static void three_reported_segments_are_enough(void **state)
{
    (void)state;
    uint32_t una = fly(0);
    SAY(una, una + MSS, una + 3 * MSS);
    assert_silent();
    assert_int_equal(info().tcpi_ca_state, TCP_CA_DISORDER);
    SAY(una, una + MSS, una + 4 * MSS);
    assert_int_equal(hear(), una);
    assert_silent();
    assert_int_equal(info().tcpi_ca_state, TCP_CA_RECOVERY);
    assert_int_equal(info().tcpi_lost, 1);
    assert_int_equal(info().tcpi_retrans, 1);
}

/* 6.2, steps 4 and 5: with one, what was sent before is lost a quarter of the round trip later. */
/* RFC 8985 MUST-2, MUST-6, SHLD-4, SHLD-7 */
static void one_reported_segment_and_time_are_enough(void **state)
{
    (void)state;
    uint32_t una = fly(0);
    SAY(una, una + MSS, una + 2 * MSS);
    assert_silent();
    ms(8);
    assert_silent();
    ms(6);
    assert_int_equal(hear(), una);
    assert_silent();
    assert_int_equal(info().tcpi_ca_state, TCP_CA_RECOVERY);
    assert_int_equal(counted(CHASKI_TCP_TIMEOUTS), 0);
}

/* A turn that comes late for what is paced may find that the time for reordering is over too: then
 * the lost segment goes, and nothing new before it. */
/* RFC 8985 SHLD-7 */
static void a_late_turn_finds_what_is_lost_first(void **state)
{
    (void)state;
    uint32_t una = fly(5);
    peer_host_sets(&peer, CHASKI_TCP_MAX_PACING_RATE, 200000);
    SAY(una, una + MSS, una + 2 * MSS);
    assert_int_equal(hear(), una + 10 * MSS);
    SAY(una, una + MSS, una + 3 * MSS);
    assert_silent();
    assert_int_equal(connection()->flight->awaited, AWAIT_PACE);
    assert_true(connection()->flight->rack.due_ns > chaski_deadline(peer.host));
    peer.world.now_ns += RTT_MS / 2 * WORLD_MILLISECOND; /* the machine was busy */
    peer_settles(&peer);
    assert_int_equal(hear(), una);
    assert_int_equal(info().tcpi_ca_state, TCP_CA_RECOVERY);
}

/* A retransmission that is lost is found lost by what was sent after it. */
/* RFC 8985 MUST-6 */
static void a_lost_retransmission_is_found(void **state)
{
    (void)state;
    uint32_t una = lose_first(10);
    unsigned sent = 0;
    for (uint32_t k = 5; k <= 10; k++) {
        SAY(una, una + MSS, una + k * MSS);
        sent += hear_all();
    }
    assert_true(sent >= 2); /* new data, after the retransmission */
    ms(RTT_MS);
    for (uint32_t k = 11; k <= 10 + sent; k++)
        SAY(una, una + MSS, una + k * MSS);
    ms(15);
    bool again = false;
    while (peer.heard != peer.world.frame_count)
        again |= hear() == una;
    assert_true(again);
    assert_int_equal(counted(CHASKI_TCP_TIMEOUTS), 0);
}

/* 6.2, steps 3 and 4: once the path is seen to reorder, three segments are not enough, time is. */
/* RFC 8985 MUST-4, SHLD-4, SHLD-7, SHLD-15 */
static void reordering_is_waited_for(void **state)
{
    (void)state;
    uint32_t una = fly(20);
    SAY(una, una + MSS, una + 2 * MSS);
    ms(2);
    acknowledge(una + 2 * MSS); /* the first came late */
    hear_all();
    assert_true(connection()->flight->rack.reordering_seen);
    una += 2 * MSS;
    SAY(una, una + MSS, una + 5 * MSS);
    uint32_t limited = hear_all();
    assert_true(limited != 0);
    assert_int_equal(info().tcpi_ca_state, TCP_CA_DISORDER);
    ms(5);
    assert_silent();
    ms(9);
    assert_int_equal(hear(), una);
    assert_int_equal(info().tcpi_ca_state, TCP_CA_RECOVERY);
}

/* The time-out is that of the first segment, and counts anew when a report shows a round trip
 * longer than the time that it has had since it went again. */
static void a_late_report_puts_off_the_time_out(void **state)
{
    (void)state;
    uint32_t una = lose_first(0);
    ms(100);
    SAY(una, una + 5 * MSS, una + 9 * MSS, una + MSS, una + 4 * MSS);
    assert_int_equal(hear(), una + 4 * MSS);
    assert_silent();
    assert_in_range(peer_waits(&peer, WORLD_SECOND), 200 * WORLD_MILLISECOND,
                    280 * WORLD_MILLISECOND);
    assert_int_equal(hear(), una);
    assert_int_equal(counted(CHASKI_TCP_TIMEOUTS), 1);
}

/* But not at a report of what went together with it. */
static void a_report_of_the_same_burst_does_not(void **state)
{
    (void)state;
    uint32_t una = open_with_sack();
    assert_int_equal(chaski_set_knob(peer.host, "tcp_early_retrans", "0"), 0);
    write_full(3, 3);
    uint64_t at_ns = connection()->flight->rto_at;
    ms(230);
    SAY(una, una + MSS, una + 2 * MSS);
    assert_silent();
    assert_int_equal(connection()->flight->rto_at, at_ns);
    ms(12);
    assert_int_equal(hear(), una);
    assert_int_equal(counted(CHASKI_TCP_TIMEOUTS), 1);
}

/* 6.2, step 4: the window grows once in a round trip with D-SACKs, and shrinks after 16 recoveries.
 */
/* RFC 2883 MUST-7; RFC 8985 SHLD-1, SHLD-5, SHLD-6 */
static void duplicates_widen_the_window(void **state)
{
    (void)state;
    uint32_t una = fly(0);
    SAY(una + MSS, una, una + MSS);
    SAY(una + 2 * MSS, una + MSS, una + 2 * MSS);
    assert_int_equal(connection()->flight->rack.more_steps, 1);
    acknowledge(una + 10 * MSS);
    peer_host_writes(&peer, 2 * MSS);
    hear_all();
    ms(RTT_MS);
    SAY(una + 11 * MSS, una + 10 * MSS, una + 11 * MSS);
    assert_int_equal(connection()->flight->rack.more_steps, 2);
    for (int i = 0; i < 15; i++)
        rack_recovered(connection());
    assert_int_equal(connection()->flight->rack.more_steps, 2);
    rack_recovered(connection());
    assert_int_equal(connection()->flight->rack.more_steps, 0);
}

/* RFC 8985 SHLD-6 */
static void each_recovery_counts_against_a_wide_window(void **state)
{
    (void)state;
    uint32_t una = fly(0);
    SAY(una, una + 5 * MSS, una + 6 * MSS, una + 4 * MSS, una + 7 * MSS); /* a duplicate */
    uint32_t left = connection()->flight->rack.persist;
    ms(RTT_MS);
    assert_int_equal(hear(), una);
    acknowledge(una + 10 * MSS);
    assert_int_equal(info().tcpi_ca_state, TCP_CA_OPEN);
    assert_int_equal(connection()->flight->rack.persist, left - 1);
}

/* RFC 2883, 4.2: also when it is the second block that covers the first, to its very edges. */
/* RFC 2883 MUST-7 */
static void a_duplicate_behind_a_gap_is_one_too(void **state)
{
    (void)state;
    static const struct {
        uint32_t from, to, second_from, second_to, steps;
    } cases[] = {
        {5, 6, 4, 7, 1}, {4, 6, 4, 7, 1}, {5, 7, 4, 7, 1},
        {4, 7, 4, 7, 1}, {3, 6, 4, 7, 0}, {5, 8, 4, 7, 0},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t una = fly(0);
        SAY(una, una + 5 * MSS, una + 6 * MSS);
        assert_int_equal(connection()->flight->rack.more_steps, 0);
        SAY(una, una + cases[i].from * MSS, una + cases[i].to * MSS,
            una + cases[i].second_from * MSS, una + cases[i].second_to * MSS);
        assert_int_equal(connection()->flight->rack.more_steps, cases[i].steps);
        tear_down(NULL);
    }
    fly(0);
}

/* 6.2, step 2: sooner than the least round trip, it was the original that was acknowledged. */
/* RFC 8985 MUST-3 */
static void an_answer_too_soon_is_not_of_the_retransmission(void **state)
{
    (void)state;
    uint32_t una = lose_first(0);
    uint64_t before = connection()->flight->rack.xmit_ns;
    ms(1);
    SAY(una + 4 * MSS, 0, 0);
    assert_int_equal(connection()->flight->rack.xmit_ns, before);
    assert_true(connection()->flight->rack.rtt_us >= RTT_MS * 1000);
}

/* RFC 2018, 8: what was reported and is not acknowledged when its turn comes goes again. */
/* RFC 2018 MUST-7 */
static void a_peer_that_takes_its_word_back_is_sent_all_again(void **state)
{
    (void)state;
    uint32_t una = fly(0);
    SAY(una, una + MSS, una + 10 * MSS);
    ms(15);
    assert_int_equal(hear(), una);
    acknowledge(una + MSS); /* and no more: it has thrown the rest away */
    peer_waits(&peer, 2 * WORLD_SECOND);
    assert_int_equal(hear(), una + MSS);
    assert_int_equal(info().tcpi_sacked, 0);
}

/* 6.3: after a time-out, what was sent within the last round trip is not yet lost. */
/* RFC 8985 MUST-7 */
static void a_time_out_spares_what_was_just_sent(void **state)
{
    (void)state;
    uint32_t una = fly(20);
    acknowledge(una + 2 * MSS);
    hear_all();
    ms(215); /* the probe has gone */
    hear_all();
    acknowledge(una + 2 * MSS);
    peer_runs(&peer, WORLD_SECOND);
    assert_true(counted(CHASKI_TCP_TIMEOUTS) != 0);
    assert_int_equal(info().tcpi_ca_state, TCP_CA_LOSS);
}

/* 6.2, step 4: however often duplicates were reported, it is no more than a round trip. */
/* RFC 8985 MUST-5 */
static void the_reordering_window_is_bounded(void **state)
{
    (void)state;
    uint32_t una = fly(0);
    connection()->flight->rack.more_steps = 200;
    SAY(una, una + MSS, una + 2 * MSS);
    ms(36);
    assert_silent();
    ms(10);
    assert_int_equal(hear(), una);
    assert_int_equal(counted(CHASKI_TCP_TIMEOUTS), 0);
}

int main(void)
{
#define test(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        test(three_reported_segments_are_enough),
        test(one_reported_segment_and_time_are_enough),
        test(a_late_turn_finds_what_is_lost_first),
        test(a_lost_retransmission_is_found),
        test(reordering_is_waited_for),
        test(a_late_report_puts_off_the_time_out),
        test(a_report_of_the_same_burst_does_not),
        test(duplicates_widen_the_window),
        test(each_recovery_counts_against_a_wide_window),
        test(a_duplicate_behind_a_gap_is_one_too),
        test(an_answer_too_soon_is_not_of_the_retransmission),
        test(a_peer_that_takes_its_word_back_is_sent_all_again),
        test(a_time_out_spares_what_was_just_sent),
        test(the_reordering_window_is_bounded),
    };
#undef test
    return cmocka_run_group_tests(tests, NULL, NULL);
}
