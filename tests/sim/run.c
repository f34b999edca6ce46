/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

/* One case from beginning to end. */

static const uint64_t talk_time = 36000 * SIM_SECOND, quiet_time = 5000 * SIM_SECOND,
                      prompt_time = 300 * SIM_SECOND;

_Noreturn void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sim->why, sizeof sim->why, format, arguments);
    va_end(arguments);
    longjmp(sim->failed, 1);
}

/* ---- The pattern ---- */

static const uint8_t *pattern(void)
{
    static uint8_t bytes[SIM_PATTERN];
    static bool made;
    uint64_t state = 1;
    for (uint32_t i = 0; i < SIM_PATTERN && !made; i++)
        bytes[i] = (uint8_t)(random_next(&state) >> 56);
    made = true;
    return bytes;
}

void sim_fill(uint8_t *bytes, uint32_t length, uint64_t position)
{
    for (uint32_t done = 0; done < length;) {
        uint32_t at = (uint32_t)((position + done) % SIM_PATTERN), n = SIM_PATTERN - at;
        n = n < length - done ? n : length - done;
        memcpy(bytes + done, pattern() + at, n);
        done += n;
    }
}

bool sim_matches(const uint8_t *bytes, uint32_t length, uint64_t position)
{
    for (uint32_t done = 0; done < length;) {
        uint32_t at = (uint32_t)((position + done) % SIM_PATTERN), n = SIM_PATTERN - at;
        n = n < length - done ? n : length - done;
        if (memcmp(bytes + done, pattern() + at, n) != 0)
            return false;
        done += n;
    }
    return true;
}

/* ---- Running ---- */

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_event(struct sim *sim)
{
    uint64_t next = earliest(sim_world_next(sim), sim_flows_next(sim));
    next = earliest(next, sim_weather_next(sim));
    return earliest(next, sim_datagrams_next(sim));
}

/* Where nothing is lost and nobody dawdles, nobody has to wait long. */
static void check_promptness(struct sim *sim)
{
    static const uint32_t slow = SIM_LOSS | SIM_CORRUPT | SIM_RATE | SIM_HOLES | SIM_FREEZE |
                                 SIM_JUMP | SIM_FAIL | SIM_SCARCE | SIM_CROWD | SIM_COOKIES |
                                 SIM_STALL | SIM_ABORT | SIM_OPTIONS | SIM_STRANGE |
                                 SIM_AGAIN; /* who comes again may have to sit TIME-WAIT out */
    if (!(sim->plan.on & slow) && sim->now_ns - sim->start_ns > prompt_time)
        sim_fail(sim, "nothing was lost, and yet it took longer than five minutes");
}

/* True when it is over, false when it was to stop before. */
static bool talk(struct sim *sim)
{
    uint64_t end = sim->start_ns + talk_time;
    uint64_t stop = sim->job.stop_ns != 0 ? sim->start_ns + sim->job.stop_ns : UINT64_MAX;
    for (;;) {
        sim_weather_act(sim);
        sim_datagrams_act(sim);
        sim_flows_act(sim);
        sim_settle(sim);
        sim_flows_notice(sim);
        if (sim_flows_over(sim)) {
            check_promptness(sim);
            return true;
        }
        uint64_t next = next_event(sim);
        if (next > stop)
            return false;
        if (next == UINT64_MAX)
            sim_fail(sim, "nothing would ever happen again, and flows are not over");
        if (next > end + (sim->jumped_far ? UINT64_C(1) << 56 : 0))
            sim_fail(sim, "flows are not over after ten hours");
        sim->now_ns = next > sim->now_ns ? next : sim->now_ns;
    }
}

/* All that was going on comes to its end by itself. */
static void fall_silent(struct sim *sim)
{
    uint64_t end = sim->now_ns + quiet_time;
    sim_weather_end(sim);
    sim_datagrams_end(sim);
    sim_flows_judge(sim);
    for (;;) {
        sim_settle(sim);
        uint64_t next = sim_world_next(sim);
        if (next > end)
            break;
        sim->now_ns = next;
    }
    sim_check_idle(sim);
}

static void run(struct sim *sim)
{
    sim_plan_make(sim);
    sim_world_make(sim);
    sim_flows_begin(sim);
    sim_weather_begin(sim);
    sim_datagrams_begin(sim);
    if (talk(sim))
        fall_silent(sim);
}

/* False when something did not hold. */
static bool runs_well(struct sim *sim)
{
    if (setjmp(sim->failed) != 0)
        return false;
    run(sim);
    return true;
}

struct sim_verdict sim_run(const struct sim_case *job, const struct sim_telling *telling)
{
    struct sim_verdict verdict = {.failed = false};
    struct pcap_writer writer;
    struct sim *sim = calloc(1, sizeof *sim);
    if (sim == NULL)
        abort();
    sim->job = *job;
    if (telling != NULL && telling->trace != NULL) {
        if (!pcap_create(&writer, telling->trace, PCAP_CLOCK_VIRTUAL, sim->why, sizeof sim->why)) {
            fprintf(stderr, "sim: %s\n", sim->why);
            exit(2);
        }
        sim->trace = &writer;
    }
    verdict.failed = !runs_well(sim);
    verdict.sabotaged = sim->sabotaged;
    verdict.virtual_ns = sim->now_ns - sim->start_ns;
    verdict.frames = sim->frames;
    memcpy(verdict.why, sim->why, sizeof verdict.why);
    if (telling != NULL && telling->plan)
        sim_plan_tell(sim);
    if (telling != NULL && (telling->plan || verdict.failed))
        sim_flows_tell(sim);
    if (sim->trace != NULL && !pcap_close(&writer, sim->why, sizeof sim->why))
        fprintf(stderr, "sim: %s\n", sim->why);
    sim_world_free(sim);
    free(sim);
    return verdict;
}
