/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/packet/burst.h"

void hook_not_wired(void *counters, struct burst *burst, uint64_t now_ns)
{
    (void)now_ns;
    for (uint32_t i = 0; i < burst->count; i++)
        packet_drop(burst->packets[i], counters, CHASKI_DROP_NOT_WIRED);
    burst->count = 0;
}
