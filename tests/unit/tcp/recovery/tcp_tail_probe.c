/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/tcp/recovery/recovery.h"

/* Tail loss probes (RFC 8985, 7). */

/* 7.2, 7.3: two round trips after the last sending; the last segment when there is nothing new. */
/* RFC 8985 MUST-9, SHLD-8, SHLD-13, SHLD-15 */
static void silence_is_probed(void **state)
{
    (void)state;
    uint32_t una = send_few(3);
    ms(2 * RTT_MS - 2);
    assert_silent();
    ms(6);
    assert_int_equal(hear(), una + 2 * MSS);
    assert_silent();
    assert_int_equal(counted(CHASKI_TCP_TAIL_PROBES), 1);
    /* What it brings back shows the loss of the rest. */
    ms(RTT_MS);
    SAY(una, una + 2 * MSS, una + 3 * MSS);
    ms(15);
    assert_int_equal(hear(), una);
    assert_int_equal(counted(CHASKI_TCP_TIMEOUTS), 0);
}

/* 7.2: a lone segment's acknowledgement may be delayed; the time-out is not exceeded. */
/* RFC 8985 SHLD-9, SHLD-11 */
static void a_lone_segment_is_probed_later(void **state)
{
    (void)state;
    uint32_t una = open_with_sack();
    peer_host_writes(&peer, 1000);
    assert_int_equal(hear(), una);
    ms(200);
    assert_silent();
    ms(100);
    assert_int_equal(hear(), una);
    assert_int_equal(counted(CHASKI_TCP_TAIL_PROBES), 1);
    assert_int_equal(info().tcpi_ca_state, TCP_CA_OPEN);
}

/* 7.3: then the time-out is awaited. */
/* RFC 8985 MUST-8 */
static void one_probe_is_out_at_most(void **state)
{
    (void)state;
    uint32_t una = send_few(3);
    ms(2 * RTT_MS + 10);
    assert_int_equal(hear(), una + 2 * MSS);
    ms(200);
    assert_silent();
    ms(100);
    assert_int_equal(hear(), una);
    assert_int_equal(counted(CHASKI_TCP_TAIL_PROBES), 1);
    assert_int_equal(counted(CHASKI_TCP_TIMEOUTS), 1);
}

/* The handshake told one. */
static void forget_round_trip(void)
{
    struct tcp_connection *c = connection();
    c->srtt_us8 = c->rttvar_us4 = c->min_rtt_us = 0;
    c->rto_us = 1000000;
}

/* 7.2 */
/* RFC 8985 SHLD-10 */
static void without_a_round_trip_the_probe_waits_a_second(void **state)
{
    (void)state;
    peer_make(&peer, NULL);
    peer_clock = 0;
    peer.syn_options = sack_only;
    peer.syn_options_length = sizeof sack_only;
    peer_opens(&peer);
    forget_round_trip();
    uint32_t una = peer.expected;
    write_full(3, 3);
    ms(995);
    assert_silent();
    ms(10);
    assert_int_equal(hear(), una + 2 * MSS);
    assert_int_equal(counted(CHASKI_TCP_TAIL_PROBES), 1);
}

/* 7.3: new data goes rather than old. */
/* RFC 8985 SHLD-12 */
static void new_data_probes_when_there_is_some(void **state)
{
    (void)state;
    uint32_t una = fly(5);
    ms(2 * RTT_MS);
    assert_int_equal(hear(), una + 10 * MSS);
    assert_silent();
    assert_int_equal(info().tcpi_total_retrans, 0);
}

/* Four segments go, and the last one again as a probe; returns where they begin. */
static uint32_t probe_fourth(void)
{
    uint32_t una = send_few(4);
    ms(3 * RTT_MS);
    assert_int_equal(hear(), una + 3 * MSS);
    return una;
}

/* 7.4.2: what the probe has repaired was a loss: the window is reduced. */
/* RFC 8985 MUST-10, SHLD-14 */
static void a_loss_that_the_probe_repaired_counts(void **state)
{
    (void)state;
    uint32_t una = probe_fourth();
    write_full(1, 1);
    ms(RTT_MS);
    uint32_t before = info().tcpi_snd_cwnd;
    acknowledge(una + 5 * MSS);
    assert_true(info().tcpi_snd_cwnd < before);
    assert_int_equal(info().tcpi_ca_state, TCP_CA_OPEN);
}

/* 7.4.2: reported as a duplicate, it repaired nothing. */
/* RFC 8985 MUST-11 */
static void a_needless_probe_costs_nothing(void **state)
{
    (void)state;
    uint32_t una = probe_fourth();
    uint32_t before = info().tcpi_snd_cwnd;
    SAY(una + 4 * MSS, una + 3 * MSS, una + 4 * MSS);
    assert_true(info().tcpi_snd_cwnd >= before);
    assert_false(connection()->flight->probe.outstanding);
}

/* RFC 8985 MUST-11 */
static void nor_does_one_whose_duplicate_is_told_late(void **state)
{
    (void)state;
    uint32_t una = probe_fourth();
    write_full(1, 1);
    ms(RTT_MS);
    uint32_t before = info().tcpi_snd_cwnd;
    SAY(una + 5 * MSS, una + 3 * MSS, una + 4 * MSS);
    assert_true(info().tcpi_snd_cwnd >= before);
    assert_false(connection()->flight->probe.outstanding);
}

/* A probe for which there was no memory is given up, and does not come once there is some. */
static void no_probe_follows_an_answer(void **state)
{
    (void)state;
    uint32_t una = send_few(3);
    struct pool *pool = &peer.host->memory.packets;
    pool->fail_at = pool->takes + 1;
    ms(2 * RTT_MS + 4);
    assert_silent();
    assert_false(connection()->flight->probe.owed);
    assert_true(counted(CHASKI_TCP_OUTPUT_NO_MEMORY) != 0);
    pool->fail_at = 0;
    SAY(una, una + 2 * MSS, una + 3 * MSS);
    ms(15);
    assert_int_equal(hear(), una);
    assert_silent();
    assert_int_equal(counted(CHASKI_TCP_TAIL_PROBES), 0);
}

/* A probe is due, and nothing can be sent, since what is to be acknowledged comes first and finds
 * no memory. What goes on coming in does not put off the time-out, which then takes the probe's
 * place. */
static void a_probe_that_cannot_go_leaves_the_time_out(void **state)
{
    (void)state;
    uint32_t una = send_few(3), gap = peer.next + 1000;
    struct pool *packets = &peer.host->memory.packets;
    uint32_t keep = packets->keep[FOR_CONTROL], keep_for_data = packets->keep[FOR_SEND];
    peer.expected = una; /* none of it has arrived */
    packets->keep[FOR_CONTROL] = packets->keep[FOR_SEND] = packets->total;
    for (unsigned i = 0; i < 20; i++) {
        text_at(gap + 200 * i, 100);
        ms(30);
    }
    assert_silent();
    assert_int_equal(counted(CHASKI_TCP_TIMEOUTS), 1);
    packets->keep[FOR_CONTROL] = keep;
    packets->keep[FOR_SEND] = keep_for_data;
    ms(5);
    assert_int_equal(hear(), una);
    assert_int_equal(counted(CHASKI_TCP_TAIL_PROBES), 0);
}

static void probes_can_be_turned_off(void **state)
{
    (void)state;
    uint32_t una = open_with_sack();
    assert_int_equal(chaski_set_knob(peer.host, "tcp_early_retrans", "0"), 0);
    write_full(3, 3);
    ms(200);
    assert_silent();
    ms(100);
    assert_int_equal(hear(), una);
    assert_int_equal(counted(CHASKI_TCP_TIMEOUTS), 1);
}

int main(void)
{
#define test(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        test(silence_is_probed),
        test(a_lone_segment_is_probed_later),
        test(one_probe_is_out_at_most),
        test(without_a_round_trip_the_probe_waits_a_second),
        test(new_data_probes_when_there_is_some),
        test(a_loss_that_the_probe_repaired_counts),
        test(a_needless_probe_costs_nothing),
        test(nor_does_one_whose_duplicate_is_told_late),
        test(no_probe_follows_an_answer),
        test(a_probe_that_cannot_go_leaves_the_time_out),
        test(probes_can_be_turned_off),
    };
#undef test
    return cmocka_run_group_tests(tests, NULL, NULL);
}
