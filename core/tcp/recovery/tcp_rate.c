/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_rate.h"

#include "core/tcp/tcp_internal.h"

void rate_init(struct rate *rate, uint64_t now_ns)
{
    *rate = (struct rate){.delivered_us = clock_us(now_ns), .first_sent_us = clock_us(now_ns)};
}

struct rate_mark rate_sent(struct rate *rate, uint32_t in_flight, uint32_t length, uint64_t now_ns)
{
    if (in_flight == 0)
        rate->first_sent_us = rate->delivered_us = clock_us(now_ns);
    return (struct rate_mark){
        .delivered = rate->delivered,
        .delivered_us = rate->delivered_us,
        .first_sent_us = rate->first_sent_us,
        .lost = rate->lost,
        .in_flight = (in_flight + length) & (UINT32_MAX >> 1),
        .app_limited = rate->app_limited,
    };
}

void rate_out_of_data(struct rate *rate, uint32_t in_flight)
{
    rate->bubble = rate->delivered + in_flight;
    rate->app_limited = true;
}

/* More than any link carries; times any round trip it fits into 64 bits. */
#define MOST_BYTES_PER_S (UINT64_C(1) << 37)

/* A retransmission that seems to have arrived sooner than anything ever did was not needed: how
 * long the original took is not known (4.1.3.5). What takes no time by this clock, as a round trip
 * in memory may, takes one unit of it: without samples a rate that was low once would stay. */
static uint64_t bytes_per_s(uint32_t delivered, uint32_t interval_us, uint32_t min_rtt_us)
{
    interval_us = maximum(interval_us, 1);
    if (interval_us < min_rtt_us || interval_us > INT32_MAX)
        return 0;
    uint64_t rate = delivered * UINT64_C(1000000) / interval_us;
    return rate < MOST_BYTES_PER_S ? rate : MOST_BYTES_PER_S;
}

static void keep_for_info(struct rate *rate, const struct rate_sample *sample)
{
    if (sample->bytes_per_s == 0 ||
        (sample->app_limited && sample->bytes_per_s < rate->last_bytes_per_s))
        return;
    rate->last_bytes_per_s = sample->bytes_per_s;
    rate->sample_app_limited = sample->app_limited;
}

struct rate_sample rate_acknowledged(struct rate *rate, const struct sent_news *news,
                                     uint32_t min_rtt_us)
{
    uint32_t arrived = news->delivered + news->sacked, now_us = clock_us(news->now_ns);
    rate->lost += news->marked;
    if (arrived == 0)
        return (struct rate_sample){.arrived = false};
    const struct rate_mark *mark = &news->mark;
    uint32_t sent_us = clock_us(news->mark_sent_ns);
    uint32_t sending_us = sent_us - mark->first_sent_us, arriving_us = now_us - mark->delivered_us;
    rate->delivered += arrived;
    rate->segments += news->segments;
    rate->delivered_us = now_us;
    rate->first_sent_us = sent_us;
    if (rate->app_limited && seq_gt(rate->delivered, rate->bubble))
        rate->app_limited = false;
    struct rate_sample sample = {
        .delivered = rate->delivered - mark->delivered,
        .prior_delivered = mark->delivered,
        .lost = rate->lost - mark->lost,
        .in_flight = mark->in_flight,
        .arrived = true,
        .app_limited = mark->app_limited,
    };
    sample.bytes_per_s =
        bytes_per_s(sample.delivered, maximum(sending_us, arriving_us), min_rtt_us);
    keep_for_info(rate, &sample);
    return sample;
}
