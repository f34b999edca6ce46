/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_PACKETDRILL_MACHINE_H
#define CHASKI_PACKETDRILL_MACHINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/host/host.h"
#include "sockets/sockets.h"

/*
 * A host in virtual time, whose other end is packetdrill.
 *
 * Theory of operation. The tool has two threads. Its own one lets time pass (it sleeps, or spins on
 * the clock), injects packets and asks for those that came out; a second one runs calls that
 * block. Time moves only when the first one asks for it, and never past something that is due: a
 * timer of the host, or the end of somebody's waiting. After each turn of the host, whoever waits
 * tries again, and time stands still until all have (`behind` is how many have not). So what a
 * script sees does not depend on how threads are scheduled.
 *
 * A call that waited and is done still has to look at the clock (the tool notes when it ended);
 * until it has, or a moment of real time has passed, the clock stands still too.
 *
 * A blocking call on the tool's own thread can wait for nobody but time, so it moves the clock.
 */

/* Somebody in a blocking call; on its stack. */
struct waiter {
    struct waiter *next;
    uint64_t until_ns; /* UINT64_MAX: for ever */
};

struct outgoing {
    struct outgoing *next;
    uint64_t sent_ns;
    size_t length;
    uint8_t bytes[];
};

struct machine {
    pthread_mutex_t lock;
    pthread_cond_t turned; /* a turn of the host is over */
    pthread_cond_t quiet;  /* somebody has caught up */
    pthread_t owner;       /* the tool's own thread */
    pthread_t finisher; /* while `finishing`: whose call is done, and who looks at the clock next */
    bool finishing;
    struct waiter *waiters;
    unsigned behind; /* waiters who have not tried since the last turn */
    uint64_t turns;
    uint64_t now_ns;
    uint64_t epoch_us; /* the time of day at now_ns 0 */
    struct chaski *host;
    void *memory;
    struct sockets *sockets;
    struct sockets_policy policy;
    bool has_policy;
    bool has_other_than_bbr;        /* as the namespace's congestion control, at some time */
    struct outgoing *first, **last; /* what came out */
};

/* Makes a machine; `flags` are words "mtu=N" and "local=ADDRESS", separated by commas or blanks.
 * NULL without memory. */
struct machine *machine_create(const char *flags);
void machine_free(struct machine *m);

/* An attempt at a call. `pending` says that it would have to wait. */
struct attempt {
    ssize_t (*run)(struct machine *m, struct attempt *attempt);
    uint64_t until_ns; /* when it gives up and what it has is its result */
    bool pending;
};

/* Runs an attempt until it need not wait any more, with the lock held while it runs, and a turn of
 * the host behind it. */
ssize_t machine_run(struct machine *m, struct attempt *attempt);

void machine_lock(struct machine *m);
void machine_unlock(struct machine *m);

/* With the lock held: */

/* Lets the host do what is due now. */
void machine_turn(struct machine *m);
/* Moves the clock to `ns`. */
void machine_advance(struct machine *m, uint64_t ns);
/* Moves it on until a packet comes out; false when none will. */
bool machine_await_packet(struct machine *m);
/* Makes an IPv4 address (host byte order) one of the host's. */
void machine_own(struct machine *m, uint32_t address);

/* quote.c: makes an error about the path's MTU one that can be believed. */
void quote_lengthen(uint8_t *packet, size_t length);

/* policy.c: reads what net.* says in /proc/sys, and does as it says from here on. */
void policy_follow(struct machine *m);

#endif
