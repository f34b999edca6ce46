/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/window/tcp_validate.h"

#include "core/tcp/tcp_internal.h"

enum {
    PERIOD_LEAST_MS = 1000, /* 4.2 */
    PERIOD_ROUNDS = 3,
    DOUBT_MS = 300000, /* 4.4, the non-validated period */
    HALVINGS = 32,
};

static uint32_t period_ms(const struct tcp_connection *c)
{
    return maximum(PERIOD_ROUNDS * (c->srtt_us8 / 8000), PERIOD_LEAST_MS);
}

/* pipeACK; nothing counts that is older than the period. */
static uint32_t pipe_ack(const struct tcp_connection *c, uint32_t now_ms)
{
    const struct validation *validation = &c->flight->validation;
    uint32_t best = 0;
    for (unsigned i = 0; i < VALIDATION_PARTS; i++)
        if (now_ms - validation->at_ms[i] < period_ms(c))
            best = maximum(best, validation->best[i]);
    return best;
}

static void add_sample(struct tcp_connection *c, uint32_t bytes, uint32_t now_ms)
{
    struct validation *validation = &c->flight->validation;
    if (!validation->known ||
        now_ms - validation->at_ms[validation->newest] >= period_ms(c) / VALIDATION_PARTS) {
        validation->newest = (uint8_t)((validation->newest + 1) % VALIDATION_PARTS);
        validation->at_ms[validation->newest] = now_ms;
        validation->best[validation->newest] = 0;
    }
    validation->known = true;
    validation->best[validation->newest] = maximum(validation->best[validation->newest], bytes);
}

/* A sample is of what was in flight when it began, a round trip's worth; after a pause, of what was
 * by the first acknowledgement. */
static void take_sample(struct tcp_connection *c, uint32_t now_ms)
{
    struct validation *validation = &c->flight->validation;
    if (validation->begun == validation->end)
        validation->end = c->snd_nxt;
    if (validation->sampling && seq_lt(c->snd_una, validation->end))
        return;
    if (validation->sampling)
        add_sample(c, c->snd_una - validation->begun, now_ms);
    validation->begun = c->snd_una;
    validation->end = c->snd_nxt;
    validation->sampling = c->snd_nxt != c->snd_una;
}

/* 4.3 */
static void judge(struct tcp_connection *c, uint32_t now_ms)
{
    struct validation *validation = &c->flight->validation;
    bool used = !validation->known || pipe_ack(c, now_ms) >= c->congestion.window / 2;
    if (used)
        validation->doubted_ms = 0;
    else if (validation->doubted_ms == 0)
        validation->doubted_ms = maximum(now_ms, 1);
}

/* 4.4.3 */
static void fade(const struct tcp *tcp, struct tcp_connection *c, uint32_t now_ms)
{
    struct validation *validation = &c->flight->validation;
    for (unsigned i = 0;
         i < HALVINGS && validation->doubted_ms != 0 && now_ms - validation->doubted_ms >= DOUBT_MS;
         i++) {
        uint32_t window = c->congestion.window;
        c->congestion.threshold = maximum(c->congestion.threshold, window / 4 * 3);
        c->congestion.window = maximum(window / 2, minimum(window, tcp_initial_window(tcp, c)));
        validation->doubted_ms += DOUBT_MS;
    }
}

static bool applies(const struct tcp *tcp, const struct tcp_connection *c)
{
    return tcp->knobs.cwnd_validation && !congestion_algorithm(c->algorithm)->rules_window;
}

void validation_acknowledged(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (!applies(tcp, c) || c->recovery >= TCP_CA_CWR)
        return;
    take_sample(c, clock_ms(now_ns));
    judge(c, clock_ms(now_ns));
    fade(tcp, c, clock_ms(now_ns));
}

void validation_before_sending(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (!applies(tcp, c) || c->snd_nxt != c->snd_una)
        return;
    judge(c, clock_ms(now_ns));
    fade(tcp, c, clock_ms(now_ns));
    c->flight->validation.begun = c->flight->validation.end = c->snd_una;
    c->flight->validation.sampling = true;
}

bool validation_holds_back(const struct tcp *tcp, const struct tcp_connection *c)
{
    return applies(tcp, c) && c->flight->validation.doubted_ms != 0;
}

uint32_t validation_flight(const struct tcp *tcp, struct tcp_connection *c, uint32_t flight,
                           uint64_t now_ns)
{
    struct validation *validation = &c->flight->validation;
    uint32_t base = 0; /* recovery leaves no measure behind (4.4.1) */
    if (!applies(tcp, c))
        return flight;
    if (validation->doubted_ms != 0)
        base = maximum(flight, pipe_ack(c, clock_ms(now_ns)));
    *validation = (struct validation){.base = base};
    return base != 0 ? base : flight;
}

void validation_recovered(struct tcp_connection *c)
{
    struct validation *validation = &c->flight->validation;
    if (validation->base == 0)
        return;
    int32_t resent = c->flight->undo.retransmissions;
    uint64_t again = resent > 0 ? (uint64_t)resent * effective_mss(c) : 0;
    uint64_t rest = again < validation->base ? validation->base - again : 0;
    uint32_t threshold = (uint32_t)(c->congestion.threshold * rest / validation->base);
    c->congestion.threshold = maximum(threshold, 2u * effective_mss(c));
    validation->base = 0;
}

void validation_timed_out(struct tcp_connection *c)
{
    c->flight->validation = (struct validation){0};
}
