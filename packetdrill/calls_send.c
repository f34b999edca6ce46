/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "packetdrill/call.h"

/* Sending. */

static ssize_t run_send(struct machine *m, struct attempt *attempt)
{
    struct call *call = call_of(attempt);
    ssize_t value = 0;
    attempt->pending = false;
    if (call->done != 0 && !sockets_goes_on(m->sockets, call->fd, SOCKETS_SENDING, call->flags,
                                            call->done, call->wanted))
        return (ssize_t)call->done;
    do {
        value = sockets_sendmsg(m->sockets, call->fd, &call->message, call->flags);
        if (value == -ENOTSOCK)
            value = sockets_writev(m->sockets, call->fd, call->message.msg_iov,
                                   (int)call->message.msg_iovlen);
        attempt->pending = call_waits(m, call, value);
        if (value > 0) {
            call->done += (size_t)value;
            sockets_advance(&call->message.msg_iov, &call->message.msg_iovlen, (size_t)value);
            attempt->pending = sockets_goes_on(m->sockets, call->fd, SOCKETS_SENDING, call->flags,
                                               call->done, call->wanted);
        }
    } while (value > 0 && attempt->pending);
    return call->done != 0 ? (ssize_t)call->done : value;
}

static ssize_t transmit(struct machine *m, int fd, const struct msghdr *message, int flags)
{
    if (flags & MSG_FASTOPEN)
        call_follow_policy(m);
    struct call call = {
        .attempt = {run_send, call_time_limit(m, fd, SOCKETS_SENDING), false},
        .fd = fd,
        .flags = flags,
    };
    return call_take_message(&call, message) ? call_run(m, &call) : call_told(-EMSGSIZE);
}

static ssize_t pd_writev(void *userdata, int fd, const struct iovec *pieces, int count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
    struct machine *m = userdata;
    if (call_moves_something(pieces, count))
        return transmit(m, fd, &message, 0);
    machine_lock(m);
    return call_finish(m, sockets_writev(m->sockets, fd, pieces, count));
}

static ssize_t pd_write(void *userdata, int fd, const void *bytes, size_t length)
{
    struct iovec piece = {(void *)bytes, length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    return transmit(userdata, fd, &message, 0);
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

void calls_send(struct packetdrill_interface *interface)
{
    interface->write = pd_write;
    interface->writev = pd_writev;
    interface->send = pd_send;
    interface->sendto = pd_sendto;
    interface->sendmsg = pd_sendmsg;
}
