/* SPDX-License-Identifier: BSD-2-Clause */
/* sizes: what hosts of several budgets take, and what one more of each thing costs. */
#include <chaski/chaski.h>
#include <stdio.h>

static void print_host(const char *what, const struct chaski_limits *limits)
{
    printf("%-28s %12zu %12u %8u %8u %8u %12u\n", what, chaski_size(limits), limits->connections,
           limits->packets, limits->small_buffers, limits->large_buffers,
           limits->receive_buffer_max);
}

static void print_budget(size_t memory_bytes, uint32_t connections)
{
    struct chaski_limits limits;
    char what[48];

    chaski_limits_for(&limits, memory_bytes, connections);
    snprintf(what, sizeof what, "limits_for(%zu kB, %u)", memory_bytes >> 10, connections);
    print_host(what, &limits);
}

/* `member` is one of *limits, which is left as it was. */
static size_t cost(struct chaski_limits *limits, uint32_t *member)
{
    enum { MORE = 1 << 10 };
    size_t before = chaski_size(limits);

    *member += MORE;
    size_t after = chaski_size(limits);
    *member -= MORE;
    return (after - before) / MORE;
}

static void print_cost(const char *what, struct chaski_limits *limits, uint32_t *member)
{
    printf("%-28s %12zu\n", what, cost(limits, member));
}

/* There are as many flights as connections or packets, whichever are fewer. */
static void print_connections(struct chaski_limits limits)
{
    size_t with_flight = cost(&limits, &limits.connections);

    limits.packets = limits.connections;
    size_t connection = cost(&limits, &limits.connections);
    printf("%-28s %12zu\n", "connections", connection);
    printf("%-28s %12zu\n", "flights of connections", with_flight - connection);
}

int main(void)
{
    /* One peer, one listener, one socket: a sensor. */
    struct chaski_limits sensor = {
        .interfaces = 1,
        .addresses = 1,
        .routes = 2,
        .neighbours = 4,
        .listeners = 1,
        .connections = 2,
        .half_open = 2,
        .time_wait = 2,
        .udp_sockets = 1,
        .packets = 8,
        .small_buffers = 8,
        .receive_buffer_max = 4096,
        .send_buffer_max = 4096,
    };
    struct chaski_limits limits = sensor;

    printf("%-28s %12s %12s %8s %8s %8s %12s\n", "host", "bytes", "connections", "packets", "small",
           "large", "receive max");
    print_host("a sensor", &sensor);
    print_budget(128 << 10, 8);
    print_budget(1 << 20, 64);
    print_budget(16 << 20, 100);
    print_budget(64 << 20, 1000);
    print_budget(512 << 20, 100000);

    printf("\n%-28s %12s\n", "one more of", "bytes");
    limits.packets = limits.small_buffers = 2000; /* nothing else grows with them from here on */
    print_connections(limits);
    print_cost("half_open", &limits, &limits.half_open);
    print_cost("time_wait", &limits, &limits.time_wait);
    print_cost("udp_sockets", &limits, &limits.udp_sockets);
    print_cost("neighbours", &limits, &limits.neighbours);
    print_cost("paths", &limits, &limits.paths);
    print_cost("packets", &limits, &limits.packets);
    print_cost("small_buffers", &limits, &limits.small_buffers);
    print_cost("large_buffers", &limits, &limits.large_buffers);
    limits.ao_keys = 1;
    print_cost("ao_keys", &limits, &limits.ao_keys);
    limits.ao_keys = 0;
    size_t without = cost(&limits, &limits.connections);
    limits.ao_keys = 1;
    printf("%-28s %12zu\n", "a connection, with them",
           cost(&limits, &limits.connections) - without);
    return 0;
}
