/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_min_ttl.h"

#include "core/tcp/opening/tcp_listener.h"
#include "core/tcp/tcp_internal.h"

void min_ttl_note(struct tcp *tcp, uint8_t ttl)
{
    if (ttl != 0)
        tcp->gates |= TCP_GATE_MIN_TTL;
}

void min_ttl_set(struct tcp *tcp, struct tcp_connection *c, uint8_t ttl)
{
    c->timer.attached_byte = ttl;
    min_ttl_note(tcp, ttl);
}

uint8_t min_ttl_of(const struct tcp_connection *c)
{
    return c->timer.attached_byte;
}

static bool admits(struct tcp *tcp, uint8_t least, struct packet *packet)
{
    if (packet->ip.ttl >= least)
        return true;
    packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_MIN_TTL);
    return false;
}

bool min_ttl_admits_anew(struct tcp *tcp, uint16_t listener, struct packet *packet)
{
    return admits(tcp, tcp->listeners[listener - 1].min_ttl, packet);
}

bool min_ttl_admits(struct tcp *tcp, tcp_reference found, const struct tcp_key *key,
                    struct packet *packet)
{
    uint32_t index = tcp_reference_index(found);
    uint16_t listener;
    switch (tcp_reference_kind(found)) {
    case TCP_KIND_CONNECTION:
        return admits(tcp, min_ttl_of(&tcp->connections[index]), packet);
    case TCP_KIND_NONE:
        listener = listener_find(tcp, key);
        return listener == 0 || min_ttl_admits_anew(tcp, listener, packet);
    case TCP_KIND_HALF_OPEN:
    case TCP_KIND_TIME_WAIT:
        break;
    }
    return true;
}

bool min_ttl_ignores(const struct tcp_connection *c, const struct ip_error *error)
{
    return error->ttl < min_ttl_of(c);
}
