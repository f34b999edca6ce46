/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_recovery.h"
#include "core/tcp/tcp_internal.h"

/* What ICMP says of a segment that we have sent. */

/* RFC 5927: an error counts when it quotes something that is in flight. */
static bool quotes_flight(const struct tcp_connection *c, const struct ip_error *error)
{
    uint32_t sequence = wire_tcp_sequence(error->quoted);
    return seq_ge(sequence, c->snd_una) && seq_lt(sequence, c->snd_nxt);
}

/* The SYN carried data, which the path does not take: a plain one goes at once. */
static void open_smaller(struct tcp *tcp, struct tcp_connection *c, uint16_t mtu)
{
    uint32_t headers = address_is_ip4(&c->key.remote) ? 40 : 60;
    if (c->flight == NULL || c->flight->syn_data == 0 || mtu <= headers)
        return;
    c->announced_mss = (uint16_t)minimum(c->announced_mss, mtu - headers);
    c->flags |= TCPF_SYN_OWED;
    connection_wants_output(tcp, c);
}

/* RFC 1191, 6.4: what was too big is cut anew and goes again at once, without any fault of the
 * network's load. False when that is not to be believed: segments larger than the path is said to
 * carry get through (RFC 5927, 7.2). When they no longer do, the time-out tells, and the next
 * error counts. */
static bool path_shrank(struct tcp *tcp, struct tcp_connection *c, uint16_t mtu)
{
    if (c->state == CHASKI_TCP_SYN_SENT) {
        open_smaller(tcp, c, mtu);
        return true;
    }
    uint16_t mss = connection_mss(c, mtu);
    if (c->flight != NULL && mss < c->flight->proven_mss && c->backoff == 0)
        return false;
    if (mss >= c->mss) {
        mtu_told(c, mss);
        return true;
    }
    c->mss = mss;
    if (c->flight != NULL) {
        c->flight->proven_mss = 0;
        c->flight->mtu.most = 0;
    }
    count(tcp->counters, CHASKI_TCP_PATH_MTU_LOWERED);
    recovery_resend_all(tcp, c);
    return true;
}

/* RFC 9293, 3.9.2.2: the connection goes on; the application may think otherwise. */
static void note_trouble(struct tcp *tcp, struct tcp_connection *c, int error)
{
    c->error = (int8_t)error;
    connection_tell(tcp, c, CHASKI_TROUBLED);
}

/* Who has accepted a fast open takes the connection for open, and has text perhaps (as Linux). */
static bool is_opening(const struct tcp_connection *c)
{
    bool accepted = (c->fast_open & FAST_OPEN_PASSIVE) && !has(c, TCPF_POLLED);
    return c->state == CHASKI_TCP_SYN_SENT || (c->state == CHASKI_TCP_SYN_RECEIVED && !accepted);
}

bool tcp_ip_error(void *block, const struct ip_error *error, uint64_t now_ns)
{
    struct tcp *tcp = block;
    tcp->now_ns = now_ns;
    struct tcp_key key = {
        .local = error->source,
        .remote = error->destination,
        .local_port = wire_tcp_source_port(error->quoted),
        .remote_port = wire_tcp_destination_port(error->quoted),
    };
    tcp_reference found = tcp_table_find(&tcp->table, &key);
    if (tcp_reference_kind(found) == TCP_KIND_HALF_OPEN)
        return half_open_ip_error(tcp, tcp_reference_index(found), error, now_ns);
    if (tcp_reference_kind(found) != TCP_KIND_CONNECTION)
        return false;
    struct tcp_connection *c = &tcp->connections[tcp_reference_index(found)];
    bool too_big = error->kind == IP_ERROR_TOO_BIG;
    if (min_ttl_ignores(c, error) || (has(c, TCPF_AO) && ao_ignores(tcp, c, error))) {
        count(tcp->counters, CHASKI_TCP_ICMP_IGNORED);
        return false;
    }
    if (!quotes_flight(c, error) || (too_big && !path_shrank(tcp, c, error->mtu))) {
        count(tcp->counters, CHASKI_TCP_ICMP_IGNORED);
        return false;
    }
    if (too_big)
        return true;
    if (is_opening(c) && error->kind != IP_ERROR_TIME_EXCEEDED && error->kind != IP_ERROR_PARAMETER)
        connection_end(tcp, c, error->told);
    else
        note_trouble(tcp, c, error->told);
    return true;
}
