/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "packetdrill/call.h"

/* Receiving. */

static ssize_t run_receive(struct machine *m, struct attempt *attempt)
{
    struct call *call = call_of(attempt);
    struct msghdr message = call->message;
    attempt->pending = false;
    if (call->done != 0 && !sockets_goes_on(m->sockets, call->fd, SOCKETS_RECEIVING, call->flags,
                                            call->done, call->wanted))
        return (ssize_t)call->done;
    if (m->now_ns >= attempt->until_ns)
        call->flags |= MSG_DONTWAIT; /* what there is will do */
    ssize_t value = sockets_recvmsg(m->sockets, call->fd, &message, call->flags);
    if (value == -ENOTSOCK)
        value = sockets_readv(m->sockets, call->fd, message.msg_iov, (int)message.msg_iovlen);
    attempt->pending = call_waits(m, call, value);
    if (value > 0) {
        call->done += (size_t)value;
        sockets_advance(&call->message.msg_iov, &call->message.msg_iovlen, (size_t)value);
        attempt->pending = sockets_goes_on(m->sockets, call->fd, SOCKETS_RECEIVING, call->flags,
                                           call->done, call->wanted);
    }
    if (value >= 0) {
        call->message.msg_namelen = message.msg_namelen;
        call->message.msg_controllen = message.msg_controllen;
        call->message.msg_flags = message.msg_flags;
    }
    return call->done != 0 ? (ssize_t)call->done : value;
}

static ssize_t receive(struct machine *m, int fd, struct msghdr *message, int flags)
{
    struct call call = {
        .attempt = {run_receive, call_time_limit(m, fd, SOCKETS_RECEIVING), false},
        .fd = fd,
        .flags = sockets_receive_flags(flags),
    };
    if (!call_take_message(&call, message))
        return call_told(-EMSGSIZE);
    ssize_t value = call_run(m, &call);
    message->msg_namelen = call.message.msg_namelen;
    message->msg_controllen = call.message.msg_controllen;
    message->msg_flags = call.message.msg_flags;
    return value;
}

static ssize_t pd_readv(void *userdata, int fd, const struct iovec *pieces, int count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
    struct machine *m = userdata;
    if (call_moves_something(pieces, count))
        return receive(m, fd, &message, 0);
    machine_lock(m);
    return call_finish(m, sockets_readv(m->sockets, fd, pieces, count));
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

void calls_receive(struct packetdrill_interface *interface)
{
    interface->read = pd_read;
    interface->readv = pd_readv;
    interface->recv = pd_recv;
    interface->recvfrom = pd_recvfrom;
    interface->recvmsg = pd_recvmsg;
}
