/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_SMALL_SERVICES_H
#define CHASKI_CLI_SMALL_SERVICES_H

#include "chaski/chaski.h"

enum { SERVICES_CONNECTIONS = 16384 }; /* that the host has at most */

enum { SERVICES_LENT = 1024 }; /* how often chargen's pattern may be referred to at a time */

struct small_services_lent {
    struct chaski_memory memory;
    struct small_services *services;
    struct small_services_lent *next;
};

/* What the services of one host keep. */
struct small_services {
    struct small_services_lent lents[SERVICES_LENT], *lent_free;
    unsigned drawn;                            /* for the lengths of chargen's datagrams */
    uint16_t chargen_at[SERVICES_CONNECTIONS]; /* where in the period each connection stands */
};

/* Binds echo (RFC 862), discard (RFC 863) and chargen (RFC 864), each over TCP and UDP, on one
 * host; *services is filled in, and is to live as long. The first time from one thread only.
 * Returns 0 or a negative enum chaski_error. */
int small_services_bind(struct small_services *services, struct chaski *host);

enum { CHARGEN_PERIOD = 95 * 74 }; /* bytes after which RFC 864's pattern repeats */

/* Fills `length` bytes with the pattern, from its beginning. */
void chargen_fill(char *bytes, size_t length);

#endif
