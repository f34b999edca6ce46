/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/memory_pair.h"

#define SECOND UINT64_C(1000000000)

enum { MEMORY_BYTES = 128 << 20, CONNECTIONS = 16 };

static void say_result(const struct bulk_result *result, uint32_t mtu, bool json)
{
    if (json)
        printf("{\"bench\": \"memory\", \"mtu\": %" PRIu32
               ", \"seconds\": %.3f, \"bytes\": %" PRIu64 ", \"gbit_per_second\": %.2f}\n",
               mtu, result->seconds, result->bytes, result->gbit_per_second);
    else
        printf("%.1f Gbit/s: %" PRIu64 " MB in %.2f s between two hosts in memory, MTU %" PRIu32
               ", checksums computed and verified\n",
               result->gbit_per_second, result->bytes / 1000000, result->seconds, mtu);
}

/* A short run first, so that windows have grown and memory has been touched. */
static bool measure(struct bulk *bulk, uint64_t duration_ns, struct bulk_result *result,
                    char *error)
{
    return bulk_measure(bulk, SECOND / 5, result, error) &&
           bulk_measure(bulk, duration_ns, result, error);
}

static int run(uint32_t mtu, uint64_t duration_ns, bool json, char *error)
{
    struct chaski_limits limits;
    struct memory_pair pair;
    struct bulk bulk;
    struct bulk_result result;

    chaski_limits_for(&limits, MEMORY_BYTES, CONNECTIONS);
    if (!memory_pair_open(&pair, &limits, (uint16_t)mtu, NULL, true, error))
        return EXIT_WRONG;
    bool good = bulk_open(&bulk, &pair, error);
    if (good) {
        good = measure(&bulk, duration_ns, &result, error);
        bulk_close(&bulk);
    }
    memory_pair_close(&pair);
    if (good)
        say_result(&result, mtu, json);
    return good ? EXIT_FINE : EXIT_FAILED;
}

int bench_memory(int count, char **words)
{
    uint32_t mtu = 1500;
    uint64_t duration_ns = 3 * SECOND;
    bool json = false;
    char error[ARGUMENT_ERROR];
    const struct argument arguments[] = {
        {.name = "mtu",
         .value = "N",
         .help = "largest IP packet in bytes (1500)",
         .read = argument_number,
         .target = &mtu,
         .minimum = 68,
         .maximum = 65535},
        {.name = "seconds",
         .value = "S",
         .help = "how long to measure (3)",
         .read = argument_seconds,
         .target = &duration_ns,
         .minimum = SECOND / 10,
         .maximum = 3600 * SECOND},
        {.name = "json", .help = "as JSON", .read = argument_flag, .target = &json},
    };
    const struct command_line line = {
        .command = "chaski bench memory",
        .summary = "Measures bulk TCP between two hosts on a memory wire, in one thread, with\n"
                   "checksums computed and verified.",
        .arguments = arguments,
        .argument_count = sizeof arguments / sizeof *arguments};

    int code = command_line_begin(&line, count, words);
    if (code >= 0)
        return code;
    code = run(mtu, duration_ns, json, error);
    if (code != EXIT_FINE)
        fprintf(stderr, "chaski bench memory: %s\n", error);
    return code;
}
