/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "core/base/address.h"
#include "core/host/host.h"
#include "core/wire/arp.h"
#include "core/wire/ethernet.h"
#include "drivers/memory_wire.h"
#include "runtime/shards.h"

/*
 * Bulk TCP by several shards. Each shard's thread runs two hosts: the shard's own, which sends, and
 * a peer beside it, which reads, on a memory wire of their own; checksums are computed and
 * verified. One shard and several are measured by turns.
 */
#define SECOND UINT64_C(1000000000)

enum { MEMORY_BYTES = 128 << 20, CONNECTIONS = 16, PIECE_BYTES = 64 << 10, PORT = 9, ROUNDS = 3 };

enum { CONNECT_TRIES = 5000 /* of a millisecond */ };

struct lane {
    struct chaski_shards *shards;
    struct memory_wire *wire;
    struct chaski *peer;
    struct system_memory memory;
    chaski_tcp connection;
    int error;
    uint64_t read; /* bytes */
    char *piece, *sink;
};

struct measured {
    uint64_t bytes, wall_ns, processor_ns;
};

struct bench {
    struct chaski_shards *shards;
    struct lane *lanes;
    unsigned count;
    bool first_is_connected;
    struct measured *at; /* of each lane */
};

/* ---- The two ends, in the shard's thread --------------------------------------------------- */

static void on_peer(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct lane *lane = context;
    long got;
    (void)events;
    while ((got = chaski_tcp_read(host, connection, lane->sink, PIECE_BYTES)) > 0)
        lane->read += (uint64_t)got;
}

static void on_shard(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct lane *lane = context;
    if ((events & CHASKI_ENDED) != 0)
        lane->error = chaski_tcp_error(host, connection);
    while (chaski_tcp_write(host, connection, lane->piece, PIECE_BYTES) == PIECE_BYTES) {
    }
}

/* ---- Making ---------------------------------------------------------------------------------
 */

static struct chaski_address address_of(unsigned end)
{
    return chaski_ip4(10, 0, 0, (uint8_t)(end + 1));
}

static struct link *join(struct lane *lane, unsigned end, struct chaski *host, uint32_t mtu)
{
    struct memory_wire_station station = {
        .name = end == 0 ? "shard" : "peer",
        .memory = host_memory(host),
        .counters = host_counters(host),
        .mac = {2, 0, 0, 0, 0, (uint8_t)(end + 1)},
        .mtu = (uint16_t)mtu,
    };
    return memory_wire_join(lane->wire, &station);
}

/* Tells the peer who the shard's host is, by a request for its own address. It could not ask: ARP
 * is the leader's, and that one answers by a wire of its own. What it learns holds some seconds. */
static void introduce(struct chaski *peer)
{
    uint8_t frame[WIRE_ETHERNET_HEADER + WIRE_ARP_SIZE];
    const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct chaski_address sender = address_of(0), target = address_of(1);
    struct wire_arp_fields fields = {
        .operation = WIRE_ARP_REQUEST,
        .sender_mac = {2, 0, 0, 0, 0, 1},
        .sender_ip = address_ip4(&sender),
        .target_ip = address_ip4(&target),
    };
    wire_ethernet_build(frame, everybody, fields.sender_mac, WIRE_ETHERNET_ARP);
    wire_arp_build(frame + WIRE_ETHERNET_HEADER, &fields);
    chaski_input(peer, 0, frame, sizeof frame, system_now());
}

/* The peer lives in the shard's loop. */
static bool add_peer(struct lane *lane, unsigned number, uint32_t mtu)
{
    struct chaski_limits limits;
    struct chaski_address address = address_of(1);
    struct chaski_tcp_bind bind = {.local.port = PORT, .receive = on_peer, .context = lane};
    chaski_listener listener;
    chaski_limits_for(&limits, MEMORY_BYTES, CONNECTIONS);
    lane->peer = system_host_create(&lane->memory, &limits, true);
    if (lane->peer == NULL)
        return false;
    struct link *link = join(lane, 1, lane->peer, mtu);
    struct loop *loop = &lane->shards->shards[number].loop;
    if (loop_add_link(loop, lane->peer, link) != 0 ||
        chaski_address_add(lane->peer, 0, &address, 8) != 0 ||
        chaski_tcp_bind(lane->peer, &bind, &listener) != 0)
        return false;
    introduce(lane->peer);
    return true;
}

static bool open_lanes(struct bench *bench, uint32_t mtu)
{
    struct memory_wire_options options = {.seed = 1, .stations = 2, .queue_packets = 65536};
    struct link *links[CHASKI_SHARDS_MAX];
    struct chaski_address address = address_of(0);
    for (unsigned i = 0; i < bench->count; i++) {
        struct lane *lane = &bench->lanes[i];
        lane->shards = bench->shards;
        lane->piece = calloc(1, PIECE_BYTES);
        lane->sink = calloc(1, PIECE_BYTES);
        lane->wire = memory_wire_create(&options);
        if (lane->piece == NULL || lane->sink == NULL || lane->wire == NULL)
            return false;
        links[i] = join(lane, 0, chaski_shards_host(bench->shards, i), mtu);
    }
    if (shards_add_link(bench->shards, links, bench->count) != 0 ||
        chaski_address_add(chaski_shards_host(bench->shards, 0), 0, &address, 32) != 0)
        return false;
    for (unsigned i = 0; i < bench->count; i++) {
        if (!add_peer(&bench->lanes[i], i, mtu))
            return false;
    }
    return true;
}

/* The first shard connects alone: it is the leader, and its wire is not the others', so what they
 * sent to a neighbour who is not known yet would go astray. */
static int connect_lane(void *context, struct chaski *host, unsigned shard)
{
    struct bench *bench = context;
    if ((shard == 0) == bench->first_is_connected)
        return 0;
    struct chaski_tcp_connect connect = {
        .remote = {.address = address_of(1), .port = PORT},
        .receive = on_shard,
        .context = &bench->lanes[shard],
    };
    return chaski_tcp_connect(host, &connect, &bench->lanes[shard].connection);
}

/* Whether the first shard's bytes arrive, for chaski_shards_each(). */
static int look_at_first(void *context, struct chaski *host, unsigned shard)
{
    struct bench *bench = context;
    (void)host;
    if (shard == 0)
        bench->first_is_connected = bench->lanes[0].read != 0;
    return 0;
}

static bool connect_all(struct bench *bench)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    int status = chaski_shards_each(bench->shards, connect_lane, bench);
    for (int i = 0; i < CONNECT_TRIES && !bench->first_is_connected; i++) {
        nanosleep(&moment, NULL);
        chaski_shards_each(bench->shards, look_at_first, bench);
    }
    return status == 0 && bench->first_is_connected &&
           chaski_shards_each(bench->shards, connect_lane, bench) == 0;
}

static bool open_bench(struct bench *bench, unsigned count, uint32_t mtu)
{
    struct chaski_shards_options options = {.count = count, .busy_poll = true};
    struct chaski_address network = chaski_ip4(10, 0, 0, 0), none = {{0}};
    chaski_limits_for(&options.limits, MEMORY_BYTES, CONNECTIONS);
    *bench = (struct bench){
        .shards = chaski_shards_create(&options),
        .lanes = calloc(count, sizeof *bench->lanes),
        .at = calloc(count, sizeof *bench->at),
        .count = count,
    };
    return bench->shards != NULL && bench->lanes != NULL && bench->at != NULL &&
           open_lanes(bench, mtu) &&
           chaski_route_add(chaski_shards_host(bench->shards, 0), &network, 8, &none, 0) == 0 &&
           chaski_shards_start(bench->shards) == 0 && connect_all(bench);
}

/* ---- Ending -------------------------------------------------------------------------------- */

static int abort_lane(void *context, struct chaski *host, unsigned shard)
{
    struct bench *bench = context;
    chaski_tcp_abort(host, bench->lanes[shard].connection);
    return 0;
}

static void close_bench(struct bench *bench)
{
    const struct timespec moment = {.tv_nsec = 20000000};
    if (bench->shards != NULL && bench->shards->running) {
        chaski_shards_each(bench->shards, abort_lane, bench);
        nanosleep(&moment, NULL); /* until the resets have arrived */
        chaski_shards_stop(bench->shards);
    }
    for (unsigned i = 0; i < bench->count && bench->lanes != NULL; i++) {
        struct lane *lane = &bench->lanes[i];
        if (lane->wire != NULL)
            memory_wire_destroy(lane->wire); /* and with it the shard's link */
        if (bench->shards != NULL)
            bench->shards->shards[i].links[0] = NULL;
        system_memory_unmap(&lane->memory);
        free(lane->piece);
        free(lane->sink);
    }
    chaski_shards_free(bench->shards);
    free(bench->lanes);
    free(bench->at);
}

/* ---- Measuring ----------------------------------------------------------------------------- */

/* Notes in the shard's thread how far it has come; the second time, by how much. */
static int note(void *context, struct chaski *host, unsigned shard)
{
    struct bench *bench = context;
    struct measured *at = &bench->at[shard];
    struct timespec processor;
    (void)host;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &processor);
    at->bytes = bench->lanes[shard].read - at->bytes;
    at->wall_ns = system_now() - at->wall_ns;
    at->processor_ns =
        (uint64_t)processor.tv_sec * SECOND + (uint64_t)processor.tv_nsec - at->processor_ns;
    return bench->lanes[shard].error;
}

static void sleep_ns(uint64_t duration_ns)
{
    const struct timespec time = {(time_t)(duration_ns / SECOND), (long)(duration_ns % SECOND)};
    nanosleep(&time, NULL);
}

struct rates {
    double wall;      /* Gbit/s of all shards together */
    double processor; /* the same, had each shard had its processor for itself all the time */
};

/* False with a line in `error`. */
static bool measure(unsigned count, uint32_t mtu, uint64_t duration_ns, struct rates *rates,
                    char *error)
{
    struct bench bench;
    int status = 0;
    *rates = (struct rates){0};
    bool good = open_bench(&bench, count, mtu);
    if (good) {
        sleep_ns(SECOND / 4); /* until windows have grown and memory has been touched */
        chaski_shards_each(bench.shards, note, &bench);
        sleep_ns(duration_ns);
        status = chaski_shards_each(bench.shards, note, &bench);
        for (unsigned i = 0; i < count && status == 0; i++) {
            if (bench.at[i].bytes == 0)
                status = CHASKI_TIMED_OUT;
            double bits = (double)bench.at[i].bytes * 8;
            rates->wall += bits / (double)bench.at[i].wall_ns;
            rates->processor += bits / (double)bench.at[i].processor_ns;
        }
    }
    close_bench(&bench);
    if (good && status == 0 && rates->wall > 0)
        return true;
    snprintf(error, ARGUMENT_ERROR, "%u shards in memory: %s", count,
             status != 0 ? chaski_error_text(status) : "they cannot be made");
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
        {.name = "seconds",
         .value = "S",
         .help = "how long to measure each (3)",
         .read = argument_seconds,
         .target = &duration_ns,
         .minimum = SECOND / 10,
         .maximum = 4 * ROUNDS * SECOND},
        {.name = "json", .help = "as JSON", .read = argument_flag, .target = &json},
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
    code = run(shards, mtu, duration_ns, json, error);
    if (code != EXIT_FINE)
        fprintf(stderr, "chaski bench shards: %s\n", error);
    return code;
}
