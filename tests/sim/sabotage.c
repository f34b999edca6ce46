/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "core/tcp/tcp_internal.h"
#include "tests/sim/sim.h"

/* Makes a host do wrong on purpose, once in a run: whoever looks for mistakes has to find these. */

static bool is_open(const struct tcp_connection *c)
{
    return (c->generation & 1) && c->state == CHASKI_TCP_ESTABLISHED;
}

/* A byte that waits to be read becomes another one. */
static bool change_byte(struct sim_host *at, struct tcp_connection *c)
{
    struct chaski_piece piece;
    (void)at;
    if (receive_queue_look(&c->receive, &piece, 1) != 1)
        return false;
    ((uint8_t *)(uintptr_t)piece.bytes)[piece.length - 1] ^= 1;
    return true;
}

/* A byte that waits to be read is gone. */
static bool lose_byte(struct sim_host *at, struct tcp_connection *c)
{
    (void)at;
    if (c->receive.length < 2)
        return false;
    receive_queue_consume(&c->receive, 1);
    return true;
}

static bool leak_packet(struct sim_host *at, struct tcp_connection *c)
{
    (void)c;
    return packet_take(&at->host->memory.packets, FOR_CONTROL) != NULL;
}

static bool leak_buffer(struct sim_host *at, struct tcp_connection *c)
{
    (void)c;
    return buffer_take(&at->host->memory.small, FOR_CONTROL) != NULL;
}

static bool miscount(struct sim_host *at, struct tcp_connection *c)
{
    (void)at;
    c->receive.charge++;
    return true;
}

/* Nothing tells any more that data is to be sent again. */
static bool forget_time(struct sim_host *at, struct tcp_connection *c)
{
    if (c->snd_una == c->snd_nxt)
        return false;
    c->send_at = TIMER_NEVER;
    tcp_timer_set(&at->host->tcp, c);
    return true;
}

static bool disarm(struct sim_host *at, struct tcp_connection *c)
{
    if (c->send_at == TIMER_NEVER)
        return false;
    timer_cancel(&at->host->wheel, &c->timer);
    return true;
}

static bool run_ahead(struct sim_host *at, struct tcp_connection *c)
{
    (void)at;
    c->snd_una = c->snd_nxt + 1;
    return true;
}

/* Ends it without a word to the peer or a reason for the application. */
static bool end_early(struct sim_host *at, struct tcp_connection *c)
{
    connection_end(&at->host->tcp, c, 0);
    return true;
}

/* The application is never told. */
static bool forget_events(struct sim_host *at, struct tcp_connection *c)
{
    (void)at;
    if (has(c, TCPF_POLLED) || c->closure == NULL)
        return false;
    c->closure = NULL;
    return true;
}

static const struct sabotage {
    const char *name;
    bool (*act)(struct sim_host *at, struct tcp_connection *c);
} sabotages[] = {
    {"change-byte", change_byte}, {"lose-byte", lose_byte},
    {"leak-packet", leak_packet}, {"leak-buffer", leak_buffer},
    {"miscount", miscount},       {"forget-time", forget_time},
    {"disarm", disarm},           {"run-ahead", run_ahead},
    {"end-early", end_early},     {"forget-events", forget_events},
};

enum { KINDS = sizeof sabotages / sizeof sabotages[0], WORLDS = 150 };

void sim_sabotage(struct sim *sim, struct sim_host *at)
{
    struct tcp *tcp = &at->host->tcp;
    for (uint32_t n = 0; n < tcp->connection_fresh && !sim->sabotaged; n++)
        if (is_open(&tcp->connections[n]))
            sim->sabotaged = sabotages[sim->job.sabotage - 1].act(at, &tcp->connections[n]);
}

bool sim_finds_mistakes(void)
{
    bool all = true;
    for (uint32_t kind = 1; kind <= KINDS; kind++) {
        uint32_t failed = 0, sabotaged = 0;
        for (uint64_t seed = 1; seed <= WORLDS; seed++) {
            struct sim_case job = {.seed = seed, .sabotage = kind};
            /* Here every failure to arrive counts. */
            job.off = SIM_ABORT | SIM_CROWD | SIM_IMPATIENT | SIM_OPTIONS | SIM_JUMP;
            struct sim_verdict verdict = sim_run_apart(&job);
            failed += verdict.failed;
            sabotaged += verdict.sabotaged;
        }
        bool found = sabotaged != 0 && failed >= sabotaged / 10 * 8;
        printf("%s %u - %s is found: %u of %u worlds\n", found ? "ok" : "not ok", kind,
               sabotages[kind - 1].name, failed, sabotaged);
        all = all && found;
    }
    return all;
}
