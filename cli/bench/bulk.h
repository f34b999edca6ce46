/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_BULK_H
#define CHASKI_CLI_BULK_H

#include "cli/memory_pair.h"

/* Bytes that the client hands over without a copy, and has again when they are acknowledged. */
struct bulk_loan {
    struct chaski_memory memory;
    struct bulk *bulk;
    struct bulk_loan *next; /* while it is here */
};

/* The client writes pieces into one connection, the server reads them, and whatever else it is sent
 * on other connections; both with a copy, or both by the calls that do without. */
struct bulk {
    struct memory_pair *pair;
    chaski_listener listener;
    chaski_tcp connection; /* the client's end of it */
    bool connected, writing, zero_copy;
    int error;              /* why a connection ended, enum chaski_error; 0 */
    uint64_t written, read; /* bytes; read: on all connections */
    char *piece, *sink;
    struct bulk_loan *loans, *here; /* all of them, and those that are not lent; the last first */
};

enum { BULK_PORT = 9 };

/* Makes the server listen and the client connect. False with one line in `error`. */
bool bulk_open(struct bulk *bulk, struct memory_pair *pair, bool zero_copy, char *error);
/* Resets the connection. */
void bulk_close(struct bulk *bulk);

/* What was measured. */
struct bulk_result {
    double seconds;
    uint64_t bytes;
    double gbit_per_second;
};

/* Writes for `duration_ns` and waits until everything has been read. False with one line in
 * `error` when not everything arrived. */
bool bulk_measure(struct bulk *bulk, uint64_t duration_ns, struct bulk_result *result, char *error);

#endif
