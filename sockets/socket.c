/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/ip/network.h"

/* The calls that make sockets and give them their ends. */

enum { PORTS = 65536, FIRST_UNPRIVILEGED = 1024 };

static const struct file_operations *operations_of(int type)
{
    return type == SOCK_STREAM ? &tcp_socket_operations : &udp_socket_operations;
}

struct socket *socket_of(struct file *file)
{
    return file->operations->is_socket ? (struct socket *)file : NULL;
}

struct socket *socket_at(const struct sockets *s, int fd, int *error)
{
    struct file *file = file_of(s, fd);
    *error = file == NULL ? -EBADF : -ENOTSOCK;
    return file != NULL ? socket_of(file) : NULL;
}

static void set_defaults(struct socket *socket, const struct sockets_policy *policy)
{
    int64_t *plain = socket->plain;
    bool stream = is_stream(socket);
    plain[PLAIN_RCVLOWAT] = 1;
    plain[PLAIN_SNDBUF] = stream ? policy->tcp_wmem[1] : policy->wmem_default;
    plain[PLAIN_RCVBUF] = stream ? policy->tcp_rmem[1] : policy->rmem_default;
    plain[PLAIN_MAX_PACING_RATE] = -1;
    plain[PLAIN_KEEPIDLE] = policy->keepalive_time_s;
    plain[PLAIN_KEEPINTVL] = policy->keepalive_interval_s;
    plain[PLAIN_KEEPCNT] = policy->keepalive_probes;
    plain[PLAIN_SYNCNT] = policy->syn_retries;
    plain[PLAIN_LINGER2] = policy->fin_timeout_s;
    plain[PLAIN_TTL] = policy->default_ttl;
    plain[PLAIN_MTU_DISCOVER] = policy->no_pmtu_discovery ? IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
    plain[PLAIN_MULTICAST_TTL] = 1;
    plain[PLAIN_MULTICAST_LOOP] = 1;
    plain[PLAIN_INCOMING_CPU] = -1;
    plain[PLAIN_TXREHASH] = 1;
    plain[PLAIN_PEEK_OFF] = -1;
    plain[PLAIN_QUICKACK] = 1;
    socket->congestion = policy->congestion;
    socket->timeout_ns[SOCKETS_RECEIVING] = UINT64_MAX;
    socket->timeout_ns[SOCKETS_SENDING] = UINT64_MAX;
}

struct socket *socket_new(struct sockets *s, int family, int type, int status)
{
    struct socket *socket =
        (struct socket *)file_new(s, operations_of(type), sizeof *socket, O_RDWR | status);
    if (socket == NULL)
        return NULL;
    socket->family = family;
    socket->type = type;
    socket->cookie = ++s->cookies;
    socket->notes_end = &socket->notes;
    socket->stamps_end = &socket->stamps;
    set_defaults(socket, &s->policy);
    host_scale_windows(s->host, s->policy.rmem_max); /* SO_RCVBUF may become as much (Linux) */
    return socket;
}

static int check_kind(const struct sockets *s, int domain, int type, int protocol)
{
    if (domain != AF_INET && !(domain == AF_INET6 && s->policy.ip6))
        return -EAFNOSUPPORT;
    if (type == SOCK_STREAM)
        return protocol == 0 || protocol == IPPROTO_TCP ? 0 : -EPROTONOSUPPORT;
    if (type == SOCK_DGRAM)
        return protocol == 0 || protocol == IPPROTO_UDP ? 0 : -EPROTONOSUPPORT;
    return -ESOCKTNOSUPPORT;
}

int sockets_socket(struct sockets *s, int domain, int type, int protocol)
{
    int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC);
    type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    int error = check_kind(s, domain, type, protocol);
    if (error != 0)
        return error;
    struct socket *socket = socket_new(s, domain, type, flags & SOCK_NONBLOCK);
    if (socket == NULL)
        return -ENOMEM;
    int fd = table_add(s, &socket->file, s->first);
    if (fd < 0)
        free(socket);
    else if (flags & SOCK_CLOEXEC)
        sockets_fcntl(s, fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

int family_of(const struct socket *socket, const struct sockaddr *address)
{
    return !is_stream(socket) && address->sa_family == AF_INET ? AF_INET : socket->family;
}

struct chaski_address this_host(const struct socket *socket)
{
    const struct chaski_address *own = &socket->local.address;
    bool single = !address_unspecified(own) && !address_is_multicast(own);
    return single ? *own : chaski_ip4(127, 0, 0, 1);
}

int socket_take_error(struct socket *socket)
{
    int error = socket->error;
    socket->error = 0;
    return error != 0 ? -error : 0;
}

/* ---- Ports ---- */

static bool ends_meet(const struct chaski_address *a, const struct chaski_address *b)
{
    return address_unspecified(a) || address_unspecified(b) || address_equal(a, b);
}

/* Linux's rule: two may share when both say SO_REUSEPORT, or both SO_REUSEADDR and (TCP) neither
 * listens. */
static bool may_share(const struct socket *a, const struct socket *b)
{
    if (a->plain[PLAIN_REUSEPORT] && b->plain[PLAIN_REUSEPORT])
        return true;
    bool listens = a->phase == SOCKET_LISTENING || b->phase == SOCKET_LISTENING;
    return a->plain[PLAIN_REUSEADDR] && b->plain[PLAIN_REUSEADDR] && !(is_stream(a) && listens);
}

static bool another_socket(struct socket *socket, const struct chaski_endpoint *local)
{
    const struct sockets *s = socket->file.table;
    for (int i = 0; i < s->room; i++) {
        struct file *file = s->descriptors[i].file;
        const struct socket *other = file != NULL ? socket_of(file) : NULL;
        if (other == NULL || other == socket || other->type != socket->type || !other->bound)
            continue;
        if (other->local.port == local->port && ends_meet(&other->local.address, &local->address) &&
            !may_share(socket, other))
            return true;
    }
    return false;
}

/* Connections that live on without a socket, TIME-WAIT among them. */
static bool another_connection(struct socket *socket, const struct chaski_endpoint *local)
{
    struct chaski_tcp_info info;
    uint32_t cursor = 0;
    if (!is_stream(socket) || socket->plain[PLAIN_REUSEADDR])
        return false;
    while (chaski_tcp_list(socket->file.table->host, &cursor, &info) == 1)
        if (info.local.port == local->port && ends_meet(&info.local.address, &local->address) &&
            info.tcpi_state != CHASKI_TCP_LISTEN && info.tcpi_state != CHASKI_TCP_CLOSED)
            return true;
    return false;
}

/* Whether another socket, or a connection of the host, stands in the way. */
static bool port_taken(struct socket *socket, const struct chaski_endpoint *local)
{
    return another_socket(socket, local) || another_connection(socket, local);
}

void port_range(const struct socket *socket, uint16_t range[2])
{
    const struct sockets_policy *policy = &socket->file.table->policy;
    uint32_t own = (uint32_t)socket->plain[PLAIN_LOCAL_PORT_RANGE];
    uint32_t first = policy->port_first != 0 ? policy->port_first : FIRST_UNPRIVILEGED;
    uint32_t last = policy->port_last != 0 ? policy->port_last : PORTS - 1;
    range[0] = policy->port_first;
    range[1] = policy->port_last;
    if ((uint16_t)own >= first && (uint16_t)own <= last)
        range[0] = (uint16_t)own;
    if (own >> 16 >= first && own >> 16 <= last)
        range[1] = (uint16_t)(own >> 16);
}

uint16_t port_choose(struct socket *socket, const struct chaski_address *address)
{
    uint16_t range[2];
    port_range(socket, range);
    uint32_t first = range[0] != 0 ? range[0] : FIRST_UNPRIVILEGED;
    uint32_t last = range[1] >= first ? range[1] : PORTS - 1;
    uint32_t count = last - first + 1;
    uint32_t start = (uint32_t)(host_draw(socket->file.table->host) % count);
    for (uint32_t i = 0; i < count; i++) {
        struct chaski_endpoint local = {.address = *address,
                                        .port = (uint16_t)(first + (start + i) % count)};
        if (!port_taken(socket, &local))
            return local.port;
    }
    return 0;
}

/* ---- bind, listen, accept, connect ---- */

void socket_unname_address(struct socket *socket)
{
    if (!socket->keeps_address)
        socket->local.address = (struct chaski_address){{0}};
}

void socket_unname_port(struct socket *socket)
{
    if (!socket->keeps_port)
        socket->bound = false;
}

/* Whether the address is that of a group or of all: it can be bound to, and is not sent from. */
static bool is_many(const struct socket *socket, const struct chaski_address *address)
{
    struct chaski_endpoint remote = {.address = *address};
    struct ip_path path;
    return !address_unspecified(address) &&
           host_path(socket->file.table->host, IPPROTO_UDP, &remote, &path) == 0 &&
           (path.multicast || path.broadcast);
}

struct chaski_endpoint socket_own_end(const struct socket *socket)
{
    struct chaski_endpoint end = socket->local;
    if (is_many(socket, &end.address))
        end.address = (struct chaski_address){{0}};
    if (!socket->bound)
        end.port = 0;
    return end;
}

bool port_find(struct socket *socket, struct chaski_endpoint *local)
{
    if (local->port != 0)
        return !port_taken(socket, local);
    local->port = port_choose(socket, &local->address);
    return local->port != 0;
}

static int bind_to(struct socket *socket, struct chaski_endpoint *local)
{
    bool names_port = local->port != 0;
    bool later = !names_port && socket->plain[PLAIN_BIND_ADDRESS_NO_PORT];
    if (!later && !port_find(socket, local)) {
        socket->local.address = (struct chaski_address){{0}}; /* what was there is gone (Linux) */
        return -EADDRINUSE;
    }
    int error = is_stream(socket) ? 0 : udp_socket_open(socket, local);
    if (error != 0)
        return error;
    socket->local = *local;
    socket->bound = local->port != 0;
    socket->keeps_port |= names_port;
    socket->keeps_address |= !address_unspecified(&local->address);
    return 0;
}

/* Whether a socket may have the address for its own end: Linux lets it be one of many hosts. */
static bool can_be_bound(const struct socket *socket, const struct chaski_address *address)
{
    return address_unspecified(address) || socket->plain[PLAIN_FREEBIND] ||
           socket->plain[PLAIN_TRANSPARENT] || is_many(socket, address) ||
           host_is_local(socket->file.table->host, address);
}

/* For bind(), 0.0.0.0 may come without its family (Linux). */
static int read_own(const struct socket *socket, const struct sockaddr *address, socklen_t length,
                    struct chaski_endpoint *local)
{
    struct sockaddr_in in;
    int error = address_read(socket->family, address, length, local);
    if (error != -EAFNOSUPPORT || socket->family != AF_INET)
        return error;
    memcpy(&in, address, sizeof in);
    if (in.sin_family != AF_UNSPEC || in.sin_addr.s_addr != INADDR_ANY)
        return error;
    in.sin_family = AF_INET;
    return address_read(AF_INET, (const struct sockaddr *)&in, sizeof in, local);
}

int sockets_bind(struct sockets *s, int fd, const struct sockaddr *address, socklen_t length)
{
    int error;
    struct socket *socket = socket_at(s, fd, &error);
    struct chaski_endpoint local;
    if (socket == NULL)
        return error;
    error = read_own(socket, address, length, &local);
    if (error != 0)
        return error;
    if (!can_be_bound(socket, &local.address))
        return -EADDRNOTAVAIL;
    if (is_stream(socket))
        tcp_socket_refresh(socket);
    if (socket->bound || !is_closed(socket) || socket->deferred)
        return -EINVAL;
    return bind_to(socket, &local);
}

int sockets_listen(struct sockets *s, int fd, int backlog)
{
    int error;
    struct socket *socket = socket_at(s, fd, &error);
    if (socket == NULL)
        return error;
    return is_stream(socket) ? tcp_socket_listen(socket, backlog) : -EOPNOTSUPP;
}

int sockets_accept(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length)
{
    return sockets_accept4(s, fd, address, length, 0);
}

static void peer_of(const struct socket *socket, struct chaski_endpoint *remote)
{
    struct chaski_tcp_info info;
    *remote = socket->remote;
    if (is_stream(socket) && tcp_socket_info(socket, &info))
        *remote = info.remote;
}

int sockets_accept4(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length,
                    int flags)
{
    int error;
    struct socket *accepted, *socket = socket_at(s, fd, &error);
    if (socket == NULL)
        return error;
    if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0)
        return -EINVAL;
    error = table_room(s, s->first); /* who has none leaves the connection where it is */
    if (error < 0)
        return error;
    if (!is_stream(socket))
        return -EOPNOTSUPP;
    error = address != NULL ? address_room(address, length) : 0;
    if (error != 0 && tcp_socket_can_accept(socket)) /* Linux would lose the connection */
        return error;
    error = tcp_socket_accept(socket, &accepted, flags & SOCK_NONBLOCK);
    if (error != 0)
        return error;
    int number = table_add(s, &accepted->file, s->first);
    if (flags & SOCK_CLOEXEC)
        sockets_fcntl(s, number, F_SETFD, FD_CLOEXEC);
    struct chaski_endpoint remote;
    peer_of(accepted, &remote);
    if (address != NULL)
        address_write(accepted->family, &remote, address, length);
    return number;
}

static int disconnect(struct socket *socket)
{
    return is_stream(socket) ? tcp_socket_disconnect(socket) : udp_socket_disconnect(socket);
}

int socket_shut(struct socket *socket, int how)
{
    socket->read_shut |= how != SHUT_WR;
    socket->write_shut |= how != SHUT_RD;
    return socket->phase == SOCKET_CONNECTED ? 0 : -ENOTCONN;
}

int sockets_connect(struct sockets *s, int fd, const struct sockaddr *address, socklen_t length)
{
    int error;
    struct socket *socket = socket_at(s, fd, &error);
    struct chaski_endpoint remote;
    if (socket == NULL)
        return error;
    error = address_check(address, length);
    if (error != 0)
        return error;
    if (length < sizeof address->sa_family)
        return -EINVAL;
    if (address->sa_family == AF_UNSPEC)
        return disconnect(socket);
    if (is_stream(socket) && !tcp_socket_can_connect(socket))
        return tcp_socket_connect_again(socket);
    error = address_read(family_of(socket, address), address, length, &remote);
    if (error != 0)
        return error;
    if (address_unspecified(&remote.address))
        remote.address = this_host(socket);
    return is_stream(socket) ? tcp_socket_connect(socket, &remote)
                             : udp_socket_connect(socket, &remote);
}

int sockets_shutdown(struct sockets *s, int fd, int how)
{
    int error;
    struct socket *socket = socket_at(s, fd, &error);
    if (socket == NULL)
        return error;
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    if (is_stream(socket))
        error = tcp_socket_shutdown(socket, how);
    else
        error = socket_shut(socket, how);
    file_happened(&socket->file, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP);
    return error;
}

/* ---- Names ---- */

static void own_end(const struct socket *socket, struct chaski_endpoint *local)
{
    struct chaski_tcp_info info;
    *local = socket->local;
    if (!is_closed(socket) && tcp_socket_info(socket, &info))
        *local = info.local;
}

static int tell_end(const struct socket *socket, const struct chaski_endpoint *end,
                    struct sockaddr *address, socklen_t *length)
{
    int error = address_room(address, length);
    if (error == 0)
        address_write(socket->family, end, address, length);
    return error;
}

int sockets_getsockname(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length)
{
    int error;
    struct socket *socket = socket_at(s, fd, &error);
    if (socket == NULL)
        return error;
    if (is_stream(socket))
        tcp_socket_refresh(socket);
    struct chaski_endpoint local;
    own_end(socket, &local);
    return tell_end(socket, &local, address, length);
}

int sockets_getpeername(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length)
{
    int error;
    struct socket *socket = socket_at(s, fd, &error);
    if (socket == NULL)
        return error;
    if (is_stream(socket))
        tcp_socket_refresh(socket);
    if (socket->phase != SOCKET_CONNECTED)
        return -ENOTCONN;
    struct chaski_endpoint remote;
    peer_of(socket, &remote);
    if (remote.port == 0)
        return -ENOTCONN;
    return tell_end(socket, &remote, address, length);
}
