/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>

#include "tests/fuzz/host.h"
#include "tests/sim/sim.h"

/* The simulator's invariants, asked of a world that has one host and no wire. */

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list arguments;
    (void)sim;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    abort();
}

static struct sim *seen_as_sim(const struct world *world)
{
    static struct sim sim;
    sim.now_ns = world->now;
    sim.hosts[0].host = world->host;
    return &sim;
}

void host_check(struct world *world)
{
    struct sim *sim = seen_as_sim(world);
    sim_check_host(sim, &sim->hosts[0]);
}

void host_check_rest(struct world *world)
{
    struct sim *sim = seen_as_sim(world);
    sim_check_rest(sim, &sim->hosts[0]);
    for (unsigned i = 0; i < HOST_LOANS; i++)
        must(!world->loans[i].lent);
}
