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
static void print_cost(const char *what, struct chaski_limits *limits, uint32_t *member)
{
    enum { MORE = 1 << 10 };
    size_t before = chaski_size(limits);

    *member += MORE;
    printf("%-28s %12zu\n", what, (chaski_size(limits) - before) / MORE);
    *member -= MORE;
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
    limits.packets = limits.small_buffers = 1
                                            << 10; /* from where on nothing else grows with them */
    print_cost("neighbours", &limits, &limits.neighbours);
    print_cost("connections", &limits, &limits.connections);
    print_cost("half_open", &limits, &limits.half_open);
    print_cost("time_wait", &limits, &limits.time_wait);
    print_cost("udp_sockets", &limits, &limits.udp_sockets);
    print_cost("packets", &limits, &limits.packets);
    print_cost("small_buffers", &limits, &limits.small_buffers);
    print_cost("large_buffers", &limits, &limits.large_buffers);
    limits.ao_keys = 1;
    print_cost("ao_keys", &limits, &limits.ao_keys);
    print_cost("connections, with them", &limits, &limits.connections);
    return 0;
}
