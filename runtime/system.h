/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_RUNTIME_SYSTEM_H
#define CHASKI_RUNTIME_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/chaski.h"

/* What a host wants of an operating system: the time, a seed, and memory. */

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t system_now(void);

/* 32 bytes that nobody can guess. False with errno when the system has none to give. */
bool system_seed(uint8_t seed[32]);

enum { SYSTEM_HUGE_PAGES = 1 };

/* A host with these limits in fresh memory, which the system fills in as it is touched; flags:
 * SYSTEM_HUGE_PAGES asks for huge ones. NULL with errno. */
struct chaski *system_host_create(const struct chaski_limits *limits, unsigned flags);
/* Gives the memory of such a host back; no link may hold packets of it any more. */
void system_host_destroy(struct chaski *host, const struct chaski_limits *limits);

#endif
