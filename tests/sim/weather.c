/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/sim.h"

/*
 * What changes while the hosts talk: ways that lose everything for a while, routes that become
 * narrower and wide again, hosts that do not run for a while, clocks that jump. It happens a few
 * times at the beginning of a run, where the traffic is, and all of it ends.
 */

enum { CHANGES_MOST = 8 };

/* A few of these still make round trips that the estimator can hold. */
static const uint64_t LONGEST_JUMP = 10000ull * 3600 * SIM_SECOND;

static uint32_t draw(struct sim *sim, uint32_t limit)
{
    return random_below(&sim->weather_random, limit);
}

static void schedule(struct sim *sim)
{
    uint64_t pause = sim_some_time(&sim->weather_random, SIM_MILLISECOND, 10 * SIM_SECOND);
    sim->weather_at_ns = sim->weather_left-- != 0 ? sim->now_ns + pause : UINT64_MAX;
}

void sim_weather_begin(struct sim *sim)
{
    sim->weather_random = sim_stream(sim->job.seed, SIM_OF_WEATHER, 0);
    sim->fail_random = sim_stream(sim->job.seed, SIM_OF_FAILURES, 0);
    sim->hole_until_ns = sim->weather_at_ns = UINT64_MAX;
    if (!sim_has(sim, SIM_HOLES | SIM_NARROW | SIM_FREEZE | SIM_JUMP))
        return;
    sim->weather_left = 1 + draw(sim, CHANGES_MOST);
    schedule(sim);
}

static void make_usual(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->plan.hosts; i++)
        for (uint32_t j = 0; j < sim->plan.hosts; j++)
            memory_wire_impair(sim->wire, (int)i, (int)j, &sim->plan.harm[i > j]);
    sim->hole_until_ns = UINT64_MAX;
}

/* One host's frames vanish: those from it, those to it, or both. */
static void open_hole(struct sim *sim)
{
    static const struct memory_wire_impairment hole = {.loss = 1000000};
    int host = (int)draw(sim, sim->plan.hosts);
    uint32_t ways = 1 + draw(sim, 3);
    if (ways & 1)
        memory_wire_impair(sim->wire, host, MEMORY_WIRE_EVERY, &hole);
    if (ways & 2)
        memory_wire_impair(sim->wire, MEMORY_WIRE_EVERY, host, &hole);
    sim->hole_until_ns =
        sim->now_ns + sim_some_time(&sim->weather_random, SIM_MILLISECOND, 60 * SIM_SECOND);
    sim->disturbed = true;
}

static void change_path(struct sim *sim)
{
    static const uint32_t mtus[] = {576, 600, 1000, 1280, 1400, 1492, 1500, 65535};
    sim->hosts[draw(sim, sim->plan.hosts)].path_mtu = mtus[draw(sim, 8)];
}

static void freeze(struct sim *sim)
{
    struct sim_host *at = &sim->hosts[draw(sim, sim->plan.hosts)];
    uint64_t span = sim_some_time(&sim->weather_random, SIM_MILLISECOND, 30 * SIM_SECOND);
    at->frozen_until_ns = sim->now_ns + span;
    sim->disturbed = true;
}

/* A machine that slept: what was due meanwhile is due all at once. */
static void jump(struct sim *sim)
{
    bool far = draw(sim, 4) == 0;
    uint64_t most = far ? LONGEST_JUMP : 2 * SIM_SECOND;
    sim->now_ns += sim_some_time(&sim->weather_random, SIM_MILLISECOND, most);
    sim->jumped_far |= far;
}

static void change(struct sim *sim)
{
    static const uint32_t kinds[] = {SIM_HOLES, SIM_NARROW, SIM_FREEZE, SIM_JUMP};
    uint32_t kind = kinds[draw(sim, 4)];
    while (!sim_has(sim, kind))
        kind = kinds[draw(sim, 4)];
    if (kind == SIM_HOLES)
        open_hole(sim);
    else if (kind == SIM_NARROW)
        change_path(sim);
    else if (kind == SIM_FREEZE)
        freeze(sim);
    else
        jump(sim);
}

void sim_weather_act(struct sim *sim)
{
    if (sim->hole_until_ns <= sim->now_ns)
        make_usual(sim);
    if (sim->weather_at_ns > sim->now_ns)
        return;
    change(sim);
    schedule(sim);
}

uint64_t sim_weather_next(const struct sim *sim)
{
    return sim->weather_at_ns < sim->hole_until_ns ? sim->weather_at_ns : sim->hole_until_ns;
}

void sim_weather_end(struct sim *sim)
{
    make_usual(sim);
    sim->weather_at_ns = UINT64_MAX;
    sim->plan.fail_every = 0;
    for (uint32_t i = 0; i < sim->plan.hosts; i++) {
        sim->hosts[i].frozen_until_ns = 0;
        sim->hosts[i].path_mtu = UINT16_MAX + 1;
    }
}
