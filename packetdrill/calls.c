/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "packetdrill/interface.h"
#include "packetdrill/machine.h"

/*
 * The tool's calls. Each fills in a `struct call`, whose `run` makes one attempt by sockets.h and
 * says whether it has to wait.
 */

enum {
    IP4_HEADER = 20,
    IP4_DESTINATION = 16,
    IP4_MOST = 65535,
    PIECES_MAX = 64,
    CLOCK_STEP_NS = 1000
};

struct call {
    struct attempt attempt; /* first */
    int fd, flags;
    struct sockaddr *address;
    socklen_t *address_length;
    socklen_t length;
    struct msghdr *message;
    struct iovec pieces[PIECES_MAX]; /* what is left of the caller's */
    size_t wanted, done;
    struct pollfd *polled;
    nfds_t count;
    struct epoll_event *events;
    int most, to;
};

static ssize_t told(ssize_t value)
{
    if (value >= 0)
        return value;
    errno = (int)-value;
    return -1;
}

static struct call *call_of(struct attempt *attempt)
{
    return (struct call *)attempt;
}

static ssize_t run(struct machine *m, struct call *call)
{
    return told(machine_run(m, &call->attempt));
}

/* Whether an attempt that came to `value` waits: only -EAGAIN does, on descriptors that block. */
static bool waits(const struct machine *m, const struct call *call, ssize_t value)
{
    return value == -EAGAIN && sockets_blocks(m->sockets, call->fd) &&
           (call->flags & MSG_DONTWAIT) == 0;
}

/* When a call that begins now gives up by the socket's own time-out. */
static uint64_t time_limit(struct machine *m, int fd, enum sockets_direction direction)
{
    machine_lock(m);
    uint64_t timeout = sockets_timeout(m->sockets, fd, direction);
    uint64_t until = timeout == UINT64_MAX ? UINT64_MAX : m->now_ns + timeout;
    machine_unlock(m);
    return until;
}

static uint64_t in_milliseconds(struct machine *m, int timeout_ms)
{
    machine_lock(m);
    uint64_t until = timeout_ms < 0 ? UINT64_MAX : m->now_ns + (uint64_t)timeout_ms * 1000000;
    machine_unlock(m);
    return until;
}

/* ---- Calls that do not wait ---- */

/* Behind a call: what it caused leaves. */
static int finish(struct machine *m, ssize_t value)
{
    machine_turn(m);
    machine_unlock(m);
    return (int)told(value);
}

static void pd_free(void *userdata)
{
    machine_free(userdata);
}

static int pd_socket(void *userdata, int domain, int type, int protocol)
{
    struct machine *m = userdata;
    machine_lock(m);
    policy_follow(m);
    ssize_t value = sockets_socket(m->sockets, domain, type, protocol);
    machine_unlock(m);
    return (int)told(value);
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
    return (int)told(value);
}

static int pd_listen(void *userdata, int fd, int backlog)
{
    struct machine *m = userdata;
    machine_lock(m);
    policy_follow(m);
    return finish(m, sockets_listen(m->sockets, fd, backlog));
}

static int pd_fcntl(void *userdata, int fd, int command, ...)
{
    struct machine *m = userdata;
    va_list rest;
    va_start(rest, command);
    intptr_t argument = va_arg(rest, intptr_t);
    va_end(rest);
    machine_lock(m);
    return finish(m, sockets_fcntl(m->sockets, fd, command, argument));
}

static int pd_ioctl(void *userdata, int fd, unsigned long request, ...)
{
    struct machine *m = userdata;
    va_list rest;
    va_start(rest, request);
    intptr_t argument = va_arg(rest, intptr_t);
    va_end(rest);
    machine_lock(m);
    return finish(m, sockets_ioctl(m->sockets, fd, request, argument));
}

static int pd_shutdown(void *userdata, int fd, int how)
{
    struct machine *m = userdata;
    machine_lock(m);
    return finish(m, sockets_shutdown(m->sockets, fd, how));
}

static int pd_getsockopt(void *userdata, int fd, int level, int name, void *option,
                         socklen_t *length)
{
    struct machine *m = userdata;
    machine_lock(m);
    return finish(m, sockets_getsockopt(m->sockets, fd, level, name, option, length));
}

static int pd_setsockopt(void *userdata, int fd, int level, int name, const void *option,
                         socklen_t length)
{
    struct machine *m = userdata;
    machine_lock(m);
    return finish(m, sockets_setsockopt(m->sockets, fd, level, name, option, length));
}

static int pd_epoll_create(void *userdata, int size)
{
    struct machine *m = userdata;
    if (size <= 0)
        return (int)told(-EINVAL);
    machine_lock(m);
    return finish(m, sockets_epoll_create(m->sockets, 0));
}

static int pd_epoll_ctl(void *userdata, int set, int operation, int fd, struct epoll_event *event)
{
    struct machine *m = userdata;
    machine_lock(m);
    return finish(m, sockets_epoll_ctl(m->sockets, set, operation, fd, event));
}

static int pd_pipe(void *userdata, int fds[2])
{
    struct machine *m = userdata;
    machine_lock(m);
    return finish(m, sockets_pipe(m->sockets, fds, 0));
}

/* ---- accept, connect, close ---- */

static ssize_t run_accept(struct machine *m, struct attempt *attempt)
{
    struct call *call = call_of(attempt);
    ssize_t value = sockets_accept(m->sockets, call->fd, call->address, call->address_length);
    attempt->pending = waits(m, call, value);
    return value;
}

static int pd_accept(void *userdata, int fd, struct sockaddr *address, socklen_t *length)
{
    struct call call = {
        .attempt = {run_accept, time_limit(userdata, fd, SOCKETS_RECEIVING), false},
        .fd = fd,
        .address = address,
        .address_length = length,
    };
    return (int)run(userdata, &call);
}

/* What a connect() that gives up is told is EINPROGRESS (Linux). */
static ssize_t run_connect(struct machine *m, struct attempt *attempt)
{
    struct call *call = call_of(attempt);
    ssize_t value = sockets_connect(m->sockets, call->fd, call->address, call->length);
    attempt->pending = (value == -EINPROGRESS || (value == -EALREADY && call->done != 0)) &&
                       sockets_blocks(m->sockets, call->fd);
    call->done = 1; /* begun */
    return attempt->pending ? -EINPROGRESS : value;
}

/* A script may have set another policy since the socket was made. */
static void follow(struct machine *m)
{
    machine_lock(m);
    policy_follow(m);
    machine_unlock(m);
}

static int pd_connect(void *userdata, int fd, const struct sockaddr *address, socklen_t length)
{
    struct call call = {
        .attempt = {run_connect, time_limit(userdata, fd, SOCKETS_SENDING), false},
        .fd = fd,
        .address = (struct sockaddr *)address,
        .length = length,
    };
    follow(userdata);
    return (int)run(userdata, &call);
}

static ssize_t run_close(struct machine *m, struct attempt *attempt)
{
    ssize_t value = sockets_close(m->sockets, call_of(attempt)->fd);
    attempt->pending = value == -EAGAIN;
    return attempt->pending && m->now_ns >= attempt->until_ns ? 0 : value;
}

static int pd_close(void *userdata, int fd)
{
    struct machine *m = userdata;
    struct linger linger = {0};
    socklen_t length = sizeof linger;
    machine_lock(m);
    sockets_getsockopt(m->sockets, fd, SOL_SOCKET, SO_LINGER, &linger, &length);
    uint64_t until = m->now_ns + (uint64_t)(uint32_t)linger.l_linger * 1000000000;
    machine_unlock(m);
    struct call call = {.attempt = {run_close, until, false}, .fd = fd};
    return (int)run(m, &call);
}

/* ---- Receiving ---- */

static ssize_t run_receive(struct machine *m, struct attempt *attempt)
{
    struct call *call = call_of(attempt);
    struct msghdr message = *call->message;
    ssize_t value = sockets_recvmsg(m->sockets, call->fd, &message, call->flags);
    if (value == -ENOTSOCK)
        value = sockets_readv(m->sockets, call->fd, message.msg_iov, (int)message.msg_iovlen);
    attempt->pending = waits(m, call, value);
    if (value > 0) {
        call->done += (size_t)value;
        sockets_advance(&call->message->msg_iov, &call->message->msg_iovlen, (size_t)value);
        attempt->pending = sockets_goes_on(m->sockets, call->fd, SOCKETS_RECEIVING, call->flags,
                                           call->done, call->wanted);
    }
    if (value >= 0) {
        call->message->msg_namelen = message.msg_namelen;
        call->message->msg_controllen = message.msg_controllen;
        call->message->msg_flags = message.msg_flags;
    }
    return call->done != 0 ? (ssize_t)call->done : value;
}

/* The caller's pieces are copied, since what is left of them is told by moving them on. */
static ssize_t receive(struct machine *m, int fd, struct msghdr *message, int flags)
{
    struct msghdr copy = *message;
    struct call call = {
        .attempt = {run_receive, time_limit(m, fd, SOCKETS_RECEIVING), false},
        .fd = fd,
        .flags = sockets_receive_flags(flags),
        .message = &copy,
    };
    if (message->msg_iovlen > PIECES_MAX)
        return told(-EMSGSIZE);
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        call.pieces[i] = message->msg_iov[i];
        call.wanted += message->msg_iov[i].iov_len;
    }
    copy.msg_iov = call.pieces;
    ssize_t value = run(m, &call);
    message->msg_namelen = copy.msg_namelen;
    message->msg_controllen = copy.msg_controllen;
    message->msg_flags = copy.msg_flags;
    return value;
}

static ssize_t pd_readv(void *userdata, int fd, const struct iovec *pieces, int count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
    return count < 0 ? told(-EINVAL) : receive(userdata, fd, &message, 0);
}

static ssize_t pd_read(void *userdata, int fd, void *bytes, size_t length)
{
    struct iovec piece = {bytes, length};
    return pd_readv(userdata, fd, &piece, 1);
}

static ssize_t pd_recvfrom(void *userdata, int fd, void *bytes, size_t length, int flags,
                           struct sockaddr *address, socklen_t *address_length)
{
    struct iovec piece = {bytes, length};
    struct msghdr message = {.msg_name = address,
                             .msg_namelen = address_length != NULL ? *address_length : 0,
                             .msg_iov = &piece,
                             .msg_iovlen = 1};
    ssize_t value = receive(userdata, fd, &message, flags);
    if (value >= 0 && address != NULL && address_length != NULL)
        *address_length = message.msg_namelen;
    return value;
}

static ssize_t pd_recv(void *userdata, int fd, void *bytes, size_t length, int flags)
{
    return pd_recvfrom(userdata, fd, bytes, length, flags, NULL, NULL);
}

static ssize_t pd_recvmsg(void *userdata, int fd, struct msghdr *message, int flags)
{
    return receive(userdata, fd, message, flags);
}

/* ---- Sending ---- */

static ssize_t run_send(struct machine *m, struct attempt *attempt)
{
    struct call *call = call_of(attempt);
    ssize_t value;
    do {
        value = sockets_sendmsg(m->sockets, call->fd, call->message, call->flags);
        if (value == -ENOTSOCK)
            value = sockets_writev(m->sockets, call->fd, call->message->msg_iov,
                                   (int)call->message->msg_iovlen);
        attempt->pending = waits(m, call, value);
        if (value > 0) {
            call->done += (size_t)value;
            sockets_advance(&call->message->msg_iov, &call->message->msg_iovlen, (size_t)value);
            attempt->pending = sockets_goes_on(m->sockets, call->fd, SOCKETS_SENDING, call->flags,
                                               call->done, call->wanted);
        }
    } while (value > 0 && attempt->pending);
    return call->done != 0 ? (ssize_t)call->done : value;
}

static ssize_t transmit(struct machine *m, int fd, const struct msghdr *message, int flags)
{
    if (flags & MSG_FASTOPEN)
        follow(m);
    struct msghdr copy = *message;
    struct call call = {
        .attempt = {run_send, time_limit(m, fd, SOCKETS_SENDING), false},
        .fd = fd,
        .flags = flags,
        .message = &copy,
    };
    if (message->msg_iovlen > PIECES_MAX)
        return told(-EMSGSIZE);
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        call.pieces[i] = message->msg_iov[i];
        call.wanted += message->msg_iov[i].iov_len;
    }
    copy.msg_iov = call.pieces;
    return run(m, &call);
}

static ssize_t pd_writev(void *userdata, int fd, const struct iovec *pieces, int count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
    return count < 0 ? told(-EINVAL) : transmit(userdata, fd, &message, 0);
}

static ssize_t pd_write(void *userdata, int fd, const void *bytes, size_t length)
{
    struct iovec piece = {(void *)bytes, length};
    return pd_writev(userdata, fd, &piece, 1);
}

static ssize_t pd_sendto(void *userdata, int fd, const void *bytes, size_t length, int flags,
                         const struct sockaddr *address, socklen_t address_length)
{
    struct iovec piece = {(void *)bytes, length};
    struct msghdr message = {.msg_name = (void *)address,
                             .msg_namelen = address_length,
                             .msg_iov = &piece,
                             .msg_iovlen = 1};
    return transmit(userdata, fd, &message, flags);
}

static ssize_t pd_send(void *userdata, int fd, const void *bytes, size_t length, int flags)
{
    return pd_sendto(userdata, fd, bytes, length, flags, NULL, 0);
}

static ssize_t pd_sendmsg(void *userdata, int fd, const struct msghdr *message, int flags)
{
    return transmit(userdata, fd, message, flags);
}

/* It waits when either end does and there is nothing yet; what has been moved is its result. */
static ssize_t run_splice(struct machine *m, struct attempt *attempt)
{
    struct call *call = call_of(attempt);
    ssize_t value = sockets_splice(m->sockets, call->fd, NULL, call->to, NULL, call->wanted,
                                   (unsigned)call->flags);
    attempt->pending =
        value == -EAGAIN && call->flags == 0 &&
        (sockets_blocks(m->sockets, call->fd) || sockets_blocks(m->sockets, call->to));
    return value;
}

static int pd_splice(void *userdata, int from, loff_t *from_offset, int to, loff_t *to_offset,
                     size_t length, unsigned flags)
{
    struct call call = {
        .attempt = {run_splice, UINT64_MAX, false},
        .fd = from,
        .to = to,
        .wanted = length,
        .flags = (int)(flags & SPLICE_F_NONBLOCK),
    };
    /* The tool's NULL is a pointer to 0. */
    if ((from_offset != NULL && *from_offset != 0) || (to_offset != NULL && *to_offset != 0))
        return (int)told(-ESPIPE);
    return (int)run(userdata, &call);
}

/* ---- Readiness ---- */

static ssize_t run_poll(struct machine *m, struct attempt *attempt)
{
    struct call *call = call_of(attempt);
    ssize_t value = sockets_poll(m->sockets, call->polled, call->count);
    attempt->pending = value == 0;
    return value;
}

static int pd_poll(void *userdata, struct pollfd *entries, nfds_t count, int timeout_ms)
{
    struct call call = {
        .attempt = {run_poll, in_milliseconds(userdata, timeout_ms), false},
        .polled = entries,
        .count = count,
    };
    return (int)run(userdata, &call);
}

static ssize_t run_epoll_wait(struct machine *m, struct attempt *attempt)
{
    struct call *call = call_of(attempt);
    ssize_t value = sockets_epoll_wait(m->sockets, call->fd, call->events, call->most);
    attempt->pending = value == 0;
    return value;
}

static int pd_epoll_wait(void *userdata, int set, struct epoll_event *events, int most,
                         int timeout_ms)
{
    struct call call = {
        .attempt = {run_epoll_wait, in_milliseconds(userdata, timeout_ms), false},
        .fd = set,
        .events = events,
        .most = most,
    };
    return (int)run(userdata, &call);
}

/* ---- Packets and time ---- */

static int pd_netdev_send(void *userdata, const void *bytes, size_t length)
{
    struct machine *m = userdata;
    uint8_t packet[IP4_MOST];
    if (length > sizeof packet)
        return -1;
    memcpy(packet, bytes, length);
    machine_lock(m);
    if (length >= IP4_HEADER && packet[0] >> 4 == 4) {
        uint32_t destination;
        memcpy(&destination, packet + IP4_DESTINATION, sizeof destination);
        machine_own(m, ntohl(destination));
        quote_lengthen(packet, length);
    }
    chaski_input(m->host, 0, packet, length, m->now_ns);
    machine_turn(m);
    machine_unlock(m);
    return 0;
}

static int pd_netdev_receive(void *userdata, void *bytes, size_t *length, long long *time_us)
{
    struct machine *m = userdata;
    size_t room = *length;
    *length = 0;
    machine_lock(m);
    if (machine_await_packet(m)) {
        struct outgoing *packet = m->first;
        m->first = packet->next;
        if (m->first == NULL)
            m->last = &m->first;
        *length = packet->length < room ? packet->length : room;
        memcpy(bytes, packet->bytes, *length);
        *time_us = (long long)m->epoch_us + (long long)(packet->sent_ns / 1000);
        free(packet);
    }
    machine_unlock(m);
    return 0;
}

static int pd_usleep(void *userdata, useconds_t us)
{
    struct machine *m = userdata;
    machine_lock(m);
    machine_advance(m, m->now_ns + (uint64_t)us * 1000);
    machine_unlock(m);
    return 0;
}

/* On the tool's own thread, looking at the clock takes a microsecond, so that a spin ends. */
static int pd_gettimeofday(void *userdata, struct timeval *time, struct timezone *zone)
{
    struct machine *m = userdata;
    (void)zone;
    machine_lock(m);
    if (pthread_equal(pthread_self(), m->owner)) {
        machine_advance(m, m->now_ns + CLOCK_STEP_NS);
    } else if (m->finishing && pthread_equal(pthread_self(), m->finisher)) {
        m->finishing = false;
        pthread_cond_broadcast(&m->quiet);
    }
    uint64_t us = m->epoch_us + m->now_ns / 1000;
    machine_unlock(m);
    time->tv_sec = (time_t)(us / 1000000);
    time->tv_usec = (suseconds_t)(us % 1000000);
    return 0;
}

/* ---- The way in ---- */

void packetdrill_interface_init(const char *flags, struct packetdrill_interface *interface);

__attribute__((visibility("default"))) void
packetdrill_interface_init(const char *flags, struct packetdrill_interface *interface)
{
    *interface = (struct packetdrill_interface){
        .userdata = machine_create(flags),
        .free = pd_free,
        .socket = pd_socket,
        .bind = pd_bind,
        .listen = pd_listen,
        .accept = pd_accept,
        .connect = pd_connect,
        .read = pd_read,
        .readv = pd_readv,
        .recv = pd_recv,
        .recvfrom = pd_recvfrom,
        .recvmsg = pd_recvmsg,
        .write = pd_write,
        .writev = pd_writev,
        .send = pd_send,
        .sendto = pd_sendto,
        .sendmsg = pd_sendmsg,
        .fcntl = pd_fcntl,
        .ioctl = pd_ioctl,
        .close = pd_close,
        .shutdown = pd_shutdown,
        .getsockopt = pd_getsockopt,
        .setsockopt = pd_setsockopt,
        .poll = pd_poll,
        .netdev_send = pd_netdev_send,
        .netdev_receive = pd_netdev_receive,
        .usleep = pd_usleep,
        .gettimeofday = pd_gettimeofday,
        .epoll_create = pd_epoll_create,
        .epoll_ctl = pd_epoll_ctl,
        .epoll_wait = pd_epoll_wait,
        .pipe = pd_pipe,
        .splice = pd_splice,
    };
    if (interface->userdata == NULL)
        abort(); /* there is no other way to tell */
}
