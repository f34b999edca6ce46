/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much gets through, in virtual time: not how fast the program is, but whether recovery and
 * congestion control keep a path as busy as theory says they should. Bounds are loose; run with -v
 * for the figures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/net.h"

enum { PORT = 5001, PIECE = 65536 };

static bool verbose;

/* One direction of bulk data from host 0 to host 1. */
struct course {
    const char *name;
    struct memory_wire_impairment there, back;
    enum chaski_congestion congestion;
    bool no_sack, no_timestamps;
    uint8_t ecn;   /* the knob; 0: none */
    size_t memory; /* that hosts are laid out for; 0: for any course */
    unsigned seconds;
    double least_mbit;      /* goodput */
    uint32_t most_timeouts; /* retransmission time-outs */
    unsigned most_rtt_ms;   /* in the second half, on average; 0: as may be */
};

struct run {
    struct net net;
    chaski_tcp from;
    uint64_t received;
    bool ended;
};

static void send_more(struct run *run)
{
    static const uint8_t piece[PIECE];
    while (chaski_tcp_write(run->net.hosts[0].host, run->from, piece, PIECE) > 0)
        continue;
}

static void on_sender(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct run *run = context;
    (void)host;
    (void)connection;
    if (events & CHASKI_ENDED)
        run->ended = true;
    else
        send_more(run);
}

static void on_receiver(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    static uint8_t piece[PIECE];
    struct run *run = context;
    long n;
    (void)events;
    while ((n = chaski_tcp_read(host, connection, piece, PIECE)) > 0)
        run->received += (uint64_t)n;
}

/* Two hosts laid out for `memory`, or for more than any course takes when it is 0. */
static void make_net(struct net *net, size_t memory, const struct memory_wire_impairment *there,
                     const struct memory_wire_impairment *back)
{
    struct chaski_limits limits = net_few;
    struct net_options options = {.seed = 7, .queue_packets = 65536, .limits = &limits};
    limits.packets = 65536;
    limits.small_buffers = 32768;
    limits.large_buffers = 2048;
    limits.receive_buffer_max = limits.send_buffer_max = 32 << 20;
    if (memory != 0)
        chaski_limits_for(&limits, memory, 8);
    net_make(net, &options);
    memory_wire_impair(net->wire, 0, 1, there);
    memory_wire_impair(net->wire, 1, 0, back);
}

static void begin(struct run *run, const struct course *course)
{
    make_net(&run->net, course->memory, &course->there, &course->back);
    for (uint32_t i = 0; i < 2; i++) {
        struct tcp_knobs *knobs = &run->net.hosts[i].host->tcp.knobs;
        knobs->congestion = (uint8_t)course->congestion;
        knobs->sack = !(course->no_sack && i == 1);
        knobs->timestamps = !course->no_timestamps;
        knobs->ecn = course->ecn;
    }
    struct chaski_tcp_bind bind = {.local.port = PORT, .receive = on_receiver, .context = run};
    chaski_listener listener;
    assert_int_equal(chaski_tcp_bind(run->net.hosts[1].host, &bind, &listener), 0);
    struct chaski_tcp_connect connect = {
        .remote = net_endpoint(1, PORT), .receive = on_sender, .context = run};
    assert_int_equal(chaski_tcp_connect(run->net.hosts[0].host, &connect, &run->from), 0);
}

static void tell(const struct run *run, const struct course *course, double mbit, double rtt_ms)
{
    const struct net *net = &run->net;
    struct memory_wire_statistics wire = memory_wire_statistics(net->wire, 0, 1);
    printf("%-44s %8.2f Mbit/s, %7.3f ms, %4" PRIu64 " time-outs, %5" PRIu64
           " recoveries, %6" PRIu64 " segments sent again, %6" PRIu64 " frames lost\n",
           course->name, mbit, rtt_ms, net_counter(net, CHASKI_TCP_TIMEOUTS),
           net_counter(net, CHASKI_TCP_RECOVERIES), net_counter(net, CHASKI_TCP_RETRANSMITTED),
           wire.lost + wire.overflowed);
}

/* A tenth of a second each, so that the round trip is seen as it changes. */
static double pass_seconds(struct run *run, unsigned seconds)
{
    double rtt_us = 0;
    for (unsigned tenth = 0; tenth < seconds * 10; tenth++) {
        struct chaski_tcp_info info;
        net_run(&run->net, NET_SECOND / 10);
        if (chaski_tcp_info(run->net.hosts[0].host, run->from, &info) != 0)
            continue;
        if (tenth >= seconds * 5)
            rtt_us += info.tcpi_rtt;
    }
    return rtt_us / (seconds * 5) * 1e-3;
}

static void take(const struct course *course)
{
    struct run *run = calloc(1, sizeof *run);
    assert_non_null(run);
    begin(run, course);
    double rtt_ms = pass_seconds(run, course->seconds);
    double mbit = (double)run->received * 8e-6 / course->seconds;
    if (verbose)
        tell(run, course, mbit, rtt_ms);
    assert_false(run->ended);
    assert_true(mbit >= course->least_mbit);
    assert_true(net_counter(&run->net, CHASKI_TCP_TIMEOUTS) <= course->most_timeouts);
    if (course->most_rtt_ms != 0)
        assert_true(rtt_ms <= course->most_rtt_ms);
    net_check_tcp(&run->net);
    assert_int_equal(chaski_tcp_abort(run->net.hosts[0].host, run->from), 0);
    net_run(&run->net, 5 * NET_SECOND);
    net_free(&run->net);
    free(run);
}

/* 100 Mbit/s, 20 ms there and back, and a queue of as much as that holds. */
#define THERE(chance)                                                                              \
    {                                                                                              \
        .loss = (chance), .delay_ns = 10 * NET_MILLISECOND, .rate_bits = 100000000,                \
        .queue_bytes = 250000                                                                      \
    }
#define BACK                                                                                       \
    {                                                                                              \
        .delay_ns = 10 * NET_MILLISECOND, .rate_bits = 100000000, .queue_bytes = 250000            \
    }

/* Where losses are random, windows are those of Reno's response function, 1.22 / sqrt(p) segments,
 * which is CUBIC's too on paths as short as these (RFC 9438, 4.3): 22 Mbit/s, and 7. */
static const struct course courses[] = {
    {"CUBIC", THERE(0), BACK, .seconds = 20, .least_mbit = 85, .most_timeouts = 1},
    {"CUBIC, 0.1 % lost", THERE(1000), BACK, .seconds = 40, .least_mbit = 14, .most_timeouts = 8},
    {"CUBIC, 1 % lost", THERE(10000), BACK, .seconds = 40, .least_mbit = 4, .most_timeouts = 40},
    {"NewReno", THERE(0), BACK, .congestion = CHASKI_NEWRENO, .seconds = 20, .least_mbit = 80,
     .most_timeouts = 1},
    {"NewReno, 0.1 % lost", THERE(1000), BACK, .congestion = CHASKI_NEWRENO, .seconds = 40,
     .least_mbit = 14, .most_timeouts = 8},
    {"NewReno, 1 % lost", THERE(10000), BACK, .congestion = CHASKI_NEWRENO, .seconds = 40,
     .least_mbit = 4, .most_timeouts = 40},
    {"CUBIC without SACK", THERE(0), BACK, .no_sack = true, .seconds = 20, .least_mbit = 60,
     .most_timeouts = 3},
    {"CUBIC without SACK, 0.1 % lost", THERE(1000), BACK, .no_sack = true, .seconds = 40,
     .least_mbit = 12, .most_timeouts = 8},
    {"CUBIC without SACK, 1 % lost", THERE(10000), BACK, .no_sack = true, .seconds = 40,
     .least_mbit = 3, .most_timeouts = 80},
    {"CUBIC without timestamps, 1 % lost", THERE(10000), BACK, .no_timestamps = true, .seconds = 40,
     .least_mbit = 4, .most_timeouts = 40},
};

/* BBR: losses below two percent leave the rate as it is, and there is hardly a queue. DCTCP: a
 * queue of 30 kB, 2.4 ms, is marked. */
static const struct course modern[] = {
    {"BBR", THERE(0), BACK, .congestion = CHASKI_BBR, .seconds = 20, .least_mbit = 85,
     .most_timeouts = 1, .most_rtt_ms = 24},
    {"BBR, 0.1 % lost", THERE(1000), BACK, .congestion = CHASKI_BBR, .seconds = 20,
     .least_mbit = 80, .most_timeouts = 1, .most_rtt_ms = 24},
    {"BBR, 1 % lost", THERE(10000), BACK, .congestion = CHASKI_BBR, .seconds = 20, .least_mbit = 70,
     .most_timeouts = 2, .most_rtt_ms = 24},
    {"BBR without SACK, 0.1 % lost", THERE(1000), BACK, .congestion = CHASKI_BBR, .no_sack = true,
     .seconds = 20, .least_mbit = 10, .most_timeouts = 20},
    {"BBR without timestamps, 1 % lost", THERE(10000), BACK, .congestion = CHASKI_BBR,
     .no_timestamps = true, .seconds = 20, .least_mbit = 70, .most_timeouts = 2},
};

/* draft-ietf-ccwg-bbr MUST-3, MUST-5, MUST-6 */
static void bbr_keeps_a_lossy_path_busy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof modern / sizeof *modern; i++)
        take(&modern[i]);
}

/* draft-ietf-ccwg-bbr MUST-7 */
static void bbr_heeds_marks(void **state)
{
    (void)state;
    struct memory_wire_impairment there = THERE(0), back = BACK;
    there.mark_bytes = 60000;
    for (uint8_t ecn = 1; ecn <= 3; ecn += 2) {
        struct course course = {ecn == 1 ? "BBR, marks from 60 kB on, classic ECN"
                                         : "BBR, marks from 60 kB on, accurate ECN",
                                there,
                                back,
                                .congestion = CHASKI_BBR,
                                .ecn = ecn,
                                .seconds = 10,
                                .least_mbit = 85,
                                .most_rtt_ms = 22};
        take(&course);
    }
}

/* RFC 8257 MUST-1, SHLD-3 */
static void dctcp_keeps_the_queue_at_the_mark(void **state)
{
    (void)state;
    struct memory_wire_impairment there = {
        .delay_ns = 500000, .rate_bits = 100000000, .queue_bytes = 250000, .mark_bytes = 30000};
    struct memory_wire_impairment back = {.delay_ns = 500000, .rate_bits = 100000000};
    struct course course = {"DCTCP, marks from 30 kB on",
                            there,
                            back,
                            .congestion = CHASKI_DCTCP,
                            .seconds = 10,
                            .least_mbit = 90,
                            .most_rtt_ms = 5};
    take(&course);
}

/* 1 Gbit/s over 50 ms with as long a queue: what CUBIC makes of losses is in its response function.
 */
static void bbr_fills_a_wide_path(void **state)
{
    (void)state;
    struct memory_wire_impairment wide = {
        .delay_ns = 25 * NET_MILLISECOND, .rate_bits = 1000000000, .queue_bytes = 6250000};
    struct memory_wire_impairment lossy = wide, lossier = wide;
    lossy.loss = 1000;
    lossier.loss = 10000;
    const struct course wide_courses[] = {
        {"CUBIC, 1 Gbit/s, 50 ms, 0.1 % lost", lossy, wide, .seconds = 6, .least_mbit = 12,
         .most_timeouts = 2},
        {"CUBIC, 1 Gbit/s, 50 ms, 1 % lost", lossier, wide, .seconds = 6, .least_mbit = 2,
         .most_timeouts = 5},
        {"BBR, 1 Gbit/s, 50 ms, the first second", wide, wide, .congestion = CHASKI_BBR,
         .seconds = 1, .least_mbit = 340},
        {"BBR, 1 Gbit/s, 50 ms", wide, wide, .congestion = CHASKI_BBR, .seconds = 6,
         .least_mbit = 750, .most_timeouts = 1, .most_rtt_ms = 60},
        {"BBR, 1 Gbit/s, 50 ms, 0.1 % lost", lossy, wide, .congestion = CHASKI_BBR, .seconds = 6,
         .least_mbit = 650, .most_timeouts = 1, .most_rtt_ms = 60},
        {"BBR, 1 Gbit/s, 50 ms, 1 % lost", lossier, wide, .congestion = CHASKI_BBR, .seconds = 6,
         .least_mbit = 550, .most_timeouts = 1, .most_rtt_ms = 60},
    };
    for (size_t i = 0; i < sizeof wide_courses / sizeof *wide_courses; i++)
        take(&wide_courses[i]);
}

/* ---- Several flows --------------------------------------------------------------------------- */

enum { FLOWS = 4 };

struct rival {
    struct run *run;
    chaski_tcp from;
    uint64_t received;
    uint64_t at_half; /* what had been received when half the time was over */
};

static void on_rival_sender(void *context, struct chaski *host, chaski_tcp connection,
                            unsigned events)
{
    static const uint8_t piece[PIECE];
    (void)context;
    assert_false(events & CHASKI_ENDED);
    while (chaski_tcp_write(host, connection, piece, PIECE) > 0)
        continue;
}

static void on_rival_receiver(void *context, struct chaski *host, chaski_tcp connection,
                              unsigned events)
{
    static uint8_t piece[PIECE];
    struct rival *rival = context;
    long n;
    (void)events;
    while ((n = chaski_tcp_read(host, connection, piece, PIECE)) > 0)
        rival->received += (uint64_t)n;
}

/* Flow n begins n seconds after the first one, to a port of its own. */
static void begin_rival(struct run *run, struct rival *rival, uint16_t port,
                        enum chaski_congestion congestion)
{
    struct chaski_tcp_bind bind = {
        .local.port = port, .receive = on_rival_receiver, .context = rival};
    chaski_listener listener;
    assert_int_equal(chaski_tcp_bind(run->net.hosts[1].host, &bind, &listener), 0);
    run->net.hosts[0].host->tcp.knobs.congestion = (uint8_t)congestion;
    struct chaski_tcp_connect connect = {
        .remote = net_endpoint(1, port), .receive = on_rival_sender, .context = rival};
    assert_int_equal(chaski_tcp_connect(run->net.hosts[0].host, &connect, &rival->from), 0);
}

/* Jain's index of what the flows got in the second half; *mbit is the sum. */
static double compete(const enum chaski_congestion *congestion, unsigned flows, unsigned seconds,
                      double *mbit)
{
    struct run *run = calloc(1, sizeof *run);
    struct rival rivals[FLOWS] = {{0}};
    const struct memory_wire_impairment there = THERE(0), back = BACK;
    double sum = 0, squares = 0;
    assert_non_null(run);
    make_net(&run->net, 0, &there, &back);
    for (unsigned i = 0; i < flows; i++) {
        begin_rival(run, &rivals[i], (uint16_t)(PORT + i), congestion[i]);
        net_run(&run->net, NET_SECOND);
    }
    net_run(&run->net, seconds / 2 * NET_SECOND);
    for (unsigned i = 0; i < flows; i++)
        rivals[i].at_half = rivals[i].received;
    net_run(&run->net, seconds / 2 * NET_SECOND);
    for (unsigned i = 0; i < flows; i++) {
        double got = (double)(rivals[i].received - rivals[i].at_half) * 8e-6 / (seconds / 2);
        sum += got;
        squares += got * got;
        if (verbose)
            printf("  flow %u: %.2f Mbit/s\n", i, got);
        chaski_tcp_abort(run->net.hosts[0].host, rivals[i].from);
    }
    net_run(&run->net, 5 * NET_SECOND);
    net_free(&run->net);
    free(run);
    *mbit = sum;
    return sum * sum / (flows * squares);
}

static void flows_share_a_path(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum chaski_congestion congestion[FLOWS];
        unsigned flows, seconds;
        double least_index;
    } cases[] = {
        {"two CUBIC flows", {CHASKI_CUBIC, CHASKI_CUBIC}, 2, 50, 0.9},
        {"two BBR flows", {CHASKI_BBR, CHASKI_BBR}, 2, 30, 0.9},
        {"four BBR flows", {CHASKI_BBR, CHASKI_BBR, CHASKI_BBR, CHASKI_BBR}, 4, 30, 0.85},
        {"BBR and CUBIC", {CHASKI_BBR, CHASKI_CUBIC}, 2, 30, 0.6},
        {"CUBIC and NewReno", {CHASKI_CUBIC, CHASKI_NEWRENO}, 2, 30, 0.7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double mbit, index = compete(cases[i].congestion, cases[i].flows, cases[i].seconds, &mbit);
        if (verbose)
            printf("%-44s %8.2f Mbit/s, Jain's index %.3f\n", cases[i].name, mbit, index);
        assert_true(index >= cases[i].least_index);
        assert_true(mbit >= 80);
    }
}

static void goodput_is_what_theory_expects(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof courses / sizeof *courses; i++)
        take(&courses[i]);
}

/* Windows of both sides grow to what the path holds: 6 MB, and 4 MB. The receiver never sends, so
 * that it knows the round trip from the handshake alone. */
static void buffers_grow_with_the_path(void **state)
{
    (void)state;
    struct memory_wire_impairment wide = {
        .delay_ns = 25 * NET_MILLISECOND, .rate_bits = 1000000000, .queue_bytes = 6250000};
    struct memory_wire_impairment distant = {
        .delay_ns = 150 * NET_MILLISECOND, .rate_bits = 100000000, .queue_bytes = 8000000};
    struct course gigabit = {"1 Gbit/s, 50 ms", wide, wide, .seconds = 10, .least_mbit = 750,
                             .most_timeouts = 1};
    struct course satellite = {"100 Mbit/s, 300 ms", distant,          distant,
                               .seconds = 14,        .least_mbit = 60, .most_timeouts = 1};
    struct course usual = gigabit;
    usual.name = "1 Gbit/s, 50 ms, hosts of 256 MB";
    usual.memory = 256 << 20;
    take(&gigabit);
    take(&satellite);
    take(&usual);
}

int main(int count, char **words)
{
    verbose = count == 2 && strcmp(words[1], "-v") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bbr_keeps_a_lossy_path_busy),
        cmocka_unit_test(bbr_heeds_marks),
        cmocka_unit_test(dctcp_keeps_the_queue_at_the_mark),
        cmocka_unit_test(bbr_fills_a_wide_path),
        cmocka_unit_test(flows_share_a_path),
        cmocka_unit_test(goodput_is_what_theory_expects),
        cmocka_unit_test(buffers_grow_with_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
