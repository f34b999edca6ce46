/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_user_timeout.h"

#include "core/tcp/tcp_internal.h"

/* 3.3: fifteen bits of seconds, or of minutes. */
enum { MINUTES = 1 << 15, VALUE = MINUTES - 1, MS = 1000, MINUTE_MS = 60000 };

static void note(struct tcp_connection *c, unsigned now, unsigned no_more)
{
    c->timeout_told = (now | (c->timeout_told & ~no_more)) & 7u;
}

void user_timeout_set(const struct tcp *tcp, struct tcp_connection *c, uint32_t ms)
{
    c->user_timeout_ms = ms;
    note(c, tcp->knobs.user_timeout_option && ms != 0 ? USER_TIMEOUT_OWED : 0,
         USER_TIMEOUT_ADOPTED | USER_TIMEOUT_TOLD);
}

uint32_t user_timeout_own(const struct tcp_connection *c)
{
    return (c->timeout_told & USER_TIMEOUT_ADOPTED) ? 0 : c->user_timeout_ms;
}

/* 3.1: the longer one of what both ends have told, and longer than a retransmission takes, whatever
 * the limits. */
static uint32_t to_be_adopted(const struct tcp *tcp, const struct tcp_connection *c, uint64_t ms)
{
    uint32_t least = maximum(tcp->knobs.user_timeout_least_ms, 2 * (c->rto_us / 1000));
    ms = ms > tcp->knobs.give_up_ms ? ms : tcp->knobs.give_up_ms;
    ms = ms < tcp->knobs.user_timeout_most_ms ? ms : tcp->knobs.user_timeout_most_ms;
    return maximum((uint32_t)ms, least);
}

static uint64_t decode(uint16_t option)
{
    return (uint64_t)(option & VALUE) * (option & MINUTES ? MINUTE_MS : MS);
}

int64_t user_timeout_of_peer(const struct tcp_connection *c)
{
    return c->flight != NULL ? (int64_t)decode(c->flight->peer_timeout) : 0;
}

/* 3.1: it is not adopted, but the application may want to know. */
static void show(struct tcp *tcp, struct tcp_connection *c, uint16_t option)
{
    struct tcp_flight *flight = flight_take(tcp, c);
    if (flight == NULL || flight->peer_timeout == option)
        return;
    flight->peer_timeout = option;
    connection_tell(tcp, c, CHASKI_PEER_TIMEOUT);
}

void user_timeout_told(struct tcp *tcp, struct tcp_connection *c, uint16_t option)
{
    if (!tcp->knobs.user_timeout_option || decode(option) == 0)
        return;
    if (!(c->timeout_told & USER_TIMEOUT_TOLD))
        note(c, USER_TIMEOUT_OWED, 0);
    if (user_timeout_own(c) != 0) {
        show(tcp, c, option);
        return;
    }
    c->user_timeout_ms = to_be_adopted(tcp, c, decode(option));
    note(c, USER_TIMEOUT_ADOPTED, 0);
}

bool user_timeout_due(const struct tcp_connection *c, uint32_t sequence)
{
    if (c->timeout_told & USER_TIMEOUT_OWED)
        return true;
    return (c->timeout_told & USER_TIMEOUT_TOLD) && c->flight != NULL && c->flight->timeout_told &&
           c->flight->timeout_at == sequence;
}

static uint16_t encode(uint32_t ms)
{
    uint32_t seconds = ms / MS + (ms % MS != 0);
    if (seconds <= VALUE)
        return (uint16_t)seconds;
    return (uint16_t)(MINUTES | minimum((seconds + 59) / 60, VALUE));
}

void user_timeout_owe(struct tcp_connection *c)
{
    note(c, USER_TIMEOUT_OWED, 0);
}

size_t user_timeout_build(const struct tcp *tcp, struct tcp_connection *c, uint8_t *at,
                          uint32_t sequence)
{
    uint32_t own = user_timeout_own(c);
    note(c, USER_TIMEOUT_TOLD, USER_TIMEOUT_OWED);
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
