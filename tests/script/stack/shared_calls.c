/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "tests/script/stack/shared.h"
#include "tests/script/stack/waits_itself.h"

/* sockets/sockets.h by the shared object's calls, which wait themselves. */

#define CALL(s, name, ...)                                                                         \
    told((s)->stack->shared->interface.name((s)->stack->shared->interface.userdata, __VA_ARGS__))

int sockets_socket(struct sockets *s, int domain, int type, int protocol)
{
    int fd = (int)CALL(s, socket, domain, type, protocol);
    choose_congestion(s, fd, protocol);
    return fd;
}

int sockets_bind(struct sockets *s, int fd, const struct sockaddr *address, socklen_t length)
{
    return (int)CALL(s, bind, fd, address, length);
}

int sockets_listen(struct sockets *s, int fd, int backlog)
{
    return (int)CALL(s, listen, fd, backlog);
}

int sockets_accept4(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length,
                    int flags)
{
    return flags != 0 ? -ENOSYS : (int)CALL(s, accept, fd, address, length);
}

int sockets_connect(struct sockets *s, int fd, const struct sockaddr *address, socklen_t length)
{
    return (int)CALL(s, connect, fd, address, length);
}

int sockets_getsockname(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length)
{
    (void)s, (void)fd, (void)address, (void)length;
    return -ENOSYS;
}

int sockets_getpeername(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length)
{
    return sockets_getsockname(s, fd, address, length);
}

ssize_t sockets_readv(struct sockets *s, int fd, const struct iovec *pieces, int count)
{
    return CALL(s, readv, fd, pieces, count);
}

ssize_t sockets_recvmsg(struct sockets *s, int fd, struct msghdr *message, int flags)
{
    ssize_t value = CALL(s, recvmsg, fd, message, flags);
    if (value >= 0)
        control_times_since(message, s->stack->shared->begun_us * 1000);
    return value;
}

ssize_t sockets_writev(struct sockets *s, int fd, const struct iovec *pieces, int count)
{
    return CALL(s, writev, fd, pieces, count);
}

ssize_t sockets_sendmsg(struct sockets *s, int fd, const struct msghdr *message, int flags)
{
    return CALL(s, sendmsg, fd, message, flags);
}

int sockets_fcntl(struct sockets *s, int fd, int command, intptr_t argument)
{
    return (int)CALL(s, fcntl, fd, command, argument);
}

int sockets_ioctl(struct sockets *s, int fd, unsigned long request, intptr_t argument)
{
    return (int)CALL(s, ioctl, fd, request, argument);
}

int sockets_close(struct sockets *s, int fd)
{
    return (int)CALL(s, close, fd);
}

int sockets_shutdown(struct sockets *s, int fd, int how)
{
    return (int)CALL(s, shutdown, fd, how);
}

int sockets_dup(struct sockets *s, int fd)
{
    (void)s, (void)fd;
    return -ENOSYS;
}

int sockets_getsockopt(struct sockets *s, int fd, int level, int name, void *value,
                       socklen_t *length)
{
    return (int)CALL(s, getsockopt, fd, level, name, value, length);
}

int sockets_setsockopt(struct sockets *s, int fd, int level, int name, const void *value,
                       socklen_t length)
{
    return (int)CALL(s, setsockopt, fd, level, name, value, length);
}

int sockets_poll(struct sockets *s, struct pollfd *entries, nfds_t count)
{
    return (int)CALL(s, poll, entries, count, s->stack->timeout_ms);
}

int sockets_epoll_create(struct sockets *s, int flags)
{
    return flags != 0 ? -ENOSYS : (int)CALL(s, epoll_create, 1);
}

int sockets_epoll_ctl(struct sockets *s, int set, int operation, int fd, struct epoll_event *event)
{
    return (int)CALL(s, epoll_ctl, set, operation, fd, event);
}

int sockets_epoll_wait(struct sockets *s, int set, struct epoll_event *events, int most)
{
    return (int)CALL(s, epoll_wait, set, events, most, s->stack->timeout_ms);
}

int sockets_pipe(struct sockets *s, int fds[2], int flags)
{
    return flags != 0 ? -ENOSYS : (int)CALL(s, pipe, fds);
}

/* The tool has pointers to 0 where the script says NULL. */
ssize_t sockets_splice(struct sockets *s, int from, off_t *from_offset, int to, off_t *to_offset,
                       size_t length, unsigned flags)
{
    loff_t none[2] = {0};
    (void)from_offset, (void)to_offset;
    return CALL(s, splice, from, &none[0], to, &none[1], length, flags);
}

ssize_t sockets_sendfile(struct sockets *s, int to, int from, off_t *offset, size_t length)
{
    (void)s, (void)to, (void)from, (void)offset, (void)length;
    return -ENOSYS;
}

int sockets_file(struct sockets *s, int file)
{
    (void)s, (void)file;
    return -ENOSYS;
}
