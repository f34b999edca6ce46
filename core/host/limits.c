/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/host/layout.h"

/*
 * From a budget to limits. Tables come first, in sizes that suit the number of connections; when
 * they would take too much of the memory, all but the connections shrink step by step.
 * What remains is for packets: the most that fit are found by bisection over chaski_size(), which
 * knows exactly.
 */

enum {
    SHRINK_STEPS = 8,
    LARGE_SHARE = 60, /* percent of the packet memory that becomes large buffers */
    LARGE_COST = BUFFER_HEADER + LARGE_BUFFER,
    SMALL_COST = BUFFER_HEADER + SMALL_BUFFER,
    PACKETS_A_LARGE = 8, /* descriptors that go with a large buffer: its bytes leave in frames */
    QUEUE_MIN = 16 << 10,
    QUEUE_USUAL = 4 << 20,
    QUEUE_MAX = 64 << 20, /* 1 Gbit/s over 200 ms are 25 MB; a sender wants twice its window */
};

static uint32_t clamp(uint64_t value, uint32_t least, uint32_t most)
{
    return value < least ? least : value > most ? most : (uint32_t)value;
}

static void set_tables(struct chaski_limits *limits, uint32_t connections, unsigned shrink)
{
    *limits = (struct chaski_limits){
        .interfaces = clamp(4u >> shrink, 1, 4),
        .addresses = clamp(16u >> shrink, 2, 16),
        .routes = clamp(32u >> shrink, 4, 32),
        .neighbours = clamp(512u >> shrink, 8, 512),
        .groups = clamp(32u >> shrink, 2, 32),
        .reassemblies = clamp(64u >> shrink, 2, 64),
        .paths = clamp(256u >> shrink, 4, 256),
        .listeners = clamp(32u >> shrink, 2, 32),
        .connections = connections,
        .half_open = clamp((uint64_t)connections >> shrink, 8, 4096),
        .time_wait = clamp((uint64_t)connections * 2 >> shrink, 8, 65536),
        .udp_sockets = clamp(256u >> shrink, 4, 256),
    };
}

/* What one connection's queue may grow to: a quarter of the packets' memory, of much memory an
 * eighth. */
static uint32_t queue_most(uint64_t bytes)
{
    uint64_t usual = bytes / 4 < QUEUE_USUAL ? bytes / 4 : QUEUE_USUAL;
    return clamp(bytes / 8 > usual ? bytes / 8 : usual, QUEUE_MIN, QUEUE_MAX);
}

/* Splits `bytes` among descriptors and buffers. */
static void set_packets(struct chaski_limits *limits, uint64_t bytes)
{
    uint64_t large =
        bytes / 100 * LARGE_SHARE / (LARGE_COST + PACKETS_A_LARGE * sizeof(struct packet));
    uint64_t spent = large * (LARGE_COST + PACKETS_A_LARGE * sizeof(struct packet));
    uint64_t small = (bytes - spent) / (SMALL_COST + sizeof(struct packet));
    limits->large_buffers = clamp(large, 0, UINT32_MAX);
    limits->small_buffers = clamp(small, 4, UINT32_MAX);
    limits->packets = clamp(small + large * PACKETS_A_LARGE, 8, UINT32_MAX);
    limits->receive_buffer_max = limits->send_buffer_max = queue_most(bytes);
}

/* The largest tables whose variable part leaves three quarters of the memory, what the connections
 * themselves take set aside. */
static void choose_tables(struct chaski_limits *limits, size_t memory_bytes, uint32_t connections)
{
    set_tables(limits, connections, SHRINK_STEPS);
    set_packets(limits, 0);
    size_t least = chaski_size(limits);
    for (unsigned shrink = 0; shrink < SHRINK_STEPS; shrink++) {
        set_tables(limits, connections, shrink);
        set_packets(limits, 0);
        if (least < memory_bytes && chaski_size(limits) - least <= (memory_bytes - least) / 4)
            return;
    }
    set_tables(limits, connections, SHRINK_STEPS);
}

void chaski_limits_for(struct chaski_limits *limits, size_t memory_bytes, uint32_t connections)
{
    choose_tables(limits, memory_bytes, connections);
    size_t packets = 0;
    for (size_t step = SIZE_MAX / 2 + 1; step != 0; step /= 2) {
        if (step > memory_bytes || packets > memory_bytes - step)
            continue;
        set_packets(limits, packets + step);
        if (chaski_size(limits) <= memory_bytes)
            packets += step;
    }
    set_packets(limits, packets);
}
