/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_BENCH_H
#define CHASKI_CLI_BENCH_H

#include "cli/arguments.h"

/* The benches. Each is given what follows its name and returns the exit code. */
int bench_memory(int count, char **words);
int bench_shards(int count, char **words);
int bench_scale(int count, char **words);
int bench_connections(int count, char **words);

/* The rows that every bench has in its table of struct argument: for how long (uint64_t, in
 * nanoseconds) to measure `what`, and whether the result is wanted as JSON. */
#define BENCH_ARGUMENTS(duration_ns, what, json)                                                   \
    {.name = "seconds",                                                                            \
     .value = "S",                                                                                 \
     .help = "how long to measure " what,                                                          \
     .read = argument_seconds,                                                                     \
     .target = (duration_ns),                                                                      \
     .minimum = UINT64_C(100000000),                                                               \
     .maximum = UINT64_C(3600) * 1000000000},                                                      \
    {                                                                                              \
        .name = "json", .help = "as JSON", .read = argument_flag, .target = (json)                 \
    }

#endif
