/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/commands.h"

int command_bench(int count, char **words)
{
    if (count == 0) {
        fputs("chaski bench: say what to measure: chaski bench memory, shards, or connections\n",
              stderr);
        return EXIT_WRONG;
    }
    if (strcmp(words[0], "memory") == 0)
        return bench_memory(count - 1, words + 1);
    if (strcmp(words[0], "shards") == 0)
        return bench_shards(count - 1, words + 1);
    if (strcmp(words[0], "connections") == 0)
        return bench_connections(count - 1, words + 1);
    if (strcmp(words[0], "--help") != 0 && strcmp(words[0], "-h") != 0) {
        fprintf(stderr,
                "chaski bench: there is no bench %.60s; known are memory, shards and connections\n",
                words[0]);
        return EXIT_WRONG;
    }
    fputs("Usage: chaski bench memory|shards|connections [OPTION...]\n\n"
          "  memory       bulk and requests between two hosts in memory, in one thread\n"
          "  shards       the same by several threads, beside one\n"
          "  connections  what many idle connections cost\n\n"
          "chaski bench memory --help says more.\n",
          stdout);
    return EXIT_FINE;
}
