/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>

#include "sockets/socket.h"

/* Several messages in one call. */

/* What has gone only in part is the last one. */
int sockets_sendmmsg(struct sockets *s, int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    int error;
    unsigned done = 0, most = count < IOV_MAX ? count : IOV_MAX;
    if (socket_at(s, fd, &error) == NULL)
        return error;
    bool whole = true;
    while (done < most && whole) {
        struct mmsghdr *message = &messages[done];
        ssize_t sent = sockets_sendmsg(s, fd, &message->msg_hdr, flags);
        if (sent < 0)
            return done != 0 ? (int)done : (int)sent;
        message->msg_len = (unsigned)sent;
        whole = sent == pieces_length(message->msg_hdr.msg_iov, message->msg_hdr.msg_iovlen);
        done++;
    }
    return (int)done;
}

/* An error comes before what waits, and one that comes behind is for the next call to tell (Linux).
 */
int sockets_recvmmsg(struct sockets *s, int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    int error;
    unsigned done = 0, most = count < INT_MAX ? count : INT_MAX;
    struct socket *socket = socket_at(s, fd, &error);
    if (socket == NULL)
        return error;
    if (is_stream(socket))
        tcp_socket_refresh(socket);
    if (!(flags & MSG_ERRQUEUE) && socket->error != 0)
        return socket_take_error(socket);
    while (done < most) {
        struct msghdr *message = &messages[done].msg_hdr;
        ssize_t got = sockets_recvmsg(s, fd, message, flags & ~MSG_WAITFORONE);
        if (got < 0 && done == 0)
            return (int)got;
        if (got < 0 && got != -EAGAIN)
            socket->error = (int)-got;
        if (got < 0)
            break;
        messages[done++].msg_len = (unsigned)got;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
        if (message->msg_flags & MSG_OOB)
            break;
    }
    return (int)done;
}
