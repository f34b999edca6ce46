/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_internal.h"

/*
 * What a connection waits for while it has something to send, as Linux tells it (tcpi_busy_time and
 * its like): the network, the peer's window, or an application whose send buffer is too small.
 */

static enum busy reason_of(const struct tcp_connection *c)
{
    if (tcp_queued(c) == 0)
        return BUSY_NOT;
    uint32_t waiting = c->snd_end - c->snd_nxt, room = c->snd_una + c->snd_wnd - c->snd_nxt;
    if (seq_ge(c->snd_nxt, c->snd_end))
        waiting = 0;
    bool shut = seq_ge(c->snd_nxt, c->snd_una + c->snd_wnd) || room < minimum(waiting, c->mss);
    if (waiting != 0 && shut)
        return BUSY_WINDOW;
    bool starved = waiting == 0 && has(c, TCPF_WANTS_ROOM) && !has(c, TCPF_CWND_LIMITED) &&
                   tcp_in_flight(c) + c->mss <= c->congestion.window;
    return starved ? BUSY_BUFFER : BUSY_NETWORK;
}

void busy_note(struct tcp_connection *c, uint64_t now_ns)
{
    if (c->flight == NULL)
        return;
    struct tcp_busy *busy = &c->flight->busy;
    if (busy->reason != BUSY_NOT)
        busy->ns[busy->reason - 1] += now_ns - busy->since_ns;
    busy->reason = (uint8_t)reason_of(c);
    busy->since_ns = now_ns;
}

uint64_t busy_time_ns(const struct tcp_connection *c, enum busy reason, uint64_t now_ns)
{
    if (c->flight == NULL)
        return 0;
    const struct tcp_busy *busy = &c->flight->busy;
    uint64_t ns = busy->ns[reason - 1];
    return busy->reason == reason ? ns + now_ns - busy->since_ns : ns;
}
