/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/demo/demo.h"

/*
 * Each measurement is one closure that goes on from event to event, on one connection at a time,
 * until the time is over. The clock is read where the client's program would read it.
 */
enum { PIECES = 16, ROOM = 64 << 10, SAMPLES_MAX = 1 << 20 };

#define PATIENCE_NS UINT64_C(2000000000) /* beyond the time that is measured */

struct work {
    struct demo *demo;
    uint16_t port;
    chaski_tcp_closure *closure;
    chaski_tcp connection;
    uint64_t began_ns, end_ns, ended_ns;
    bool over, good;
    uint64_t count; /* of bytes or exchanges */
    bool shut;
    size_t size, got; /* of a message there and back */
    uint64_t said_ns;
};

static char outgoing[ROOM], incoming[ROOM];
static uint32_t samples[SAMPLES_MAX]; /* ns */

static void finish(struct work *work, bool good)
{
    work->ended_ns = system_now();
    work->good = good;
    work->over = true;
}

static void begin(struct work *work)
{
    struct chaski_tcp_connect connect = {
        .remote = {.address = memory_pair_address(SERVER), .port = work->port},
        .receive = work->closure,
        .context = work};

    if (chaski_tcp_connect(work->demo->pair.side[CLIENT].host, &connect, &work->connection) < 0)
        finish(work, false);
}

/* Works for `duration_ns`; false when it could not go on. */
static bool run(struct work *work, uint64_t duration_ns)
{
    struct demo *demo = work->demo;

    work->began_ns = system_now();
    work->end_ns = work->began_ns + duration_ns;
    demo->limit_ns = work->end_ns + PATIENCE_NS;
    begin(work);
    demo_wait(demo, &work->over);
    memory_pair_abort_all(&demo->pair);
    return work->good;
}

static double seconds(const struct work *work)
{
    return (double)(work->ended_ns - work->began_ns) / 1e9;
}

/* ---- Bulk ---------------------------------------------------------------------------------- */

static void write_more(struct work *work, struct chaski *host)
{
    long written;

    do {
        written = chaski_tcp_write(host, work->connection, outgoing, sizeof outgoing);
        if (written > 0)
            work->count += (uint64_t)written;
    } while (written == sizeof outgoing);
}

/* Until the server has read the last byte, which its own close tells. */
static void on_to(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct work *work = context;
    long got = chaski_tcp_read(host, connection, incoming, sizeof incoming);

    (void)events;
    if (got != CHASKI_AGAIN) {
        finish(work, got == 0 && work->shut);
    } else if (!work->shut && system_now() < work->end_ns) {
        write_more(work, host);
    } else if (!work->shut) {
        work->shut = true;
        chaski_tcp_shutdown(host, connection);
    }
}

static void on_from(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct work *work = context;
    struct chaski_piece pieces[PIECES];
    int count;

    (void)events;
    while ((count = chaski_tcp_look(host, connection, pieces, PIECES)) > 0) {
        size_t length = 0;
        for (int i = 0; i < count; i++)
            length += pieces[i].length;
        chaski_tcp_consume(host, connection, length);
        work->count += length;
    }
    if (count != CHASKI_AGAIN)
        finish(work, false);
    else if (system_now() >= work->end_ns)
        finish(work, true);
}

/* Gbit/s, or -1. */
static double bulk(struct demo *demo, uint16_t port, chaski_tcp_closure *closure,
                   uint64_t duration_ns)
{
    struct work work = {.demo = demo, .port = port, .closure = closure};

    if (!run(&work, duration_ns))
        return -1;
    return (double)work.count * 8 / 1e9 / seconds(&work);
}

/* ---- Exchanges ----------------------------------------------------------------------------- */

static void say(struct work *work, struct chaski *host)
{
    work->got = 0;
    work->said_ns = system_now();
    if (chaski_tcp_write(host, work->connection, outgoing, work->size) != (long)work->size)
        finish(work, false);
}

/* Reads what comes back: 1 when all of it has, 0 not yet, -1 when it is something else. */
static int hear(struct work *work, struct chaski *host)
{
    long got;

    while (work->got < work->size) {
        got = chaski_tcp_read(host, work->connection, incoming + work->got, work->size - work->got);
        if (got <= 0)
            return got == CHASKI_AGAIN ? 0 : -1;
        work->got += (size_t)got;
    }
    return memcmp(incoming, outgoing, work->size) == 0 ? 1 : -1;
}

static void on_echo(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct work *work = context;

    if (work->over)
        return;
    if ((events & CHASKI_CONNECTED) != 0) {
        chaski_tcp_set(host, connection, CHASKI_TCP_NODELAY, 1);
        say(work, host);
        return;
    }
    int heard = hear(work, host);
    if (heard == 0)
        return;
    uint64_t now = system_now();
    samples[work->count++] = (uint32_t)(now - work->said_ns);
    if (heard < 0 || now >= work->end_ns || work->count == SAMPLES_MAX)
        finish(work, heard > 0);
    else
        say(work, host);
}

static int by_value(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* The median in microseconds, or -1. */
static double echo(struct demo *demo, size_t size, uint64_t duration_ns)
{
    struct work work = {.demo = demo, .port = DEMO_ECHO_PORT, .closure = on_echo, .size = size};

    if (!run(&work, duration_ns))
        return -1;
    qsort(samples, work.count, sizeof *samples, by_value);
    uint64_t middle = work.count / 2;
    return samples[middle] / 1e3;
}

/* Connect, one byte there and back, reset (so that no TIME-WAIT entry keeps the port); then the
 * next. */
static void on_connection(void *context, struct chaski *host, chaski_tcp connection,
                          unsigned events)
{
    struct work *work = context;

    if (work->over)
        return;
    if ((events & CHASKI_CONNECTED) != 0) {
        say(work, host);
        return;
    }
    int heard = hear(work, host);
    if (heard == 0)
        return;
    chaski_tcp_abort(host, connection);
    work->count++;
    if (heard < 0 || system_now() >= work->end_ns)
        finish(work, heard > 0);
    else
        begin(work);
}

/* A second, or -1. */
static double connections(struct demo *demo, uint64_t duration_ns)
{
    struct work work = {.demo = demo, .port = DEMO_ECHO_PORT, .closure = on_connection, .size = 1};

    return run(&work, duration_ns) ? (double)work.count / seconds(&work) : -1;
}

/* ---- The table ----------------------------------------------------------------------------- */

static unsigned row(const char *name, double value)
{
    if (value < 0)
        printf("  %-28s%17s\n", name, "failed");
    else
        printf("  %-28s%17.1f\n", name, value);
    return value < 0;
}

struct figures {
    double to, from, echo_100, echo_4096, connections; /* below 0: failed */
};

static struct figures measure_all(struct demo *demo, uint64_t duration_ns)
{
    memset(outgoing, 'x', sizeof outgoing);
    return (struct figures){
        .to = bulk(demo, DEMO_DISCARD_PORT, on_to, duration_ns),
        .from = bulk(demo, DEMO_CHARGEN_PORT, on_from, duration_ns),
        .echo_100 = echo(demo, 100, duration_ns),
        .echo_4096 = echo(demo, 4096, duration_ns),
        .connections = connections(demo, duration_ns),
    };
}

/* How many rows of it have failed. */
static unsigned show_table(const struct figures *figures)
{
    unsigned failed = 0;

    printf("  %-28s%17s\n", "", "chaski to chaski");
    failed += row("to the server, Gbit/s", figures->to);
    failed += row("from the server, Gbit/s", figures->from);
    failed += row("echo of 100 bytes, p50 us", figures->echo_100);
    failed += row("echo of 4096 bytes, p50 us", figures->echo_4096);
    failed += row("connections per second", figures->connections);
    return failed;
}

void demo_measure(struct demo *demo, uint64_t duration_ns)
{
    demo_title("speed, both hosts in one thread, MTU 1500, checksums computed and verified "
               "(nothing is recorded)");
    struct figures figures = measure_all(demo, duration_ns);
    if (demo_interrupted())
        return;
    bool good = show_table(&figures) == 0;
    demo_verdict(demo, good, "%s",
                 good ? "every measurement ended" : "not every measurement ended");
}

void demo_repeat(struct demo *demo, uint64_t duration_ns)
{
    demo_title("the same traffic again for the capture, for a moment, headers only");
    struct figures figures = measure_all(demo, duration_ns);
    bool good = figures.to >= 0 && figures.from >= 0 && figures.echo_100 >= 0 &&
                figures.echo_4096 >= 0 && figures.connections >= 0;
    demo_verdict(demo, good, "%s", good ? "it is recorded" : "not all of it could be repeated");
}
