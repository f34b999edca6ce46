/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/shards.h"

/*
 * What others have a shard do.
 *
 * A closure that somebody waits for says in `reserved` how far it has come. The shard exchanges
 * DONE for what stands there, with release order, behind all that run() has done; the waiter
 * reads DONE with acquire order. If WAITING stood there the shard makes a system call, otherwise
 * not. After the exchange the closure may be gone; only its address is used then.
 */
enum { POSTED, CALLED, WAITING, DONE };

enum { CALL_SPINS = 2000, ROOM_WAIT_NS = 20000 };

struct chaski_mailbox {
    struct channel *channel; /* many shards give, one thread takes */
    struct bell bell;
    uint32_t capacity;
    _Atomic uint32_t out;   /* closures that are posted and not yet taken out */
    uint32_t taken;         /* ever, by its thread */
    _Atomic uint32_t given; /* ever, by shards that have done with the mailbox */
};

/* ---- Mailboxes ----------------------------------------------------------------------------- */

struct chaski_mailbox *chaski_mailbox_create(uint32_t capacity)
{
    uint32_t room = 3;
    while (room < capacity && room < UINT32_C(1) << 20)
        room = 2 * room + 1;
    struct chaski_mailbox *mailbox = calloc(1, sizeof *mailbox);
    if (mailbox == NULL)
        return NULL;
    mailbox->capacity = room;
    mailbox->channel = channel_create(room);
    if (mailbox->channel != NULL && bell_init(&mailbox->bell))
        return mailbox;
    channel_destroy(mailbox->channel);
    free(mailbox);
    return NULL;
}

void chaski_mailbox_free(struct chaski_mailbox *mailbox)
{
    if (mailbox == NULL)
        return;
    /* Who gave the last closure may still be about to ring. */
    while (atomic_load_explicit(&mailbox->given, memory_order_acquire) != mailbox->taken)
        sched_yield();
    bell_close(&mailbox->bell);
    channel_destroy(mailbox->channel);
    free(mailbox);
}

/* Room in the channel is promised here, so that a shard can always push. Acquire and release: the
 * shard must see the place that was taken out as free when the promise rests on it, and hears of
 * the promise through the channel of closures only. */
static bool reserve(struct chaski_mailbox *mailbox)
{
    if (atomic_fetch_add_explicit(&mailbox->out, 1, memory_order_acq_rel) < mailbox->capacity)
        return true;
    atomic_fetch_sub_explicit(&mailbox->out, 1, memory_order_acq_rel);
    return false;
}

static void release(struct chaski_mailbox *mailbox)
{
    atomic_fetch_sub_explicit(&mailbox->out, 1, memory_order_acq_rel);
}

struct chaski_closure *chaski_mailbox_take(struct chaski_mailbox *mailbox)
{
    struct channel_item item;
    if (!channel_pop(mailbox->channel, &item))
        return NULL;
    mailbox->taken++;
    release(mailbox);
    return item.what;
}

/* Sleeps until something is there; false when the time is over. */
static bool sleep_until(struct chaski_mailbox *mailbox, uint64_t deadline_ns)
{
    struct pollfd poll = {.fd = mailbox->bell.fd, .events = POLLIN};
    uint64_t now_ns = system_now();
    if (now_ns >= deadline_ns)
        return false;
    uint64_t left_ns = deadline_ns - now_ns;
    struct timespec timeout = {(time_t)(left_ns / 1000000000), (long)(left_ns % 1000000000)};
    bell_will_sleep(&mailbox->bell);
    if (channel_is_empty(mailbox->channel) &&
        ppoll(&poll, 1, deadline_ns == UINT64_MAX ? NULL : &timeout, NULL) > 0)
        bell_hush(&mailbox->bell);
    bell_awake(&mailbox->bell);
    return true;
}

struct chaski_closure *chaski_mailbox_wait(struct chaski_mailbox *mailbox, uint64_t timeout_ns)
{
    uint64_t now_ns = system_now();
    uint64_t deadline_ns = timeout_ns < UINT64_MAX - now_ns ? now_ns + timeout_ns : UINT64_MAX;
    struct chaski_closure *closure;
    while ((closure = chaski_mailbox_take(mailbox)) == NULL) {
        if (!sleep_until(mailbox, deadline_ns))
            return NULL;
    }
    return closure;
}

/* ---- Running ------------------------------------------------------------------------------- */

/* Tells whoever waits; the closure may be gone before this returns. */
static void finish(uint32_t *state)
{
    if (__atomic_exchange_n(state, (uint32_t)DONE, __ATOMIC_ACQ_REL) == WAITING)
        syscall(SYS_futex, state, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void run(struct shard *shard, struct chaski_closure *closure)
{
    struct chaski_mailbox *mailbox = closure->mailbox;
    bool called = __atomic_load_n(&closure->reserved, __ATOMIC_RELAXED) != POSTED;
    closure->run(closure, shard->host, shard->number);
    if (called) {
        finish(&closure->reserved);
    } else if (mailbox != NULL) {
        channel_push_mpsc(mailbox->channel, (struct channel_item){closure, 0}); /* never full */
        bell_ring(&mailbox->bell);
        /* Release: behind all that is done with the mailbox, which may be gone then. */
        atomic_fetch_add_explicit(&mailbox->given, 1, memory_order_release);
    }
}

bool shard_run_closures(struct shard *shard)
{
    struct channel_item item;
    unsigned n = 0;
    while (n < SHARDS_CLOSURES && channel_pop(shard->closures, &item)) {
        run(shard, item.what);
        n++;
    }
    return n != 0;
}

/* ---- Posting ------------------------------------------------------------------------------- */

static int push(struct chaski_shards *shards, unsigned number, struct chaski_closure *closure)
{
    struct shard *shard = &shards->shards[number];
    if (!channel_push_mpsc(shard->closures, (struct channel_item){closure, 0}))
        return CHASKI_AGAIN;
    bell_ring(&shard->bell);
    return 0;
}

int chaski_post(struct chaski_shards *shards, unsigned shard, struct chaski_closure *closure)
{
    struct chaski_mailbox *mailbox = closure->mailbox;
    if (shard >= shards->count)
        return CHASKI_INVALID;
    if (mailbox != NULL && !reserve(mailbox))
        return CHASKI_AGAIN;
    closure->reserved = POSTED;
    int status = push(shards, shard, closure);
    if (status != 0 && mailbox != NULL)
        release(mailbox);
    return status;
}

static void wait_for(uint32_t *state)
{
    uint32_t expected = CALLED;
    for (int i = 0; i < CALL_SPINS; i++) {
        if (__atomic_load_n(state, __ATOMIC_ACQUIRE) == DONE)
            return;
    }
    if (!__atomic_compare_exchange_n(state, &expected, (uint32_t)WAITING, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_ACQUIRE))
        return;
    while (__atomic_load_n(state, __ATOMIC_ACQUIRE) != DONE)
        syscall(SYS_futex, state, FUTEX_WAIT_PRIVATE, WAITING, NULL, NULL, 0);
}

int chaski_call(struct chaski_shards *shards, unsigned shard, struct chaski_closure *closure)
{
    const struct timespec a_moment = {.tv_nsec = ROOM_WAIT_NS};
    const struct shard *here = shard_here();
    if (shard >= shards->count || closure->mailbox != NULL)
        return CHASKI_INVALID;
    if (here == &shards->shards[shard] || !shards->running) {
        closure->run(closure, shards->shards[shard].host, shard);
        return 0;
    }
    if (here != NULL)
        return CHASKI_NOT_PERMITTED;
    closure->reserved = CALLED;
    while (push(shards, shard, closure) != 0)
        nanosleep(&a_moment, NULL);
    wait_for(&closure->reserved);
    return 0;
}

/* ---- On every shard ------------------------------------------------------------------------ */

struct each {
    int (*run)(void *context, struct chaski *host, unsigned shard);
    void *context;
    int status;
};

static void run_each(struct chaski_closure *closure, struct chaski *host, unsigned shard)
{
    struct each *each = closure->context;
    each->status = each->run(each->context, host, shard);
}

int chaski_shards_each(struct chaski_shards *shards,
                       int (*run_one)(void *context, struct chaski *host, unsigned shard),
                       void *context)
{
    struct each each = {run_one, context, 0};
    if (shards->running && shard_here() != NULL)
        return CHASKI_NOT_PERMITTED;
    if (!shards->running)
        shards_settle(shards);
    for (unsigned i = 0; i < shards->count && each.status == 0; i++) {
        struct chaski_closure closure = {.run = run_each, .context = &each};
        if (shards->running)
            chaski_call(shards, i, &closure);
        else
            run_each(&closure, shards->shards[i].host, i);
    }
    return each.status;
}
