/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "sockets/options/ao.h"
#include "sockets/socket.h"

/* TCP sockets that listen, and what those that they accept have of them. */

static struct chaski *host_of(const struct socket *socket)
{
    return socket->file.table->host;
}

uint32_t tcp_listener_events(struct socket *socket)
{
    int waiting = host_tcp_waiting(host_of(socket), socket->listener);
    if (waiting > socket->waiting_seen)
        file_happened(&socket->file, EPOLLIN | EPOLLRDNORM);
    socket->waiting_seen = waiting;
    return waiting > 0 ? EPOLLIN | EPOLLRDNORM : 0;
}

/* Linux's queue is full when it holds more than the backlog. */
static uint32_t room_in_queue(const struct socket *socket)
{
    return socket->backlog + 1;
}

int tcp_socket_listen(struct socket *socket, int backlog)
{
    const struct sockets_policy *policy = &socket->file.table->policy;
    uint32_t most = backlog < 0 || (uint32_t)backlog > policy->somaxconn ? policy->somaxconn
                                                                         : (uint32_t)backlog;
    socket->backlog = most;
    if (socket->phase == SOCKET_LISTENING)
        return error_number(
            host_tcp_listener_backlog(host_of(socket), socket->listener, room_in_queue(socket)));
    if (socket->phase != SOCKET_NEW || socket->deferred)
        return -EINVAL;
    struct chaski_endpoint local = socket->local;
    if (!socket->bound)
        local.port = 0;
    if (!port_find(socket, &local))
        return -EADDRINUSE;
    struct chaski_tcp_bind bind = {
        .local = local,
        .backlog = room_in_queue(socket),
        .shared = socket->plain[PLAIN_REUSEPORT] != 0,
        .foreign = true, /* bind() has looked */
    };
    int error = ao_listen(socket);
    if (error != 0)
        return error;
    error = chaski_tcp_bind(host_of(socket), &bind, &socket->listener);
    if (error != 0) {
        ao_withdraw(socket);
        return error_number(error);
    }
    fast_open_listen(socket);
    socket_apply_listener(socket);
    socket->local = local;
    socket->bound = true;
    socket->phase = SOCKET_LISTENING;
    socket->waiting_seen = 0;
    return 0;
}

static void inherit(struct socket *socket, const struct socket *from)
{
    for (int i = 0; i < PLAIN_COUNT; i++) {
        socket->plain[i] = from->plain[i];
        socket->asked[i] = from->asked[i];
    }
    socket->keeps_address = from->keeps_address;
    socket->plain[PLAIN_PRIORITY] = socket->plain[PLAIN_FASTOPEN] = 0;
    socket->timestamping = from->timestamping;
    socket->fast_connect = from->fast_connect;
    socket->lingers = from->lingers;
    socket->linger_s = from->linger_s;
    socket->has_congestion = from->has_congestion;
    socket->congestion = from->congestion;
    socket->timeout_ns[SOCKETS_RECEIVING] = from->timeout_ns[SOCKETS_RECEIVING];
    socket->timeout_ns[SOCKETS_SENDING] = from->timeout_ns[SOCKETS_SENDING];
}

/* Its listener's when it was opened, or that of its SYN. */
static int traffic_class_of(const struct socket *listener, chaski_tcp connection)
{
    int64_t value = 0;
    chaski_tcp_get(host_of(listener), connection, CHASKI_TCP_TOS, &value);
    return (int)value;
}

bool tcp_socket_can_accept(const struct socket *socket)
{
    return socket->phase == SOCKET_LISTENING &&
           host_tcp_waiting(host_of(socket), socket->listener) > 0;
}

/* A socket for a connection that is to be accepted; NULL without memory. */
static struct socket *heir_of(const struct socket *socket, int status)
{
    struct socket *heir = socket_new(socket->file.table, socket->family, SOCK_STREAM, status);
    if (heir != NULL && ao_reserve(heir, socket))
        return heir;
    free(heir);
    return NULL;
}

int tcp_socket_accept(struct socket *socket, struct socket **accepted, int status)
{
    chaski_tcp connection;
    struct chaski_tcp_info info;
    if (socket->phase != SOCKET_LISTENING)
        return -EINVAL;
    if (!tcp_socket_can_accept(socket))
        return -EAGAIN;
    *accepted = heir_of(socket, status);
    if (*accepted == NULL)
        return -ENOMEM;
    chaski_tcp_accept(host_of(socket), socket->listener, &connection);
    if (socket->waiting_seen > 0)
        socket->waiting_seen--;
    inherit(*accepted, socket);
    (*accepted)->plain[PLAIN_TOS] = traffic_class_of(socket, connection);
    (*accepted)->phase = SOCKET_CONNECTED;
    (*accepted)->connect_told = true;
    tcp_socket_adopt(*accepted, connection);
    ao_inherit(*accepted, socket);
    if (tcp_socket_info(*accepted, &info))
        (*accepted)->local = info.local;
    return 0;
}
