/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/commands.h"

struct command {
    const char *name;
    int (*run)(int count, char **words);
    const char *summary;
};

static const struct command commands[] = {
    {"services", command_services, "serve echo, discard, chargen and files by HTTP on a link"},
    {"fetch", command_fetch, "fetch a file by HTTP"},
    {"ping", command_ping, "ask whether a host answers, and how fast"},
    {"status", command_status, "show connections and counters of a running chaski services"},
    {"knobs", command_knobs, "list what can be tuned, by Linux's names"},
    {"link", command_link, "join two links by a path that delays, loses, limits"},
    {"bench", command_bench, "measure: bench memory, shards, connections, scale"},
    {"demo", command_demo, "show two hosts on a memory wire at work"},
};

static void help(void)
{
    fputs("Usage: chaski COMMAND [OPTION...]\n\n"
          "A TCP/IP host (IPv4) of its own on a link, beside the kernel's.\n\n",
          stdout);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n  chaski COMMAND --help says more about one; chaski --version says which this is.\n"
          "\nExit codes: 0 fine, 1 the work failed, 2 bad usage or environment.\n",
          stdout);
}

static int run(int count, char **words)
{
    if (count < 2) {
        fputs("chaski: no command is given; see chaski --help\n", stderr);
        return EXIT_WRONG;
    }
    if (strcmp(words[1], "help") == 0 || strcmp(words[1], "--help") == 0 ||
        strcmp(words[1], "-h") == 0) {
        help();
        return EXIT_FINE;
    }
    if (strcmp(words[1], "--version") == 0) {
        puts("chaski " CHASKI_VERSION);
        return EXIT_FINE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(words[1], commands[i].name) == 0)
            return commands[i].run(count - 2, words + 2);
    fprintf(stderr, "chaski: there is no command %.60s; see chaski --help\n", words[1]);
    return EXIT_WRONG;
}

int main(int count, char **words)
{
    int code = run(count, words);

    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return code;
    fputs("chaski: the output cannot be written as a whole; is there room for it?\n", stderr);
    return code == EXIT_FINE ? EXIT_FAILED : code;
}
