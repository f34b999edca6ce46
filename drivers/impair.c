/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/impair.h"

/*
 * The rate limit is a line that is busy until a certain time: a frame begins when the line is
 * free and arrives its length later, and the bytes that wait follow from how long the line is
 * busy, so that nothing else need be kept.
 */

enum { DEFAULT_REORDER_NS = 1000000, ETHERNET_HEADER = 14 };

static const uint64_t SECOND_NS = 1000000000;
static const uint64_t NEVER = UINT64_MAX;

void impair_init(struct impair *impair, uint64_t seed, uint64_t stream)
{
    *impair = (struct impair){.plain = true, .random.key = {seed, stream}, .queue_ns = NEVER};
}

/* Whether it would change nothing. */
static bool changes_nothing(const struct impairment *impairment)
{
    return (impairment->loss | impairment->duplicate | impairment->corrupt | impairment->reorder) ==
               0 &&
           (impairment->delay_ns | impairment->jitter_ns | impairment->rate_bits) == 0;
}

void impair_set(struct impair *impair, const struct impairment *impairment)
{
    impair->impairment = *impairment;
    impair->plain = changes_nothing(impairment);
    impair->bytes_per_second = impairment->rate_bits / 8;
    if (impairment->rate_bits != 0 && impair->bytes_per_second == 0)
        impair->bytes_per_second = 1;
    impair->queue_ns = NEVER;
    impair->mark_ns = 0;
    if (impair->bytes_per_second == 0) {
        impair->busy_until_ns = 0;
        return;
    }
    impair->mark_ns = impairment->mark_bytes * SECOND_NS / impair->bytes_per_second;
    if (impairment->queue_bytes != 0)
        impair->queue_ns = impairment->queue_bytes * SECOND_NS / impair->bytes_per_second;
}

static bool chance(struct impair *impair, uint32_t per_million)
{
    return per_million != 0 && random_draw_below(&impair->random, IMPAIR_MILLION) < per_million;
}

/* When a frame of `length` bytes has left the sender; NEVER when it finds the queue full. */
static uint64_t departure(struct impair *impair, uint32_t length, uint64_t now_ns)
{
    if (impair->bytes_per_second == 0)
        return now_ns;
    uint64_t begins = impair->busy_until_ns > now_ns ? impair->busy_until_ns : now_ns;
    uint64_t ends = begins + length * SECOND_NS / impair->bytes_per_second;
    if (begins > now_ns && ends - now_ns > impair->queue_ns)
        return NEVER;
    impair->busy_until_ns = ends;
    return ends;
}

static uint64_t arrival(struct impair *impair, uint64_t departs_ns, bool *reordered)
{
    const struct impairment *impairment = &impair->impairment;
    uint64_t due = departs_ns + impairment->delay_ns;
    if (impairment->jitter_ns != 0)
        due += random_draw(&impair->random) % (impairment->jitter_ns + 1);
    if (due < impair->last_due_ns)
        due = impair->last_due_ns;
    impair->last_due_ns = due;
    *reordered = chance(impair, impairment->reorder);
    if (!*reordered)
        return due;
    return due + (impairment->reorder_ns != 0 ? impairment->reorder_ns : DEFAULT_REORDER_NS);
}

struct impair_fate impair_judge(struct impair *impair, uint32_t length, bool checked,
                                uint64_t now_ns)
{
    struct impair_fate fate = {.end = IMPAIR_OVERFLOWED};
    uint64_t departs_ns = departure(impair, length, now_ns);
    if (departs_ns == NEVER)
        return fate;
    fate.end = IMPAIR_LOST;
    fate.mark = impair->mark_ns != 0 && departs_ns - now_ns > impair->mark_ns;
    if (chance(impair, impair->impairment.loss))
        return fate;
    fate.due_ns = arrival(impair, departs_ns, &fate.reordered);
    fate.corrupt = chance(impair, impair->impairment.corrupt);
    if (fate.corrupt && (!checked || length <= ETHERNET_HEADER))
        return fate;
    if (fate.corrupt) {
        fate.corrupt_at = (uint32_t)random_draw_below(&impair->random, length - ETHERNET_HEADER);
        fate.corrupt_by = (uint8_t)(1 + random_draw_below(&impair->random, 255));
    }
    fate.duplicate = chance(impair, impair->impairment.duplicate);
    fate.end = IMPAIR_ARRIVES;
    return fate;
}
