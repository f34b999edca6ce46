/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/code/memory_fields.h"

#include <string.h>

static const char *const names[MEMORY_FIELDS] = {
    "RMEM_ALLOC",  "RCVBUF", "WMEM_ALLOC", "SNDBUF", "FWD_ALLOC",
    "WMEM_QUEUED", "OPTMEM", "BACKLOG",    "DROPS",
};

bool memory_field(const uint32_t *memory, size_t count, const char *name, uint64_t *value)
{
    static const char prefix[] = "SK_MEMINFO_";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return false;
    for (size_t i = 0; i < MEMORY_FIELDS; i++) {
        if (strcmp(name + sizeof prefix - 1, names[i]) != 0)
            continue;
        *value = i < count ? memory[i] : 0;
        return true;
    }
    return false;
}
