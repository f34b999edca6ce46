/* SPDX-License-Identifier: BSD-2-Clause */
/* The algorithms alone, beside the formulas of RFC 9438 and RFC 5681 in floating point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/tcp/congestion/congestion.h"
#include "tests/random.h"

enum { MSS = 1000 };

#define SECOND UINT64_C(1000000000)

struct flow {
    const struct congestion_operations *operations;
    struct congestion congestion;
    union congestion_state state;
    uint64_t now_ns;
    uint32_t rtt_us;
};

static void begin(struct flow *flow, const struct congestion_operations *operations,
                  uint32_t window, uint32_t rtt_us)
{
    *flow = (struct flow){.now_ns = 7 * SECOND, .rtt_us = rtt_us};
    flow->operations = operations;
    flow->congestion.window = window;
    flow->congestion.threshold = UINT32_MAX / 2;
    struct congestion_start start = {.now_ns = flow->now_ns, .mss = MSS, .srtt_us = rtt_us};
    operations->init(&flow->congestion, &flow->state, &start);
}

static void acknowledge(struct flow *flow, uint32_t bytes)
{
    struct congestion_ack ack = {
        .now_ns = flow->now_ns,
        .acknowledged = bytes,
        .in_flight = flow->congestion.window,
        .mss = MSS,
        .srtt_us = flow->rtt_us,
        .min_rtt_us = flow->rtt_us,
    };
    uint32_t before = flow->congestion.window;
    flow->operations->acknowledged(&flow->congestion, &flow->state, &ack);
    assert_true(flow->congestion.window >= before);
}

/* A window's worth of acknowledgements, evenly over a round trip. */
static void pass_round_trip(struct flow *flow)
{
    uint64_t begins_ns = flow->now_ns;
    uint32_t window = flow->congestion.window, done = 0;
    while (done < window) {
        uint32_t n = window - done < 2 * MSS ? window - done : 2 * MSS;
        done += n;
        flow->now_ns = begins_ns + flow->rtt_us * UINT64_C(1000) * done / window;
        acknowledge(flow, n);
    }
}

static void pass(struct flow *flow, double seconds)
{
    uint64_t end_ns = flow->now_ns + (uint64_t)(seconds * 1e9);
    while (flow->now_ns + flow->rtt_us * UINT64_C(1000) <= end_ns)
        pass_round_trip(flow);
}

/* What of the window is not in doubt is at most what was in flight. */
static void lose(struct flow *flow, uint32_t flight, bool timed_out)
{
    struct congestion_event event = {
        .cause = timed_out ? CONGESTION_TIME_OUT : CONGESTION_LOSS,
        .flight = flight,
        .window = flight < flow->congestion.window ? flight : flow->congestion.window,
        .mss = MSS,
    };
    flow->operations->reduce(&flow->congestion, &flow->state, &event);
    flow->congestion.window = timed_out ? MSS : flow->congestion.threshold;
}

static double segments(const struct flow *flow)
{
    return (double)flow->congestion.window / MSS;
}

static void assert_near(double value, double expected, double tolerance)
{
    if (value < expected - tolerance || value > expected + tolerance)
        fail_msg("%f is not within %f of %f", value, tolerance, expected);
}

static double cube_root(double x)
{
    double root = 1;
    for (int i = 0; i < 100; i++)
        root -= (root * root * root - x) / (3 * root * root);
    return root;
}

static double w_cubic(double t, double w_max, double from)
{
    double x = t - (from < w_max ? cube_root((w_max - from) / 0.4) : 0);
    return 0.4 * x * x * x + w_max;
}

/* ---- CUBIC ----------------------------------------------------------------------------------- */

/* RFC 3465 MUST-2; RFC 9438 MUST-8 */
static void slow_start_doubles(void **state)
{
    (void)state;
    const struct congestion_operations *both[] = {&congestion_cubic, &congestion_newreno};
    for (unsigned i = 0; i < 2; i++) {
        struct flow flow;
        begin(&flow, both[i], 10 * MSS, 50000);
        for (uint32_t window = 20 * MSS; window <= 1280 * MSS; window *= 2) {
            pass_round_trip(&flow);
            assert_int_equal(flow.congestion.window, window);
        }
    }
}

/* RFC 9438 MUST-6, SHLD-4 */
static void cubic_reduces_to_seven_tenths_of_what_is_proven(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow, &congestion_cubic, 1000 * MSS, 100000);
    lose(&flow, 1000 * MSS, false);
    assert_near(segments(&flow), 700, 0.5);
    begin(&flow, &congestion_cubic, 1000 * MSS, 100000);
    lose(&flow, 100 * MSS, false); /* the rest of the window is in doubt (RFC 7661) */
    assert_near(segments(&flow), 70, 0.5);
    begin(&flow, &congestion_cubic, 10 * MSS, 100000);
    lose(&flow, 12 * MSS, false); /* more than the window: retransmissions */
    assert_near(segments(&flow), 7, 0.5);
    begin(&flow, &congestion_cubic, 10 * MSS, 100000);
    struct congestion_event pause = {.flight = 3 * MSS, .window = 10 * MSS, .mss = MSS};
    flow.operations->reduce(&flow.congestion, &flow.state, &pause); /* a short flight is no news */
    assert_in_range(flow.congestion.threshold, 7 * MSS, 7 * MSS + 1);
    begin(&flow, &congestion_cubic, 2 * MSS, 100000);
    lose(&flow, MSS, false);
    assert_near(segments(&flow), 2, 0);
}

/* RFC 9438 MUST-1, MUST-3, MUST-4, SHLD-9 */
static void cubic_follows_its_curve(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow, &congestion_cubic, 1000 * MSS, 100000);
    lose(&flow, 1000 * MSS, false);
    for (unsigned t = 1; t <= 20; t++) {
        pass(&flow, 1);
        assert_near(segments(&flow), w_cubic(t, 1000, 700), 8);
    }
}

/* RFC 9438 MUST-1 */
static void a_large_window_follows_its_curve_too(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow, &congestion_cubic, 100000 * MSS, 100000);
    lose(&flow, 100000 * MSS, false);
    for (unsigned t = 1; t <= 60; t += 3) {
        pass(&flow, 3);
        assert_near(segments(&flow), w_cubic(t + 2, 100000, 70000), 800);
    }
}

/* However far ahead the curve is, after so long a round trip. */
/* RFC 9438 MUST-1 */
static void no_round_trip_adds_more_than_half_the_window(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow, &congestion_cubic, 100 * MSS, 20 * 1000000);
    lose(&flow, 100 * MSS, false);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t before = flow.congestion.window;
        pass_round_trip(&flow);
        assert_in_range(flow.congestion.window, before / 10 * 14, before + before / 2 + MSS);
    }
}

/* Section 4.3: 9/17 of a segment a round trip until the window is what it was, then one; worked out
 * each thirty-second of a second. */
/* RFC 9438 SHLD-1, SHLD-3 */
static void cubic_keeps_reno_pace_on_short_paths(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow, &congestion_cubic, 1000 * MSS, 1000);
    lose(&flow, 1000 * MSS, false);
    for (unsigned i = 0; i < 100; i++)
        pass_round_trip(&flow);
    assert_near(segments(&flow), 700 + 100 * 9 / 17., 17);
    for (unsigned i = 100; i < 567; i++) /* 300 * 17 / 9 */
        pass_round_trip(&flow);
    assert_near(segments(&flow), 1000, 20);
    double then = segments(&flow);
    for (unsigned i = 0; i < 100; i++)
        pass_round_trip(&flow);
    assert_near(segments(&flow), then + 100, 17);
}

/* Section 4.7. */
/* RFC 9438 SHLD-5 */
static void cubic_makes_room_for_others(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow, &congestion_cubic, 1000 * MSS, 100000);
    lose(&flow, 1000 * MSS, false);
    lose(&flow, 700 * MSS, false);
    assert_near(segments(&flow), 490, 1);
    for (unsigned t = 1; t <= 10; t++) {
        pass(&flow, 1);
        assert_near(segments(&flow), w_cubic(t, 595, 490), 6);
    }
}

/* Section 4.8: congestion avoidance begins where it is, not on the way to where it was; by a
 * twentieth a round trip, as nobody has said where to go. */
/* RFC 9438 SHLD-6 */
static void cubic_begins_afresh_after_a_time_out(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow, &congestion_cubic, 100 * MSS, 100000);
    lose(&flow, 100 * MSS, true);
    assert_near(flow.congestion.threshold / (double)MSS, 70, 0.5);
    while (flow.congestion.window < flow.congestion.threshold)
        pass_round_trip(&flow);
    double from = segments(&flow);
    for (unsigned t = 1; t <= 8; t++) {
        double cubic = from + 0.4 * t * t * t, blind = from;
        for (unsigned i = 0; i < t * 10; i++)
            blind += blind / 20;
        pass(&flow, 1);
        assert_in_range(flow.congestion.window,
                        (uint32_t)((cubic > blind ? cubic : blind) * 0.9 * MSS),
                        (uint32_t)((cubic > blind ? cubic : blind) * 1.1 * MSS));
    }
}

/* Sections 4.2 and 5.8. */
/* RFC 9438 MUST-2 */
static void time_in_which_nothing_is_learned_does_not_count(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow, &congestion_cubic, 1000 * MSS, 100000);
    lose(&flow, 1000 * MSS, false);
    pass(&flow, 5);
    flow.now_ns += 600 * SECOND;
    pass(&flow, 5);
    assert_near(segments(&flow), w_cubic(10, 1000, 700), 8);
}

/* RFC 3465 MUST-2; RFC 5681 MUST-6; RFC 9438 SHLD-2 */
static void growth_does_not_depend_on_how_acknowledgements_are_cut(void **state)
{
    (void)state;
    struct flow few, many;
    begin(&few, &congestion_cubic, 50 * MSS, 20000);
    begin(&many, &congestion_cubic, 50 * MSS, 20000);
    lose(&few, 50 * MSS, false);
    lose(&many, 50 * MSS, false);
    for (unsigned i = 0; i < 200; i++) {
        few.now_ns += 20000000;
        many.now_ns += 20000000;
        acknowledge(&few, few.congestion.window);
        for (uint32_t left = many.congestion.window; left != 0;) {
            uint32_t n = left < 100 ? left : 100;
            acknowledge(&many, n);
            left -= n;
        }
    }
    assert_near(segments(&many), segments(&few), 6);
}

/* Nothing overflows, whatever comes. */
/* RFC 9438 MUST-1 */
static void extremes_are_borne(void **state)
{
    (void)state;
    const struct congestion_operations *both[] = {&congestion_cubic, &congestion_newreno};
    uint64_t random = 1;
    for (unsigned i = 0; i < 20000; i++) {
        struct flow flow;
        begin(&flow, both[i % 2], MSS + random_below(&random, INT32_MAX - MSS),
              random_below(&random, 100000000));
        flow.now_ns = random_next(&random) >> random_below(&random, 64);
        for (unsigned k = 0; k < 10; k++) {
            flow.now_ns += random_next(&random) >> (4 + random_below(&random, 60));
            if (random_below(&random, 4) == 0)
                lose(&flow, random_below(&random, UINT32_MAX), random_below(&random, 2) == 0);
            acknowledge(&flow, random_below(&random, 1u << 30) >> random_below(&random, 30));
            assert_in_range(flow.congestion.window, MSS, INT32_MAX);
        }
    }
}

/* ---- NewReno --------------------------------------------------------------------------------- */

/* RFC 3465 MUST-1; RFC 5681 MUST-7, MUST-8; RFC 7661 MUST-9 */
static void newreno_halves_the_flight_and_adds_a_segment_a_round_trip(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow, &congestion_newreno, 100 * MSS, 50000);
    lose(&flow, 80 * MSS, false);
    assert_int_equal(flow.congestion.window, 40 * MSS);
    for (unsigned i = 1; i <= 50; i++)
        pass_round_trip(&flow);
    assert_near(segments(&flow), 90, 2);
    lose(&flow, 3 * MSS, false);
    assert_int_equal(flow.congestion.window, 2 * MSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_start_doubles),
        cmocka_unit_test(cubic_reduces_to_seven_tenths_of_what_is_proven),
        cmocka_unit_test(cubic_follows_its_curve),
        cmocka_unit_test(a_large_window_follows_its_curve_too),
        cmocka_unit_test(no_round_trip_adds_more_than_half_the_window),
        cmocka_unit_test(cubic_keeps_reno_pace_on_short_paths),
        cmocka_unit_test(cubic_makes_room_for_others),
        cmocka_unit_test(cubic_begins_afresh_after_a_time_out),
        cmocka_unit_test(time_in_which_nothing_is_learned_does_not_count),
        cmocka_unit_test(growth_does_not_depend_on_how_acknowledgements_are_cut),
        cmocka_unit_test(extremes_are_borne),
        cmocka_unit_test(newreno_halves_the_flight_and_adds_a_segment_a_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
