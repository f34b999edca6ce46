/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/congestion.h"

#include "chaski/chaski.h"

static const struct congestion_operations *const algorithms[] = {
    [CHASKI_CUBIC] = &congestion_cubic,
    [CHASKI_NEWRENO] = &congestion_newreno,
};

const struct congestion_operations *congestion_algorithm(unsigned number)
{
    return algorithms[number];
}

uint32_t congestion_slow_start(struct congestion *congestion, uint32_t acknowledged)
{
    if (congestion->window >= congestion->threshold)
        return acknowledged;
    uint32_t room = congestion->threshold - congestion->window;
    uint32_t growth = acknowledged < room ? acknowledged : room;
    congestion->window += growth;
    return acknowledged - growth;
}
