/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/bench/bench.h"
#include "cli/bench/lanes.h"

/*
 * Bulk TCP by several shards: each one's host sends on a connection to its peer, which reads. One
 * shard and several are measured by turns.
 */
#define SECOND UINT64_C(1000000000)

enum { MEMORY_BYTES = 128 << 20, CONNECTIONS = 16, PIECE_BYTES = 64 << 10, ROUNDS = 3 };

/* A lane's. */
struct flow {
    int error;
    uint64_t read;     /* bytes, since it was noted last */
    uint64_t measured; /* bytes, noted */
    struct lane_usage usage;
    char piece[PIECE_BYTES], sink[PIECE_BYTES];
};

/* ---- The two ends, in the shard's thread --------------------------------------------------- */

static void on_peer(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct flow *flow = ((struct lane *)context)->context;
    long got;
    (void)events;
    while ((got = chaski_tcp_read(host, connection, flow->sink, PIECE_BYTES)) > 0)
        flow->read += (uint64_t)got;
}

static void on_shard(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct flow *flow = context;
    if ((events & CHASKI_ENDED) != 0)
        flow->error = chaski_tcp_error(host, connection);
    while (chaski_tcp_write(host, connection, flow->piece, PIECE_BYTES) == PIECE_BYTES) {
    }
}

/* For chaski_shards_each(). */
static int connect_lane(void *context, struct chaski *host, unsigned shard)
{
    struct lanes *lanes = context;
    struct chaski_tcp_connect connect = {
        .remote = {.address = lanes_peer_address(), .port = LANES_FIRST_PORT},
        .receive = on_shard,
        .context = lanes->lanes[shard].context,
    };
    chaski_tcp connection;
    return chaski_tcp_connect(host, &connect, &connection);
}

/* ---- Measuring ----------------------------------------------------------------------------- */

/* Notes how far a lane has come; the second time, by how much. For chaski_shards_each(). */
static int note(void *context, struct chaski *host, unsigned shard)
{
    struct lanes *lanes = context;
    struct flow *flow = lanes->lanes[shard].context;
    (void)host;
    lane_note(&lanes->lanes[shard], &flow->usage);
    flow->measured = flow->read;
    flow->read = 0;
    return flow->measured == 0 ? CHASKI_TIMED_OUT : flow->error;
}

struct rates {
    double wall;      /* Gbit/s of all shards together */
    double processor; /* the same, had each shard had its processor for itself all the time */
};

static int run_lanes(struct lanes *lanes, uint64_t duration_ns)
{
    int status = chaski_shards_each(lanes->shards, connect_lane, lanes);
    lanes_sleep(SECOND / 4); /* until windows have grown and memory has been touched */
    if (status == 0)
        status = chaski_shards_each(lanes->shards, note, lanes);
    lanes_sleep(duration_ns);
    return status != 0 ? status : chaski_shards_each(lanes->shards, note, lanes);
}

/* False with a line in `error`. */
static bool measure(unsigned count, uint32_t mtu, uint64_t duration_ns, struct rates *rates,
                    char *error)
{
    struct flow *flows = calloc(count, sizeof *flows);
    struct lanes_options options = {
        .count = count,
        .mtu = mtu,
        .on_peer = on_peer,
        .ports = 1,
        .contexts = flows,
        .context_size = sizeof *flows,
    };
    struct lanes lanes = {0};
    chaski_limits_for(&options.limits, MEMORY_BYTES, CONNECTIONS);
    int status = flows != NULL && lanes_open(&lanes, &options) ? run_lanes(&lanes, duration_ns)
                                                               : CHASKI_NO_MEMORY;
    *rates = (struct rates){0};
    for (unsigned i = 0; i < count && status == 0; i++) {
        double bits = (double)flows[i].measured * 8;
        rates->wall += bits / (double)flows[i].usage.wall_ns;
        rates->processor += bits / (double)flows[i].usage.processor_ns;
    }
    lanes_close(&lanes);
    free(flows);
    if (status == 0)
        return true;
    snprintf(error, ARGUMENT_ERROR, "%u shards in memory: %s", count, chaski_error_text(status));
    return false;
}

static int by_wall(const void *a, const void *b)
{
    const struct rates *one = a, *other = b;
    return (one->wall > other->wall) - (one->wall < other->wall);
}

static int run(uint32_t shards, uint32_t mtu, uint64_t duration_ns, bool json, char *error)
{
    struct rates one[ROUNDS], many[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        if (!measure(1, mtu, duration_ns / ROUNDS, &one[i], error) ||
            !measure(shards, mtu, duration_ns / ROUNDS, &many[i], error))
            return EXIT_FAILED;
    }
    qsort(one, ROUNDS, sizeof one[0], by_wall);
    qsort(many, ROUNDS, sizeof many[0], by_wall);
    const struct rates *a = &one[ROUNDS / 2], *b = &many[ROUNDS / 2];
    if (json)
        printf("{\"bench\": \"shards\", \"mtu\": %" PRIu32 ", \"shards\": %" PRIu32
               ", \"one_gbit_per_second\": %.2f, \"gbit_per_second\": %.2f, \"ratio\": %.3f"
               ", \"one_gbit_per_processor_second\": %.2f, \"gbit_per_processor_second\": %.2f"
               ", \"processor_ratio\": %.3f}\n",
               mtu, shards, a->wall, b->wall, b->wall / a->wall, a->processor, b->processor,
               b->processor / a->processor);
    else
        printf("%.1f Gbit/s by one shard, %.1f by %" PRIu32 ": %.2f times; had each shard had its "
               "processor for itself, %.1f and %.1f: %.2f times (MTU %" PRIu32
               ", in memory, checksums computed and verified)\n",
               a->wall, b->wall, shards, b->wall / a->wall, a->processor, b->processor,
               b->processor / a->processor, mtu);
    return EXIT_FINE;
}

int bench_shards(int count, char **words)
{
    uint32_t mtu = 1500, shards = 2;
    uint64_t duration_ns = 3 * SECOND;
    bool json = false;
    char error[ARGUMENT_ERROR];
    const struct argument arguments[] = {
        {.name = "shards",
         .value = "N",
         .help = "how many to compare with one (2)",
         .read = argument_number,
         .target = &shards,
         .minimum = 2,
         .maximum = CHASKI_SHARDS_MAX},
        {.name = "mtu",
         .value = "N",
         .help = "largest IP packet in bytes (1500)",
         .read = argument_number,
         .target = &mtu,
         .minimum = 68,
         .maximum = 65535},
        BENCH_ARGUMENTS(&duration_ns, "each (3)", &json),
    };
    const struct command_line line = {
        .command = "chaski bench shards",
        .summary = "Measures bulk TCP in memory by one shard and by several, each with both ends\n"
                   "of its connection in its thread, and compares.",
        .arguments = arguments,
        .argument_count = sizeof arguments / sizeof *arguments};

    int code = command_line_begin(&line, count, words);
    if (code >= 0)
        return code;
    return command_line_end(&line, run(shards, mtu, duration_ns, json, error), error);
}
