/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/congestion/congestion.h"

#include "chaski/chaski.h"

static const struct congestion_operations *const algorithms[] = {
    [CHASKI_CUBIC] = &congestion_cubic,
    [CHASKI_NEWRENO] = &congestion_newreno,
    [CHASKI_BBR] = &congestion_bbr,
    [CHASKI_DCTCP] = &congestion_dctcp,
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

void congestion_avoid(struct congestion *congestion, uint32_t *counted, uint32_t acknowledged,
                      uint32_t mss)
{
    *counted += acknowledged;
    if (*counted < congestion->window)
        return;
    *counted -= congestion->window;
    if (congestion->window < INT32_MAX - mss)
        congestion->window += mss;
}

uint32_t congestion_threshold(uint64_t bytes, uint32_t mss)
{
    return (uint32_t)(bytes >= 2ull * mss ? bytes / mss : 2) * mss;
}

void congestion_halve(struct congestion *congestion, const struct congestion_event *event)
{
    bool beyond = event->cause != CONGESTION_TIME_OUT && event->flight > congestion->window;
    uint32_t half = (beyond ? congestion->window : event->flight) / 2;
    congestion->threshold = congestion_threshold(half, event->mss);
}
