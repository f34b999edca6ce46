/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_SMALL_SERVICES_H
#define CHASKI_CLI_SMALL_SERVICES_H

#include "chaski/chaski.h"

enum { SERVICES_CONNECTIONS = 16384 }; /* that the host has at most */

/* For one host at a time: binds echo (RFC 862), discard (RFC 863) and chargen (RFC 864), each over
 * TCP and UDP. Returns 0 or a negative enum chaski_error. */
int small_services_bind(struct chaski *host);

enum { CHARGEN_PERIOD = 95 * 74 }; /* bytes after which RFC 864's pattern repeats */

/* Fills `length` bytes with the pattern, from its beginning. */
void chargen_fill(char *bytes, size_t length);

#endif
