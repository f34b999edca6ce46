/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/system.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

uint64_t system_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

bool system_seed(uint8_t seed[32])
{
    return getrandom(seed, 32, 0) == 32; /* up to 256 bytes come whole or not at all */
}

bool system_memory_map(struct system_memory *memory, size_t size, bool huge_pages)
{
    *memory = (struct system_memory){0};
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED)
        return false;
    if (huge_pages)
        madvise(bytes, size, MADV_HUGEPAGE); /* a wish: without them it works too */
    *memory = (struct system_memory){bytes, size};
    return true;
}

void system_memory_unmap(struct system_memory *memory)
{
    if (memory->bytes != NULL)
        munmap(memory->bytes, memory->size);
    *memory = (struct system_memory){0};
}

struct chaski *system_host_create(struct system_memory *memory, const struct chaski_limits *limits,
                                  bool huge_pages)
{
    uint8_t seed[32];
    *memory = (struct system_memory){0};
    if (!system_seed(seed) || !system_memory_map(memory, chaski_size(limits), huge_pages))
        return NULL;
    struct chaski *host = chaski_init(memory->bytes, memory->size, limits, seed, system_now());
    if (host == NULL) {
        system_memory_unmap(memory);
        errno = EINVAL;
    }
    return host;
}
