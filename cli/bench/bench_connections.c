/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/bench/bench.h"
#include "cli/bench/bulk.h"
#include "core/host/host.h"

/*
 * Bulk on one connection, alone; then many more that have exchanged a byte and are idle; then bulk
 * again. What an idle connection takes is told twice: computed, as the difference that the number
 * of connections makes to chaski_size(); and measured, as memory that is really there: what
 * the server has more of when all are idle than before the first, and what a server that expects
 * them has more of from the beginning than one that expects a few (its tables). Packet
 * memory that the handshakes were the first to use is free again, and does not count.
 */
#define SECOND UINT64_C(1000000000)
#define PATIENCE_NS (20 * SECOND)

enum {
    MEMORY_BYTES = 128 << 20,  /* besides the connections */
    BYTES_A_CONNECTION = 2048, /* more than any takes; what is left over goes to the pools */
    FEW = 16,                  /* connections of the host that is compared with */
    AT_ONCE = 256,             /* handshakes */
    PORTS_AN_ADDRESS = 60000,
    FIRST_PORT = 2000,
};

struct connections {
    struct memory_pair pair;
    struct bulk bulk;
    struct chaski_limits limits;
    uint32_t wanted, begun, done;
    int error;
    double seconds; /* to connect all */
    struct bulk_result alone, among;
    double fresh, before;      /* bytes of the server that are there: at first, and after `alone` */
    double computed, measured; /* bytes each */
};

/* ---- Connecting ---------------------------------------------------------------------------- */

static struct chaski_address client_address(uint32_t number)
{
    return chaski_ip4(10, 0, 1, (uint8_t)(number / PORTS_AN_ADDRESS + 1));
}

static void connect_next(struct connections *many);

static void on_idle(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct connections *many = context;

    if ((events & CHASKI_ENDED) != 0) {
        many->error = chaski_tcp_error(host, connection);
        if (many->error == 0)
            many->error = CHASKI_CLOSED;
        chaski_tcp_close(host, connection);
    } else if ((events & CHASKI_CONNECTED) != 0) {
        many->done++;
        if (chaski_tcp_write(host, connection, "x", 1) != 1)
            many->error = CHASKI_NO_MEMORY;
        connect_next(many);
    }
}

static void connect_next(struct connections *many)
{
    uint32_t number = many->begun;
    struct chaski_tcp_connect connect = {
        .local = {.address = client_address(number),
                  .port = (uint16_t)(FIRST_PORT + number % PORTS_AN_ADDRESS)},
        .remote = {.address = memory_pair_address(SERVER), .port = BULK_PORT},
        .receive = on_idle,
        .context = many};
    chaski_tcp ignored;

    if (number == many->wanted || many->error != 0)
        return;
    many->begun++;
    many->error = chaski_tcp_connect(many->pair.side[CLIENT].host, &connect, &ignored);
}

/* As many addresses as the ports need; the server is made to ask for each one's link address, since
 * only a few packets may wait for that. */
static int add_client_addresses(struct connections *many)
{
    struct memory_pair_side *client = &many->pair.side[CLIENT];
    int status = 0;

    for (uint32_t i = 0; i < many->wanted && status == 0; i += PORTS_AN_ADDRESS) {
        struct chaski_address address = client_address(i);
        status = chaski_address_add(client->host, client->interface, &address, 32);
        chaski_ping(many->pair.side[SERVER].host, &address, 1, 1, NULL, 0);
        for (int turn = 0; turn < 4; turn++)
            memory_pair_turn(&many->pair);
    }
    return status;
}

static void show_progress(const struct connections *many, uint64_t *shown_ns)
{
    if (many->pair.now_ns - *shown_ns < SECOND)
        return;
    *shown_ns = many->pair.now_ns;
    fprintf(stderr, "%" PRIu32 " of %" PRIu32 " connections\n", many->done, many->wanted);
}

/* Connects all of them and waits until each one's byte has been read. */
static bool connect_all(struct connections *many, char *error)
{
    uint64_t began = many->pair.now_ns, shown = began, heard = began, before = many->bulk.read;
    uint32_t done = 0;

    many->error = add_client_addresses(many);
    for (int i = 0; i < AT_ONCE; i++)
        connect_next(many);
    while (many->error == 0 && many->bulk.read - before < many->wanted &&
           many->pair.now_ns - heard < PATIENCE_NS) {
        memory_pair_turn(&many->pair);
        if (many->done != done)
            heard = many->pair.now_ns;
        done = many->done;
        show_progress(many, &shown);
    }
    many->seconds = (double)(many->pair.now_ns - began) / 1e9;
    if (many->error == 0 && many->bulk.read - before == many->wanted)
        return true;
    snprintf(error, ARGUMENT_ERROR, "only %" PRIu32 " of %" PRIu32 " connections: %s", many->done,
             many->wanted, chaski_error_text(many->error != 0 ? many->error : CHASKI_TIMED_OUT));
    return false;
}

/* ---- Memory -------------------------------------------------------------------------------- */

/* Bytes of a mapping that the system has really filled in. */
static double resident_bytes(const struct system_memory *memory)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = (memory->size + page - 1) / page, resident = 0;
    unsigned char *present = calloc(pages, 1);

    if (present != NULL && mincore(memory->bytes, memory->size, present) == 0)
        for (size_t i = 0; i < pages; i++)
            resident += present[i] & 1;
    free(present);
    return (double)(resident * page);
}

/* Bytes of packet memory that have ever been in use. */
static double packet_bytes(struct chaski *host)
{
    const struct packet_memory *memory = host_memory(host);
    const struct pool *pools[] = {&memory->packets, &memory->small, &memory->large};
    double bytes = 0;

    for (int i = 0; i < 3; i++)
        bytes += (double)(pools[i]->total - pools[i]->lowest_free) * pools[i]->stride;
    return bytes;
}

/* What is there of the server, besides packet memory. */
static double server_bytes(const struct connections *many)
{
    const struct memory_pair_side *server = &many->pair.side[SERVER];

    return resident_bytes(&server->memory) - packet_bytes(server->host);
}

static bool measure_memory(struct connections *many, char *error)
{
    struct chaski_limits few = many->limits;
    struct system_memory memory;

    few.connections = FEW;
    double count = many->limits.connections - FEW;
    many->computed = (double)(chaski_size(&many->limits) - chaski_size(&few)) / count;
    if (system_host_create(&memory, &few, false) == NULL) {
        snprintf(error, ARGUMENT_ERROR, "no memory for a host to compare with");
        return false;
    }
    double filled = server_bytes(many) - many->before;
    many->measured = (filled + many->fresh - resident_bytes(&memory)) / count;
    system_memory_unmap(&memory);
    return true;
}

/* ---- The command --------------------------------------------------------------------------- */

static void say_result(const struct connections *many, bool json)
{
    double rate = many->wanted / many->seconds;
    double ratio = many->among.gbit_per_second / many->alone.gbit_per_second;

    if (json)
        printf("{\"bench\": \"connections\", \"connections\": %" PRIu32
               ", \"bytes_each_computed\": %.1f, \"bytes_each_measured\": %.1f"
               ", \"connections_per_second\": %.0f, \"gbit_per_second_alone\": %.2f"
               ", \"gbit_per_second_among\": %.2f, \"ratio\": %.3f}\n",
               many->wanted, many->computed, many->measured, rate, many->alone.gbit_per_second,
               many->among.gbit_per_second, ratio);
    else
        printf("%" PRIu32 " idle connections, each %.0f bytes of the server's memory (computed: "
               "%.0f)\n%.0f connections opened a second\n%.1f Gbit/s on one of them, %.1f when it "
               "was the only one: %.0f %%\n",
               many->wanted, many->measured, many->computed, rate, many->among.gbit_per_second,
               many->alone.gbit_per_second, ratio * 100);
}

static bool measure(struct connections *many, uint64_t duration_ns, char *error)
{
    if (!bulk_measure(&many->bulk, SECOND / 5, &many->alone, error) ||
        !bulk_measure(&many->bulk, duration_ns, &many->alone, error))
        return false;
    many->before = server_bytes(many);
    return connect_all(many, error) && measure_memory(many, error) &&
           bulk_measure(&many->bulk, duration_ns, &many->among, error);
}

static int run(struct connections *many, uint64_t duration_ns, char *error)
{
    size_t memory = MEMORY_BYTES + (size_t)many->wanted * BYTES_A_CONNECTION;

    chaski_limits_for(&many->limits, memory, many->wanted + FEW);
    many->limits.addresses = many->wanted / PORTS_AN_ADDRESS + 2;
    if (!memory_pair_open(&many->pair, &many->limits, 1500, false, NULL, false, error))
        return EXIT_WRONG;
    many->fresh = resident_bytes(&many->pair.side[SERVER].memory);
    bool good = bulk_open(&many->bulk, &many->pair, false, error);
    if (good) {
        good = measure(many, duration_ns, error);
        memory_pair_abort_all(&many->pair);
        bulk_close(&many->bulk);
    }
    memory_pair_close(&many->pair);
    return good ? EXIT_FINE : EXIT_FAILED;
}

int bench_connections(int count, char **words)
{
    struct connections many = {.wanted = 100000};
    uint64_t duration_ns = 2 * SECOND;
    bool json = false;
    char error[ARGUMENT_ERROR];
    const struct argument arguments[] = {
        {.name = "count",
         .value = "N",
         .help = "idle connections (100000)",
         .read = argument_number,
         .target = &many.wanted,
         .minimum = 1000, /* fewer vanish in what the bulk leaves behind */
         .maximum = 1000000},
        BENCH_ARGUMENTS(&duration_ns, "each bulk transfer (2)", &json),
    };
    const struct command_line line = {
        .command = "chaski bench connections",
        .summary = "Measures what idle connections cost: memory, and the speed of one among them.",
        .arguments = arguments,
        .argument_count = sizeof arguments / sizeof *arguments};

    int code = command_line_begin(&line, count, words);
    if (code >= 0)
        return code;
    code = run(&many, duration_ns, error);
    if (code == EXIT_FINE)
        say_result(&many, json);
    return command_line_end(&line, code, error);
}
