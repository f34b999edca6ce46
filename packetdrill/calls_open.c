/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "packetdrill/call.h"

/* accept(), connect(), close(). */

static ssize_t run_accept(struct machine *m, struct attempt *attempt)
{
    struct call *call = call_of(attempt);
    ssize_t value = sockets_accept(m->sockets, call->fd, call->address, call->address_length);
    attempt->pending = call_waits(m, call, value);
    return value;
}

static int pd_accept(void *userdata, int fd, struct sockaddr *address, socklen_t *length)
{
    struct call call = {
        .attempt = {run_accept, call_time_limit(userdata, fd, SOCKETS_RECEIVING), false},
        .fd = fd,
        .address = address,
        .address_length = length,
    };
    return (int)call_run(userdata, &call);
}

/* Who asks again waits as well, and is told so when he gives up (Linux). */
static ssize_t run_connect(struct machine *m, struct attempt *attempt)
{
    struct call *call = call_of(attempt);
    ssize_t value = sockets_connect(m->sockets, call->fd, call->address, call->length);
    attempt->pending =
        (value == -EINPROGRESS || value == -EALREADY) && sockets_blocks(m->sockets, call->fd);
    if (call->unfinished == 0)
        call->unfinished = value;
    return attempt->pending ? call->unfinished : value;
}

static int pd_connect(void *userdata, int fd, const struct sockaddr *address, socklen_t length)
{
    struct call call = {
        .attempt = {run_connect, call_time_limit(userdata, fd, SOCKETS_SENDING), false},
        .fd = fd,
        .address = (struct sockaddr *)address,
        .length = length,
    };
    call_follow_policy(userdata);
    return (int)call_run(userdata, &call);
}

static ssize_t run_close(struct machine *m, struct attempt *attempt)
{
    ssize_t value = sockets_close(m->sockets, call_of(attempt)->fd);
    attempt->pending = value == -EAGAIN;
    return value;
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
    return (int)call_run(m, &call);
}

void calls_open(struct packetdrill_interface *interface)
{
    interface->accept = pd_accept;
    interface->connect = pd_connect;
    interface->close = pd_close;
}
