/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_PACKETDRILL_CALL_H
#define CHASKI_PACKETDRILL_CALL_H

#include "packetdrill/interface.h"
#include "packetdrill/machine.h"

/*
 * The tool's calls. Each that may wait fills in a `struct call`, whose `run` makes one attempt by
 * sockets.h and says whether it has to.
 */

enum { PIECES_MAX = 64 };

struct call {
    struct attempt attempt; /* first */
    int fd, flags;
    struct sockaddr *address;
    socklen_t *address_length;
    socklen_t length;
    struct msghdr message;           /* what is left of the caller's, */
    struct iovec pieces[PIECES_MAX]; /* which its pieces are copied for */
    size_t wanted, done;
    struct pollfd *polled;
    nfds_t count;
    struct epoll_event *events;
    int most, to;
    ssize_t unfinished; /* what a connect() that gives up is told */
};

static inline struct call *call_of(struct attempt *attempt)
{
    return (struct call *)attempt;
}

/* As the C library tells it: -1 and errno for what is negative. */
ssize_t call_told(ssize_t value);

/* Takes the caller's message into the call; false when that has too many pieces. */
bool call_take_message(struct call *call, const struct msghdr *message);

/* Attempts until it need not wait any more; its result, told. */
ssize_t call_run(struct machine *m, struct call *call);

/* Whether an attempt that came to `value` waits: only -EAGAIN does, on descriptors that block. */
bool call_waits(const struct machine *m, const struct call *call, ssize_t value);

/* When a call that begins now gives up by the socket's own time-out. */
uint64_t call_time_limit(struct machine *m, int fd, enum sockets_direction direction);
/* When one with a time-out of its own does; below 0: never. */
uint64_t call_in_milliseconds(struct machine *m, int timeout_ms);

/* Behind a call that does not wait, with the machine locked: what it caused leaves, and the lock is
 * let go. Its result, told. */
int call_finish(struct machine *m, ssize_t value);

/* Whether readv() or writev() has anything to move; else it is over at once. */
bool call_moves_something(const struct iovec *pieces, int count);

/* A script may have set another policy since the socket was made. */
void call_follow_policy(struct machine *m);

/* ---- The families: each fills in its calls --------------------------------------------------- */

void calls_plain(struct packetdrill_interface *interface);
void calls_open(struct packetdrill_interface *interface);
void calls_receive(struct packetdrill_interface *interface);
void calls_send(struct packetdrill_interface *interface);
void calls_pipe(struct packetdrill_interface *interface);
void calls_ready(struct packetdrill_interface *interface);
void calls_world(struct packetdrill_interface *interface);

#endif
