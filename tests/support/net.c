/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/sim.h"

enum { SETTLE_ROUNDS = 1000000 };

static const struct chaski_limits ample = {
    .interfaces = 1,
    .addresses = 4,
    .routes = 4,
    .neighbours = 32,
    .groups = 4,
    .reassemblies = 8,
    .paths = 16,
    .listeners = 8,
    .connections = 64,
    .half_open = 16,
    .time_wait = 64,
    .udp_sockets = 8,
    .packets = 4096,
    .small_buffers = 1024,
    .large_buffers = 256,
    .receive_buffer_max = 4 << 20,
    .send_buffer_max = 4 << 20,
};

const struct chaski_limits net_few = {
    .interfaces = 1,
    .addresses = 4,
    .routes = 4,
    .neighbours = 16,
    .groups = 4,
    .reassemblies = 8,
    .paths = 16,
    .listeners = 8,
    .connections = 16,
    .half_open = 8,
    .time_wait = 32,
    .udp_sockets = 2,
    .packets = 2048,
    .small_buffers = 512,
    .large_buffers = 64,
    .receive_buffer_max = 1 << 20,
    .send_buffer_max = 1 << 20,
};

struct chaski_address net_address(uint32_t host)
{
    return chaski_ip4(198, 51, 100, (uint8_t)(host + 1));
}

struct chaski_endpoint net_endpoint(uint32_t host, uint16_t port)
{
    return (struct chaski_endpoint){.address = net_address(host), .port = port};
}

/* ---- Making -------------------------------------------------------------------------------- */

static void make_host(struct net *net, uint32_t number, const struct net_options *options)
{
    const struct chaski_limits *limits = options->limits != NULL ? options->limits : &ample;
    struct net_host *station = &net->hosts[number];
    uint8_t seed[32] = {(uint8_t)number};
    size_t size = chaski_size(limits);
    memcpy(seed + 8, &options->seed, sizeof options->seed);
    station->memory = malloc(size);
    assert_non_null(station->memory);
    station->host = chaski_init(station->memory, size, limits, seed, net->now_ns);
    assert_non_null(station->host);
    struct memory_wire_station join = {
        .name = "wire",
        .memory = host_memory(station->host),
        .counters = host_counters(station->host),
        .mac = {2, 0, 0, 0, 0, (uint8_t)(number + 1)},
        .mtu = options->mtu,
        .features = options->features,
    };
    station->link = memory_wire_join(net->wire, &join);
    assert_non_null(station->link);
    struct host_interface interface = {
        .mtu = station->link->mtu,
        .features = station->link->features,
        .output = {station->link->transmit, station->link},
    };
    memcpy(interface.mac, join.mac, sizeof interface.mac);
    station->interface = host_interface_add(station->host, &interface);
    assert_int_equal(station->interface, 0);
    struct chaski_address address = net_address(number);
    assert_int_equal(chaski_address_add(station->host, 0, &address, 24), 0);
}

void net_make(struct net *net, const struct net_options *options)
{
    static const struct net_options defaults;
    if (options == NULL)
        options = &defaults;
    *net = (struct net){
        .now_ns = options->start_ns != 0 ? options->start_ns : NET_SECOND,
        .host_count = options->hosts != 0 ? options->hosts : 2,
    };
    assert_in_range(net->host_count, 1, NET_HOSTS);
    struct memory_wire_options wire = {
        .seed = options->seed,
        .stations = net->host_count,
        .queue_packets = options->queue_packets,
        .copy = options->copy,
        .large = options->mtu > 1500 || (options->features & (LINK_CUT | LINK_WHOLE)) != 0,
    };
    net->wire = memory_wire_create(&wire);
    assert_non_null(net->wire);
    for (uint32_t i = 0; i < net->host_count; i++)
        make_host(net, i, options);
}

void net_free(struct net *net)
{
    memory_wire_destroy(net->wire);
    for (uint32_t i = 0; i < net->host_count; i++)
        free(net->hosts[i].memory);
    *net = (struct net){0};
}

/* ---- Time ---------------------------------------------------------------------------------- */

static void turn(struct net *net)
{
    if (net->before_turn != NULL)
        net->before_turn(net->context);
    for (uint32_t i = 0; i < net->host_count; i++) {
        struct net_host *station = &net->hosts[i];
        struct burst burst = {.count = 0};
        do {
            station->link->receive(station->link, &burst, net->now_ns);
            if (burst.count != 0)
                host_receive(station->host, station->interface, &burst, net->now_ns);
        } while (station->link->more);
        chaski_poll(station->host, net->now_ns);
    }
}

uint64_t net_next(struct net *net)
{
    uint64_t next = memory_wire_deadline(net->wire);
    for (uint32_t i = 0; i < net->host_count; i++) {
        uint64_t deadline = chaski_deadline(net->hosts[i].host);
        next = deadline < next ? deadline : next;
    }
    return next;
}

void net_settle(struct net *net)
{
    uint32_t rounds = 0;
    while (net_next(net) <= net->now_ns) {
        turn(net);
        assert_true(++rounds < SETTLE_ROUNDS); /* something asks to be run for ever */
    }
}

bool net_run_until(struct net *net, bool (*done)(void *context), void *context, uint64_t ns)
{
    uint64_t end = net->now_ns + ns;
    for (;;) {
        net_settle(net);
        if (done(context))
            return true;
        uint64_t next = net_next(net);
        if (next > end) {
            net->now_ns = end;
            return false;
        }
        net->now_ns = next;
    }
}

static bool never(void *context)
{
    (void)context;
    return false;
}

void net_run(struct net *net, uint64_t ns)
{
    net_run_until(net, never, NULL, ns);
}

/* ---- What must hold ------------------------------------------------------------------------ */

void sim_fail(struct sim *sim, const char *format, ...)
{
    char text[256];
    va_list arguments;
    (void)sim;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fail_msg("%s", text);
    abort(); /* not reached: cmocka does not say that it does not return */
}

/* What the simulator's invariants look at. */
static struct sim *seen_as_sim(const struct net *net, uint32_t host)
{
    static struct sim sim;
    sim.now_ns = net->now_ns;
    sim.hosts[0].host = net->hosts[host].host;
    sim.hosts[0].records_aside = net->hosts[host].records_aside;
    return &sim;
}

void net_check_tcp(struct net *net)
{
    for (uint32_t i = 0; i < net->host_count; i++) {
        struct sim *sim = seen_as_sim(net, i);
        sim_check_host(sim, &sim->hosts[0]);
    }
}

void net_assert_idle(struct net *net)
{
    assert_int_equal(memory_wire_in_flight(net->wire, MEMORY_WIRE_EVERY), 0);
    for (uint32_t i = 0; i < net->host_count; i++) {
        struct sim *sim = seen_as_sim(net, i);
        sim_check_rest(sim, &sim->hosts[0]);
    }
}

uint64_t net_counter(const struct net *net, enum chaski_counter counter)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < net->host_count; i++)
        sum += chaski_counter_value(net->hosts[i].host, counter);
    return sum;
}
