/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_STATUS_REPORT_H
#define CHASKI_CLI_STATUS_REPORT_H

#include <stdio.h>

#include "chaski/chaski.h"

/* What a host holds and what it has counted: a table of connections like that of ss, and the
 * counters that are not zero with their meanings. */
void status_report_text(FILE *to, struct chaski *host);
void status_report_json(FILE *to, struct chaski *host);

/* The sum of the counters whose label begins with `prefix`. */
uint64_t status_sum(const struct chaski *host, const char *prefix);

/* Writes text as a JSON string, quotes included. */
void json_string(FILE *to, const char *text);

#endif
