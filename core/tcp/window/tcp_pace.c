/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/window/tcp_pace.h"

#include "core/tcp/tcp_internal.h"

uint64_t pace_rate_of_window(const struct tcp *tcp, const struct tcp_connection *c)
{
    uint32_t percent = c->congestion.window < c->congestion.threshold / 2
                           ? tcp->knobs.pacing_slow_start_percent
                           : tcp->knobs.pacing_avoidance_percent;
    if (c->srtt_us8 == 0)
        return UINT64_MAX;
    uint64_t bytes = maximum(c->congestion.window, tcp_in_flight(c));
    return bytes * 8000000 / c->srtt_us8 * percent / 100;
}

uint64_t pace_rate(const struct tcp *tcp, const struct tcp_connection *c)
{
    const struct congestion_operations *algorithm = congestion_algorithm(c->algorithm);
    uint64_t most = tcp_max_pacing_rate(c);
    if (most == 0 && algorithm->pacing_rate == NULL && !c->flight->pace.easing)
        return 0;
    uint64_t rate = algorithm->pacing_rate != NULL ? algorithm->pacing_rate(&c->flight->congestion)
                                                   : pace_rate_of_window(tcp, c);
    if (most != 0 && (rate == 0 || rate > most))
        return most;
    return rate != UINT64_MAX ? rate : 0;
}

void pace_ease(const struct tcp *tcp, struct tcp_connection *c)
{
    struct pace *pace = &c->flight->pace;
    pace->easing = c->congestion.threshold > tcp_in_flight(c) + tcp_initial_window(tcp, c);
    pace->ease_end = c->snd_nxt;
}

uint32_t pace_room(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct pace *pace = &c->flight->pace;
    pace->easing = pace->easing && seq_le(c->snd_una, pace->ease_end);
    uint64_t rate = pace_rate(tcp, c);
    pace->waiting = rate != 0 && now_ns < pace->next_ns;
    pace->waited |= pace->waiting;
    if (rate == 0)
        return UINT32_MAX;
    return pace->waiting ? 0 : congestion_quantum(rate, c->flight->segment_size);
}

/* A turn that comes late for what waited has its time made good, up to half of what a turn sends.
 */
void pace_sent(const struct tcp *tcp, struct tcp_connection *c, uint32_t bytes, uint64_t now_ns)
{
    struct pace *pace = &c->flight->pace;
    uint64_t rate = pace_rate(tcp, c);
    if (rate == 0)
        return;
    uint64_t takes_ns = bytes * UINT64_C(1000000000) / rate;
    uint64_t late_ns = pace->waited && now_ns > pace->next_ns ? now_ns - pace->next_ns : 0;
    uint64_t spared_ns = late_ns < takes_ns / 2 ? late_ns : takes_ns / 2;
    pace->next_ns = (now_ns > pace->next_ns ? now_ns : pace->next_ns) + takes_ns - spared_ns;
    pace->waited = false;
}
