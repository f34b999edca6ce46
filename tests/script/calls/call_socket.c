/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "tests/script/calls/call.h"
#include "tests/script/packets/ip.h"

/* Calls that make, join and end sockets, and those that only look at a descriptor. */

static void prepare_fd(struct call *call)
{
    call->fd = call_descriptor(call, 0);
}

/* ---- socket, bind, listen ---- */

static void prepare_socket(struct call *call)
{
    int own = call->run->settings.ends.version->family;
    int64_t family = call_number_or(call, 0, own);
    call->most = (int)call_number(call, 1);
    call->flags = (int)call_number(call, 2);
    call->fd = (int)(family == AF_INET6 ? own : family);
}

static ssize_t run_socket(struct call *call)
{
    ssize_t fd = sockets_socket(call->sockets, call->fd, call->most, call->flags);
    if (fd >= 0)
        call->run->subject = (int)fd;
    return fd;
}

static void prepare_bind(struct call *call)
{
    struct sockaddr_storage open = call_local_end(call);
    call->fd = call_descriptor(call, 0);
    value_address(call, call->arguments[1], &open, &call->address, &call->length);
}

static ssize_t run_bind(struct call *call)
{
    return sockets_bind(call->sockets, call->fd, (struct sockaddr *)&call->address, call->length);
}

static void prepare_listen(struct call *call)
{
    prepare_fd(call);
    call->most = (int)call_number(call, 1);
    call->run->begins_anew = true;
}

static ssize_t run_listen(struct call *call)
{
    return sockets_listen(call->sockets, call->fd, call->most);
}

/* ---- accept, connect, close, shutdown ---- */

static void prepare_accept(struct call *call)
{
    prepare_fd(call);
    call->flags = (int)call_number(call, 3);
    call_set_limit(call, false);
}

static ssize_t run_accept(struct call *call)
{
    call->length = sizeof call->address;
    int flags = call->flags;
    ssize_t fd = sockets_accept4(call->sockets, call->fd, (struct sockaddr *)&call->address,
                                 &call->length, flags);
    call->pending = fd == -EAGAIN && sockets_blocks(call->sockets, call->fd);
    if (fd >= 0)
        call->run->subject = (int)fd;
    return fd;
}

static void check_accept(struct call *call)
{
    value_check_address(call, call->arguments[1], &call->address);
}

static void prepare_connect(struct call *call)
{
    struct sockaddr_storage open = call_remote_end(call);
    call->fd = call_descriptor(call, 0);
    value_address(call, call->arguments[1], &open, &call->address, &call->length);
    call_set_limit(call, true);
    call->run->begins_anew = true;
    call->run->subject = call->fd;
}

static ssize_t run_connect(struct call *call)
{
    ssize_t value =
        sockets_connect(call->sockets, call->fd, (struct sockaddr *)&call->address, call->length);
    call->pending =
        (value == -EINPROGRESS || value == -EALREADY) && sockets_blocks(call->sockets, call->fd);
    bool again = value == -EALREADY && call->done == 0;
    call->done = !again; /* who asks again is told so */
    return call->pending && !again ? -EINPROGRESS : value;
}

static ssize_t run_close(struct call *call)
{
    ssize_t value = sockets_close(call->sockets, call->fd);
    call->pending = value == -EAGAIN;
    if (value == 0 && call->run->subject == call->fd)
        call->run->subject = -1;
    return call->pending && call->run->stack.now_ns >= call->until_ns ? 0 : value;
}

/* A socket that lingers gives up by its own time. */
static void prepare_close(struct call *call)
{
    struct linger linger = {0};
    socklen_t length = sizeof linger;
    prepare_fd(call);
    sockets_getsockopt(call->sockets, call->fd, SOL_SOCKET, SO_LINGER, &linger, &length);
    call->until_ns = call->run->stack.now_ns + (uint64_t)(uint32_t)linger.l_linger * 1000000000;
}

static void prepare_shutdown(struct call *call)
{
    prepare_fd(call);
    call->flags = (int)call_number(call, 1);
}

static ssize_t run_shutdown(struct call *call)
{
    return sockets_shutdown(call->sockets, call->fd, call->flags);
}

/* ---- Names of sockets ---- */

static ssize_t run_getsockname(struct call *call)
{
    call->length = sizeof call->address;
    return sockets_getsockname(call->sockets, call->fd, (struct sockaddr *)&call->address,
                               &call->length);
}

static ssize_t run_getpeername(struct call *call)
{
    call->length = sizeof call->address;
    return sockets_getpeername(call->sockets, call->fd, (struct sockaddr *)&call->address,
                               &call->length);
}

/* ---- fcntl, ioctl, dup, open, pipe ---- */

static void prepare_fcntl(struct call *call)
{
    prepare_fd(call);
    call->most = (int)call_number(call, 1);
    call->flags = (int)call_number(call, 2);
}

static ssize_t run_fcntl(struct call *call)
{
    return sockets_fcntl(call->sockets, call->fd, call->most, call->flags);
}

static ssize_t run_dup(struct call *call)
{
    return sockets_dup(call->sockets, call->fd);
}

/* What the script shows of an argument by reference is what it is afterwards. */
static void prepare_ioctl(struct call *call)
{
    const struct value *value = value_single(call->arguments[2]);
    prepare_fd(call);
    call->most = (int)call_number(call, 1);
    call->flags = value != NULL && value->kind == VALUE_NUMBER ? (int)value->number : 0;
}

static ssize_t run_ioctl(struct call *call)
{
    int argument = call->flags;
    ssize_t value =
        sockets_ioctl(call->sockets, call->fd, (unsigned long)call->most, (intptr_t)&argument);
    call->other_fd = argument;
    snprintf(call->beside, sizeof call->beside, ", tells %d", argument);
    return value;
}

static void check_ioctl(struct call *call)
{
    const struct value *wanted = value_single(call->arguments[2]);
    if (wanted != NULL && wanted->kind == VALUE_NUMBER && wanted->number != call->other_fd)
        call_fail(call, "told %d, not %lld", call->other_fd, (long long)wanted->number);
}

static void prepare_open(struct call *call)
{
    call->flags = (int)call_number(call, 1);
}

static ssize_t run_open(struct call *call)
{
    const struct value *name = call->arguments[0];
    int file =
        open(name->kind == VALUE_STRING ? name->text : "/dev/zero", call->flags | O_CLOEXEC, 0600);
    return file < 0 ? -errno : sockets_file(call->sockets, file);
}

static ssize_t run_pipe(struct call *call)
{
    int fds[2];
    ssize_t value = sockets_pipe(call->sockets, fds, 0);
    const struct value *names = call->arguments[0];
    for (unsigned i = 0; value == 0 && i < 2 && i < value_count(names); i++)
        run_map_descriptor(call->run, value_number(call, value_at(names, i)), fds[i]);
    return value;
}

static void prepare_pipe(struct call *call)
{
    (void)call;
}

const struct call_kind call_socket_kinds[] = {
    {"socket", 3, 3, true, prepare_socket, run_socket, NULL},
    {"bind", 3, 3, false, prepare_bind, run_bind, NULL},
    {"listen", 2, 2, false, prepare_listen, run_listen, NULL},
    {"accept", 3, 3, true, prepare_accept, run_accept, check_accept},
    {"accept4", 4, 4, true, prepare_accept, run_accept, check_accept},
    {"connect", 3, 3, false, prepare_connect, run_connect, NULL},
    {"close", 1, 1, false, prepare_close, run_close, NULL},
    {"shutdown", 2, 2, false, prepare_shutdown, run_shutdown, NULL},
    {"getsockname", 3, 3, false, prepare_fd, run_getsockname, check_accept},
    {"getpeername", 3, 3, false, prepare_fd, run_getpeername, check_accept},
    {"fcntl", 2, 3, false, prepare_fcntl, run_fcntl, NULL},
    {"ioctl", 2, 3, false, prepare_ioctl, run_ioctl, check_ioctl},
    {"dup", 1, 1, true, prepare_fd, run_dup, NULL},
    {"open", 2, 3, true, prepare_open, run_open, NULL},
    {"pipe", 1, 1, false, prepare_pipe, run_pipe, NULL},
    {NULL, 0, 0, false, NULL, NULL, NULL},
};
