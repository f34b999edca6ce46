/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_SERVICES_H
#define CHASKI_CLI_SERVICES_H

#include "cli/options.h"

/* What `chaski services` was told. */
struct services_options {
    struct link_options link;
    uint32_t shards;       /* 0: a host with no thread of its own */
    const char *root_path; /* NULL: no HTTP */
    int root;              /* the directory's descriptor, or -1 */
};

enum { SERVICES_HTTP_PORT = 80 };

/* Serves by several threads until a signal. Returns the exit code, with a line in `error` when it
 * is not EXIT_FINE. */
int services_by_shards(const struct services_options *options, char *error);

/* ---- What both ways of serving share ------------------------------------------------------- */

/* What all hosts have seen together. */
struct services_totals {
    uint64_t frames_received, bytes_received, frames_sent, bytes_sent, dropped;
    uint64_t requests; /* that HTTP has answered */
};

/* Prints the line that says what is served, and where. */
void services_say_ready(const struct services_options *options, const struct link *link);

/* Lets go of every connection that a host still holds; returns how many are not over yet. */
unsigned services_close_connections(struct chaski *host);

/* Adds what a host's counters say; requests are the caller's. */
void services_count(struct services_totals *totals, const struct chaski *host);

/* Prints the last line. */
void services_say_ended(const struct services_totals *totals, uint64_t ran_ns);

#endif
