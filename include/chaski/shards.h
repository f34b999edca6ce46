/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_SHARDS_H
#define CHASKI_SHARDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/chaski.h"
#include "chaski/loop.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * One host on several processors. A shard is a thread with a struct chaski of its own; all shards
 * of a set have the same addresses and interfaces, and each connection lives in exactly one of
 * them, its home, which follows from its addresses and ports. Shards share nothing while they work.
 * What other threads want of a shard they have it do:
 *
 *     closure.run = open_a_connection;
 *     chaski_post(shards, shard, &closure);    soon, in that shard: run(&closure, host, shard)
 *
 * Inside run() everything of chaski/chaski.h may be called on `host`, as in any closure; that is
 * how any thread opens, accepts, reads, writes and closes.
 *
 * Threads: chaski_post(), chaski_call() and the calls on mailboxes are for any thread, the rest for
 * the one that made the set. Until chaski_shards_start() the hosts are that thread's, to be set up.
 *
 * Addresses, routes and groups are shard 0's: calls that change them on another shard's host are
 * answered with CHASKI_NOT_PERMITTED. All shards use them as soon as they are there. Answers to
 * pings reach shard 0 only. A UDP socket hears what its shard is the home of: bind a server's on
 * every shard; a client's is to be connected, which gives it a port whose answers come home.
 *
 * What runs in a shard, closures of connections included, is not to wait for anything: frames for
 * all its connections wait too, and after a while those of other shards that come by its queue.
 */
struct chaski_shards;

enum { CHASKI_SHARDS_MAX = 64 };

struct chaski_shards_options {
    struct chaski_limits limits; /* of each shard */
    unsigned count;              /* 0: one a processor that this process may use */
    bool busy_poll;              /* never sleep: an empty shard asks again and again */
    bool sleep;                  /* never spin, not even for some microseconds between frames */
    bool no_pinning;             /* threads may move between processors */
};

/* NULL when the system has not enough memory; the calls below put up with that where they say so.
 */
struct chaski_shards *chaski_shards_create(const struct chaski_shards_options *options);

/* Stops, if that has not been done, closes the links and frees the hosts: connections are forgotten
 * without a word. Does nothing with NULL. False when a capture could not be written to its end;
 * errno says why. */
bool chaski_shards_free(struct chaski_shards *shards);

/* One line for people about the last call that failed; puts up with NULL. */
const char *chaski_shards_error(const struct chaski_shards *shards);

/* Before the start: adds an interface on a TAP device to every shard and returns its number. The
 * device is used by `queues` queues (`ip tuntap add ... multi_queue` makes such a one, unless it is
 * made here), at most one a shard; 0: one, and a device of one. Shards without a queue send and
 * receive through those that have one. A capture has the frames of all queues in order of time, for
 * which the shards wait for each other; record to find out, not to measure. */
int chaski_shards_tap(struct chaski_shards *shards, const struct chaski_tap *tap, unsigned queues);

unsigned chaski_shards_count(const struct chaski_shards *shards);

/* The host of a shard: before the start, behind the stop, and inside closures that run there. */
struct chaski *chaski_shards_host(struct chaski_shards *shards, unsigned shard);

/* Starts the threads. 0, or CHASKI_NO_MEMORY when the system has no thread left; then none runs. */
int chaski_shards_start(struct chaski_shards *shards);

/* Ends the threads. What was posted before has been run when it returns, in the calling thread as
 * far as need be; what is posted from then on, by whomever, is refused with CHASKI_CLOSED until
 * they are started again. */
void chaski_shards_stop(struct chaski_shards *shards);

/* The home of what `remote` sends to `local`; where `local` has port 0, that of all ports: 0. */
unsigned chaski_shards_home(const struct chaski_shards *shards, const struct chaski_endpoint *local,
                            const struct chaski_endpoint *remote);

/* The shard whose thread is the calling one, or -1. */
int chaski_shards_here(const struct chaski_shards *shards);

/* ---- Closures ------------------------------------------------------------------------------ */

struct chaski_mailbox;

/* What a shard is to do. It is the poster's; between being posted and run() it is not to be
 * touched, and run() itself may free it or post it again, unless it has a mailbox. */
struct chaski_closure {
    void (*run)(struct chaski_closure *closure, struct chaski *host, unsigned shard);
    void *context;
    struct chaski_mailbox *mailbox; /* where it goes when it has run; NULL: nowhere */
    void *reserved_link;
    uint32_t reserved;
};

/* Has `shard` run the closure in one of its next turns: behind the frames that have come in and
 * before the closures of its connections. What one thread posts to a shard is run in that order.
 * Never waits and makes no system call unless the shard sleeps. CHASKI_AGAIN, with nothing done,
 * when the shard's channel (1023 closures) or the mailbox is full; a shard that is told so posts
 * again in a later turn. CHASKI_CLOSED, with nothing done, when the shards are stopped. */
int chaski_post(struct chaski_shards *shards, unsigned shard, struct chaski_closure *closure);

/* The same, and waits until the closure has run, for room before that. In the shard's own thread it
 * is run at once; in that of another shard CHASKI_NOT_PERMITTED, because two that wait for each
 * other would wait for ever. Before the start and behind the stop it is the caller that runs it,
 * and while they are stopped CHASKI_CLOSED. The closure has no mailbox. */
int chaski_call(struct chaski_shards *shards, unsigned shard, struct chaski_closure *closure);

/* Posts a closure to each shard's thread in turn and waits: 0, or the first status other than 0
 * that `each` returned, which ends it. For listeners and the like, which are to be everywhere.
 * Before the start it is the calling thread that runs it. Not from a shard's thread; CHASKI_CLOSED
 * when the shards are stopped meanwhile. */
int chaski_shards_each(struct chaski_shards *shards,
                       int (*each)(void *context, struct chaski *host, unsigned shard),
                       void *context);

/* ---- Mailboxes ----------------------------------------------------------------------------- */

/* Where closures that have run come back to one thread, in the order in which they ran in each
 * shard; from there on they are that thread's. */

/* For up to `capacity` closures that are posted and not yet taken out. NULL without memory. */
struct chaski_mailbox *chaski_mailbox_create(uint32_t capacity);

/* No closure that names it may be out. Does nothing with NULL. */
void chaski_mailbox_free(struct chaski_mailbox *mailbox);

/* The next one; NULL: none. */
struct chaski_closure *chaski_mailbox_take(struct chaski_mailbox *mailbox);

/* The next one, waited for up to `timeout_ns` (UINT64_MAX: for ever); NULL: none came. */
struct chaski_closure *chaski_mailbox_wait(struct chaski_mailbox *mailbox, uint64_t timeout_ns);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
