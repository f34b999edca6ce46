/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_DIFFER_STACKS_H
#define CHASKI_TESTS_DIFFER_STACKS_H

#include "sockets/sockets.h"

/*
 * The calls of the machine's kernel and of chaski, as one table: each returns what it has done, or
 * -errno. The kernel leaves `s` alone.
 */
struct calls {
    int (*socket)(struct sockets *s, int domain, int type, int protocol);
    int (*bind)(struct sockets *s, int fd, const struct sockaddr *address, socklen_t length);
    int (*listen)(struct sockets *s, int fd, int backlog);
    int (*accept)(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length);
    int (*connect)(struct sockets *s, int fd, const struct sockaddr *address, socklen_t length);
    int (*getsockname)(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length);
    int (*getpeername)(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length);
    ssize_t (*recvmsg)(struct sockets *s, int fd, struct msghdr *message, int flags);
    ssize_t (*sendmsg)(struct sockets *s, int fd, const struct msghdr *message, int flags);
    int (*ioctl)(struct sockets *s, int fd, unsigned long request, intptr_t argument);
    int (*close)(struct sockets *s, int fd);
    int (*shutdown)(struct sockets *s, int fd, int how);
    int (*getsockopt)(struct sockets *s, int fd, int level, int name, void *value,
                      socklen_t *length);
    int (*setsockopt)(struct sockets *s, int fd, int level, int name, const void *value,
                      socklen_t length);
    int (*epoll_create)(struct sockets *s, int flags);
    int (*epoll_ctl)(struct sockets *s, int set, int operation, int fd, struct epoll_event *event);
    int (*epoll_wait)(struct sockets *s, int set, struct epoll_event *events, int most);
    int (*poll)(struct sockets *s, struct pollfd *entries, nfds_t count);
};

extern const struct calls kernel_calls, chaski_calls;

#endif
