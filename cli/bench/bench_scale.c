/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/bench/bench.h"
#include "cli/bench/lanes.h"
#include "cli/status/status_report.h"

/*
 * What a packet costs among many connections, each of which sends now and then. Every lane has its
 * part of them; its shard's host asks by one connection after the other, in an order in which the
 * next is nowhere near the last, and the peer echoes. A few questions are under way at any
 * time: each answer is followed by the next question, so the thread always has something to do.
 * Small questions tell what a packet costs, large ones what a byte costs.
 */
#define SECOND UINT64_C(1000000000)

enum {
    MEMORY_BYTES = 128 << 20, /* of each host, besides the connections */
    BYTES_A_CONNECTION = 1024,
    AT_ONCE = 256, /* handshakes */
    UNDER_WAY = 64,
    AHEAD = 8,  /* connections that are named before they are asked by */
    SMALL = 64, /* bytes of a question */
    LARGE = 8192,
    FIRST_PORT = 1024,
    PORTS = 64000,         /* of the shard's host, for each port of the peer */
    PATIENCE = 120 * 1000, /* looks, one a millisecond */
    STRIDE = 40507,        /* of the order: a prime, so that each connection has its turn */
};

/* A lane's connections. */
struct crowd {
    chaski_tcp *connections; /* in the order in which they are asked by */
    uint32_t wanted, begun, done;
    uint32_t candidate; /* the next pair of ports to try */
    uint32_t next;      /* connection to ask by */
    uint32_t size;      /* of a question; 0: none is asked */
    uint64_t answered;  /* bytes that make no whole answer yet */
    uint64_t exchanges; /* since questions are asked */
    uint64_t measured;  /* of these, between the last two notes */
    int error;
    struct lane_usage usage;
    char bytes[LARGE];
};

/* ---- The two ends, in the shard's thread --------------------------------------------------- */

static void on_peer(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct crowd *crowd = ((struct lane *)context)->context;
    long got;
    (void)events;
    while ((got = chaski_tcp_read(host, connection, crowd->bytes, LARGE)) > 0) {
        if (chaski_tcp_write(host, connection, crowd->bytes, (size_t)got) != got)
            crowd->error = CHASKI_NO_MEMORY;
    }
}

/* The next ones, some at once: each lies in a page of its own, whose addresses the processor then
 * looks up side by side. */
static void look_ahead(const struct crowd *crowd, struct chaski *host)
{
    for (uint32_t i = crowd->next; i < crowd->next + AHEAD && i < crowd->wanted; i++)
        chaski_tcp_prefetch(host, crowd->connections[i]);
}

static void ask(struct crowd *crowd, struct chaski *host)
{
    if (crowd->next % AHEAD == 0)
        look_ahead(crowd, host);
    chaski_tcp connection = crowd->connections[crowd->next];
    crowd->next = crowd->next + 1 < crowd->wanted ? crowd->next + 1 : 0;
    if (chaski_tcp_write(host, connection, crowd->bytes, crowd->size) != (long)crowd->size)
        crowd->error = CHASKI_NO_MEMORY;
}

static void hear(struct crowd *crowd, struct chaski *host, chaski_tcp connection)
{
    long got;
    while ((got = chaski_tcp_read(host, connection, crowd->bytes, LARGE)) > 0)
        crowd->answered += (uint64_t)got;
    while (crowd->size != 0 && crowd->answered >= crowd->size) {
        crowd->answered -= crowd->size;
        crowd->exchanges++;
        ask(crowd, host);
    }
}

static void connect_next(struct crowd *crowd, struct chaski *host);

static void on_shard(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct crowd *crowd = context;
    if ((events & CHASKI_ENDED) != 0) {
        crowd->error = chaski_tcp_error(host, connection);
        return;
    }
    if ((events & CHASKI_CONNECTED) != 0) {
        crowd->connections[(uint64_t)crowd->done * STRIDE % crowd->wanted] = connection;
        crowd->done++;
        connect_next(crowd, host);
    }
    hear(crowd, host, connection);
}

/* The next pair of ports whose flow has its home here. */
static void connect_next(struct crowd *crowd, struct chaski *host)
{
    struct chaski_tcp_connect connect = {
        .local.address = lanes_shard_address(),
        .remote.address = lanes_peer_address(),
        .receive = on_shard,
        .context = crowd,
    };
    chaski_tcp connection;
    int status = CHASKI_NOT_PERMITTED;
    if (crowd->begun == crowd->wanted)
        return;
    crowd->begun++;
    while (status == CHASKI_NOT_PERMITTED && crowd->candidate < LANES_PORTS_MAX * PORTS) {
        connect.local.port = (uint16_t)(FIRST_PORT + crowd->candidate % PORTS);
        connect.remote.port = (uint16_t)(LANES_FIRST_PORT + crowd->candidate / PORTS);
        crowd->candidate++;
        status = chaski_tcp_connect(host, &connect, &connection);
    }
    if (status != 0)
        crowd->error = status;
}

/* ---- Phases -------------------------------------------------------------------------------- */

struct scale {
    struct lanes lanes;
    struct crowd *crowds;
    uint32_t connections, size;
};

/* These are for chaski_shards_each(). */

static int begin_connecting(void *context, struct chaski *host, unsigned shard)
{
    struct scale *scale = context;
    for (int i = 0; i < AT_ONCE; i++)
        connect_next(&scale->crowds[shard], host);
    return 0;
}

static int begin_asking(void *context, struct chaski *host, unsigned shard)
{
    struct scale *scale = context;
    struct crowd *crowd = &scale->crowds[shard];
    crowd->size = scale->size;
    crowd->exchanges = 0;
    for (uint32_t i = 0; i < UNDER_WAY && i < crowd->wanted; i++)
        ask(crowd, host);
    return crowd->error;
}

static int end_asking(void *context, struct chaski *host, unsigned shard)
{
    struct scale *scale = context;
    (void)host;
    scale->crowds[shard].size = 0;
    scale->crowds[shard].answered = 0;
    return scale->crowds[shard].error;
}

/* CHASKI_AGAIN until all of the lane's connections are there. */
static int is_connected(void *context, struct chaski *host, unsigned shard)
{
    const struct crowd *crowd = &((struct scale *)context)->crowds[shard];
    (void)host;
    if (crowd->error != 0)
        return crowd->error;
    return crowd->done == crowd->wanted ? 0 : CHASKI_AGAIN;
}

/* CHASKI_AGAIN until each connection has been asked by: so all memory is there. */
static int is_warm(void *context, struct chaski *host, unsigned shard)
{
    const struct crowd *crowd = &((struct scale *)context)->crowds[shard];
    (void)host;
    if (crowd->error != 0)
        return crowd->error;
    return crowd->exchanges >= crowd->wanted ? 0 : CHASKI_AGAIN;
}

static int note(void *context, struct chaski *host, unsigned shard)
{
    struct scale *scale = context;
    struct crowd *crowd = &scale->crowds[shard];
    (void)host;
    lane_note(&scale->lanes.lanes[shard], &crowd->usage);
    crowd->measured = crowd->exchanges - crowd->measured;
    return crowd->error;
}

typedef int phase(void *context, struct chaski *host, unsigned shard);

/* Looks once a millisecond until `look` says no longer CHASKI_AGAIN. */
static int wait_for(struct scale *scale, phase *look)
{
    int status = CHASKI_AGAIN;
    for (int i = 0; i < PATIENCE && status == CHASKI_AGAIN; i++) {
        lanes_sleep(SECOND / 1000);
        status = chaski_shards_each(scale->lanes.shards, look, scale);
    }
    return status == CHASKI_AGAIN ? CHASKI_TIMED_OUT : status;
}

/* ---- Measuring ----------------------------------------------------------------------------- */

/* What all lanes together did; cycles are those of the threads' own time. */
struct sums {
    double packets, bytes, exchanges, cycles, processor_ns, seconds;
};

struct result {
    struct sums small, large;
    double seconds; /* to connect all */
    uint64_t dropped;
};

static void add_up(const struct scale *scale, struct sums *sums)
{
    *sums = (struct sums){0};
    for (unsigned i = 0; i < scale->lanes.count; i++) {
        const struct lane_usage *usage = &scale->crowds[i].usage;
        double own = (double)usage->processor_ns;
        sums->packets += (double)usage->frames;
        sums->bytes += (double)usage->bytes;
        sums->exchanges += (double)scale->crowds[i].measured;
        sums->processor_ns += own;
        sums->cycles += (double)usage->cycles * own / (double)usage->wall_ns;
        sums->seconds = (double)usage->wall_ns / 1e9;
    }
}

/* 0, or an error. */
static int measure(struct scale *scale, uint32_t size, uint64_t duration_ns, struct sums *sums)
{
    struct chaski_shards *shards = scale->lanes.shards;
    scale->size = size;
    int status = chaski_shards_each(shards, begin_asking, scale);
    if (status == 0)
        status = wait_for(scale, is_warm);
    lanes_sleep(SECOND / 10);
    for (unsigned i = 0; i < scale->lanes.count; i++) {
        scale->crowds[i].usage = (struct lane_usage){0};
        scale->crowds[i].measured = 0;
    }
    if (status == 0)
        status = chaski_shards_each(shards, note, scale);
    lanes_sleep(duration_ns);
    if (status == 0)
        status = chaski_shards_each(shards, note, scale);
    add_up(scale, sums);
    if (status == 0)
        status = chaski_shards_each(shards, end_asking, scale);
    lanes_sleep(SECOND / 10); /* until what is under way is over */
    return status;
}

static uint64_t drops(const struct scale *scale)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < scale->lanes.count; i++)
        sum += status_sum(scale->lanes.lanes[i].peer, "drop.") +
               status_sum(chaski_shards_host(scale->lanes.shards, i), "drop.");
    return sum;
}

static int connect_and_measure(struct scale *scale, uint64_t duration_ns, struct result *result)
{
    uint64_t began = system_now();
    int status = chaski_shards_each(scale->lanes.shards, begin_connecting, scale);
    if (status == 0)
        status = wait_for(scale, is_connected);
    result->seconds = (double)(system_now() - began) / 1e9;
    if (status == 0)
        status = measure(scale, SMALL, duration_ns, &result->small);
    if (status == 0)
        status = measure(scale, LARGE, duration_ns, &result->large);
    chaski_shards_stop(scale->lanes.shards);
    result->dropped = drops(scale);
    return status;
}

/* ---- The command --------------------------------------------------------------------------- */

static bool make_crowds(struct scale *scale, unsigned count)
{
    scale->crowds = calloc(count, sizeof *scale->crowds);
    for (unsigned i = 0; i < count && scale->crowds != NULL; i++) {
        struct crowd *crowd = &scale->crowds[i];
        crowd->wanted = scale->connections / count;
        crowd->connections = calloc(crowd->wanted, sizeof(chaski_tcp));
        if (crowd->connections == NULL)
            return false;
    }
    return scale->crowds != NULL;
}

static void free_crowds(struct scale *scale, unsigned count)
{
    for (unsigned i = 0; i < count && scale->crowds != NULL; i++)
        free(scale->crowds[i].connections);
    free(scale->crowds);
}

static int run(struct scale *scale, unsigned shards, uint64_t duration_ns, struct result *result)
{
    uint32_t each = scale->connections / shards;
    struct lanes_options options = {
        .count = shards,
        .mtu = 1500,
        .on_peer = on_peer,
        .ports = LANES_PORTS_MAX,
        .context_size = sizeof *scale->crowds,
    };
    int status = CHASKI_NO_MEMORY;
    chaski_limits_for(&options.limits, MEMORY_BYTES + (size_t)each * BYTES_A_CONNECTION, each + 1);
    options.limits.listeners = LANES_PORTS_MAX;
    if (options.limits.packets < each) /* so that each finds what sending takes */
        options.limits.packets = each;
    if (make_crowds(scale, shards)) {
        options.contexts = scale->crowds;
        if (lanes_open(&scale->lanes, &options))
            status = connect_and_measure(scale, duration_ns, result);
        lanes_close(&scale->lanes);
    }
    free_crowds(scale, shards);
    return status;
}

static void say_result(const struct scale *scale, unsigned shards, const struct result *result,
                       bool json)
{
    const struct sums *small = &result->small, *large = &result->large;
    double opened = scale->connections / result->seconds;
    if (json)
        printf("{\"bench\": \"scale\", \"connections\": %" PRIu32 ", \"shards\": %u"
               ", \"cycles_per_packet\": %.1f, \"ns_per_packet\": %.2f"
               ", \"packets_per_exchange\": %.3f, \"cycles_per_exchange\": %.1f"
               ", \"packets_per_second\": %.0f, \"cycles_per_byte\": %.4f"
               ", \"gbit_per_second\": %.2f, \"connections_per_second\": %.0f"
               ", \"dropped\": %" PRIu64 "}\n",
               scale->connections, shards, small->cycles / small->packets,
               small->processor_ns / small->packets, small->packets / small->exchanges,
               small->cycles / small->exchanges, small->packets / small->seconds,
               large->cycles / large->bytes, large->bytes * 8e-9 / large->seconds, opened,
               result->dropped);
    else
        printf("%" PRIu32 " connections by %u shards, each sending now and then:\n"
               "%.0f cycles (%.0f ns) a packet with questions of %d bytes, %.2f cycles a byte "
               "with %d;\n%.0f connections opened a second; %" PRIu64 " packets dropped\n",
               scale->connections, shards, small->cycles / small->packets,
               small->processor_ns / small->packets, SMALL, large->cycles / large->bytes, LARGE,
               opened, result->dropped);
}

int bench_scale(int count, char **words)
{
    struct scale scale = {.connections = 100000};
    struct result result = {0};
    uint32_t shards = 1;
    uint64_t duration_ns = SECOND;
    bool json = false;
    const struct argument arguments[] = {
        {.name = "count",
         .value = "N",
         .help = "connections, of all shards together (100000)",
         .read = argument_number,
         .target = &scale.connections,
         .minimum = 1,
         .maximum = 1000000},
        {.name = "shards",
         .value = "N",
         .help = "that share them (1)",
         .read = argument_number,
         .target = &shards,
         .minimum = 1,
         .maximum = CHASKI_SHARDS_MAX},
        BENCH_ARGUMENTS(&duration_ns, "with small and with large questions (1)", &json),
    };
    const struct command_line line = {
        .command = "chaski bench scale",
        .summary = "Measures in memory what a packet and a byte cost among many connections, each\n"
                   "of which sends now and then; both ends of each are in one thread.",
        .arguments = arguments,
        .argument_count = sizeof arguments / sizeof *arguments};

    int code = command_line_begin(&line, count, words);
    if (code >= 0)
        return code;
    if (scale.connections < shards)
        scale.connections = shards;
    int status = run(&scale, shards, duration_ns, &result);
    if (status == 0)
        say_result(&scale, shards, &result, json);
    else
        fprintf(stderr, "chaski bench scale: %s\n", chaski_error_text(status));
    return status == 0 ? EXIT_FINE : EXIT_FAILED;
}
