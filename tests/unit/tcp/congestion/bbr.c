/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/tcp/congestion/congestion.h"
#include "tests/random.h"

/* BBR alone, told what a path does: rule by rule of draft-ietf-ccwg-bbr. Each acknowledgement is a
 * round trip of its own unless said otherwise. */

enum {
    MSS = 1000,
    RTT_US = 100000,
    IW = 10 * MSS,
    RATE = 10000000, /* of the path, bytes a second: 1 MB fits */
    BDP = RATE / 10,
};

#define SECOND UINT64_C(1000000000)

static const struct congestion_operations *const bbr = &congestion_bbr;

struct flow {
    struct congestion congestion;
    union congestion_state state;
    uint64_t now_ns;
    uint32_t delivered, lost;
    uint32_t round_delivered; /* when what this round acknowledges was sent */
};

/* What a round trip brings; 0 is what is usual. */
struct round {
    uint64_t rate;
    uint32_t bytes, in_flight, rtt_us;
    uint32_t lost, sent_in_flight; /* since the segment was sent, which had so much in flight */
    uint32_t marked;
    uint32_t after_us; /* since the acknowledgement before */
    bool app_limited, limited, same_round, recovering;
};

static void begin(struct flow *flow)
{
    *flow = (struct flow){.now_ns = 7 * SECOND, .congestion = {IW, CONGESTION_THRESHOLD_UNKNOWN}};
    struct congestion_start start = {
        .now_ns = flow->now_ns, .mss = MSS, .srtt_us = RTT_US, .random = 1};
    bbr->init(&flow->congestion, &flow->state, &start);
}

static const struct bbr *model(const struct flow *flow)
{
    return &flow->state.bbr;
}

static unsigned state_of(const struct flow *flow)
{
    return flow->state.bbr.state;
}

static uint64_t pace(const struct flow *flow)
{
    return bbr->pacing_rate(&flow->state);
}

static void pass(struct flow *flow, const struct round *round)
{
    uint32_t rtt_us = round->rtt_us != 0 ? round->rtt_us : RTT_US;
    uint64_t rate = round->rate != 0 ? round->rate : RATE;
    uint32_t bytes = round->bytes != 0 ? round->bytes : (uint32_t)(rate * rtt_us / 1000000);
    uint32_t after_us = round->same_round ? 1 : rtt_us;
    if (!round->same_round)
        flow->round_delivered = flow->delivered;
    flow->now_ns += (round->after_us != 0 ? round->after_us : after_us) * UINT64_C(1000);
    flow->delivered += bytes;
    struct congestion_ack ack = {
        .now_ns = flow->now_ns,
        .delivered = bytes,
        .marked = round->marked,
        .in_flight = round->in_flight != 0 ? round->in_flight : BDP,
        .all_delivered = flow->delivered,
        .mss = MSS,
        .srtt_us = RTT_US,
        .rtt_us = rtt_us,
        .recovering = round->recovering,
        .selective = true,
        .limited = round->limited,
        .sample = {.bytes_per_s = rate,
                   .delivered = bytes,
                   .prior_delivered = flow->round_delivered,
                   .lost = round->lost,
                   .in_flight = round->sent_in_flight != 0 ? round->sent_in_flight : BDP,
                   .arrived = true,
                   .app_limited = round->app_limited},
    };
    bbr->acknowledged(&flow->congestion, &flow->state, &ack);
}

static void pass_many(struct flow *flow, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        pass(flow, &(struct round){.bytes = 0});
}

/* Ten acknowledgements a round trip, evenly, after a moment in which little came: what came in a
 * bunch before is over. */
static void pass_smoothly(struct flow *flow, unsigned rounds)
{
    pass(flow, &(struct round){.bytes = 1, .after_us = 2 * RTT_US, .same_round = true});
    for (unsigned i = 0; i < 10 * rounds; i++)
        pass(flow, &(struct round){
                       .bytes = BDP / 10, .after_us = RTT_US / 10, .same_round = i % 10 != 0});
}

/* A range of so many bytes that was sent with so many in flight; `since` were lost since, it
 * included. */
static void lose(struct flow *flow, uint32_t bytes, uint32_t in_flight, uint32_t since)
{
    struct rate_mark mark = {.lost = flow->lost, .in_flight = in_flight & 0x7fffffff};
    flow->lost += since;
    struct congestion_lost lost = {
        .now_ns = flow->now_ns,
        .mark = &mark,
        .begin = flow->lost * 3,
        .end = flow->lost * 3 + bytes,
        .all_lost = flow->lost,
        .all_delivered = flow->delivered,
        .mss = MSS,
        .selective = true,
    };
    bbr->lost(&flow->congestion, &flow->state, &lost);
}

static void reduce(struct flow *flow, enum congestion_cause cause)
{
    struct congestion_event event = {
        .cause = cause, .flight = BDP, .mss = MSS, .all_delivered = flow->delivered};
    bbr->reduce(&flow->congestion, &flow->state, &event);
}

static void assert_near(uint64_t value, uint64_t expected, unsigned percent)
{
    if (value * 100 < expected * (100 - percent) || value * 100 > expected * (100 + percent))
        fail_msg("%llu is not within %u %% of %llu", (unsigned long long)value, percent,
                 (unsigned long long)expected);
}

/* Doubles the rate up to the path's. */
static void start_up(struct flow *flow)
{
    begin(flow);
    for (uint64_t rate = 100000; rate < RATE; rate *= 2)
        pass(flow, &(struct round){.rate = rate});
    assert_int_equal(state_of(flow), BBR_STARTUP);
}

static void fill(struct flow *flow)
{
    start_up(flow);
    for (unsigned i = 0; i < 4; i++)
        pass(flow, &(struct round){.in_flight = 2 * BDP});
    assert_int_equal(state_of(flow), BBR_DRAIN);
}

/* Where nothing is left to drain, DOWN is over at once. */
static void cruise(struct flow *flow)
{
    fill(flow);
    pass_many(flow, 1);
    assert_int_equal(state_of(flow), BBR_PROBE_CRUISE);
}

static void go_up(struct flow *flow)
{
    cruise(flow);
    for (unsigned i = 0; i < 100 && state_of(flow) != BBR_PROBE_UP; i++)
        pass_many(flow, 1);
    assert_int_equal(state_of(flow), BBR_PROBE_UP);
}

/* ---- Startup and Drain ---- */

/* draft-ietf-ccwg-bbr MUST-1, MUST-6 */
static void startup_paces_at_nearly_three_times_the_bandwidth(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow);
    assert_near(pace(&flow), 277 * IW * 10 / 100, 1); /* the first window, in a round trip */
    for (uint64_t rate = 200000; rate < RATE; rate *= 2) {
        pass(&flow, &(struct round){.rate = rate});
        assert_near(pace(&flow), rate * 277 / 100 * 99 / 100, 1);
    }
    assert_int_equal(state_of(&flow), BBR_STARTUP);
}

/* draft-ietf-ccwg-bbr MUST-1 */
static void three_rounds_without_growth_end_startup(void **state)
{
    (void)state;
    struct flow flow;
    start_up(&flow);
    pass_many(&flow, 1); /* more than a quarter more than before */
    pass(&flow, &(struct round){.rate = RATE * 5 / 4, .in_flight = 2 * BDP});
    for (unsigned i = 0; i < 2; i++) {
        pass(&flow, &(struct round){.rate = RATE * 3 / 2, .in_flight = 2 * BDP});
        assert_int_equal(state_of(&flow), BBR_STARTUP);
    }
    pass(&flow, &(struct round){.rate = RATE * 3 / 2, .in_flight = 3 * BDP});
    assert_int_equal(state_of(&flow), BBR_DRAIN);
}

/* draft-ietf-ccwg-bbr MUST-1 */
static void rounds_without_enough_to_send_do_not_end_startup(void **state)
{
    (void)state;
    struct flow flow;
    start_up(&flow);
    for (unsigned i = 0; i < 20; i++)
        pass(&flow, &(struct round){.rate = 1000000, .app_limited = true});
    assert_int_equal(state_of(&flow), BBR_STARTUP);
    assert_true(pace(&flow) > 6400000 * UINT64_C(277) / 100 * 98 / 100); /* nor lower the rate */
}

/* draft-ietf-ccwg-bbr MUST-1, MUST-5 */
static void many_losses_end_startup(void **state)
{
    (void)state;
    for (unsigned ranges = 5; ranges <= 6; ranges++) {
        struct flow flow;
        start_up(&flow);
        for (unsigned i = 0; i < ranges; i++)
            lose(&flow, 5000, BDP, 5000);
        reduce(&flow, CONGESTION_LOSS);
        pass(&flow,
             &(struct round){
                 .rate = 2 * RATE, .in_flight = 3 * BDP, .lost = BDP / 30, .recovering = true});
        assert_int_equal(state_of(&flow), ranges == 6 ? BBR_DRAIN : BBR_STARTUP);
        if (ranges == 6)
            assert_true(model(&flow)->inflight_longterm != UINT32_MAX);
        bbr->undo(&flow.congestion, &flow.state, flow.delivered); /* nothing was lost after all */
        assert_int_equal(state_of(&flow), BBR_STARTUP);
        assert_int_equal(model(&flow)->inflight_longterm, UINT32_MAX);
    }
}

/* draft-ietf-ccwg-bbr MUST-2 */
static void drain_lasts_until_what_is_in_flight_fits(void **state)
{
    (void)state;
    struct flow flow;
    fill(&flow);
    assert_near(pace(&flow), RATE / 2, 2);
    pass(&flow, &(struct round){.in_flight = 2 * BDP});
    assert_int_equal(state_of(&flow), BBR_DRAIN);
    pass(&flow, &(struct round){.in_flight = BDP});
    assert_int_equal(state_of(&flow), BBR_PROBE_CRUISE);
    fill(&flow);
    for (unsigned i = 0; i < 3; i++) {
        pass(&flow, &(struct round){.in_flight = 2 * BDP});
        assert_int_equal(state_of(&flow), BBR_DRAIN);
    }
    pass(&flow, &(struct round){.in_flight = 2 * BDP}); /* others may share the path */
    assert_int_equal(state_of(&flow), BBR_PROBE_DOWN);
}

/* ---- ProbeBW ---- */

/* draft-ietf-ccwg-bbr MUST-3, MUST-6 */
static void probe_bw_goes_round(void **state)
{
    (void)state;
    struct flow flow;
    cruise(&flow);
    assert_near(pace(&flow), RATE, 2);
    /* Twice what fits, and what came in one go. */
    assert_near(flow.congestion.window, 3 * BDP, 5);
    uint64_t since_ns = flow.now_ns;
    while (state_of(&flow) == BBR_PROBE_CRUISE)
        pass_many(&flow, 1);
    assert_int_equal(state_of(&flow), BBR_PROBE_REFILL);
    assert_in_range(flow.now_ns - since_ns, 17 * SECOND / 10, 31 * SECOND / 10);
    assert_near(pace(&flow), RATE, 2);
    pass_many(&flow, 1);
    assert_int_equal(state_of(&flow), BBR_PROBE_UP);
    assert_near(pace(&flow), RATE * 125 / 100, 2);
    pass_many(&flow, 2);
    assert_int_equal(state_of(&flow), BBR_PROBE_UP);
    pass_many(&flow, 1);
    assert_int_equal(state_of(&flow), BBR_PROBE_DOWN);
    assert_near(pace(&flow), RATE * 90 / 100, 2);
    pass(&flow, &(struct round){.in_flight = BDP * 3 / 2});
    assert_int_equal(state_of(&flow), BBR_PROBE_DOWN);
    pass_many(&flow, 1);
    assert_int_equal(state_of(&flow), BBR_PROBE_CRUISE);
}

/* Section 5.3.3.8: on short paths a probe comes after 62 or 63 rounds, where little fits after as
 * many rounds as segments. */
/* draft-ietf-ccwg-bbr MUST-3 */
static void probes_are_as_frequent_as_renos_losses(void **state)
{
    (void)state;
    struct flow flow;
    unsigned rounds = 0;
    cruise(&flow);
    for (; state_of(&flow) == BBR_PROBE_CRUISE; rounds++)
        pass(&flow, &(struct round){.rtt_us = 10000, .in_flight = 50000});
    assert_in_range(rounds, 60, 63);
}

/* draft-ietf-ccwg-bbr MUST-3 */
static void more_bandwidth_is_found_and_less_is_believed_in_two_cycles(void **state)
{
    (void)state;
    struct flow flow;
    go_up(&flow);
    uint64_t rate = RATE;
    for (unsigned i = 0; i < 6; i++) {
        rate = rate * 126 / 100;
        pass(&flow, &(struct round){.rate = rate});
        assert_int_equal(state_of(&flow), BBR_PROBE_UP); /* it brings a quarter more each time */
    }
    assert_near(pace(&flow), rate * 125 / 100, 2);
    unsigned cycles = 0;
    for (unsigned last = BBR_PROBE_UP, i = 0; i < 1000 && cycles < 3; i++) {
        pass(&flow, &(struct round){.bytes = 0});
        cycles += last == BBR_PROBE_UP && state_of(&flow) == BBR_PROBE_DOWN;
        last = state_of(&flow);
    }
    pass_many(&flow, 2);
    assert_near(pace(&flow), RATE, 3);
}

/* draft-ietf-ccwg-bbr MUST-5 */
static void losses_in_a_probe_bound_what_is_in_flight(void **state)
{
    (void)state;
    struct flow flow;
    go_up(&flow);
    lose(&flow, 10000, BDP, BDP / 50); /* two percent */
    assert_int_equal(state_of(&flow), BBR_PROBE_UP);
    assert_int_equal(model(&flow)->inflight_longterm, UINT32_MAX);
    lose(&flow, 10000, BDP, BDP / 40);
    assert_int_equal(state_of(&flow), BBR_PROBE_DOWN);
    /* Of the range that crossed two percent so much fitted: 990 000 + (19 800 - 15 000) / 0.98 */
    assert_near(model(&flow)->inflight_longterm, 994897, 0);
    lose(&flow, 10000, BDP, BDP / 4); /* only once a probe */
    assert_near(model(&flow)->inflight_longterm, 994897, 0);
    for (unsigned i = 0; i < 2; i++)
        pass(&flow, &(struct round){.in_flight = BDP / 2, .sent_in_flight = BDP / 2});
    assert_true(flow.congestion.window <= 994897);
    assert_int_equal(state_of(&flow), BBR_PROBE_CRUISE);
    assert_near(flow.congestion.window, 845663, 0); /* others get some room */
    bbr->undo(&flow.congestion, &flow.state, flow.delivered);
    assert_int_equal(state_of(&flow), BBR_PROBE_REFILL);
    assert_int_equal(model(&flow)->inflight_longterm, UINT32_MAX);
}

/* draft-ietf-ccwg-bbr MUST-5 */
static void a_bound_is_no_lower_than_cubics(void **state)
{
    (void)state;
    struct flow flow;
    go_up(&flow);
    lose(&flow, 1000, 20000, 2000);
    assert_near(model(&flow)->inflight_longterm, BDP * 7 / 10, 1);
}

/* 5.3.3.6: the next probe only looks whether the bound still causes losses, and the one after that
 * follows at once and raises it, faster from round to round. */
/* draft-ietf-ccwg-bbr MUST-5 */
static void the_bound_is_raised_with_caution(void **state)
{
    (void)state;
    enum { PARTS = 100 }; /* acknowledgements a round */
    struct flow flow;
    go_up(&flow);
    lose(&flow, 10000, BDP, BDP / 40);
    uint32_t bound = model(&flow)->inflight_longterm;
    while (state_of(&flow) != BBR_PROBE_UP)
        pass(&flow, &(struct round){.in_flight = bound / 2, .sent_in_flight = bound / 2});
    pass(&flow, &(struct round){.in_flight = bound, .sent_in_flight = bound});
    assert_int_equal(state_of(&flow), BBR_PROBE_DOWN);
    pass(&flow, &(struct round){.in_flight = bound, .sent_in_flight = bound});
    assert_int_equal(state_of(&flow), BBR_PROBE_REFILL); /* not the usual wait */
    uint32_t gained = 0;
    for (unsigned i = 0; i < 8; i++) {
        uint32_t before = model(&flow)->inflight_longterm;
        for (unsigned part = 0; part < PARTS; part++)
            pass(&flow, &(struct round){.in_flight = before,
                                        .sent_in_flight = before,
                                        .limited = true,
                                        .same_round = part != 0,
                                        .bytes = flow.congestion.window / PARTS});
        uint32_t growth = model(&flow)->inflight_longterm - before;
        assert_true(growth >= gained);
        gained = growth;
    }
    assert_int_equal(state_of(&flow), BBR_PROBE_UP);
    assert_in_range(gained, 64 * MSS, 160 * MSS);
}

/* draft-ietf-ccwg-bbr MUST-5 */
static void losses_outside_of_probes_lower_the_rate_until_the_next(void **state)
{
    (void)state;
    struct flow flow;
    cruise(&flow);
    pass(&flow, &(struct round){.rate = RATE / 2, .bytes = BDP / 2});
    assert_near(pace(&flow), RATE, 2);
    lose(&flow, 1000, BDP, 1000);
    pass(&flow, &(struct round){.rate = RATE / 2, .bytes = BDP / 2});
    assert_int_equal(state_of(&flow), BBR_PROBE_CRUISE);
    assert_near(pace(&flow), RATE * 7 / 10, 2); /* no lower than 0.7 a round */
    lose(&flow, 1000, BDP, 1000);
    pass(&flow, &(struct round){.rate = RATE * 65 / 100, .bytes = BDP / 2});
    assert_near(pace(&flow), RATE * 65 / 100, 2); /* nor than what arrives */
    assert_near(model(&flow)->inflight_shortterm, BDP * 3 * 7 / 10 * 7 / 10, 2);
    lose(&flow, 1000, BDP, 1000);
    pass(&flow, &(struct round){.rate = RATE * 65 / 100, .bytes = 2 * BDP});
    assert_int_equal(model(&flow)->inflight_shortterm, 2 * BDP);
    while (state_of(&flow) == BBR_PROBE_CRUISE)
        pass(&flow, &(struct round){.rate = RATE / 2});
    assert_int_equal(state_of(&flow), BBR_PROBE_REFILL);
    assert_near(pace(&flow), RATE, 2);
}

/* RFC 3168 MUST-12; draft-ietf-ccwg-bbr MUST-7 */
static void marks_count_as_losses(void **state)
{
    (void)state;
    struct flow flow;
    go_up(&flow);
    pass(&flow, &(struct round){.marked = BDP / 100, .lost = BDP / 100});
    assert_int_equal(state_of(&flow), BBR_PROBE_UP);
    pass(&flow, &(struct round){.marked = BDP / 25, .lost = BDP / 25});
    assert_int_equal(state_of(&flow), BBR_PROBE_DOWN);
    assert_near(model(&flow)->inflight_longterm, BDP, 1);
    cruise(&flow);
    pass(&flow, &(struct round){.rate = RATE / 2, .bytes = BDP / 2});
    pass(&flow, &(struct round){.marked = 1000, .lost = 1000, .rate = RATE / 2});
    pass(&flow, &(struct round){.rate = RATE / 2, .bytes = BDP / 2});
    assert_near(pace(&flow), RATE * 7 / 10, 2);
}

/* ---- ProbeRTT ---- */

/* draft-ietf-ccwg-bbr MUST-4 */
static void probe_rtt_drains_the_path_for_200_ms(void **state)
{
    (void)state;
    struct flow flow;
    cruise(&flow);
    uint64_t since_ns = flow.now_ns;
    while (state_of(&flow) != BBR_PROBE_RTT)
        pass(&flow, &(struct round){.rtt_us = RTT_US + 1000, .bytes = BDP});
    assert_in_range(flow.now_ns - since_ns, 3 * SECOND, 6 * SECOND);
    assert_near(flow.congestion.window, BDP / 2, 2);
    assert_near(pace(&flow), RATE, 2);
    pass(&flow, &(struct round){.in_flight = BDP * 3 / 4}); /* still too much: it does not count */
    uint64_t begun_ns = flow.now_ns;
    unsigned rounds = 0;
    for (; state_of(&flow) == BBR_PROBE_RTT; rounds++)
        pass(&flow, &(struct round){.rate = RATE / 2, .in_flight = BDP / 3});
    assert_in_range(flow.now_ns - begun_ns, 300 * SECOND / 1000, 450 * SECOND / 1000);
    assert_int_equal(state_of(&flow), BBR_PROBE_CRUISE);
    assert_near(flow.congestion.window, 3 * BDP, 5);
    assert_near(pace(&flow), RATE, 2); /* what ProbeRTT itself let through does not count */
}

/* draft-ietf-ccwg-bbr MUST-4 */
static void probe_rtt_waits_for_a_round_of_a_long_path(void **state)
{
    (void)state;
    struct flow flow;
    cruise(&flow);
    while (state_of(&flow) != BBR_PROBE_RTT)
        pass(&flow, &(struct round){.rtt_us = RTT_US + 1000, .bytes = BDP});
    pass(&flow, &(struct round){.in_flight = BDP / 3});
    for (unsigned i = 0; i < 10; i++) {
        flow.now_ns += SECOND / 10;
        pass(&flow, &(struct round){.in_flight = BDP / 3, .bytes = 1, .same_round = true});
        assert_int_equal(state_of(&flow), BBR_PROBE_RTT);
    }
    pass(&flow, &(struct round){.in_flight = BDP / 3});
    assert_int_equal(state_of(&flow), BBR_PROBE_CRUISE);
}

/* draft-ietf-ccwg-bbr MUST-4 */
static void a_short_round_trip_or_a_pause_makes_probe_rtt_needless(void **state)
{
    (void)state;
    struct flow flow;
    cruise(&flow);
    for (unsigned i = 0; i < 120; i++) {
        pass(&flow, &(struct round){.rtt_us = RTT_US + 1000 - 5 * i, .bytes = BDP});
        if (i % 40 == 0)
            pass(&flow, &(struct round){.rtt_us = RTT_US - 100 * i - 1, .bytes = BDP});
        assert_int_not_equal(state_of(&flow), BBR_PROBE_RTT);
    }
    flow.now_ns += 6 * SECOND;
    bbr->resume(&flow.congestion, &flow.state, flow.now_ns);
    assert_near(pace(&flow), model(&flow)->bw, 2); /* 5.4.1 */
    pass(&flow, &(struct round){.rtt_us = RTT_US, .bytes = BDP});
    assert_int_not_equal(state_of(&flow), BBR_PROBE_RTT);
}

/* Before the path is full, ProbeRTT leads back to Startup: that little arrives in it says nothing.
 */
/* draft-ietf-ccwg-bbr MUST-4 */
static void probe_rtt_does_not_end_startup(void **state)
{
    (void)state;
    struct flow flow;
    start_up(&flow);
    while (state_of(&flow) != BBR_PROBE_RTT)
        pass(&flow, &(struct round){.rtt_us = RTT_US + 1000, .app_limited = true});
    flow.now_ns += SECOND / 10;
    for (unsigned i = 0; i < 8 && state_of(&flow) == BBR_PROBE_RTT; i++)
        pass(&flow, &(struct round){.rate = RATE / 4, .in_flight = BDP / 4, .rtt_us = 30000});
    assert_int_equal(state_of(&flow), BBR_PROBE_RTT);
    while (state_of(&flow) == BBR_PROBE_RTT)
        pass(&flow, &(struct round){.rate = RATE / 4, .in_flight = BDP / 4});
    assert_int_equal(state_of(&flow), BBR_STARTUP);
}

/* After ten seconds without a shorter one the path has become longer. */
/* draft-ietf-ccwg-bbr MUST-4 */
static void the_shortest_round_trip_is_of_the_last_ten_seconds(void **state)
{
    (void)state;
    struct flow flow;
    cruise(&flow);
    uint64_t since_ns = flow.now_ns;
    while (model(&flow)->min_rtt_us == RTT_US)
        pass(&flow, &(struct round){.rtt_us = 2 * RTT_US, .in_flight = BDP / 3});
    assert_in_range(flow.now_ns - since_ns, 5 * SECOND, 16 * SECOND);
    assert_int_equal(model(&flow)->min_rtt_us, 2 * RTT_US);
}

/* ---- Window ---- */

/* Section 5.6.4.4. */
/* draft-ietf-ccwg-bbr MUST-8 */
static void the_window_comes_back_after_a_recovery(void **state)
{
    (void)state;
    struct flow flow;
    cruise(&flow);
    uint32_t window = flow.congestion.window;
    reduce(&flow, CONGESTION_TIME_OUT);
    flow.congestion.window = MSS; /* TCP's own doing */
    pass(&flow, &(struct round){.bytes = 10 * MSS, .recovering = true});
    assert_in_range(flow.congestion.window, 10 * MSS, 12 * MSS);
    bbr->recovered(&flow.congestion, &flow.state);
    assert_int_equal(flow.congestion.window, window);
}

/* draft-ietf-ccwg-bbr MUST-8 */
static void aggregation_of_acknowledgements_makes_the_window_larger(void **state)
{
    (void)state;
    struct flow flow;
    cruise(&flow);
    pass_smoothly(&flow, 12);
    assert_near(flow.congestion.window, 2 * BDP, 6);
    pass(&flow, &(struct round){.bytes = BDP});
    assert_near(flow.congestion.window, 3 * BDP, 4);
    pass_smoothly(&flow, 9);
    assert_near(flow.congestion.window, 3 * BDP, 4);
    pass_smoothly(&flow, 2); /* it was more than ten rounds ago */
    assert_near(flow.congestion.window, 2 * BDP, 6);
}

/* Nothing overflows, and something may always be sent. */
/* draft-ietf-ccwg-bbr MUST-6, MUST-8 */
static void extremes_are_borne(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (unsigned i = 0; i < 3000; i++) {
        struct flow flow;
        begin(&flow);
        for (unsigned k = 0; k < 60; k++) {
            flow.now_ns += random_next(&random) >> (20 + random_below(&random, 44));
            struct round round = {
                .rate = random_next(&random) >> random_below(&random, 64),
                .bytes = 1 + (random_below(&random, 1u << 30) >> random_below(&random, 30)),
                .in_flight = random_below(&random, 1u << 30) >> random_below(&random, 30),
                .rtt_us = 1 + (random_below(&random, UINT32_MAX) >> random_below(&random, 32)),
                .lost = random_below(&random, 1u << 30) >> random_below(&random, 30),
                .sent_in_flight = random_below(&random, 1u << 30) >> random_below(&random, 30),
                .marked = random_below(&random, 4) == 0 ? 5000 : 0,
                .app_limited = random_below(&random, 3) == 0,
                .limited = random_below(&random, 2) == 0,
                .same_round = random_below(&random, 2) == 0,
                .recovering = random_below(&random, 2) == 0,
            };
            pass(&flow, &round);
            if (random_below(&random, 3) == 0)
                lose(&flow, 1 + random_below(&random, 1u << 20), random_below(&random, 1u << 30),
                     random_below(&random, 1u << 25));
            if (random_below(&random, 6) == 0)
                reduce(&flow, random_below(&random, 2) ? CONGESTION_LOSS : CONGESTION_TIME_OUT);
            if (random_below(&random, 6) == 0)
                bbr->recovered(&flow.congestion, &flow.state);
            if (random_below(&random, 9) == 0)
                bbr->undo(&flow.congestion, &flow.state, flow.delivered);
            if (random_below(&random, 9) == 0)
                bbr->resume(&flow.congestion, &flow.state, flow.now_ns);
            assert_in_range(flow.congestion.window, 4 * MSS, INT32_MAX);
            assert_in_range(pace(&flow), MSS, UINT64_C(1) << 40);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(startup_paces_at_nearly_three_times_the_bandwidth),
        cmocka_unit_test(three_rounds_without_growth_end_startup),
        cmocka_unit_test(rounds_without_enough_to_send_do_not_end_startup),
        cmocka_unit_test(many_losses_end_startup),
        cmocka_unit_test(drain_lasts_until_what_is_in_flight_fits),
        cmocka_unit_test(probe_bw_goes_round),
        cmocka_unit_test(probes_are_as_frequent_as_renos_losses),
        cmocka_unit_test(more_bandwidth_is_found_and_less_is_believed_in_two_cycles),
        cmocka_unit_test(losses_in_a_probe_bound_what_is_in_flight),
        cmocka_unit_test(a_bound_is_no_lower_than_cubics),
        cmocka_unit_test(the_bound_is_raised_with_caution),
        cmocka_unit_test(losses_outside_of_probes_lower_the_rate_until_the_next),
        cmocka_unit_test(marks_count_as_losses),
        cmocka_unit_test(probe_rtt_drains_the_path_for_200_ms),
        cmocka_unit_test(probe_rtt_waits_for_a_round_of_a_long_path),
        cmocka_unit_test(a_short_round_trip_or_a_pause_makes_probe_rtt_needless),
        cmocka_unit_test(probe_rtt_does_not_end_startup),
        cmocka_unit_test(the_shortest_round_trip_is_of_the_last_ten_seconds),
        cmocka_unit_test(the_window_comes_back_after_a_recovery),
        cmocka_unit_test(aggregation_of_acknowledgements_makes_the_window_larger),
        cmocka_unit_test(extremes_are_borne),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
