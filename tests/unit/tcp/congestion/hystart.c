/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/tcp/congestion/congestion.h"

/* HyStart++ (RFC 9406), under both algorithms that have a slow start. */

enum { MSS = 1000 };

struct flow {
    const struct congestion_operations *operations;
    struct congestion congestion;
    union congestion_state state;
    uint32_t una, nxt;
    uint32_t round_end; /* SND.NXT when the last segment of the round before was acknowledged */
    uint64_t now_ns;
};

static void begin(struct flow *flow, const struct congestion_operations *operations)
{
    *flow = (struct flow){.operations = operations,
                          .congestion = {10 * MSS, CONGESTION_THRESHOLD_UNKNOWN}};
    struct congestion_start start = {.mss = MSS};
    operations->init(&flow->congestion, &flow->state, &start);
    flow->nxt = flow->round_end = flow->congestion.window;
}

/* One segment is acknowledged after `rtt_us`; what the window allows is sent. */
static void acknowledge(struct flow *flow, uint32_t rtt_us)
{
    flow->una += MSS;
    flow->now_ns += 1000000;
    struct congestion_ack ack = {
        .now_ns = flow->now_ns,
        .acknowledged = MSS,
        .in_flight = flow->nxt - flow->una + MSS,
        .mss = MSS,
        .srtt_us = rtt_us,
        .rtt_us = rtt_us,
        .una = flow->una,
        .nxt = flow->nxt,
    };
    flow->operations->acknowledged(&flow->congestion, &flow->state, &ack);
    flow->nxt = flow->una + flow->congestion.window;
}

/* A round; returns how much the window has grown. */
static uint32_t pass_round(struct flow *flow, uint32_t rtt_us)
{
    uint32_t before = flow->congestion.window, next_end = flow->nxt;
    while (flow->una < flow->round_end) {
        next_end = flow->nxt; /* the last one's is not sent yet */
        acknowledge(flow, rtt_us);
    }
    flow->round_end = next_end;
    return flow->congestion.window - before;
}

/* Two rounds are over, so that the round trip is known. */
static void begin_at_20_ms(struct flow *flow, const struct congestion_operations *operations)
{
    begin(flow, operations);
    pass_round(flow, 20000);
    pass_round(flow, 20000);
}

static const struct congestion_operations *const both[] = {&congestion_cubic, &congestion_newreno};

static bool in_slow_start(const struct flow *flow)
{
    return flow->congestion.window < flow->congestion.threshold;
}

/* 4.2: while the round trip stays, the window doubles. */
/* RFC 5681 SHLD-1 */
static void a_steady_round_trip_changes_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct flow flow;
        begin(&flow, both[i]);
        for (uint32_t round = 0; round < 6; round++) {
            uint32_t flight = flow.round_end - flow.una;
            assert_int_equal(pass_round(&flow, 20000 + round), flight);
        }
    }
}

/* 4.2: from the eighth sample of a round that is slower by more than the threshold, a quarter. */
/* RFC 9406 MUST-2, SHLD-1, SHLD-2; RFC 9438 SHLD-8 */
static void growth_slows_down_when_the_round_trip_grows(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct flow flow;
        begin_at_20_ms(&flow, both[i]);
        for (int k = 0; k < 7; k++)
            acknowledge(&flow, 24100);
        uint32_t window = flow.congestion.window;
        acknowledge(&flow, 24100);
        assert_int_equal(flow.congestion.window, window + MSS / 4);
        acknowledge(&flow, 24100);
        assert_int_equal(flow.congestion.window, window + MSS / 2);
        assert_true(in_slow_start(&flow));
    }
}

/* 4.3: the threshold is an eighth of the round trip, at least 4 and at most 16 ms. */
/* RFC 9406 SHLD-2 */
static void the_threshold_follows_the_round_trip_within_limits(void **state)
{
    (void)state;
    static const uint32_t cases[][3] = {
        {1000, 4900, 5000},       /* 4 ms, not an eighth */
        {80000, 89900, 90000},    /* an eighth */
        {400000, 415900, 416000}, /* 16 ms, not 50 */
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (unsigned grown = 0; grown < 2; grown++) {
            struct flow flow;
            begin(&flow, &congestion_cubic);
            pass_round(&flow, cases[i][0]);
            pass_round(&flow, cases[i][0]);
            uint32_t flight = flow.round_end - flow.una;
            uint32_t growth = pass_round(&flow, cases[i][1 + grown]);
            assert_true(grown ? growth < flight : growth == flight);
        }
    }
}

/* 4.2: five rounds of conservative slow start, the one it begins in among them, then congestion
 * avoidance. */
/* RFC 9406 MUST-1, MUST-4, SHLD-2 */
static void five_slower_rounds_end_slow_start(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct flow flow;
        begin_at_20_ms(&flow, both[i]);
        for (int round = 1; round <= 4; round++) {
            pass_round(&flow, 30000);
            assert_true(in_slow_start(&flow));
        }
        pass_round(&flow, 30000);
        assert_false(in_slow_start(&flow));
        assert_true(flow.congestion.threshold < CONGESTION_THRESHOLD_UNKNOWN);
    }
}

/* 4.2: when the round trip shrinks again it was not the queue: slow start goes on. */
/* RFC 9406 MUST-3 */
static void a_false_alarm_is_taken_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct flow flow;
        begin_at_20_ms(&flow, both[i]);
        pass_round(&flow, 30000);
        uint32_t flight = flow.round_end - flow.una;
        assert_true(pass_round(&flow, 30000) <= flight / 4);
        pass_round(&flow, 20000); /* seen at its eighth sample */
        flight = flow.round_end - flow.una;
        assert_in_range(pass_round(&flow, 20000), flight, flight + MSS);
    }
}

/* 4.3: after a loss the threshold says where slow start ends. */
/* RFC 9406 MUST-5, SHLD-4 */
static void later_slow_starts_are_not_watched(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow, &congestion_newreno);
    flow.congestion.threshold = 1000 * MSS;
    pass_round(&flow, 20000);
    pass_round(&flow, 20000);
    uint32_t flight = flow.round_end - flow.una;
    assert_int_equal(pass_round(&flow, 90000), flight);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_round_trip_changes_nothing),
        cmocka_unit_test(growth_slows_down_when_the_round_trip_grows),
        cmocka_unit_test(the_threshold_follows_the_round_trip_within_limits),
        cmocka_unit_test(five_slower_rounds_end_slow_start),
        cmocka_unit_test(a_false_alarm_is_taken_back),
        cmocka_unit_test(later_slow_starts_are_not_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
