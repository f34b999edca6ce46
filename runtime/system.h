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

/* Memory from the system, filled in as it is touched. */
struct system_memory {
    void *bytes;
    size_t size;
};

/* `huge_pages` asks for huge ones, as far as there are any. False with errno. */
bool system_memory_map(struct system_memory *memory, size_t size, bool huge_pages);
void system_memory_unmap(struct system_memory *memory);

/* A host with these limits, in fresh memory, with a fresh seed. To end it: close its links, then
 * unmap `memory`. NULL with errno. */
struct chaski *system_host_create(struct system_memory *memory, const struct chaski_limits *limits,
                                  bool huge_pages);

#endif
