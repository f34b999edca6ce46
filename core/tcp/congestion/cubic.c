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
 * windows in bytes; C * x^3 becomes 4 * x^3 / (10 * 2^30) segments. As in Linux the window grows by
 * whole segments, one for each so many bytes that are acknowledged, and how many is worked out when
 * the window has grown, or a thirty-second of a second has passed.
 */

enum {
    BETA_1024 = 717, /* 0.7 */
    WINDOW_MAX = INT32_MAX,
    PACE_MS = 1000 / 32,
    FASTEST = 2,        /* acknowledged for a segment: 4.4, no more than half as much again */
    SLOWEST_BLIND = 20, /* where no loss has told where to go: a twentieth a round trip, as Linux */
    SLOWEST = 100,      /* windows */
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
    uint32_t window = congestion->window;
    cubic->origin = cubic->w_max > window ? cubic->w_max : window;
    uint64_t gap = (cubic->origin - window) / ack->mss;
    /* (gap / 0.4) seconds^3 in 1/1024 s: gap * 2.5 * 2^30 */
    cubic->k_1024 = (uint32_t)cube_root(gap < 1u << 31 ? (gap << 30) / 2 * 5 : UINT64_MAX / 4);
    cubic->elapsed_ms = 0;
    cubic->w_estimate = window;
    cubic->estimated = 0;
    cubic->counted = 0;
    cubic->paced_window = 0;
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

/* W_cubic at `time` after the epoch began, in bytes; the distance to where it is flat is whole
 * segments, rounded down. */
static uint64_t w_cubic(const struct cubic_epoch *cubic, uint64_t time, uint32_t mss)
{
    bool before = time < cubic->k_1024;
    uint64_t x = before ? cubic->k_1024 - time : time - cubic->k_1024;
    if (x > 1u << 20) /* more than a quarter of an hour from K: out of all windows */
        return before ? 0 : UINT32_MAX;
    uint64_t distance = ((x * x * x >> 20) * 4 / 10 >> 10) * mss; /* C * x^3 */
    if (before)
        return distance < cubic->origin ? cubic->origin - distance : 0;
    return cubic->origin + distance;
}

/* Section 4.3: alpha is 3 * (1 - beta) / (1 + beta) = 9/17, which Linux takes for 8/15, until the
 * window is where it was before the reduction, which was threshold / beta; then 1. */
static void grow_estimate(struct cubic_epoch *cubic, const struct congestion *congestion,
                          uint32_t mss)
{
    uint64_t prior = (uint64_t)congestion->threshold * 1024 / BETA_1024;
    uint64_t segments = congestion->window / mss;
    uint64_t each = (cubic->w_estimate < prior ? segments * 15 / 8 : segments) * mss;
    uint64_t steps = cubic->estimated > each ? (cubic->estimated - 1) / each : 0;
    uint64_t estimate = cubic->w_estimate + steps * mss;
    cubic->estimated -= (uint32_t)(steps * each);
    cubic->w_estimate = estimate < WINDOW_MAX ? (uint32_t)estimate : WINDOW_MAX;
}

/* Sections 4.4 and 4.5: how many segments are acknowledged for each by which the window grows, so
 * that a window's worth of them makes it `target`. */
static uint64_t pace_towards(uint64_t target, uint64_t window, uint32_t mss)
{
    if (target < window + mss)
        return SLOWEST * (window / mss);
    return window / mss / ((target - window) / mss);
}

/* The curve is asked where it is a round trip ahead; the shortest, as in Linux, so that a queue
 * makes nobody faster. */
static void set_pace(struct cubic_epoch *cubic, const struct congestion *congestion,
                     const struct congestion_ack *ack)
{
    uint32_t now_ms = clock_ms(ack), window = congestion->window, mss = ack->mss;
    if (window == cubic->paced_window && now_ms - cubic->paced_ms <= PACE_MS)
        return;
    cubic->paced_window = window;
    cubic->paced_ms = now_ms;
    grow_estimate(cubic, congestion, mss);
    uint64_t time = cubic->elapsed_ms * 1024ull / 1000 + ack->min_rtt_us * 1024ull / 1000000;
    uint64_t pace = pace_towards(w_cubic(cubic, time, mss), window, mss);
    if (cubic->w_max == 0 && pace > SLOWEST_BLIND)
        pace = SLOWEST_BLIND;
    uint64_t reno = pace_towards(cubic->w_estimate, window, mss);
    pace = pace < reno ? pace : reno;
    pace = (pace > FASTEST ? pace : FASTEST) * mss;
    cubic->pace = pace < WINDOW_MAX ? (uint32_t)pace : WINDOW_MAX;
}

/* What was counted at a slower pace is worth one segment at most. */
static void grow(struct cubic_epoch *cubic, struct congestion *congestion, uint32_t left,
                 uint32_t mss)
{
    uint64_t segments = cubic->counted >= cubic->pace;
    if (segments != 0)
        cubic->counted = 0;
    uint64_t counted = (uint64_t)cubic->counted + left;
    segments += counted / cubic->pace;
    cubic->counted = (uint32_t)(counted % cubic->pace);
    uint64_t window = congestion->window + segments * mss;
    congestion->window = window < WINDOW_MAX ? (uint32_t)window : WINDOW_MAX;
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
    cubic->estimated = left < WINDOW_MAX - cubic->estimated ? cubic->estimated + left : WINDOW_MAX;
    set_pace(cubic, congestion, ack);
    grow(cubic, congestion, left, ack->mss);
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
    if (event->cause == CONGESTION_TIME_OUT) /* section 4.8: K will be 0, as before any loss */
        cubic->w_max = 0;
    congestion->threshold = congestion_threshold(window * BETA_1024 / 1024, event->mss);
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
