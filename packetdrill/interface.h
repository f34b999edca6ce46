/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_PACKETDRILL_INTERFACE_H
#define CHASKI_PACKETDRILL_INTERFACE_H

#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * What packetdrill asks of a stack under test that is a shared object: it calls
 * packetdrill_interface_init(), which fills in this struct. Order and types are the tool's; calls
 * are POSIX's with `userdata` in front, and set errno.
 */
struct packetdrill_interface {
    void *userdata;
    void (*free)(void *userdata);
    int (*socket)(void *userdata, int domain, int type, int protocol);
    int (*bind)(void *userdata, int fd, const struct sockaddr *address, socklen_t length);
    int (*listen)(void *userdata, int fd, int backlog);
    int (*accept)(void *userdata, int fd, struct sockaddr *address, socklen_t *length);
    int (*connect)(void *userdata, int fd, const struct sockaddr *address, socklen_t length);
    ssize_t (*read)(void *userdata, int fd, void *bytes, size_t length);
    ssize_t (*readv)(void *userdata, int fd, const struct iovec *pieces, int count);
    ssize_t (*recv)(void *userdata, int fd, void *bytes, size_t length, int flags);
    ssize_t (*recvfrom)(void *userdata, int fd, void *bytes, size_t length, int flags,
                        struct sockaddr *address, socklen_t *address_length);
    ssize_t (*recvmsg)(void *userdata, int fd, struct msghdr *message, int flags);
    ssize_t (*write)(void *userdata, int fd, const void *bytes, size_t length);
    ssize_t (*writev)(void *userdata, int fd, const struct iovec *pieces, int count);
    ssize_t (*send)(void *userdata, int fd, const void *bytes, size_t length, int flags);
    ssize_t (*sendto)(void *userdata, int fd, const void *bytes, size_t length, int flags,
                      const struct sockaddr *address, socklen_t address_length);
    ssize_t (*sendmsg)(void *userdata, int fd, const struct msghdr *message, int flags);
    int (*fcntl)(void *userdata, int fd, int command, ...);
    int (*ioctl)(void *userdata, int fd, unsigned long request, ...);
    int (*close)(void *userdata, int fd);
    int (*shutdown)(void *userdata, int fd, int how);
    int (*getsockopt)(void *userdata, int fd, int level, int name, void *value, socklen_t *length);
    int (*setsockopt)(void *userdata, int fd, int level, int name, const void *value,
                      socklen_t length);
    int (*poll)(void *userdata, struct pollfd *entries, nfds_t count, int timeout_ms);
    /* An IP packet into the stack; 0 or -1. */
    int (*netdev_send)(void *userdata, const void *bytes, size_t length);
    /* The next IP packet out of it: *length is the room, then the packet's length, 0 when nothing
     * will come any more. 0 or -1. */
    int (*netdev_receive)(void *userdata, void *bytes, size_t *length, long long *time_us);
    int (*usleep)(void *userdata, useconds_t us);
    int (*gettimeofday)(void *userdata, struct timeval *time, struct timezone *zone);
    int (*epoll_create)(void *userdata, int size);
    int (*epoll_ctl)(void *userdata, int set, int operation, int fd, struct epoll_event *event);
    int (*epoll_wait)(void *userdata, int set, struct epoll_event *events, int most,
                      int timeout_ms);
    int (*pipe)(void *userdata, int fds[2]);
    int (*splice)(void *userdata, int from, loff_t *from_offset, int to, loff_t *to_offset,
                  size_t length, unsigned flags);
};

#endif
