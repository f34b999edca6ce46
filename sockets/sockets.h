/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_SOCKETS_SOCKETS_H
#define CHASKI_SOCKETS_SOCKETS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "chaski/chaski.h"

/*
 * POSIX semantics over one host: a table of descriptors (TCP and UDP sockets, epoll sets, pipes,
 * files of the operating system), and calls with POSIX's arguments. A call returns what POSIX's
 * returns, or -errno with Linux's numbers; errno itself is left alone.
 *
 * Calls never block. Where a blocking descriptor would wait, they return what a non-blocking one
 * does (-EAGAIN, from connect -EINPROGRESS and then -EALREADY, from poll and epoll_wait 0), and
 * the caller, who owns the time, decides:
 *
 *     value = sockets_recv(s, fd, bytes, length, flags);
 *     while (value == -EAGAIN && sockets_blocks(s, fd) &&
 *            !(sockets_receive_flags(flags) & MSG_DONTWAIT))
 *         wait for the next turn of the host, at most sockets_timeout(); then the same call again
 *
 * - connect: called again while it returns -EINPROGRESS or -EALREADY; then 0 or the failure.
 * - write, send, splice, sendfile and their like return how much they took, also of a blocking
 *   descriptor. The caller goes on with the rest when sockets_goes_on() says so, asked before each
 *   further call: an error that came meanwhile is for the next one to tell (Linux).
 *   sockets_advance() moves an iovec on.
 * - recvmmsg and sendmmsg return how many messages they took, also of a blocking descriptor. The
 *   caller goes on with the rest unless one was taken in part, or with MSG_WAITFORONE, whose
 *   first one alone is waited for; recvmmsg's `timeout` is his to keep.
 * - recv with MSG_ERRQUEUE or MSG_OOB never waits.
 * - recv with MSG_WAITALL likewise returns what is there, with MSG_PEEK besides it waits for all.
 *   When the time of SO_RCVTIMEO is over, the call is made again with MSG_DONTWAIT: what is there
 *   will do.
 * - close of a socket that lingers (SO_LINGER, time not 0) returns -EAGAIN while data is on its
 *   way and the time is not over; called again until it returns 0, whoever blocks or not (Linux).
 *   The descriptor's number is free from then on only.
 * - poll and epoll_wait return 0 when nothing is ready; their `timeout` is the caller's to keep.
 *
 * What a call causes leaves in the next chaski_poll() of the host, and a call has the time of the
 * last one; who wants Linux's behaviour runs a turn before and behind each call. Calls belong to
 * the host's thread and not into its closures.
 *
 * Addresses are AF_INET, or where `ip6` is set AF_INET6 of IPv4's mapped addresses; else that gives
 * -EAFNOSUPPORT.
 */
struct sockets;
struct mmsghdr;

/* What Linux keeps as sysctls and sockets start with; sockets_defaults() are Linux's own. */
struct sockets_policy {
    uint32_t rmem_max, wmem_max;         /* net.core: limits of SO_RCVBUF and SO_SNDBUF */
    uint32_t rmem_default, wmem_default; /* net.core: of UDP */
    uint32_t tcp_rmem[3], tcp_wmem[3];   /* what SO_RCVBUF and SO_SNDBUF of TCP say at first */
    uint32_t somaxconn;
    uint32_t keepalive_time_s, keepalive_interval_s;
    uint32_t fin_timeout_s;
    uint32_t notsent_lowat;
    uint16_t port_first, port_last; /* ip_local_port_range; 0: the host chooses (RFC 6056) */
    uint8_t keepalive_probes;
    uint8_t syn_retries;
    uint8_t default_ttl;
    uint8_t congestion;     /* enum chaski_congestion; the host's default is another matter */
    bool no_pmtu_discovery; /* ip_no_pmtu_disc */
    bool ip6;
    bool copies; /* the link copies what it sends: MSG_ZEROCOPY saves nothing, and says so */
};

void sockets_defaults(struct sockets_policy *policy);

/* Makes an empty table over `host`, which must outlive it; NULL without memory. `policy` is copied;
 * NULL: the defaults. Descriptors count from `first` on. */
struct sockets *sockets_create(struct chaski *host, const struct sockets_policy *policy, int first);

/* Closes everything, at once, and frees the table. */
void sockets_free(struct sockets *s);

/* For sockets made from now on. */
void sockets_set_policy(struct sockets *s, const struct sockets_policy *policy);

/* What the time of day is ahead of the host's clock; 0 at first. */
void sockets_set_clock(struct sockets *s, int64_t ahead_ns);

/* ---- Waiting: see above ---- */

enum sockets_direction {
    SOCKETS_RECEIVING, /* SO_RCVTIMEO: read and its like, accept */
    SOCKETS_SENDING,   /* SO_SNDTIMEO: write and its like, connect */
};

/* Whether calls on `fd` shall wait: it is open and has no O_NONBLOCK. */
bool sockets_blocks(const struct sockets *s, int fd);

/* For how long, in nanoseconds; UINT64_MAX: for ever. */
uint64_t sockets_timeout(const struct sockets *s, int fd, enum sockets_direction direction);

/* The flags of a call to receive as they are to be read: errors and urgent data are never waited
 * for. */
static inline int sockets_receive_flags(int flags)
{
    return flags & (MSG_OOB | MSG_ERRQUEUE) ? flags | MSG_DONTWAIT : flags;
}

/* Whether a call that has moved `done` of `wanted` bytes goes on with the rest: it waits for all,
 * and neither an end nor an error has come. */
bool sockets_goes_on(const struct sockets *s, int fd, enum sockets_direction direction, int flags,
                     size_t done, size_t wanted);

/* Takes the first `length` bytes off an iovec, in place. */
void sockets_advance(struct iovec **pieces, size_t *count, size_t length);

/* ---- The calls ---- */

int sockets_socket(struct sockets *s, int domain, int type, int protocol);
int sockets_bind(struct sockets *s, int fd, const struct sockaddr *address, socklen_t length);
int sockets_listen(struct sockets *s, int fd, int backlog);
int sockets_accept(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length);
int sockets_accept4(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length,
                    int flags);
int sockets_connect(struct sockets *s, int fd, const struct sockaddr *address, socklen_t length);
int sockets_getsockname(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length);
int sockets_getpeername(struct sockets *s, int fd, struct sockaddr *address, socklen_t *length);

ssize_t sockets_read(struct sockets *s, int fd, void *bytes, size_t length);
ssize_t sockets_readv(struct sockets *s, int fd, const struct iovec *pieces, int count);
ssize_t sockets_recv(struct sockets *s, int fd, void *bytes, size_t length, int flags);
ssize_t sockets_recvfrom(struct sockets *s, int fd, void *bytes, size_t length, int flags,
                         struct sockaddr *address, socklen_t *address_length);
ssize_t sockets_recvmsg(struct sockets *s, int fd, struct msghdr *message, int flags);
/* How many messages were received, or sent: see above. */
int sockets_recvmmsg(struct sockets *s, int fd, struct mmsghdr *messages, unsigned count,
                     int flags);
int sockets_sendmmsg(struct sockets *s, int fd, struct mmsghdr *messages, unsigned count,
                     int flags);

ssize_t sockets_write(struct sockets *s, int fd, const void *bytes, size_t length);
ssize_t sockets_writev(struct sockets *s, int fd, const struct iovec *pieces, int count);
ssize_t sockets_send(struct sockets *s, int fd, const void *bytes, size_t length, int flags);
ssize_t sockets_sendto(struct sockets *s, int fd, const void *bytes, size_t length, int flags,
                       const struct sockaddr *address, socklen_t address_length);
ssize_t sockets_sendmsg(struct sockets *s, int fd, const struct msghdr *message, int flags);

/* `argument` is what follows in C's call: a number, or a pointer as a number. */
int sockets_fcntl(struct sockets *s, int fd, int command, intptr_t argument);
int sockets_ioctl(struct sockets *s, int fd, unsigned long request, intptr_t argument);
int sockets_close(struct sockets *s, int fd);
int sockets_shutdown(struct sockets *s, int fd, int how);
int sockets_dup(struct sockets *s, int fd);
int sockets_getsockopt(struct sockets *s, int fd, int level, int name, void *value,
                       socklen_t *length);
int sockets_setsockopt(struct sockets *s, int fd, int level, int name, const void *value,
                       socklen_t length);

int sockets_poll(struct sockets *s, struct pollfd *entries, nfds_t count);
int sockets_epoll_create(struct sockets *s, int flags);
int sockets_epoll_ctl(struct sockets *s, int set, int operation, int fd, struct epoll_event *event);
int sockets_epoll_wait(struct sockets *s, int set, struct epoll_event *events, int most);

int sockets_pipe(struct sockets *s, int fds[2], int flags);
/* One of the two is a pipe. Offsets are for files. */
ssize_t sockets_splice(struct sockets *s, int from, off_t *from_offset, int to, off_t *to_offset,
                       size_t length, unsigned flags);
/* Whether one that came to -EAGAIN shall wait. SPLICE_F_NONBLOCK is of pipes alone (Linux): for a
 * socket's sake it waits as the socket says. */
bool sockets_splice_waits(const struct sockets *s, int from, int to, unsigned flags);
ssize_t sockets_sendfile(struct sockets *s, int to, int from, off_t *offset, size_t length);

/* A descriptor for an open file of the operating system, which it takes over: to be read, spliced
 * and sent from. */
int sockets_file(struct sockets *s, int file);

#endif
