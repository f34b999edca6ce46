/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "packetdrill/call.h"

/* Readiness: poll() and epoll. */

static int pd_epoll_create(void *userdata, int size)
{
    struct machine *m = userdata;
    if (size <= 0)
        return (int)call_told(-EINVAL);
    machine_lock(m);
    return call_finish(m, sockets_epoll_create(m->sockets, 0));
}

static int pd_epoll_ctl(void *userdata, int set, int operation, int fd, struct epoll_event *event)
{
    struct machine *m = userdata;
    machine_lock(m);
    return call_finish(m, sockets_epoll_ctl(m->sockets, set, operation, fd, event));
}

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
        .attempt = {run_poll, call_in_milliseconds(userdata, timeout_ms), false},
        .polled = entries,
        .count = count,
    };
    return (int)call_run(userdata, &call);
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
        .attempt = {run_epoll_wait, call_in_milliseconds(userdata, timeout_ms), false},
        .fd = set,
        .events = events,
        .most = most,
    };
    return (int)call_run(userdata, &call);
}

void calls_ready(struct packetdrill_interface *interface)
{
    interface->poll = pd_poll;
    interface->epoll_create = pd_epoll_create;
    interface->epoll_ctl = pd_epoll_ctl;
    interface->epoll_wait = pd_epoll_wait;
}
