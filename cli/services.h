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

/* Lets go of every connection that a host still holds; returns how many are not over yet. */
unsigned services_close_connections(struct chaski *host);

#endif
