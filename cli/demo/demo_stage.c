/* SPDX-License-Identifier: BSD-2-Clause */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/demo/demo.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
    (void)signal;
    interrupted = 1;
}

void demo_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool demo_interrupted(void)
{
    return interrupted != 0;
}

bool demo_wait(struct demo *demo, const bool *done)
{
    while (!*done && !interrupted && demo->pair.now_ns < demo->limit_ns)
        memory_pair_turn(&demo->pair);
    return *done;
}

void demo_title(const char *text)
{
    if (interrupted)
        return;
    printf(isatty(STDOUT_FILENO) ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
    fflush(stdout);
}

void demo_verdict(struct demo *demo, bool good, const char *format, ...)
{
    va_list arguments;

    demo->bad += !good;
    if (interrupted)
        return;
    va_start(arguments, format);
    fputs(good ? "  good: " : "  BAD:  ", stdout);
    vprintf(format, arguments);
    putchar('\n');
    fflush(stdout);
    va_end(arguments);
}
