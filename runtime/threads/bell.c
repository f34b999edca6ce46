/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/threads/bell.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <ck_pr.h>

bool bell_init(struct bell *bell)
{
    atomic_init(&bell->sleeping, 0);
    atomic_init(&bell->rings, 0);
    bell->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return bell->fd >= 0;
}

void bell_close(struct bell *bell)
{
    if (bell->fd >= 0)
        close(bell->fd);
    bell->fd = -1;
}

void bell_ring(struct bell *bell)
{
    uint64_t one = 1;
    ck_pr_fence_memory(); /* G1 before G2 */
    if (atomic_load_explicit(&bell->sleeping, memory_order_relaxed) == 0)
        return;
    /* Of several who find it asleep, one wakes it. */
    if (atomic_exchange_explicit(&bell->sleeping, 0, memory_order_relaxed) == 0)
        return;
    atomic_fetch_add_explicit(&bell->rings, 1, memory_order_relaxed);
    ssize_t written = write(bell->fd, &one, sizeof one);
    (void)written; /* it does not wait, and the count is far from its limit */
}

void bell_will_sleep(struct bell *bell)
{
    atomic_store_explicit(&bell->sleeping, 1, memory_order_relaxed);
    ck_pr_fence_memory(); /* S1 before S2 */
}

void bell_awake(struct bell *bell)
{
    atomic_store_explicit(&bell->sleeping, 0, memory_order_relaxed);
}

void bell_hush(struct bell *bell)
{
    uint64_t count;
    ssize_t got = read(bell->fd, &count, sizeof count);
    (void)got;
}
