/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/congestion.h"

uint32_t congestion_slow_start(struct congestion *congestion, uint32_t acknowledged)
{
    if (congestion->window >= congestion->threshold)
        return acknowledged;
    uint32_t room = congestion->threshold - congestion->window;
    uint32_t growth = acknowledged < room ? acknowledged : room;
    congestion->window += growth;
    return acknowledged - growth;
}
