/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_CYCLES_H
#define CHASKI_CLI_CYCLES_H

#include <stdint.h>

/* The processor's time stamp counter, which counts at its nominal rate whatever the clock does;
 * 0 where there is none that a program may read. */
#if defined(__x86_64__) || defined(__i386__)
static inline uint64_t cycles_now(void)
{
    return __builtin_ia32_rdtsc();
}
#else
static inline uint64_t cycles_now(void)
{
    return 0;
}
#endif

#endif
