/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_FORGET_H
#define CHASKI_BASE_FORGET_H

#include <stddef.h>

/*
 * MemorySanitizer takes for written what was ever written, so that of memory which is handed out
 * again it would find nothing that is read without having been set. It is told that what was there
 * is to be forgotten; elsewhere that costs nothing.
 */
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define CHASKI_FORGETS
#endif
#endif

#ifdef CHASKI_FORGETS
extern void __msan_poison(const volatile void *memory, size_t size);

static inline void forget_bytes(const void *memory, size_t size)
{
    __msan_poison(memory, size);
}
#else
static inline void forget_bytes(const void *memory, size_t size)
{
    (void)memory;
    (void)size;
}
#endif

#endif
