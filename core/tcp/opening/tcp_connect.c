/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_listener.h"
#include "core/tcp/tcp_internal.h"

/* Opening actively. */

enum { FIRST_PORT = 1024, PORT_COUNT = 65536 - FIRST_PORT }; /* RFC 6056, 3.2 */

/* Whether the peer's segments would reach us. */
static bool is_here(const struct tcp *tcp, const struct tcp_key *key)
{
    struct chaski_endpoint local = {.address = key->local, .port = key->local_port};
    struct chaski_endpoint remote = {.address = key->remote, .port = key->remote_port};
    return home_is_here(&tcp->home, &local, &remote);
}

/* Nobody is there, or something (`before`) that only waits to be forgotten and need not. */
static bool is_free(struct tcp *tcp, const struct tcp_key *key, bool asked_for,
                    tcp_reference *before)
{
    *before = tcp_table_find(&tcp->table, key);
    if (tcp_reference_kind(*before) != TCP_KIND_TIME_WAIT)
        return *before == 0;
    return time_wait_yields(tcp, tcp_reference_index(*before), asked_for);
}

static bool usable(struct tcp *tcp, const struct tcp_key *key, tcp_reference *before)
{
    return is_here(tcp, key) && is_free(tcp, key, false, before) && listener_find(tcp, key) == 0;
}

/* RFC 6056, algorithm 4: where the search starts depends on the peer, under a key, and moves on
 * with each connection to it, so that ports neither repeat soon nor tell about other peers. */
static bool choose_port(struct tcp *tcp, const struct chaski_tcp_connect *connect,
                        struct tcp_key *key, tcp_reference *before)
{
    uint32_t first = connect->port_first != 0 ? connect->port_first : FIRST_PORT;
    uint32_t last = connect->port_last >= first ? connect->port_last : FIRST_PORT + PORT_COUNT - 1;
    uint32_t choice = last - first + 1;
    uint32_t offset = secret_port_offset(tcp, key);
    uint32_t *counter = &tcp->port_counters[(offset >> 16) % TCP_PORT_COUNTERS];
    for (uint32_t i = 0; i < choice; i++) {
        key->local_port = (uint16_t)(first + (offset % choice + *counter) % choice);
        (*counter)++;
        if (usable(tcp, key, before))
            return true;
    }
    return false;
}

static int choose_path(const struct tcp *tcp, const struct chaski_tcp_connect *connect,
                       struct ip_path *path)
{
    const struct chaski_address *remote = &connect->remote.address;
    if (connect->remote.port == 0 || address_unspecified(remote))
        return CHASKI_INVALID;
    const struct network *network = &tcp->network[address_family(remote)];
    if (network->path == NULL)
        return CHASKI_NO_ROUTE;
    int error = network->path(network->block, WIRE_TCP_PROTOCOL, &connect->local.address, remote,
                              connect->remote.interface, path);
    if (error == 0 && (path->broadcast || path->multicast))
        return CHASKI_BAD_ADDRESS;
    return error;
}

static int choose_key(struct tcp *tcp, const struct chaski_tcp_connect *connect,
                      const struct ip_path *path, struct tcp_key *key, tcp_reference *before)
{
    *key = (struct tcp_key){
        .local = path->source,
        .remote = connect->remote.address,
        .local_port = connect->local.port,
        .remote_port = connect->remote.port,
    };
    if (key->local_port == 0)
        return choose_port(tcp, connect, key, before) ? 0 : CHASKI_IN_USE;
    if (!is_here(tcp, key))
        return CHASKI_NOT_PERMITTED;
    return is_free(tcp, key, true, before) ? 0 : CHASKI_IN_USE;
}

/* Where the sequence numbers begin: behind all that `before`, one on the same ends, has used, which
 * gives way. */
static uint32_t choose_sequence(struct tcp *tcp, const struct tcp_key *key, tcp_reference before)
{
    uint32_t start = secret_new_sequence(tcp, key, tcp->now_ns);
    if (tcp_reference_kind(before) != TCP_KIND_TIME_WAIT)
        return start;
    return seq_max(start, time_wait_take(tcp, tcp_reference_index(before)) + UINT16_MAX);
}

int tcp_connect(struct tcp *tcp, const struct chaski_tcp_connect *connect, chaski_tcp *handle)
{
    struct ip_path path;
    struct tcp_key key;
    tcp_reference before = 0;
    int error = choose_path(tcp, connect, &path);
    if (error == 0)
        error = choose_key(tcp, connect, &path, &key, &before);
    if (error != 0)
        return error;
    struct tcp_connection *c = connection_new(tcp, &key, tcp->now_ns);
    if (c == NULL)
        return CHASKI_NO_MEMORY;
    c->interface = path.interface;
    c->announced_mss = (uint16_t)(path.link_mtu - (address_is_ip4(&key.remote) ? 40 : 60));
    connection_set_iss(c, choose_sequence(tcp, &key, before));
    c->state = CHASKI_TCP_SYN_SENT;
    c->flags |= TCPF_SYN_OWED;
    ecn_open(tcp, c);
    ao_open(tcp, c);
    if (connect->fast_open && !has(c, TCPF_AO) && (tcp->knobs.fast_open & FAST_OPEN_CLIENT) &&
        !fast_open_paused(tcp, &key.remote))
        c->fast_open = FAST_OPEN_ACTIVE;
    if (connect->fast_open_without_cookie && !has(c, TCPF_AO))
        c->fast_open |= FAST_OPEN_NO_COOKIE;
    c->closure = connect->receive;
    c->context = connect->context;
    connection_wants_output(tcp, c);
    *handle = connection_handle(tcp, c);
    return 0;
}
