/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>

#include "packetdrill/call.h"

/* pipe() and splice(). */

static int pd_pipe(void *userdata, int fds[2])
{
    struct machine *m = userdata;
    machine_lock(m);
    return call_finish(m, sockets_pipe(m->sockets, fds, 0));
}

/* What has been moved is its result. */
static ssize_t run_splice(struct machine *m, struct attempt *attempt)
{
    struct call *call = call_of(attempt);
    ssize_t value = sockets_splice(m->sockets, call->fd, NULL, call->to, NULL, call->wanted,
                                   (unsigned)call->flags);
    attempt->pending = value == -EAGAIN &&
                       sockets_splice_waits(m->sockets, call->fd, call->to, (unsigned)call->flags);
    return value;
}

static int pd_splice(void *userdata, int from, loff_t *from_offset, int to, loff_t *to_offset,
                     size_t length, unsigned flags)
{
    uint64_t in = call_time_limit(userdata, from, SOCKETS_RECEIVING);
    uint64_t out = call_time_limit(userdata, to, SOCKETS_SENDING);
    struct call call = {
        .attempt = {run_splice, in < out ? in : out, false},
        .fd = from,
        .to = to,
        .wanted = length,
        .flags = (int)(flags & (SPLICE_F_NONBLOCK | SPLICE_F_MORE)),
    };
    /* The tool's NULL is a pointer to 0. */
    if ((from_offset != NULL && *from_offset != 0) || (to_offset != NULL && *to_offset != 0))
        return (int)call_told(-ESPIPE);
    return (int)call_run(userdata, &call);
}

void calls_pipe(struct packetdrill_interface *interface)
{
    interface->pipe = pd_pipe;
    interface->splice = pd_splice;
}
