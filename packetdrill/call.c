/* SPDX-License-Identifier: BSD-2-Clause */
#include "packetdrill/call.h"

#include <errno.h>

ssize_t call_told(ssize_t value)
{
    if (value >= 0)
        return value;
    errno = (int)-value;
    return -1;
}

bool call_take_message(struct call *call, const struct msghdr *message)
{
    if (message->msg_iovlen > PIECES_MAX)
        return false;
    call->message = *message;
    call->message.msg_iov = call->pieces;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        call->pieces[i] = message->msg_iov[i];
        call->wanted += message->msg_iov[i].iov_len;
    }
    return true;
}

ssize_t call_run(struct machine *m, struct call *call)
{
    return call_told(machine_run(m, &call->attempt));
}

bool call_waits(const struct machine *m, const struct call *call, ssize_t value)
{
    return value == -EAGAIN && sockets_blocks(m->sockets, call->fd) &&
           (call->flags & MSG_DONTWAIT) == 0;
}

uint64_t call_time_limit(struct machine *m, int fd, enum sockets_direction direction)
{
    machine_lock(m);
    uint64_t timeout = sockets_timeout(m->sockets, fd, direction);
    uint64_t until = timeout == UINT64_MAX ? UINT64_MAX : m->now_ns + timeout;
    machine_unlock(m);
    return until;
}

uint64_t call_in_milliseconds(struct machine *m, int timeout_ms)
{
    machine_lock(m);
    uint64_t until = timeout_ms < 0 ? UINT64_MAX : m->now_ns + (uint64_t)timeout_ms * 1000000;
    machine_unlock(m);
    return until;
}

int call_finish(struct machine *m, ssize_t value)
{
    machine_turn(m);
    machine_unlock(m);
    return (int)call_told(value);
}

bool call_moves_something(const struct iovec *pieces, int count)
{
    for (int i = 0; i < count; i++)
        if (pieces[i].iov_len != 0)
            return true;
    return false;
}

void call_follow_policy(struct machine *m)
{
    machine_lock(m);
    policy_follow(m);
    machine_unlock(m);
}
