/* SPDX-License-Identifier: BSD-2-Clause */
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>

#include "packetdrill/call.h"

/* Calls that do not wait. */

static int pd_socket(void *userdata, int domain, int type, int protocol)
{
    struct machine *m = userdata;
    machine_lock(m);
    policy_follow(m);
    ssize_t value = sockets_socket(m->sockets, domain, type, protocol);
    machine_unlock(m);
    return (int)call_told(value);
}

/* The IPv4 address that a script has for its end, mapped or not; INADDR_ANY: none. */
static uint32_t ip4_of(const struct sockaddr *address, socklen_t length)
{
    union {
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
    } in = {.ip4.sin_family = AF_UNSPEC};
    uint32_t ip4;
    if (address != NULL)
        memcpy(&in, address, length < sizeof in ? length : sizeof in);
    if (in.ip4.sin_family == AF_INET && length >= sizeof in.ip4)
        return ntohl(in.ip4.sin_addr.s_addr);
    if (in.ip6.sin6_family != AF_INET6 || length < sizeof in.ip6 ||
        !IN6_IS_ADDR_V4MAPPED(&in.ip6.sin6_addr))
        return INADDR_ANY;
    memcpy(&ip4, in.ip6.sin6_addr.s6_addr + 12, sizeof ip4);
    return ntohl(ip4);
}

/* What a script binds to, the host has. */
static int pd_bind(void *userdata, int fd, const struct sockaddr *address, socklen_t length)
{
    struct machine *m = userdata;
    uint32_t ip4 = ip4_of(address, length);
    machine_lock(m);
    if (ip4 != INADDR_ANY)
        machine_own(m, ip4);
    ssize_t value = sockets_bind(m->sockets, fd, address, length);
    machine_unlock(m);
    return (int)call_told(value);
}

static int pd_listen(void *userdata, int fd, int backlog)
{
    struct machine *m = userdata;
    machine_lock(m);
    policy_follow(m);
    return call_finish(m, sockets_listen(m->sockets, fd, backlog));
}

static int pd_fcntl(void *userdata, int fd, int command, ...)
{
    struct machine *m = userdata;
    va_list rest;
    va_start(rest, command);
    intptr_t argument = va_arg(rest, intptr_t);
    va_end(rest);
    machine_lock(m);
    return call_finish(m, sockets_fcntl(m->sockets, fd, command, argument));
}

static int pd_ioctl(void *userdata, int fd, unsigned long request, ...)
{
    struct machine *m = userdata;
    va_list rest;
    va_start(rest, request);
    intptr_t argument = va_arg(rest, intptr_t);
    va_end(rest);
    machine_lock(m);
    return call_finish(m, sockets_ioctl(m->sockets, fd, request, argument));
}

static int pd_shutdown(void *userdata, int fd, int how)
{
    struct machine *m = userdata;
    machine_lock(m);
    return call_finish(m, sockets_shutdown(m->sockets, fd, how));
}

static int pd_getsockopt(void *userdata, int fd, int level, int name, void *option,
                         socklen_t *length)
{
    struct machine *m = userdata;
    machine_lock(m);
    return call_finish(m, sockets_getsockopt(m->sockets, fd, level, name, option, length));
}

static int pd_setsockopt(void *userdata, int fd, int level, int name, const void *option,
                         socklen_t length)
{
    struct machine *m = userdata;
    machine_lock(m);
    return call_finish(m, sockets_setsockopt(m->sockets, fd, level, name, option, length));
}

void calls_plain(struct packetdrill_interface *interface)
{
    interface->socket = pd_socket;
    interface->bind = pd_bind;
    interface->listen = pd_listen;
    interface->fcntl = pd_fcntl;
    interface->ioctl = pd_ioctl;
    interface->shutdown = pd_shutdown;
    interface->getsockopt = pd_getsockopt;
    interface->setsockopt = pd_setsockopt;
}
