/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_STATUS_REPORT_H
#define CHASKI_CLI_STATUS_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "chaski/chaski.h"

/*
 * What hosts hold and what they have counted: a table of connections like that of ss, and the
 * counters that are not zero with their meanings. Of several hosts, the shards of one, each
 * connection has its shard beside it, and counters are summed up and shown for each.
 *
 * A report is begun, given each host in the order of shards, and ended.
 */
struct status_report {
    FILE *to;
    bool json;
    unsigned hosts;                           /* of which it is made */
    unsigned given;                           /* so far */
    bool connections;                         /* there were some */
    uint64_t (*counts)[CHASKI_COUNTER_COUNT]; /* of each host; NULL: no memory */
};

/* False when there is no memory; then there is nothing to be ended. */
bool status_report_begin(struct status_report *report, FILE *to, bool json, unsigned hosts);
/* In the host's thread. */
void status_report_host(struct status_report *report, struct chaski *host);
void status_report_end(struct status_report *report);

/* The sum of the counters whose label begins with `prefix`. */
uint64_t status_sum(const struct chaski *host, const char *prefix);

#endif
