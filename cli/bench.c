/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
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

static void list(FILE *file)
{
    for (int i = 0; i < BENCHES; i++)
        fprintf(file, "  %-11s  %s\n", benches[i].name, benches[i].help);
}

int command_bench(int count, char **words)
{
    if (count == 0) {
        fputs("chaski bench: say what to measure: chaski bench NAME\n", stderr);
        list(stderr);
        return EXIT_WRONG;
    }
    for (int i = 0; i < BENCHES; i++) {
        if (strcmp(words[0], benches[i].name) == 0)
            return benches[i].run(count - 1, words + 1);
    }
    if (strcmp(words[0], "--help") != 0 && strcmp(words[0], "-h") != 0) {
        fprintf(stderr, "chaski bench: there is no bench %.60s; there are\n", words[0]);
        list(stderr);
        return EXIT_WRONG;
    }
    fputs("Usage: chaski bench NAME [OPTION...]\n\n", stdout);
    list(stdout);
    fputs("\nchaski bench memory --help says more.\n", stdout);
    return EXIT_FINE;
}
