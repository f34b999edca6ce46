/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "cli/bench/bench.h"
#include "cli/commands.h"

static const struct {
    const char *name, *help;
    int (*run)(int count, char **words);
} benches[] = {
    {"memory", "what passes between two hosts in memory, in one thread", bench_memory},
    {"shards", "bulk TCP in memory by several threads, beside one", bench_shards},
    {"connections", "what many idle connections cost", bench_connections},
    {"scale", "what a packet costs among many connections", bench_scale},
};

enum { BENCHES = sizeof benches / sizeof *benches };

static int complain(const char *about)
{
    fprintf(stderr, "chaski bench: %s; there are:", about);
    for (int i = 0; i < BENCHES; i++)
        fprintf(stderr, " %s", benches[i].name);
    fputs("\n", stderr);
    return EXIT_WRONG;
}

int command_bench(int count, char **words)
{
    if (count == 0)
        return complain("say what to measure");
    for (int i = 0; i < BENCHES; i++) {
        if (strcmp(words[0], benches[i].name) == 0)
            return benches[i].run(count - 1, words + 1);
    }
    if (strcmp(words[0], "--help") != 0 && strcmp(words[0], "-h") != 0)
        return complain("there is no such bench");
    fputs("Usage: chaski bench NAME [OPTION...]\n\n", stdout);
    for (int i = 0; i < BENCHES; i++)
        printf("  %-11s  %s\n", benches[i].name, benches[i].help);
    fputs("\nchaski bench memory --help says more.\n", stdout);
    return EXIT_FINE;
}
