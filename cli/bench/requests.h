/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_REQUESTS_H
#define CHASKI_CLI_REQUESTS_H

#include "cli/memory_pair.h"

/* How many requests of 64 bytes are answered with 64 bytes in a second, one after the other: on one
 * connection, or each on a new one, which then is reset. False with one line in `error`. */
bool requests_measure(struct memory_pair *pair, bool anew, uint64_t duration_ns, double *per_second,
                      char *error);

#endif
