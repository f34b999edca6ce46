/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_min_rtt.h"

#include <stdbool.h>

void min_rtt_begin(struct min_rtt *min, uint32_t rtt_us, uint32_t now_ms)
{
    for (unsigned i = 0; i < 3; i++)
        min->best[i] = (struct min_rtt_sample){rtt_us, now_ms};
}

/* Those that are too old give way to the ones behind them. */
static void expire(struct min_rtt *min, uint32_t window_ms, struct min_rtt_sample latest)
{
    for (unsigned i = 0; i < 2 && latest.at_ms - min->best[0].at_ms > window_ms; i++) {
        min->best[0] = min->best[1];
        min->best[1] = min->best[2];
        min->best[2] = latest;
    }
}

/* Whoever stands for more than one part of the window leaves the later ones to the latest. */
static void fill(struct min_rtt *min, uint32_t window_ms, struct min_rtt_sample latest)
{
    uint32_t age_ms = latest.at_ms - min->best[0].at_ms;
    if (min->best[1].at_ms == min->best[0].at_ms && age_ms > window_ms / 4)
        min->best[1] = min->best[2] = latest;
    else if (min->best[2].at_ms == min->best[1].at_ms && age_ms > window_ms / 2)
        min->best[2] = latest;
}

uint32_t min_rtt_update(struct min_rtt *min, uint32_t window_ms, uint32_t rtt_us, uint32_t now_ms)
{
    struct min_rtt_sample latest = {rtt_us, now_ms};
    bool none = min->best[0].us == 0;
    if (none || rtt_us <= min->best[0].us || now_ms - min->best[2].at_ms > window_ms) {
        min_rtt_begin(min, rtt_us, now_ms);
        return rtt_us;
    }
    if (rtt_us <= min->best[1].us)
        min->best[1] = min->best[2] = latest;
    else if (rtt_us <= min->best[2].us)
        min->best[2] = latest;
    expire(min, window_ms, latest);
    fill(min, window_ms, latest);
    return min->best[0].us;
}
