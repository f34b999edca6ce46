/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

/* A case as words of a command line, and back. */

static const char *const features[] = {
#define WORD(name, word, odds) word,
    SIM_FEATURES(WORD)
#undef WORD
};

static void features_words(uint32_t set, char *words, size_t size)
{
    size_t used = 0;
    words[0] = '\0';
    for (uint32_t i = 0; i < SIM_FEATURE_COUNT; i++)
        if (set & 1u << i)
            used += (size_t)snprintf(words + used, size - used, "%s%s", used != 0 ? "," : "",
                                     features[i]);
}

char *sim_case_words(const struct sim_case *job, char *words)
{
    char *at = words, *end = words + SIM_WORDS, off[SIM_WORDS / 2];
    at += snprintf(at, (size_t)(end - at), "--seed %" PRIu64, job->seed);
    if (job->hosts_most != 0)
        at += snprintf(at, (size_t)(end - at), " --hosts %u", job->hosts_most);
    if (job->flows_most != 0)
        at += snprintf(at, (size_t)(end - at), " --flows %u", job->flows_most);
    if (job->shorter != 0)
        at += snprintf(at, (size_t)(end - at), " --shorter %u", job->shorter);
    if (job->stop_ns != 0)
        at += snprintf(at, (size_t)(end - at), " --stop %" PRIu64, job->stop_ns);
    features_words(job->off, off, sizeof off);
    if (job->off != 0)
        snprintf(at, (size_t)(end - at), " --off %s", off);
    return words;
}

static bool parse_features(const char *text, uint32_t *set)
{
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        uint32_t i = 0;
        while (i < SIM_FEATURE_COUNT &&
               (strlen(features[i]) != length || strncmp(features[i], text, length) != 0))
            i++;
        if (i == SIM_FEATURE_COUNT)
            return false;
        *set |= 1u << i;
        text += length + (text[length] == ',');
    }
    return true;
}

static bool parse_number(const char *text, uint64_t *number)
{
    char *end;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0';
}

bool sim_case_option(struct sim_case *job, int count, char **words, int *at)
{
    const char *option = words[*at];
    uint64_t number;
    if (*at + 1 >= count)
        return false;
    const char *value = words[*at + 1];
    if (strcmp(option, "--off") == 0 && parse_features(value, &job->off)) {
        *at += 1;
        return true;
    }
    if (!parse_number(value, &number))
        return false;
    if (strcmp(option, "--seed") == 0)
        job->seed = number;
    else if (strcmp(option, "--hosts") == 0)
        job->hosts_most = (uint32_t)number;
    else if (strcmp(option, "--flows") == 0)
        job->flows_most = (uint32_t)number;
    else if (strcmp(option, "--shorter") == 0)
        job->shorter = (uint32_t)number;
    else if (strcmp(option, "--stop") == 0)
        job->stop_ns = number;
    else
        return false;
    *at += 1;
    return true;
}

void sim_plan_tell(const struct sim *sim)
{
    const struct sim_plan *plan = &sim->plan;
    char words[SIM_WORDS];
    features_words(plan->on, words, sizeof words);
    fprintf(stderr, "  %u hosts, %u flows, mtu %u, %s\n", plan->hosts, plan->flows, plan->mtu,
            words);
    for (unsigned i = 0; i < 2; i++) {
        const struct memory_wire_impairment *harm = &plan->harm[i];
        fprintf(stderr,
                "  loss %u duplicate %u corrupt %u reorder %u per million by %" PRIu64
                " us, delay %" PRIu64 " us jitter %" PRIu64 " us, %" PRIu64 " bit/s queue %u\n",
                harm->loss, harm->duplicate, harm->corrupt, harm->reorder, harm->reorder_ns / 1000,
                harm->delay_ns / 1000, harm->jitter_ns / 1000, harm->rate_bits, harm->queue_bytes);
    }
}
