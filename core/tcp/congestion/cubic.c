/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/congestion/congestion.h"

/*
 * CUBIC (RFC 9438), in integers. After a reduction the window follows
 *
 *     W_cubic(t) = C * (t - K)^3 + W_max        C = 0.4 segments / s^3
 *
 * of the time t spent in congestion avoidance: steep, flat around the old maximum, steep again.
 * Where that is slower than what Reno would do (W_est), Reno's pace is kept (4.3). The time in
 * which the window did not limit us does not count: nothing was learned about the path (4.2, 5.8).
 *
 * Units: time in 1/1024 s, so that t^3 fits in 64 bits for any window that 32 bits can express;
 * windows in bytes; C * x^3 becomes mss * 4 * x^3 / (10 * 2^30). The window moves when an eighth
 * of it has been acknowledged, so that what is lost by dividing does not add up.
 */

enum {
    BETA_1024 = 717, /* 0.7 */
    WINDOW_MAX = INT32_MAX,
};

static void init(struct congestion *congestion, union congestion_state *state,
                 const struct congestion_start *start)
{
    (void)congestion;
    (void)start;
    state->cubic = (struct cubic){0};
}

static uint64_t cube_root(uint64_t x)
{
    uint64_t root = 0;
    for (int bit = 21; bit >= 0; bit--) {
        uint64_t candidate = root | 1ull << bit;
        if (candidate <= 2642245 && candidate * candidate * candidate <= x)
            root = candidate;
    }
    return root;
}

static uint32_t clock_ms(const struct congestion_ack *ack)
{
    return (uint32_t)(ack->now_ns / 1000000);
}

/* K = cbrt((W_max - cwnd) / C), section 4.2. */
static void begin_epoch(struct cubic_epoch *cubic, const struct congestion *congestion,
                        const struct congestion_ack *ack)
{
    uint64_t gap = 0;
    if (congestion->window < cubic->w_max)
        gap = (cubic->w_max - congestion->window) / ack->mss;
    else
        cubic->w_max = congestion->window;
    /* (gap / 0.4) seconds^3 in 1/1024 s: gap * 2.5 * 2^30 */
    cubic->k_1024 = (uint32_t)cube_root(gap < 1u << 31 ? (gap << 30) / 2 * 5 : UINT64_MAX / 4);
    cubic->elapsed_ms = 0;
    cubic->w_estimate = congestion->window;
    cubic->counted = 0;
}

/* Acknowledgements come every round trip at least while the window limits us. */
static void spend_time(struct cubic_epoch *cubic, const struct congestion *congestion,
                       const struct congestion_ack *ack)
{
    uint32_t now_ms = clock_ms(ack) != 0 ? clock_ms(ack) : 1;
    if (cubic->last_ms == 0) {
        begin_epoch(cubic, congestion, ack);
    } else {
        uint32_t passed = now_ms - cubic->last_ms, most = ack->srtt_us / 1000 + 1;
        cubic->elapsed_ms += passed < most ? passed : most;
    }
    cubic->last_ms = now_ms;
}

/* W_cubic at `time` after the epoch began, in bytes. */
static uint64_t w_cubic(const struct cubic_epoch *cubic, uint64_t time, uint32_t mss)
{
    bool before = time < cubic->k_1024;
    uint64_t x = before ? cubic->k_1024 - time : time - cubic->k_1024;
    if (x > 1u << 20) /* more than a quarter of an hour from K: out of all windows */
        return before ? 0 : UINT32_MAX;
    uint64_t segments_1024 = (x * x * x >> 20) * 4 / 10; /* C * x^3, times 1024 */
    uint64_t delta = segments_1024 * mss >> 10, w_max = cubic->w_max;
    if (before)
        return delta < w_max ? w_max - delta : 0;
    return w_max + delta;
}

/* Section 4.3: alpha is 3 * (1 - beta) / (1 + beta) = 9/17 until the window is where it was before
 * the reduction, which was threshold / beta; then 1. */
static void grow_estimate(struct cubic_epoch *cubic, const struct congestion *congestion,
                          uint32_t mss, uint32_t counted)
{
    uint64_t prior = (uint64_t)congestion->threshold * 1024 / BETA_1024;
    uint64_t gain = (uint64_t)counted * mss / congestion->window;
    uint64_t estimate = cubic->w_estimate + (cubic->w_estimate < prior ? gain * 9 / 17 : gain);
    cubic->w_estimate = estimate < WINDOW_MAX ? (uint32_t)estimate : WINDOW_MAX;
}

/* Sections 4.4 and 4.5: of the way to where W_cubic is a round trip ahead, but at most half as much
 * again, a window's worth of acknowledgements covers all. */
static uint64_t grow(const struct cubic_epoch *cubic, const struct congestion *congestion,
                     uint64_t time, uint32_t counted, const struct congestion_ack *ack)
{
    uint64_t window = congestion->window, most = window + window / 2;
    uint64_t target = w_cubic(cubic, time + ack->srtt_us * 1024ull / 1000000, ack->mss);
    target = target < most ? target : most;
    return target > window ? window + counted * (target - window) / window : window;
}

static void acknowledged(struct congestion *congestion, union congestion_state *state,
                         const struct congestion_ack *ack)
{
    if (ack->acknowledged == 0)
        return;
    struct cubic_epoch *cubic = &state->cubic.epoch;
    uint32_t left = hystart_grow(&state->cubic.hystart, congestion, ack);
    if (left == 0)
        return;
    spend_time(cubic, congestion, ack);
    cubic->counted += left;
    if (cubic->counted < congestion->window / 8)
        return;
    uint32_t counted = cubic->counted;
    uint64_t time = cubic->elapsed_ms * 1024ull / 1000;
    cubic->counted = 0;
    grow_estimate(cubic, congestion, ack->mss, counted);
    uint64_t window = cubic->w_estimate;
    if (w_cubic(cubic, time, ack->mss) >= window)
        window = grow(cubic, congestion, time, counted, ack);
    if (window > congestion->window)
        congestion->window = window < WINDOW_MAX ? (uint32_t)window : WINDOW_MAX;
}

/* Section 4.6, of the window as Linux: it grows only where it is used up, so that a flight that is
 * short for a moment, behind a recovery or a reader, says nothing about the path. */
static void reduce(struct congestion *congestion, union congestion_state *state,
                   const struct congestion_event *event)
{
    struct cubic_epoch *cubic = &state->cubic.epoch;
    state->cubic.before = *cubic;
    uint64_t window = event->window;
    /* Section 4.7, fast convergence: a flow that was reduced before it got back makes room. */
    cubic->w_max = (uint32_t)(window < cubic->w_max ? window * (1024 + BETA_1024) / 2048 : window);
    if (event->cause == CONGESTION_TIME_OUT) /* section 4.8: K will be 0 */
        cubic->w_max = 0;
    uint64_t threshold = window * BETA_1024 / 1024;
    congestion->threshold = threshold > 2ull * event->mss ? (uint32_t)threshold : 2 * event->mss;
    cubic->last_ms = 0;
}

/* Section 4.9. */
static void undo(struct congestion *congestion, union congestion_state *state,
                 uint32_t all_delivered)
{
    (void)congestion;
    (void)all_delivered;
    state->cubic.epoch = state->cubic.before;
}

static void restart(struct congestion *congestion, union congestion_state *state)
{
    (void)congestion;
    state->cubic.epoch.last_ms = 0;
}

const struct congestion_operations congestion_cubic = {
    .name = "cubic",
    .init = init,
    .acknowledged = acknowledged,
    .reduce = reduce,
    .undo = undo,
    .restart = restart,
};
