/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim.h"

/* Makes a failing case smaller, one step after the other, as long as it fails. Which way it fails
 * may change: whatever it is, it is wrong. */

static bool still_fails(const struct sim_case *job, struct sim_verdict *verdict)
{
    *verdict = sim_run_apart(job);
    char words[SIM_WORDS];
    fprintf(stderr, "%s %s\n", verdict->failed ? "fails " : "passes", sim_case_words(job, words));
    return verdict->failed;
}

/* Takes the change over when the case fails with it. */
static bool try_case(struct sim_case *best, const struct sim_case *changed)
{
    struct sim_verdict verdict;
    if (!still_fails(changed, &verdict))
        return false;
    *best = *changed;
    return true;
}

static bool fewer_features(struct sim_case *best)
{
    bool smaller = false;
    for (uint32_t i = 0; i < SIM_FEATURE_COUNT; i++) {
        struct sim_case changed = *best;
        changed.off |= 1u << i;
        if (changed.off != best->off)
            smaller |= try_case(best, &changed);
    }
    return smaller;
}

static bool fewer_hosts_and_flows(struct sim_case *best)
{
    bool smaller = false;
    struct sim_case changed = *best;
    for (uint32_t n = 2; n < (best->hosts_most != 0 ? best->hosts_most : 9); n *= 2) {
        changed.hosts_most = n;
        if (try_case(best, &changed))
            smaller = true;
    }
    changed = *best;
    for (uint32_t n = 1; n < (best->flows_most != 0 ? best->flows_most : 9); n++) {
        changed.flows_most = n;
        if (try_case(best, &changed))
            smaller = true;
    }
    return smaller;
}

static bool shorter_streams(struct sim_case *best)
{
    bool smaller = false;
    for (uint32_t n = 16; n > best->shorter; n--) {
        struct sim_case changed = *best;
        changed.shorter = n;
        smaller |= try_case(best, &changed);
    }
    return smaller;
}

/* The run ends just behind the failure, when it is not about the end. */
static void earlier_stop(struct sim_case *best)
{
    struct sim_verdict verdict;
    struct sim_case changed = *best;
    changed.stop_ns = 0;
    if (!still_fails(&changed, &verdict) || verdict.virtual_ns == 0)
        return;
    changed.stop_ns = verdict.virtual_ns;
    try_case(best, &changed);
}

struct sim_case sim_shrink(const struct sim_case *job)
{
    struct sim_case best = *job;
    struct sim_verdict verdict;
    if (!still_fails(job, &verdict))
        return best;
    bool smaller = true;
    for (unsigned round = 0; smaller && round < 4; round++) {
        smaller = fewer_features(&best);
        smaller |= fewer_hosts_and_flows(&best);
        smaller |= shorter_streams(&best);
    }
    earlier_stop(&best);
    return best;
}
