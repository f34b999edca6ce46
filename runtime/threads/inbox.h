/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_RUNTIME_INBOX_H
#define CHASKI_RUNTIME_INBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ck_stack.h>

/*
 * A bounded channel from any number of threads to one: Concurrency Kit's stack, which the one takes
 * as a whole and turns round. What one thread put in comes out in that order. It is lock-free: a
 * thread that is interrupted while it puts something in holds up nobody, as it would in a
 * ring, whose places are filled in the order in which they were promised.
 *
 * Items are links within what is passed, so nothing is allocated; each is in one inbox at a time.
 *
 * Why the orders suffice: an item's link is written before the compare-and-swap that shows it, with
 * a store fence between the two; the taker exchanges the head and reads links behind a load fence.
 * A push begins with a release fence and a pop ends with an acquire fence, so that all that the
 * giver did with what it gives lies before all that the taker does with it. That the head may have
 * been the same item in the meantime does no harm: a push only needs its link to be what the head
 * was, and nobody takes single items. `held` orders nothing; it is a limit.
 */
struct inbox {
    ck_stack_t given;      /* the last one first */
    _Atomic uint32_t held; /* given and not yet taken, or about to be given */
    uint32_t limit;
    _Alignas(64) ck_stack_entry_t *turned; /* the taker's: the first one first */
};

void inbox_init(struct inbox *inbox, uint32_t limit);

/* From any thread. False, with nothing done, when `limit` are in it. */
bool inbox_push(struct inbox *inbox, ck_stack_entry_t *item);

/* The oldest one; NULL when there is none. The taker's. */
ck_stack_entry_t *inbox_pop(struct inbox *inbox);

/* Whether inbox_pop() would have something. The taker's. */
bool inbox_is_empty(const struct inbox *inbox);

#endif
