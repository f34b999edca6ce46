/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "sockets/socket.h"

/*
 * Urgent data as tcp(7) has it. The last byte before the mark is no part of the stream unless
 * SO_OOBINLINE is set: recv() with MSG_OOB takes it, and reading passes it over. Either way a read
 * ends before it, so that its place in the stream is known.
 */

/* From the next byte to be read up to the mark, the urgent one included; 0: there is no mark. */
static size_t until_mark(const struct socket *socket)
{
    int n = chaski_tcp_until_mark(socket->file.table->host, socket->tcp);
    return n > 0 ? (size_t)n : 0;
}

bool urgent_is_next(const struct socket *socket)
{
    return until_mark(socket) == 1;
}

bool urgent_waits(const struct socket *socket)
{
    return until_mark(socket) != 0 && !socket->urgent_taken;
}

bool urgent_has_come(const struct socket *socket, size_t waiting)
{
    return urgent_waits(socket) && until_mark(socket) <= waiting;
}

size_t urgent_limit(const struct socket *socket, size_t waiting, size_t seen, size_t *over)
{
    size_t limit = waiting, before = until_mark(socket);
    *over = 0;
    if (before != 0 && before <= waiting) {
        if (seen + 1 < before)
            limit = before - 1;
        else
            *over = !socket->plain[PLAIN_OOBINLINE];
    }
    limit -= *over;
    return limit > seen ? limit - seen : 0;
}

size_t urgent_left(const struct socket *socket, size_t waiting)
{
    size_t before = until_mark(socket);
    bool apart = before != 0 && before <= waiting && !socket->plain[PLAIN_OOBINLINE];
    return apart ? before - 1 : waiting;
}

ssize_t urgent_receive(struct socket *socket, struct msghdr *message, int flags)
{
    uint8_t byte;
    if (socket->plain[PLAIN_OOBINLINE] || !urgent_waits(socket))
        return -EINVAL;
    if (socket->phase == SOCKET_ENDED &&
        !host_tcp_fin_received(socket->file.table->host, socket->tcp))
        return -ENOTCONN;
    if (!pieces_are_there(message->msg_iov, message->msg_iovlen))
        return -EFAULT;
    uint32_t before = (uint32_t)until_mark(socket) - 1;
    if (host_tcp_copy(socket->file.table->host, socket->tcp, before, &byte, 1) == 0)
        return -EAGAIN; /* it has not come */
    socket->urgent_taken = !(flags & MSG_PEEK);
    message->msg_flags |= MSG_OOB;
    for (size_t i = 0; i < message->msg_iovlen; i++)
        if (message->msg_iov[i].iov_len != 0) {
            *(uint8_t *)message->msg_iov[i].iov_base = byte;
            return 1;
        }
    message->msg_flags |= MSG_TRUNC;
    return 0;
}
