/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "core/tcp/recovery/tcp_recovery.h"
#include "tests/support/peer.h"

/*
 * Loss recovery: RACK-TLP (RFC 8985), proportional rate reduction (6937), F-RTO (5682), limited
 * transmit (3042), D-SACK (2883), and taking recovery back (3522, 4015). The peer is the test: the
 * round trip is what it makes of it, 40 ms here.
 */

enum { RTT_MS = 40, MSS = PEER_MSS, TS_MSS = PEER_MSS - 12 };

static const uint8_t sack_only[] = {2, 4, PEER_MSS >> 8, PEER_MSS & 0xff, 4, 2, 1, 1};
static const uint8_t sack_and_timestamps[] = {
    2, 4, PEER_MSS >> 8, PEER_MSS & 0xff, 4, 2, 8, 10, 0, 0, 3, 233, 0, 0, 0, 0};

static struct peer peer;
static uint32_t peer_clock; /* of its timestamps; 0: it has none */
static uint32_t echo;       /* the host's last timestamp */

static void ms(uint32_t n)
{
    peer_runs(&peer, n * WORLD_MILLISECOND);
}

static struct tcp_connection *connection(void)
{
    return &peer.host->tcp.connections[peer.connection.index];
}

static struct chaski_tcp_info info(void)
{
    return peer_info(&peer);
}

static uint64_t counted(enum chaski_counter which)
{
    return chaski_counter_value(peer.host, which);
}

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Acknowledges `number` and reports ranges, from and to, until both are 0; timestamps as agreed. */
static void say(uint32_t number, const uint32_t *ranges)
{
    uint8_t options[40];
    uint8_t length = 0, count = 0;
    struct segment segment = peer_segment(&peer, SEGMENT_ACK);
    if (peer_clock != 0) {
        const uint8_t head[4] = {1, 1, 8, 10};
        for (int i = 0; i < 4; i++)
            options[i] = head[i];
        put32(options + 4, peer_clock);
        put32(options + 8, echo);
        length = 12;
    }
    while (ranges[2 * count] != ranges[2 * count + 1])
        count++;
    if (count != 0) {
        options[length++] = 1;
        options[length++] = 1;
        options[length++] = 5;
        options[length++] = (uint8_t)(2 + 8 * count);
    }
    for (unsigned i = 0; i < 2u * count; i++, length += 4)
        put32(options + length, ranges[i]);
    segment.acknowledgment = number;
    segment.options = options;
    segment.options_length = length;
    peer_injects(&peer, &segment);
}

#define SAY(number, ...) say(number, (const uint32_t[]){__VA_ARGS__, 0, 0})

static void acknowledge(uint32_t number)
{
    SAY(number, 0, 0);
}

/* The next segment with text: where it begins. */
static uint32_t hear(void)
{
    struct segment segment;
    uint8_t length;
    assert_true(peer_hears(&peer, &segment));
    assert_true(segment.payload_length != 0);
    const uint8_t *timestamp = segment_option(&segment, 8, &length);
    if (timestamp != NULL)
        echo = get32(timestamp);
    return segment.sequence;
}

static unsigned hear_all(void)
{
    unsigned n = 0;
    while (peer.heard != peer.world.frame_count) {
        hear();
        n++;
    }
    return n;
}

static void assert_silent(void)
{
    peer_expects_nothing(&peer);
}

/* Opens, and lets one segment go to and fro, so that the round trip is known. */
static uint32_t open_with(const uint8_t *options, uint8_t length)
{
    peer_make(&peer, NULL);
    peer.syn_options = options;
    peer.syn_options_length = length;
    peer_host_listens(&peer);
    struct segment syn = peer_segment(&peer, SEGMENT_SYN);
    syn.options = options;
    syn.options_length = length;
    peer_injects(&peer, &syn);
    struct segment synack = peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK);
    uint8_t option;
    const uint8_t *timestamp = segment_option(&synack, 8, &option);
    peer_clock = timestamp != NULL ? 1002 : 0;
    echo = timestamp != NULL ? get32(timestamp) : 0;
    peer.next++;
    peer.expected = synack.sequence + 1;
    ms(RTT_MS);
    acknowledge(peer.expected);
    ms(1);
    peer_host_writes(&peer, 100);
    hear();
    ms(RTT_MS);
    acknowledge(peer.expected);
    assert_silent();
    assert_in_range(info().tcpi_rtt, 39000, 41000);
    return peer.expected;
}

static void text_at(uint32_t sequence, uint32_t length)
{
    static const uint8_t text[3000];
    struct segment segment = peer_segment(&peer, SEGMENT_ACK);
    segment.sequence = sequence;
    segment.payload = text;
    segment.payload_length = length;
    peer_injects(&peer, &segment);
}

/* Ten full segments are in flight, for a round trip already; returns where they begin. */
static uint32_t fly(uint32_t more)
{
    uint32_t una = open_with(sack_only, sizeof sack_only);
    peer_host_writes(&peer, (10 + more) * MSS);
    assert_int_equal(hear_all(), 10);
    ms(RTT_MS);
    return una;
}

static int tear_down(void **state)
{
    (void)state;
    peer_free(&peer);
    return 0;
}

/* ---- RACK (RFC 8985, 6) ---- */

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
    uint32_t una = fly(10);
    SAY(una, una + MSS, una + 4 * MSS);
    assert_int_equal(hear(), una);
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

/* The time-out is that of the first segment: what is sent again behind it does not put it off. */
static void a_second_retransmission_does_not_put_off_the_time_out(void **state)
{
    (void)state;
    uint32_t una = fly(0);
    SAY(una, una + MSS, una + 4 * MSS);
    assert_int_equal(hear(), una);
    ms(100);
    SAY(una, una + 5 * MSS, una + 9 * MSS, una + MSS, una + 4 * MSS);
    assert_int_equal(hear(), una + 4 * MSS);
    assert_silent();
    assert_in_range(peer_waits(&peer, WORLD_SECOND), 100 * WORLD_MILLISECOND,
                    180 * WORLD_MILLISECOND);
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
    uint32_t una = fly(0);
    SAY(una, una + MSS, una + 4 * MSS);
    assert_int_equal(hear(), una);
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

/* ---- Tail loss probes (RFC 8985, 7) ---- */

/* 7.2, 7.3: two round trips after the last sending; the last segment when there is nothing new. */
/* RFC 8985 MUST-9, SHLD-8, SHLD-13, SHLD-15 */
static void silence_is_probed(void **state)
{
    (void)state;
    uint32_t una = open_with(sack_only, sizeof sack_only);
    peer_host_writes(&peer, 3 * MSS);
    assert_int_equal(hear_all(), 3);
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
    uint32_t una = open_with(sack_only, sizeof sack_only);
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
    uint32_t una = open_with(sack_only, sizeof sack_only);
    peer_host_writes(&peer, 3 * MSS);
    hear_all();
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
    peer_host_writes(&peer, 3 * MSS);
    assert_int_equal(hear_all(), 3);
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

/* 7.4.2: what the probe has repaired was a loss: the window is reduced. */
/* RFC 8985 MUST-10, SHLD-14 */
static void a_loss_that_the_probe_repaired_counts(void **state)
{
    (void)state;
    uint32_t una = open_with(sack_only, sizeof sack_only);
    peer_host_writes(&peer, 4 * MSS);
    hear_all();
    ms(3 * RTT_MS);
    assert_int_equal(hear(), una + 3 * MSS);
    peer_host_writes(&peer, MSS);
    hear_all();
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
    uint32_t una = open_with(sack_only, sizeof sack_only);
    peer_host_writes(&peer, 4 * MSS);
    hear_all();
    ms(3 * RTT_MS);
    assert_int_equal(hear(), una + 3 * MSS);
    uint32_t before = info().tcpi_snd_cwnd;
    SAY(una + 4 * MSS, una + 3 * MSS, una + 4 * MSS);
    assert_true(info().tcpi_snd_cwnd >= before);
    assert_false(connection()->flight->probe.outstanding);
}

/* RFC 8985 MUST-11 */
static void nor_does_one_whose_duplicate_is_told_late(void **state)
{
    (void)state;
    uint32_t una = open_with(sack_only, sizeof sack_only);
    peer_host_writes(&peer, 4 * MSS);
    hear_all();
    ms(3 * RTT_MS);
    assert_int_equal(hear(), una + 3 * MSS);
    peer_host_writes(&peer, MSS);
    hear_all();
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
    uint32_t una = open_with(sack_only, sizeof sack_only);
    struct pool *pool = &peer.host->memory.packets;
    peer_host_writes(&peer, 3 * MSS);
    assert_int_equal(hear_all(), 3);
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
    uint32_t una = open_with(sack_only, sizeof sack_only), gap = peer.next + 1000;
    struct pool *packets = &peer.host->memory.packets;
    uint32_t keep = packets->keep[FOR_CONTROL], keep_for_data = packets->keep[FOR_SEND];
    peer_host_writes(&peer, 3 * MSS);
    hear_all();
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
    uint32_t una = open_with(sack_only, sizeof sack_only);
    assert_int_equal(chaski_set_knob(peer.host, "tcp_early_retrans", "0"), 0);
    peer_host_writes(&peer, 3 * MSS);
    hear_all();
    ms(200);
    assert_silent();
    ms(100);
    assert_int_equal(hear(), una);
    assert_int_equal(counted(CHASKI_TCP_TIMEOUTS), 1);
}

/* ---- Limited transmit (RFC 3042), proportional rate reduction (RFC 6937) ---- */

/* RFC 3042 MUST-2, MUST-3, SHLD-1; RFC 5681 MUST-1, SHLD-3 */
static void the_first_two_reports_let_new_segments_go(void **state)
{
    (void)state;
    uint32_t una = fly(5);
    SAY(una, una + MSS, una + 2 * MSS);
    assert_int_equal(hear(), una + 10 * MSS);
    assert_silent();
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
    assert_int_equal(info().tcpi_pacing_rate, 0);
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

/* ---- D-SACK, the receiver's side (RFC 2883, 4) ---- */

/* The host's last acknowledgement reports these ranges and no others. */
static void assert_reports(const uint32_t *ranges, unsigned count)
{
    struct segment ack = world_last_segment(&peer.world, 0, 0);
    uint8_t length = 0;
    const uint8_t *blocks = segment_option(&ack, 5, &length);
    if (count == 0) {
        assert_null(blocks);
        return;
    }
    assert_non_null(blocks);
    assert_int_equal(length, 8 * count);
    for (unsigned i = 0; i < 2 * count; i++)
        assert_int_equal(get32(blocks + 4 * i), ranges[i]);
}

/* RFC 2018 MUST-3; RFC 2883 MUST-1, MUST-2, MUST-3, MUST-4, MUST-5, MUST-6 */
static void what_came_twice_is_reported_first_and_once(void **state)
{
    (void)state;
    open_with(sack_only, sizeof sack_only);
    uint32_t at = peer.next;
    text_at(at, 1000);
    text_at(at, 1000); /* 4.1: a whole duplicate */
    assert_reports((const uint32_t[]){at, at + 1000}, 1);
    text_at(at + 2000, 500);
    assert_reports((const uint32_t[]){at + 2000, at + 2500}, 1);
    text_at(at + 2000, 500); /* 4.2: out of order; the second block covers the first */
    assert_reports((const uint32_t[]){at + 2000, at + 2500, at + 2000, at + 2500}, 2);
    text_at(at + 500, 1000); /* 4.3: half of it is old */
    assert_reports((const uint32_t[]){at + 500, at + 1000, at + 2000, at + 2500}, 2);
    text_at(at + 3000, 100);
    assert_reports((const uint32_t[]){at + 3000, at + 3100, at + 2000, at + 2500}, 2);
}

/* What lies further back than a window can reach was never here: somebody made it up. */
static void made_up_duplicates_are_not_reported(void **state)
{
    (void)state;
    open_with(sack_only, sizeof sack_only);
    uint32_t at = peer.next;
    text_at(at, 1000);
    text_at(at + 1000 - 0x7fffffffu, 500);
    assert_reports(NULL, 0);
    text_at(at + 1000 - (1 << 24), 500);
    assert_reports(NULL, 0);
}

static void duplicates_are_not_reported_when_that_is_off(void **state)
{
    (void)state;
    open_with(sack_only, sizeof sack_only);
    assert_int_equal(chaski_set_knob(peer.host, "tcp_dsack", "0"), 0);
    text_at(peer.next, 1000);
    text_at(peer.next, 1000);
    assert_reports(NULL, 0);
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
        test(a_second_retransmission_does_not_put_off_the_time_out),
        test(duplicates_widen_the_window),
        test(each_recovery_counts_against_a_wide_window),
        test(a_duplicate_behind_a_gap_is_one_too),
        test(an_answer_too_soon_is_not_of_the_retransmission),
        test(a_peer_that_takes_its_word_back_is_sent_all_again),
        test(a_time_out_spares_what_was_just_sent),
        test(the_reordering_window_is_bounded),
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
        test(the_first_two_reports_let_new_segments_go),
        test(limited_transmit_respects_the_window),
        test(the_rate_is_reduced_in_proportion),
        test(what_was_held_back_is_spread),
        test(a_little_goes_at_once_after_a_recovery),
        test(progress_lets_a_segment_more_go),
        test(a_pause_takes_the_window_back),
        test(slow_start_after_a_pause_goes_three_quarters_of_the_way),
        test(a_spurious_time_out_is_taken_back),
        test(a_real_time_out_goes_on),
        test(without_new_data_the_lost_goes_again),
        test(duplicates_of_all_retransmissions_undo),
        test(a_duplicate_of_one_of_two_does_not),
        test(a_duplicate_from_before_does_not),
        test(an_echo_from_before_the_retransmission_undoes),
        test(an_echo_of_the_retransmission_does_not),
        test(what_came_twice_is_reported_first_and_once),
        test(made_up_duplicates_are_not_reported),
        test(duplicates_are_not_reported_when_that_is_off),
    };
#undef test
    return cmocka_run_group_tests(tests, NULL, NULL);
}
