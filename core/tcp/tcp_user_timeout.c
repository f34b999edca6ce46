/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_user_timeout.h"

#include "core/tcp/tcp_internal.h"

/* 3.3: fifteen bits of seconds, or of minutes. */
enum { MINUTES = 1 << 15, VALUE = MINUTES - 1, MS = 1000, MINUTE_MS = 60000 };

void user_timeout_set(const struct tcp *tcp, struct tcp_connection *c, uint32_t ms)
{
    c->user_timeout_ms = ms;
    c->flags &= ~(uint32_t)TCPF_TIMEOUT_ADOPTED;
    c->timeout_told = false;
    if (tcp->knobs.user_timeout_option && ms != 0)
        c->flags |= TCPF_TIMEOUT_OWED;
}

uint32_t user_timeout_own(const struct tcp_connection *c)
{
    return has(c, TCPF_TIMEOUT_ADOPTED) ? 0 : c->user_timeout_ms;
}

/* 3.1: longer than a retransmission takes, whatever the limits. */
static uint32_t within_limits(const struct tcp *tcp, const struct tcp_connection *c, uint64_t ms)
{
    uint32_t least = maximum(tcp->knobs.user_timeout_least_ms, 2 * (c->rto_us / 1000));
    ms = ms < tcp->knobs.user_timeout_most_ms ? ms : tcp->knobs.user_timeout_most_ms;
    return maximum((uint32_t)ms, least);
}

void user_timeout_told(const struct tcp *tcp, struct tcp_connection *c, uint16_t option)
{
    uint32_t value = option & VALUE;
    if (!tcp->knobs.user_timeout_option || value == 0)
        return;
    if (!c->timeout_told)
        c->flags |= TCPF_TIMEOUT_OWED;
    if (user_timeout_own(c) != 0)
        return;
    uint64_t ms = (uint64_t)value * (option & MINUTES ? MINUTE_MS : MS);
    c->user_timeout_ms = within_limits(tcp, c, ms);
    c->flags |= TCPF_TIMEOUT_ADOPTED;
}

bool user_timeout_due(const struct tcp_connection *c, uint32_t sequence)
{
    if (has(c, TCPF_TIMEOUT_OWED))
        return true;
    return c->timeout_told && c->flight != NULL && c->flight->timeout_told &&
           c->flight->timeout_at == sequence;
}

static uint16_t encode(uint32_t ms)
{
    uint32_t seconds = ms / MS + (ms % MS != 0);
    if (seconds <= VALUE)
        return (uint16_t)seconds;
    return (uint16_t)(MINUTES | minimum((seconds + 59) / 60, VALUE));
}

size_t user_timeout_build(const struct tcp *tcp, struct tcp_connection *c, uint8_t *at,
                          uint32_t sequence)
{
    uint32_t own = user_timeout_own(c);
    c->flags &= ~(uint32_t)TCPF_TIMEOUT_OWED;
    c->timeout_told = true;
    if (c->flight != NULL) {
        c->flight->timeout_at = sequence;
        c->flight->timeout_told = true;
    }
    return wire_tcp_build_user_timeout(at, encode(own != 0 ? own : tcp->knobs.give_up_ms));
}

uint64_t user_timeout_left(const struct tcp *tcp, const struct tcp_connection *c,
                           uint64_t silence_ms)
{
    bool more = tcp->knobs.user_timeout_option && silence_ms < c->user_timeout_ms;
    return more ? c->user_timeout_ms - silence_ms : 0;
}
