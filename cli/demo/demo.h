/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_DEMO_H
#define CHASKI_CLI_DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/http/http_server.h"
#include "cli/memory_pair.h"

/* Two hosts, of which the server has all services, and what has come of it so far. */
struct demo {
    struct memory_pair pair;
    struct http_server http;
    uint64_t limit_ns; /* when waiting ends */
    unsigned bad;      /* verdicts that were not good */
};

/* ---- Where it plays: demo_stage.c ---------------------------------------------------------- */

/* SIGINT and SIGTERM end waiting from now on, so that what was made is removed in the end. */
void demo_catch_signals(void);
bool demo_interrupted(void);

/* Runs both hosts until *done: true; or until limit_ns or a signal: false. */
bool demo_wait(struct demo *demo, const bool *done);

/* What is printed, unless a signal has come: a heading; a line that says whether something works.
 */
void demo_title(const char *text);
__attribute__((format(printf, 3, 4))) void demo_verdict(struct demo *demo, bool good,
                                                        const char *format, ...);

/* ---- What is served ------------------------------------------------------------------------ */

/* What the HTTP server has. None: root is -1 and the rest zero. */
struct demo_files {
    char folder[256]; /* its path, empty when there is none */
    int root;
    size_t large_length;
    uint64_t large_checksum;
};

enum { DEMO_ECHO_PORT = 7, DEMO_DISCARD_PORT = 9, DEMO_CHARGEN_PORT = 19, DEMO_HTTP_PORT = 80 };

#define DEMO_LARGE "large.bin"
#define DEMO_SMALL "hello.txt"

/* Makes the files in a new directory. False with one line in `error` (ARGUMENT_ERROR bytes), and
 * nothing left behind. */
bool demo_files_make(struct demo_files *files, char *error);
void demo_files_remove(struct demo_files *files);

#define DEMO_CHECKSUM_START UINT64_C(0xcbf29ce484222325)

/* Adds bytes to a checksum of 64 bits (FNV-1a). */
uint64_t demo_checksum(uint64_t sum, const char *bytes, size_t length);

/* ---- What plays ---------------------------------------------------------------------------- */

/* Ping, HTTP, echo. */
void demo_show(struct demo *demo, const struct demo_files *files);
/* A table of speeds, each measured for `duration_ns`. */
void demo_measure(struct demo *demo, uint64_t duration_ns);

/* The same traffic, without a table: for the capture. */
void demo_repeat(struct demo *demo, uint64_t duration_ns);

#endif
