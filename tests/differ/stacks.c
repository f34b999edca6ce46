/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/differ/stacks.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

static long result(long value)
{
    return value < 0 ? -errno : value;
}

static int kernel_socket(struct sockets *s, int domain, int type, int protocol)
{
    (void)s;
    return (int)result(socket(domain, type, protocol));
}

static int kernel_bind(struct sockets *s, int fd, const struct sockaddr *address, socklen_t length)
{
    (void)s;
    return (int)result(bind(fd, address, length));
}

static int kernel_listen(struct sockets *s, int fd, int backlog)
{
    (void)s;
    return (int)result(listen(fd, backlog));
}

static int kernel_accept(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length)
{
    (void)s;
    return (int)result(accept4(fd, address, length, SOCK_NONBLOCK));
}

static int chaski_accept(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length)
{
    return sockets_accept4(s, fd, address, length, SOCK_NONBLOCK);
}

static int kernel_connect(struct sockets *s, int fd, const struct sockaddr *address,
                          socklen_t length)
{
    (void)s;
    return (int)result(connect(fd, address, length));
}

static int kernel_getsockname(struct sockets *s, int fd, struct sockaddr *address,
                              socklen_t *length)
{
    (void)s;
    return (int)result(getsockname(fd, address, length));
}

static int kernel_getpeername(struct sockets *s, int fd, struct sockaddr *address,
                              socklen_t *length)
{
    (void)s;
    return (int)result(getpeername(fd, address, length));
}

static ssize_t kernel_recvmsg(struct sockets *s, int fd, struct msghdr *message, int flags)
{
    (void)s;
    return result(recvmsg(fd, message, flags));
}

static ssize_t kernel_sendmsg(struct sockets *s, int fd, const struct msghdr *message, int flags)
{
    (void)s;
    return result(sendmsg(fd, message, flags | MSG_NOSIGNAL));
}

static int kernel_ioctl(struct sockets *s, int fd, unsigned long request, intptr_t argument)
{
    (void)s;
    return (int)result(ioctl(fd, request, argument));
}

static int kernel_close(struct sockets *s, int fd)
{
    (void)s;
    return (int)result(close(fd));
}

static int kernel_shutdown(struct sockets *s, int fd, int how)
{
    (void)s;
    return (int)result(shutdown(fd, how));
}

static int kernel_getsockopt(struct sockets *s, int fd, int level, int name, void *value,
                             socklen_t *length)
{
    (void)s;
    return (int)result(getsockopt(fd, level, name, value, length));
}

static int kernel_setsockopt(struct sockets *s, int fd, int level, int name, const void *value,
                             socklen_t length)
{
    (void)s;
    return (int)result(setsockopt(fd, level, name, value, length));
}

static int kernel_epoll_create(struct sockets *s, int flags)
{
    (void)s;
    return (int)result(epoll_create1(flags));
}

static int kernel_epoll_ctl(struct sockets *s, int set, int operation, int fd,
                            struct epoll_event *event)
{
    (void)s;
    return (int)result(epoll_ctl(set, operation, fd, event));
}

static int kernel_epoll_wait(struct sockets *s, int set, struct epoll_event *events, int most)
{
    (void)s;
    return (int)result(epoll_wait(set, events, most, 0));
}

static int kernel_poll(struct sockets *s, struct pollfd *entries, nfds_t count)
{
    (void)s;
    return (int)result(poll(entries, count, 0));
}

const struct calls kernel_calls = {
    .socket = kernel_socket,
    .bind = kernel_bind,
    .listen = kernel_listen,
    .accept = kernel_accept,
    .connect = kernel_connect,
    .getsockname = kernel_getsockname,
    .getpeername = kernel_getpeername,
    .recvmsg = kernel_recvmsg,
    .sendmsg = kernel_sendmsg,
    .ioctl = kernel_ioctl,
    .close = kernel_close,
    .shutdown = kernel_shutdown,
    .getsockopt = kernel_getsockopt,
    .setsockopt = kernel_setsockopt,
    .epoll_create = kernel_epoll_create,
    .epoll_ctl = kernel_epoll_ctl,
    .epoll_wait = kernel_epoll_wait,
    .poll = kernel_poll,
};

const struct calls chaski_calls = {
    .socket = sockets_socket,
    .bind = sockets_bind,
    .listen = sockets_listen,
    .accept = chaski_accept,
    .connect = sockets_connect,
    .getsockname = sockets_getsockname,
    .getpeername = sockets_getpeername,
    .recvmsg = sockets_recvmsg,
    .sendmsg = sockets_sendmsg,
    .ioctl = sockets_ioctl,
    .close = sockets_close,
    .shutdown = sockets_shutdown,
    .getsockopt = sockets_getsockopt,
    .setsockopt = sockets_setsockopt,
    .epoll_create = sockets_epoll_create,
    .epoll_ctl = sockets_epoll_ctl,
    .epoll_wait = sockets_epoll_wait,
    .poll = sockets_poll,
};
