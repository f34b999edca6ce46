/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "tests/script/stack/linux.h"
#include "tests/script/stack/waits_itself.h"

/* sockets/sockets.h by the kernel's calls, which wait themselves. */

static int told_int(int value)
{
    return (int)told(value);
}

int sockets_socket(struct sockets *s, int domain, int type, int protocol)
{
    int fd = told_int(socket(domain, type, protocol));
    choose_congestion(s, fd, protocol);
    return fd;
}

int sockets_bind(struct sockets *s, int fd, const struct sockaddr *address, socklen_t length)
{
    (void)s;
    return told_int(bind(fd, address, length));
}

int sockets_listen(struct sockets *s, int fd, int backlog)
{
    (void)s;
    return told_int(listen(fd, backlog));
}

int sockets_accept4(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length,
                    int flags)
{
    (void)s;
    return told_int(accept4(fd, address, length, flags));
}

int sockets_connect(struct sockets *s, int fd, const struct sockaddr *address, socklen_t length)
{
    (void)s;
    return told_int(connect(fd, address, length));
}

int sockets_getsockname(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length)
{
    (void)s;
    return told_int(getsockname(fd, address, length));
}

int sockets_getpeername(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length)
{
    (void)s;
    return told_int(getpeername(fd, address, length));
}

ssize_t sockets_readv(struct sockets *s, int fd, const struct iovec *pieces, int count)
{
    (void)s;
    return told(readv(fd, pieces, count));
}

ssize_t sockets_recvmsg(struct sockets *s, int fd, struct msghdr *message, int flags)
{
    ssize_t value = told(recvmsg(fd, message, flags));
    if (value >= 0)
        control_times_since(message, s->kernel->begun_of_day_ns);
    return value;
}

ssize_t sockets_writev(struct sockets *s, int fd, const struct iovec *pieces, int count)
{
    (void)s;
    return told(writev(fd, pieces, count));
}

ssize_t sockets_sendmsg(struct sockets *s, int fd, const struct msghdr *message, int flags)
{
    (void)s;
    return told(sendmsg(fd, message, flags));
}

int sockets_fcntl(struct sockets *s, int fd, int command, intptr_t argument)
{
    (void)s;
    return told_int(fcntl(fd, command, argument));
}

int sockets_ioctl(struct sockets *s, int fd, unsigned long request, intptr_t argument)
{
    (void)s;
    return told_int(ioctl(fd, request, argument));
}

int sockets_close(struct sockets *s, int fd)
{
    (void)s;
    return told_int(close(fd));
}

int sockets_shutdown(struct sockets *s, int fd, int how)
{
    (void)s;
    return told_int(shutdown(fd, how));
}

int sockets_dup(struct sockets *s, int fd)
{
    (void)s;
    return told_int(dup(fd)); /* NOLINT(android-cloexec-dup) */
}

int sockets_getsockopt(struct sockets *s, int fd, int level, int name, void *value,
                       socklen_t *length)
{
    (void)s;
    return told_int(getsockopt(fd, level, name, value, length));
}

int sockets_setsockopt(struct sockets *s, int fd, int level, int name, const void *value,
                       socklen_t length)
{
    (void)s;
    return told_int(setsockopt(fd, level, name, value, length));
}

int sockets_poll(struct sockets *s, struct pollfd *entries, nfds_t count)
{
    return told_int(poll(entries, count, s->stack->timeout_ms));
}

int sockets_epoll_create(struct sockets *s, int flags)
{
    (void)s;
    return told_int(epoll_create1(flags));
}

int sockets_epoll_ctl(struct sockets *s, int set, int operation, int fd, struct epoll_event *event)
{
    (void)s;
    return told_int(epoll_ctl(set, operation, fd, event));
}

int sockets_epoll_wait(struct sockets *s, int set, struct epoll_event *events, int most)
{
    return told_int(epoll_wait(set, events, most, s->stack->timeout_ms));
}

int sockets_pipe(struct sockets *s, int fds[2], int flags)
{
    (void)s;
    return told_int(pipe2(fds, flags));
}

ssize_t sockets_splice(struct sockets *s, int from, off_t *from_offset, int to, off_t *to_offset,
                       size_t length, unsigned flags)
{
    (void)s;
    return told(splice(from, from_offset, to, to_offset, length, flags));
}

ssize_t sockets_sendfile(struct sockets *s, int to, int from, off_t *offset, size_t length)
{
    (void)s;
    return told(sendfile(to, from, offset, length));
}

/* It is one of the kernel's already. */
int sockets_file(struct sockets *s, int file)
{
    (void)s;
    return file;
}
