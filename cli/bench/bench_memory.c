/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "cli/bench/bench.h"
#include "cli/bench/bulk.h"
#include "cli/bench/requests.h"

#define SECOND UINT64_C(1000000000)

enum { MEMORY_BYTES = 128 << 20, CONNECTIONS = 16 };

struct memory_result {
    struct bulk_result copied, lent; /* by ordinary reads and writes, and by those without a copy */
    double requests, connections;    /* a second */
};

static void say_result(const struct memory_result *result, uint32_t mtu, bool whole, bool json)
{
    const struct bulk_result *copied = &result->copied;
    if (json)
        printf("{\"bench\": \"memory\", \"mtu\": %" PRIu32
               ", \"whole\": %s, \"seconds\": %.3f, \"bytes\": %" PRIu64
               ", \"gbit_per_second\": %.2f, \"zero_copy_gbit_per_second\": %.2f, "
               "\"requests_per_second\": %.0f, \"connections_per_second\": %.0f}\n",
               mtu, whole ? "true" : "false", copied->seconds, copied->bytes,
               copied->gbit_per_second, result->lent.gbit_per_second, result->requests,
               result->connections);
    else
        printf("Between two hosts in memory, one thread, MTU %" PRIu32
               "%s, checksums computed and verified:\n"
               "%.1f Gbit/s by read and write\n"
               "%.1f Gbit/s by the calls without a copy\n"
               "%.0f requests of 64 bytes a second on one connection, one after the other\n"
               "%.0f a second with a new connection each, reset when it is answered\n",
               mtu, whole ? ", segments of up to 64 kB whole" : "", copied->gbit_per_second,
               result->lent.gbit_per_second, result->requests, result->connections);
}

/* A short run first, so that windows have grown and memory has been touched. */
static bool measure_bulk(struct memory_pair *pair, bool zero_copy, uint64_t duration_ns,
                         struct bulk_result *result, char *error)
{
    struct bulk bulk;
    if (!bulk_open(&bulk, pair, zero_copy, error))
        return false;
    bool good = bulk_measure(&bulk, SECOND / 5, result, error) &&
                bulk_measure(&bulk, duration_ns, result, error);
    bulk_close(&bulk);
    return good;
}

static int run(uint32_t mtu, bool whole, uint64_t duration_ns, bool json, char *error)
{
    struct chaski_limits limits;
    struct memory_pair pair;
    struct memory_result result;

    chaski_limits_for(&limits, MEMORY_BYTES, CONNECTIONS);
    if (!memory_pair_open(&pair, &limits, (uint16_t)mtu, whole, NULL, true, error))
        return EXIT_WRONG;
    bool good = measure_bulk(&pair, false, duration_ns, &result.copied, error) &&
                measure_bulk(&pair, true, duration_ns, &result.lent, error) &&
                requests_measure(&pair, false, duration_ns, &result.requests, error) &&
                requests_measure(&pair, true, duration_ns, &result.connections, error);
    memory_pair_close(&pair);
    if (good)
        say_result(&result, mtu, whole, json);
    return good ? EXIT_FINE : EXIT_FAILED;
}

int bench_memory(int count, char **words)
{
    uint32_t mtu = 1500;
    uint64_t duration_ns = 3 * SECOND;
    bool whole = false, json = false;
    char error[ARGUMENT_ERROR];
    const struct argument arguments[] = {
        {.name = "mtu",
         .value = "N",
         .help = "largest IP packet in bytes (1500)",
         .read = argument_number,
         .target = &mtu,
         .minimum = 68,
         .maximum = 65535},
        {.name = "whole",
         .help = "segments of up to 64 kB pass whole, as TAP and veth carry them",
         .read = argument_flag,
         .target = &whole},
        BENCH_ARGUMENTS(&duration_ns, "each (3)", &json),
    };
    const struct command_line line = {
        .command = "chaski bench memory",
        .summary =
            "Measures TCP between two hosts on a memory wire, in one thread, with checksums\n"
            "computed and verified: bulk with and without copies, requests, connections.",
        .arguments = arguments,
        .argument_count = sizeof arguments / sizeof *arguments};

    int code = command_line_begin(&line, count, words);
    if (code >= 0)
        return code;
    return command_line_end(&line, run(mtu, whole, duration_ns, json, error), error);
}
