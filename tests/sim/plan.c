/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/sim.h"

/* What a world is like. Most are small, so that many can be seen; a few have dozens of hosts. */

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define PICK(state, values) ((values)[random_below(state, COUNT(values))])

uint32_t sim_some(uint64_t *state, uint32_t most)
{
    uint32_t bits = 0;
    while (bits < 31 && most >> bits != 0)
        bits++;
    uint32_t scale = 1u << random_below(state, bits + 1);
    return 1 + random_below(state, scale < most ? scale : most);
}

uint64_t sim_some_time(uint64_t *state, uint64_t least, uint64_t most)
{
    uint32_t doublings = 0;
    while (doublings < 63 && least << (doublings + 1) <= most)
        doublings++;
    uint64_t scale = least << random_below(state, doublings + 1);
    uint64_t time = scale + random_next(state) % scale;
    return time < most ? time : most;
}

static void choose_features(struct sim *sim)
{
    static const uint32_t odds[] = {
#define ODDS(name, word, odds) odds,
        SIM_FEATURES(ODDS)
#undef ODDS
    };
    uint64_t random = sim_stream(sim->job.seed, SIM_OF_FEATURES, 0);
    for (uint32_t i = 0; i < SIM_FEATURE_COUNT; i++)
        if (sim_one_in(&random, odds[i]))
            sim->plan.on |= 1u << i;
    sim->plan.on &= ~sim->job.off;
}

static uint32_t at_most(uint32_t value, uint32_t most)
{
    return most != 0 && most < value ? most : value;
}

static void choose_size(struct sim *sim, uint64_t *random)
{
    struct sim_plan *plan = &sim->plan;
    uint32_t chance = random_below(random, 200);
    plan->hosts = 2;
    if (chance >= 199)
        plan->hosts = 17 + random_below(random, SIM_HOSTS - 16);
    else if (chance >= 190)
        plan->hosts = 5 + random_below(random, 12);
    else if (chance >= 150)
        plan->hosts = 3 + random_below(random, 2);
    plan->flows = plan->hosts > 4 ? plan->hosts + random_below(random, plan->hosts / 2)
                                  : 1 + random_below(random, 4);
    uint32_t most = sim->job.hosts_most;
    plan->hosts = at_most(plan->hosts, most < 2 && most != 0 ? 2 : most);
    plan->flows = at_most(at_most(plan->flows, SIM_FLOWS), sim->job.flows_most);
}

static void choose_links(struct sim *sim, uint64_t *random)
{
    static const uint16_t mtus[] = {68, 100, 296, 576, 1280, 1400, 1500, 4000, 9000, 65535};
    struct sim_plan *plan = &sim->plan;
    uint16_t mtu = PICK(random, mtus);
    unsigned features = sim_one_in(random, 2) ? LINK_CHECKSUM : LINK_CHECKSUM | LINK_CUT;
    plan->mtu = sim_has(sim, SIM_MTU) ? mtu : 1500;
    if (plan->hosts > 4 && plan->mtu > 1500)
        plan->mtu = 1500;
    if (sim_has(sim, SIM_OFFLOAD))
        plan->link_features = features;
    if (sim_has(sim, SIM_NARROW)) /* routers see what is on the wire */
        plan->link_features &= ~(unsigned)LINK_CUT;
    plan->copy = !sim_has(sim, SIM_SHARE);
}

static struct memory_wire_impairment choose_harm(const struct sim *sim, uint64_t *random)
{
    static const uint32_t losses[] = {1000, 5000, 10000, 50000, 100000, 200000};
    static const uint32_t chances[] = {1000, 10000, 100000};
    static const uint32_t rates_kbit[] = {64, 1000, 10000, 100000};
    struct memory_wire_impairment all = {
        .loss = PICK(random, losses),
        .duplicate = PICK(random, chances),
        .reorder = PICK(random, chances),
        .corrupt = PICK(random, chances) / 2,
        .delay_ns = sim_some_time(random, 10 * SIM_MICROSECOND, 400 * SIM_MILLISECOND),
        .jitter_ns = sim_some_time(random, SIM_MICROSECOND, 30 * SIM_MILLISECOND),
        .reorder_ns = sim_some_time(random, SIM_MICROSECOND, 60 * SIM_MILLISECOND),
        .rate_bits = PICK(random, rates_kbit) * UINT64_C(1000),
    };
    all.queue_bytes = (sim->plan.mtu + 18u) * (2 + random_below(random, 60));
    struct memory_wire_impairment harm = {.reorder_ns = all.reorder_ns};
    harm.loss = sim_has(sim, SIM_LOSS) ? all.loss : 0;
    harm.duplicate = sim_has(sim, SIM_DUPLICATE) ? all.duplicate : 0;
    harm.reorder = sim_has(sim, SIM_REORDER) ? all.reorder : 0;
    harm.corrupt = sim_has(sim, SIM_CORRUPT) ? all.corrupt : 0;
    harm.delay_ns = sim_has(sim, SIM_DELAY) ? all.delay_ns : 0;
    harm.jitter_ns = sim_has(sim, SIM_JITTER) ? all.jitter_ns : 0;
    harm.rate_bits = sim_has(sim, SIM_RATE) ? all.rate_bits : 0;
    harm.queue_bytes = sim_has(sim, SIM_RATE) ? all.queue_bytes : 0;
    harm.mark_bytes = harm.queue_bytes / 4;
    return harm;
}

static void choose_harms(struct sim *sim)
{
    struct sim_plan *plan = &sim->plan;
    uint64_t random = sim_stream(sim->job.seed, SIM_OF_HARM, 0);
    plan->harm[0] = choose_harm(sim, &random);
    plan->harm[1] = choose_harm(sim, &random);
    if (sim_one_in(&random, 2))
        plan->harm[1] = plan->harm[0];
    for (unsigned i = 0; i < 2; i++)
        plan->lossy |= plan->harm[i].loss + plan->harm[i].corrupt >= 50000;
    plan->harmful =
        sim_has(sim, SIM_LOSS | SIM_DUPLICATE | SIM_REORDER | SIM_CORRUPT | SIM_RATE | SIM_HOLES |
                         SIM_NARROW | SIM_FREEZE | SIM_JUMP | SIM_FAIL | SIM_SCARCE);
}

static bool is_slow(const struct sim_plan *plan)
{
    for (unsigned i = 0; i < 2; i++)
        if (plan->harm[i].rate_bits != 0 && plan->harm[i].rate_bits <= 64000)
            return true;
    return false;
}

/* As many bytes as such a world can carry in reasonable time, real and virtual. */
static void choose_lengths(struct sim *sim, uint64_t *random)
{
    struct sim_plan *plan = &sim->plan;
    plan->longest = sim_one_in(random, 40) ? 1000000 : 60000;
    if (plan->lossy || plan->mtu < 576 || plan->hosts > 4)
        plan->longest = 30000;
    if (is_slow(plan) || (plan->lossy && plan->mtu < 576) || plan->hosts > 16)
        plan->longest = 6000;
    plan->longest >>= sim->job.shorter < 31 ? sim->job.shorter : 31;
    if (plan->longest == 0)
        plan->longest = 1;
}

static void choose_limits(struct sim *sim, uint64_t *random)
{
    struct sim_plan *plan = &sim->plan;
    struct chaski_limits *limits = &plan->limits;
    bool large = plan->hosts <= 4;
    *limits = (struct chaski_limits){
        .interfaces = 1,
        .addresses = 2,
        .routes = 4,
        .neighbours = plan->hosts + 4,
        .groups = 2,
        .reassemblies = 4,
        .paths = 8,
        .listeners = 2,
        .connections = 2 * plan->flows + 2,
        .half_open = 8,
        .time_wait = 16,
        .udp_sockets = 2,
        .packets = large ? 1024 : 256,
        .small_buffers = large ? 384 : 128,
        .large_buffers = large ? 32 : 8,
        .receive_buffer_max = large ? 1 << 20 : 1 << 17,
        .send_buffer_max = large ? 1 << 20 : 1 << 17,
    };
    uint32_t half_open = random_below(random, 2), few = 1 + random_below(random, 3);
    if (sim_has(sim, SIM_SCARCE)) {
        limits->packets = limits->small_buffers = 64;
        limits->large_buffers = 8;
        limits->receive_buffer_max = limits->send_buffer_max = 32768;
    }
    if (sim_has(sim, SIM_COOKIES))
        limits->half_open = half_open;
    if (sim_has(sim, SIM_CROWD)) {
        limits->connections = few;
        limits->time_wait = few;
        limits->neighbours = 1 + few;
    }
    plan->fail_every = sim_has(sim, SIM_FAIL) ? 20 + sim_some(random, 2000) : 0;
    /* What ICMP errors would tell is not believed then, and a SYN takes 76 bytes. */
    bool wide = !sim_has(sim, SIM_NARROW) && plan->mtu >= 76;
    if (sim_has(sim, SIM_KNOBS) && wide && sim_one_in(random, 6))
        limits->ao_keys = 2;
}

void sim_plan_make(struct sim *sim)
{
    uint64_t random = sim_stream(sim->job.seed, SIM_OF_PLAN, 0);
    choose_features(sim);
    choose_size(sim, &random);
    choose_links(sim, &random);
    choose_harms(sim);
    choose_lengths(sim, &random);
    choose_limits(sim, &random);
}
