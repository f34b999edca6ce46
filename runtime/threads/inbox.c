/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/threads/inbox.h"

#include <stddef.h>

#include "runtime/threads/tsan.h"

void inbox_init(struct inbox *inbox, uint32_t limit)
{
    ck_stack_init(&inbox->given);
    atomic_init(&inbox->held, 0);
    inbox->limit = limit;
    inbox->turned = NULL;
}

bool inbox_push(struct inbox *inbox, ck_stack_entry_t *item)
{
    if (atomic_fetch_add_explicit(&inbox->held, 1, memory_order_relaxed) >= inbox->limit) {
        atomic_fetch_sub_explicit(&inbox->held, 1, memory_order_relaxed);
        return false;
    }
    ck_pr_fence_release();
    tsan_release(inbox);
    ck_stack_push_upmc(&inbox->given, item);
    return true;
}

/* Takes all that was given, and turns it round. */
static void turn(struct inbox *inbox)
{
    ck_stack_entry_t *next = ck_stack_batch_pop_upmc(&inbox->given);
    ck_pr_fence_acquire();
    tsan_acquire(inbox);
    while (next != NULL) {
        ck_stack_entry_t *item = next;
        next = item->next;
        item->next = inbox->turned;
        inbox->turned = item;
    }
}

ck_stack_entry_t *inbox_pop(struct inbox *inbox)
{
    if (inbox_is_empty(inbox))
        return NULL;
    if (inbox->turned == NULL)
        turn(inbox);
    ck_stack_entry_t *item = inbox->turned;
    inbox->turned = item->next;
    atomic_fetch_sub_explicit(&inbox->held, 1, memory_order_relaxed);
    return item;
}

bool inbox_is_empty(const struct inbox *inbox)
{
    return inbox->turned == NULL && ck_pr_load_ptr(&inbox->given.head) == NULL;
}
