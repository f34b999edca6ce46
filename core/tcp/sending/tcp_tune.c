/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/sending/tcp_output.h"
#include "core/tcp/tcp_internal.h"

/*
 * Buffers that grow with the path. The receive buffer holds four times what the application took in
 * the last round trip: a sender that doubles its rate every round trip sends twice that before it
 * hears of the buffer, and twice as much again before it hears of the next one. What lies behind a
 * gap nobody can take: the buffer holds as much again, so that its sender need not wait until the
 * gap is filled (Linux counts it too, since 6.16). The send buffer holds twice the congestion
 * window, so that there is a window's worth to send when one has been acknowledged; but where the
 * window is far from being used, twice what is in flight: what waits for long has left the
 * processor's caches when it goes.
 * Neither shrinks, and neither grows while the pools run low.
 */

static bool pools_are_low(const struct tcp *tcp)
{
    const struct pool *large = &tcp->memory->large;
    return large->free_count < large->total / 8;
}

static uint32_t round_trip_us(const struct tcp_connection *c)
{
    if (c->srtt_us8 != 0)
        return c->srtt_us8 / 8;
    return c->min_rtt_us != 0 ? c->min_rtt_us : 100000;
}

static bool receive_buffer_grows(const struct tcp *tcp, const struct tcp_connection *c)
{
    return !has(c, TCPF_FIXED_RECEIVE_BUFFER) && tcp->knobs.moderate_receive_buffer;
}

static void grow_receive_buffer(const struct tcp *tcp, struct tcp_connection *c, uint64_t wanted)
{
    if (wanted > tcp->knobs.receive_buffer_max)
        wanted = tcp->knobs.receive_buffer_max;
    c->receive.limit = maximum(c->receive.limit, (uint32_t)wanted);
}

void tune_receive_gap(const struct tcp *tcp, struct tcp_connection *c, uint32_t end)
{
    uint64_t wanted = 2ull * (end - c->rcv_nxt);
    if (wanted > c->receive.limit && receive_buffer_grows(tcp, c) && !has(c, TCPF_POLLED) &&
        !pools_are_low(tcp))
        grow_receive_buffer(tcp, c, wanted);
}

void tune_receive(struct tcp *tcp, struct tcp_connection *c, uint32_t copied, uint64_t now_ns)
{
    if (!receive_buffer_grows(tcp, c))
        return;
    if (clock_us(now_ns) - c->tune_at_us >= round_trip_us(c)) {
        c->tune_copied = 0;
        c->tune_at_us = clock_us(now_ns);
    }
    c->tune_copied += copied;
    /* At once, not when the round trip is over: what a window let go comes in a bunch at first. */
    if (c->tune_copied <= c->tune_space || pools_are_low(tcp))
        return;
    c->tune_space = c->tune_copied;
    grow_receive_buffer(tcp, c, 4ull * c->tune_copied + 16u * c->receive_mss);
}

void tune_send(const struct tcp *tcp, struct tcp_connection *c, uint32_t flight)
{
    if (has(c, TCPF_FIXED_SEND_BUFFER) || pools_are_low(tcp))
        return;
    uint64_t wanted = 2ull * minimum(c->congestion.window, flight + TCP_LARGEST_SEGMENT);
    if (wanted > tcp->knobs.send_buffer_max)
        wanted = tcp->knobs.send_buffer_max;
    c->send_limit = maximum(c->send_limit, (uint32_t)wanted);
}
