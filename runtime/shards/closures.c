/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/shards/shards.h"

/*
 * What others have a shard do.
 *
 * A closure that somebody waits for says in `reserved` how far it has come. What the poster wrote
 * there reaches the shard by the inbox, which orders it, so the shard's first look is relaxed. The
 * shard exchanges DONE for what stands there, with release order, behind all that run() has done;
 * the waiter reads DONE with acquire order, also where that makes WAITING come too late. If WAITING
 * stood there the shard makes a system call, otherwise not. After the exchange the closure may be
 * gone; only its address is used then.
 */
enum { POSTED, CALLED, WAITING, DONE };

enum { CALL_SPINS = 2000, ROOM_WAIT_NS = 20000 };

struct chaski_mailbox {
    struct inbox inbox; /* many shards give, one thread takes */
    struct bell bell;
    uint32_t capacity;
    _Atomic uint32_t out;   /* closures that are posted and not yet taken out */
    uint32_t taken;         /* ever, by its thread */
    _Atomic uint32_t given; /* ever, by shards that have done with the mailbox */
};

/* A closure is in one inbox at a time, by this link. */
static ck_stack_entry_t *link_of(struct chaski_closure *closure)
{
    _Static_assert(sizeof closure->reserved_link == sizeof(ck_stack_entry_t), "a link has room");
    return (ck_stack_entry_t *)(void *)&closure->reserved_link;
}

static struct chaski_closure *take(struct inbox *inbox)
{
    ck_stack_entry_t *link = inbox_pop(inbox);
    if (link == NULL)
        return NULL;
    return (struct chaski_closure *)(void *)((char *)link -
                                             offsetof(struct chaski_closure, reserved_link));
}

/* ---- Mailboxes ----------------------------------------------------------------------------- */

struct chaski_mailbox *chaski_mailbox_create(uint32_t capacity)
{
    struct chaski_mailbox *mailbox = aligned_alloc(64, sizeof *mailbox);
    if (mailbox == NULL)
        return NULL;
    memset(mailbox, 0, sizeof *mailbox);
    mailbox->capacity = capacity;
    inbox_init(&mailbox->inbox, capacity);
    if (bell_init(&mailbox->bell))
        return mailbox;
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
    free(mailbox);
}

/* Room is promised here, so that a shard can always push. Acquire and release: the shard must see
 * the place that was taken out as free when the promise rests on it, and hears of the promise
 * through the inbox of closures only. */
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
    struct chaski_closure *closure = take(&mailbox->inbox);
    if (closure == NULL)
        return NULL;
    mailbox->taken++;
    release(mailbox);
    return closure;
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
    if (inbox_is_empty(&mailbox->inbox) &&
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
    if (__atomic_exchange_n(state, (uint32_t)DONE, __ATOMIC_RELEASE) == WAITING)
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
        inbox_push(&mailbox->inbox, link_of(closure)); /* never full */
        bell_ring(&mailbox->bell);
        /* Release: behind all that is done with the mailbox, which may be gone then. */
        atomic_fetch_add_explicit(&mailbox->given, 1, memory_order_release);
    }
}

bool shard_run_closures(struct shard *shard)
{
    struct chaski_closure *closure;
    unsigned n = 0;
    while (n < SHARDS_CLOSURES && (closure = take(&shard->closures)) != NULL) {
        run(shard, closure);
        n++;
    }
    return n != 0;
}

/* ---- Posting ------------------------------------------------------------------------------- */

static int push(struct chaski_shards *shards, unsigned number, struct chaski_closure *closure)
{
    struct shard *shard = &shards->shards[number];
    if (!inbox_push(&shard->closures, link_of(closure)))
        return inbox_is_shut(&shard->closures) ? CHASKI_CLOSED : CHASKI_AGAIN;
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
    int status;
    if (shard >= shards->count || closure->mailbox != NULL)
        return CHASKI_INVALID;
    if (here == &shards->shards[shard] || !shards_are_running(shards)) {
        closure->run(closure, shards->shards[shard].host, shard);
        return 0;
    }
    if (here != NULL)
        return CHASKI_NOT_PERMITTED;
    closure->reserved = CALLED;
    while ((status = push(shards, shard, closure)) == CHASKI_AGAIN)
        nanosleep(&a_moment, NULL);
    if (status == 0)
        wait_for(&closure->reserved);
    return status;
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
    bool running = shards_are_running(shards);
    if (running && shard_here() != NULL)
        return CHASKI_NOT_PERMITTED;
    if (!running)
        shards_settle(shards);
    int status = 0;
    for (unsigned i = 0; i < shards->count && status == 0 && each.status == 0; i++) {
        struct chaski_closure closure = {.run = run_each, .context = &each};
        if (running)
            status = chaski_call(shards, i, &closure);
        else
            run_each(&closure, shards->shards[i].host, i);
    }
    return status != 0 ? status : each.status;
}
