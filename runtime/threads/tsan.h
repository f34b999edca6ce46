/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_RUNTIME_TSAN_H
#define CHASKI_RUNTIME_TSAN_H

/*
 * What ThreadSanitizer cannot see for itself: that Concurrency Kit's assembler orders memory. Files
 * that include this are built without it (it would take their rings for races) and tell it
 * which of the orders they make others may rely upon.
 */
#ifdef CHASKI_TSAN
extern void __tsan_acquire(void *address);
extern void __tsan_release(void *address);

static inline void tsan_acquire(void *address)
{
    __tsan_acquire(address);
}

static inline void tsan_release(void *address)
{
    __tsan_release(address);
}
#else
static inline void tsan_acquire(void *address)
{
    (void)address;
}

static inline void tsan_release(void *address)
{
    (void)address;
}
#endif

#endif
