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

static const struct chaski_limits roomy = {
    .interfaces = 1,
    .addresses = 4,
    .routes = 4,
    .neighbours = 16,
    .groups = 4,
    .reassemblies = 8,
    .paths = 16,
    .listeners = 4,
    .connections = 8,
    .half_open = 4,
    .time_wait = 8,
    .udp_sockets = 2,
    .packets = 65536,
    .small_buffers = 32768,
    .large_buffers = 2048,
    .receive_buffer_max = 32 << 20,
    .send_buffer_max = 32 << 20,
};

/* One direction of bulk data from host 0 to host 1. */
struct course {
    const char *name;
    struct memory_wire_impairment there, back;
    enum chaski_congestion congestion;
    bool no_sack, no_timestamps;
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

static void begin(struct run *run, const struct course *course)
{
    struct net_options options = {
        .seed = 7, .copy = false, .queue_packets = 65536, .limits = &roomy};
    net_make(&run->net, &options);
    memory_wire_impair(run->net.wire, 0, 1, &course->there);
    memory_wire_impair(run->net.wire, 1, 0, &course->back);
    for (uint32_t i = 0; i < 2; i++) {
        struct tcp_knobs *knobs = &run->net.hosts[i].host->tcp.knobs;
        knobs->congestion = (uint8_t)course->congestion;
        knobs->sack = !(course->no_sack && i == 1);
        knobs->timestamps = !course->no_timestamps;
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
        uint64_t before = run->received;
        struct chaski_tcp_info info;
        net_run(&run->net, NET_SECOND / 10);
        if (chaski_tcp_info(run->net.hosts[0].host, run->from, &info) != 0)
            continue;
        if (tenth >= seconds * 5)
            rtt_us += info.tcpi_rtt;
        if (verbose && getenv("TENTHS") != NULL)
            printf("  %4u: %8.2f Mbit/s cwnd %u ssthresh %u rtt %u us window %u rate %.2f pace "
                   "%.2f%s\n",
                   tenth, (double)(run->received - before) * 8e-5, info.tcpi_snd_cwnd,
                   info.tcpi_snd_ssthresh, info.tcpi_rtt, info.tcpi_snd_wnd,
                   (double)info.tcpi_delivery_rate * 8e-6, (double)info.tcpi_pacing_rate * 8e-6,
                   info.tcpi_delivery_rate_app_limited ? " app" : "");
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

static void bbr_keeps_a_lossy_path_busy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof modern / sizeof *modern; i++)
        take(&modern[i]);
}

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
    if (getenv("WIDE") != NULL) {
        static const uint32_t chance[] = {0, 1000, 10000};
        for (int i = 0; i < 3; i++) {
            wide.loss = chance[i];
            struct memory_wire_impairment b = wide;
            b.loss = 0;
            struct course c1 = {"1 Gbit/s, 50 ms CUBIC", wide, b, .seconds = 10,
                                .most_timeouts = 100};
            struct course c2 = {"1 Gbit/s, 50 ms BBR",    wide,          b,
                                .congestion = CHASKI_BBR, .seconds = 10, .most_timeouts = 100};
            take(&c1);
            take(&c2);
        }
    }
    wide.loss = 0;
    take(&gigabit);
    take(&satellite);
}

int main(int count, char **words)
{
    verbose = count == 2 && strcmp(words[1], "-v") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bbr_keeps_a_lossy_path_busy),
        cmocka_unit_test(dctcp_keeps_the_queue_at_the_mark),
        cmocka_unit_test(goodput_is_what_theory_expects),
        cmocka_unit_test(buffers_grow_with_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
