/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/tcp/recovery/recovery.h"

/* Taking recovery back: F-RTO (RFC 5682), D-SACK (RFC 2883, 3708), Eifel (RFC 3522, 4015). */

enum { TS_MSS = MSS - 12 };

static const uint8_t sack_and_timestamps[] = {2, 4, MSS >> 8, MSS & 0xff, 4, 2, 8, 10,
                                              0, 0, 3,        233,        0, 0, 0, 0};

/* ---- F-RTO (RFC 5682) ---- */

static uint32_t time_out(uint32_t more)
{
    uint32_t una = fly(more);
    assert_int_equal(chaski_set_knob(peer.host, "tcp_early_retrans", "0"), 0);
    acknowledge(una + MSS); /* so that the timer is not a probe's */
    una += MSS;
    hear_all();
    ms(230);
    peer_waits(&peer, WORLD_SECOND);
    assert_int_equal(hear(), una);
    assert_silent();
    assert_int_equal(info().tcpi_ca_state, TCP_CA_LOSS);
    return una;
}

/* 3.1, step 3.b: the originals were only late. */
/* RFC 4015 MUST-1, MUST-4; RFC 5682 MUST-7, SHLD-1 */
static void a_spurious_time_out_is_taken_back(void **state)
{
    (void)state;
    uint32_t una = time_out(10), window = connection()->flight->undo.window;
    acknowledge(una + MSS); /* step 2.b: two new segments */
    assert_int_equal(hear_all(), 2);
    acknowledge(una + 2 * MSS); /* not sent again */
    assert_int_equal(info().tcpi_ca_state, TCP_CA_OPEN);
    assert_true(connection()->congestion.window >= window);
    assert_int_equal(counted(CHASKI_TCP_UNDONE), 1);
    assert_int_equal(info().tcpi_lost, 0);
    assert_int_equal(info().tcpi_total_retrans, 1);
}

/* 3.1, step 3.a: duplicates after the new segments mean that the loss was real. */
/* RFC 5682 SHLD-1 */
static void a_real_time_out_goes_on(void **state)
{
    (void)state;
    uint32_t una = time_out(10);
    acknowledge(una + MSS);
    uint32_t first = hear();
    hear_all();
    SAY(una + MSS, first, first + MSS);
    assert_int_equal(hear(), una + MSS);
    assert_int_equal(info().tcpi_ca_state, TCP_CA_LOSS);
    assert_int_equal(counted(CHASKI_TCP_UNDONE), 0);
}

/* Nothing new to send: recovery by retransmission, as ever. */
/* RFC 5682 MUST-3 */
static void without_new_data_the_lost_goes_again(void **state)
{
    (void)state;
    uint32_t una = time_out(0);
    acknowledge(una + MSS);
    assert_int_equal(hear(), una + MSS);
}

/* ---- Taking back: D-SACK (RFC 2883, 3708), Eifel (RFC 3522, 4015) ---- */

/* RFC 4015 MUST-1, MUST-2; RFC 5681 MUST-18 */
static void duplicates_of_all_retransmissions_undo(void **state)
{
    (void)state;
    uint32_t una = fly(0), window = connection()->congestion.window;
    uint32_t threshold = connection()->congestion.threshold;
    SAY(una, una + MSS, una + 4 * MSS);
    assert_int_equal(hear(), una);
    acknowledge(una + 10 * MSS);
    assert_true(connection()->congestion.window < window);
    assert_int_equal(info().tcpi_ca_state, TCP_CA_OPEN);
    SAY(una + 10 * MSS, una, una + MSS);
    assert_true(connection()->congestion.window >= window);
    assert_int_equal(connection()->congestion.threshold, threshold);
    assert_int_equal(counted(CHASKI_TCP_UNDONE), 1);
}

static void a_duplicate_of_one_of_two_does_not(void **state)
{
    (void)state;
    uint32_t una = fly(0);
    SAY(una, una + 2 * MSS, una + 5 * MSS);
    for (uint32_t k = 6; k <= 10; k++)
        SAY(una, una + 2 * MSS, una + k * MSS);
    assert_int_equal(hear_all(), 2);
    acknowledge(una + 10 * MSS);
    SAY(una + 10 * MSS, una, una + MSS);
    assert_int_equal(counted(CHASKI_TCP_UNDONE), 0);
    SAY(una + 10 * MSS, una + MSS, una + 2 * MSS);
    assert_int_equal(counted(CHASKI_TCP_UNDONE), 1);
}

/* Nor one of what was acknowledged before the loss. */
static void a_duplicate_from_before_does_not(void **state)
{
    (void)state;
    uint32_t una = fly(10);
    acknowledge(una + 10 * MSS);
    hear_all();
    ms(RTT_MS);
    uint32_t lost = una + 10 * MSS;
    SAY(lost, lost + MSS, lost + 4 * MSS);
    assert_int_equal(hear(), lost);
    SAY(lost, una, una + MSS, lost + MSS, lost + 5 * MSS);
    acknowledge(lost + 10 * MSS);
    assert_int_equal(info().tcpi_ca_state, TCP_CA_OPEN);
    assert_int_equal(counted(CHASKI_TCP_UNDONE), 0);
}

/* RFC 3522 MUST-1, MUST-3 */
static void an_echo_from_before_the_retransmission_undoes(void **state)
{
    (void)state;
    uint32_t una = open_with(sack_and_timestamps, sizeof sack_and_timestamps);
    peer_host_writes(&peer, 10 * TS_MSS);
    assert_int_equal(hear_all(), 10);
    uint32_t original = echo, window = connection()->congestion.window;
    ms(RTT_MS);
    SAY(una, una + TS_MSS, una + 4 * TS_MSS);
    assert_int_equal(hear(), una);
    assert_true(echo != original);
    echo = original; /* the first one was late, and that is what this acknowledges */
    acknowledge(una + 10 * TS_MSS);
    assert_true(connection()->congestion.window >= window);
    assert_int_equal(info().tcpi_ca_state, TCP_CA_OPEN);
    assert_int_equal(counted(CHASKI_TCP_UNDONE), 1);
}

/* RFC 3522 MUST-2, MUST-4, SHLD-1 */
static void an_echo_of_the_retransmission_does_not(void **state)
{
    (void)state;
    uint32_t una = open_with(sack_and_timestamps, sizeof sack_and_timestamps);
    peer_host_writes(&peer, 10 * TS_MSS);
    hear_all();
    ms(RTT_MS);
    SAY(una, una + TS_MSS, una + 4 * TS_MSS);
    assert_int_equal(hear(), una);
    ms(RTT_MS);
    acknowledge(una + 10 * TS_MSS);
    assert_int_equal(counted(CHASKI_TCP_UNDONE), 0);
}

int main(void)
{
#define test(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        test(a_spurious_time_out_is_taken_back),
        test(a_real_time_out_goes_on),
        test(without_new_data_the_lost_goes_again),
        test(duplicates_of_all_retransmissions_undo),
        test(a_duplicate_of_one_of_two_does_not),
        test(a_duplicate_from_before_does_not),
        test(an_echo_from_before_the_retransmission_undoes),
        test(an_echo_of_the_retransmission_does_not),
    };
#undef test
    return cmocka_run_group_tests(tests, NULL, NULL);
}
