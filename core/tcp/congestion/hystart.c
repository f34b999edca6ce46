/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/congestion/hystart.h"

#include "core/base/sequence.h"
#include "core/tcp/congestion/congestion.h"

/* RFC 9406, 4.3 */
enum {
    MIN_RTT_THRESH_US = 4000,
    MAX_RTT_THRESH_US = 16000,
    MIN_RTT_DIVISOR = 8,
    N_RTT_SAMPLE = 8,
    CSS_GROWTH_DIVISOR = 4,
    CSS_ROUNDS = 5,
};

static void begin_round(struct hystart *hystart, const struct congestion_ack *ack)
{
    hystart->begun = true;
    hystart->window_end = ack->nxt;
    hystart->last_min_us = hystart->min_us;
    hystart->min_us = 0;
    hystart->samples = 0;
    if (hystart->rounds != 0)
        hystart->rounds++;
}

static void take_sample(struct hystart *hystart, uint32_t rtt_us)
{
    if (rtt_us == 0)
        return;
    if (hystart->min_us == 0 || rtt_us < hystart->min_us)
        hystart->min_us = rtt_us;
    if (hystart->samples < UINT16_MAX)
        hystart->samples++;
}

static uint32_t threshold_us(const struct hystart *hystart)
{
    uint32_t part = hystart->last_min_us / MIN_RTT_DIVISOR;
    part = part < MAX_RTT_THRESH_US ? part : MAX_RTT_THRESH_US;
    return part > MIN_RTT_THRESH_US ? part : MIN_RTT_THRESH_US;
}

/* Into conservative slow start when the round trip has grown, and back when it has not after all.
 */
static void judge(struct hystart *hystart)
{
    if (hystart->samples < N_RTT_SAMPLE || hystart->min_us == 0)
        return;
    if (hystart->rounds == 0) {
        bool grown = hystart->last_min_us != 0 &&
                     hystart->min_us >= hystart->last_min_us + threshold_us(hystart);
        hystart->rounds = grown;
        hystart->baseline_us = grown ? hystart->min_us : 0;
    } else if (hystart->min_us < hystart->baseline_us) {
        hystart->rounds = 0;
        hystart->baseline_us = 0;
    }
}

uint32_t hystart_grow(struct hystart *hystart, struct congestion *congestion,
                      const struct congestion_ack *ack)
{
    if (congestion->window >= congestion->threshold ||
        congestion->threshold < CONGESTION_THRESHOLD_UNKNOWN)
        return congestion_slow_start(congestion, ack->acknowledged);
    if (!hystart->begun)
        begin_round(hystart, ack);
    take_sample(hystart, ack->rtt_us);
    judge(hystart);
    /* 4.2: a round ends when what was SND.NXT at its start is acknowledged. */
    if (seq_ge(ack->una, hystart->window_end))
        begin_round(hystart, ack);
    if (hystart->rounds > CSS_ROUNDS) {
        congestion->threshold = congestion->window;
        return ack->acknowledged;
    }
    uint32_t divisor = hystart->rounds != 0 ? CSS_GROWTH_DIVISOR : 1;
    return congestion_slow_start(congestion, ack->acknowledged / divisor);
}
