/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An hour of one connection, in virtual time, and how long that takes in real time: one that says a
 * few bytes every second, and one that sends all the time at 1 Mbit/s. The argument is how many
 * seconds each may take.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/host/host.h"
#include "drivers/memory_wire.h"

enum { PORT = 7, HOUR = 3600, RATE_BITS = 1000000 };

static const uint64_t second = 1000000000;

struct end {
    struct chaski *host;
    void *memory;
    struct link *link;
    chaski_tcp connection;
    uint64_t received;
    bool open;
};

struct world {
    uint64_t now_ns;
    struct memory_wire *wire;
    struct end ends[2];
    bool bulk;
};

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    printf("not ok 1 - %s\n", what);
    exit(1);
}

/* ---- What the ends do ---- */

static void send_all_it_can(struct end *end)
{
    static const uint8_t bytes[16384];
    while (chaski_tcp_write(end->host, end->connection, bytes, sizeof bytes) > 0)
        ;
}

static void on_event(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    static uint8_t bytes[65536];
    struct end *end = context;
    long n;
    end->connection = connection;
    end->open = true;
    must((events & CHASKI_ENDED) == 0, "the connection lives");
    while ((n = chaski_tcp_read(host, connection, bytes, sizeof bytes)) > 0)
        end->received += (uint64_t)n;
}

static void on_room(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    on_event(context, host, connection, events);
    send_all_it_can(context);
}

/* ---- The world ---- */

static void make_end(struct world *world, unsigned number)
{
    static const uint8_t seed[32] = {1};
    struct end *end = &world->ends[number];
    struct chaski_limits limits;
    chaski_limits_for(&limits, 8 << 20, 4);
    size_t size = chaski_size(&limits);
    end->memory = malloc(size);
    end->host = chaski_init(end->memory, size, &limits, seed, world->now_ns);
    must(end->host != NULL, "there is memory for a host");
    struct memory_wire_station join = {
        .name = "wire",
        .memory = host_memory(end->host),
        .counters = host_counters(end->host),
        .mac = {2, 0, 0, 0, 0, (uint8_t)(number + 1)},
    };
    end->link = memory_wire_join(world->wire, &join);
    struct host_interface interface = {.mtu = 1500, .output = {end->link->transmit, end->link}};
    memcpy(interface.mac, join.mac, sizeof interface.mac);
    must(host_interface_add(end->host, &interface) == 0, "a host has a link");
    struct chaski_address address = chaski_ip4(198, 51, 100, (uint8_t)(number + 1));
    must(chaski_address_add(end->host, 0, &address, 24) == 0, "a host has an address");
}

static void make_world(struct world *world, bool bulk)
{
    struct memory_wire_options options = {.copy = true};
    struct memory_wire_impairment way = {.delay_ns = 10000000, .rate_bits = RATE_BITS};
    *world = (struct world){.now_ns = second, .bulk = bulk};
    way.queue_bytes = 60000;
    world->wire = memory_wire_create(&options);
    must(world->wire != NULL, "there is memory for a wire");
    make_end(world, 0);
    make_end(world, 1);
    memory_wire_impair(world->wire, MEMORY_WIRE_EVERY, MEMORY_WIRE_EVERY, &way);
    struct chaski_tcp_bind bind = {
        .local.port = PORT, .receive = on_event, .context = &world->ends[1]};
    struct chaski_tcp_connect connect = {
        .remote = {.address = chaski_ip4(198, 51, 100, 2), .port = PORT},
        .receive = bulk ? on_room : on_event,
        .context = &world->ends[0],
    };
    chaski_listener listener;
    must(chaski_tcp_bind(world->ends[1].host, &bind, &listener) == 0, "one end listens");
    must(chaski_tcp_connect(world->ends[0].host, &connect, &world->ends[0].connection) == 0,
         "the other one connects");
}

static void free_world(struct world *world)
{
    memory_wire_destroy(world->wire);
    free(world->ends[0].memory);
    free(world->ends[1].memory);
}

static uint64_t next_of(const struct end *end)
{
    uint64_t frame = end->link->deadline(end->link), own = chaski_deadline(end->host);
    return frame < own ? frame : own;
}

static void turn(struct world *world, struct end *end)
{
    struct burst burst = {.count = 0};
    do {
        end->link->receive(end->link, &burst, world->now_ns);
        if (burst.count != 0)
            host_receive(end->host, 0, &burst, world->now_ns);
    } while (end->link->more);
    chaski_poll(end->host, world->now_ns);
}

static void run_until(struct world *world, uint64_t end_ns)
{
    for (;;) {
        uint64_t a = next_of(&world->ends[0]), b = next_of(&world->ends[1]);
        uint64_t next = a < b ? a : b;
        if (next > end_ns)
            break;
        world->now_ns = next > world->now_ns ? next : world->now_ns;
        for (unsigned i = 0; i < 2; i++)
            if (next_of(&world->ends[i]) <= world->now_ns)
                turn(world, &world->ends[i]);
    }
    world->now_ns = end_ns;
}

/* ---- The hours ---- */

/* Nothing here waits: on a machine with nothing else to do, this is the time that passes. */
static double cpu_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void tell(unsigned number, const char *what, uint64_t bytes, double took, double most)
{
    printf("%s %u - an hour of %s: %.2f MB in %.3f s\n", took < most ? "ok" : "not ok", number,
           what, (double)bytes / 1e6, took);
}

static bool quiet_hour(double most)
{
    struct world world;
    double since = cpu_seconds();
    make_world(&world, false);
    for (unsigned i = 1; i <= HOUR; i++) {
        run_until(&world, world.now_ns + second);
        must(world.ends[0].open && world.ends[1].open, "the connection is open");
        struct end *end = &world.ends[i % 2];
        must(chaski_tcp_write(end->host, end->connection, "every second", 12) == 12,
             "there is room for a few bytes");
    }
    run_until(&world, world.now_ns + second);
    double took = cpu_seconds() - since;
    uint64_t bytes = world.ends[0].received + world.ends[1].received;
    must(bytes == UINT64_C(12) * HOUR, "all bytes arrive");
    tell(1, "a few bytes every second", bytes, took, most);
    free_world(&world);
    return took < most;
}

static bool busy_hour(double most)
{
    struct world world;
    double since = cpu_seconds();
    make_world(&world, true);
    run_until(&world, world.now_ns + HOUR * second);
    double took = cpu_seconds() - since;
    uint64_t bytes = world.ends[1].received;
    must(bytes > UINT64_C(9) * HOUR * RATE_BITS / 80, "nine tenths of the rate is used");
    tell(2, "1 Mbit/s", bytes, took, most);
    free_world(&world);
    return took < most;
}

int main(int count, char **words)
{
    double most = count > 1 ? strtod(words[1], NULL) : 2;
    bool quiet = quiet_hour(most), busy = busy_hour(most);
    return quiet && busy ? 0 : 1;
}
