/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_MEMORY_PAIR_H
#define CHASKI_CLI_MEMORY_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "chaski/chaski.h"
#include "drivers/memory_wire.h"
#include "drivers/pcap.h"
#include "runtime/system.h"

/*
 * Two hosts on a memory wire, run by one thread on the real clock. Frames are not larger than the
 * MTU and the wire takes no work off the hosts: every segment is cut, summed and verified. A wire
 * that carries segments whole has them of up to 64 kB, as TAP and veth do; unlike those, it leaves
 * it to the hosts to sum and to verify each.
 */
enum { CLIENT, SERVER, SIDES };

struct memory_pair_side {
    struct system_memory memory;
    struct chaski *host;
    struct link *link;
    int interface;
};

struct memory_pair {
    struct memory_wire *wire;
    struct memory_pair_side side[SIDES];
    uint64_t now_ns; /* of the last turn */
};

/* Both hosts have these limits. `whole`: the wire carries segments whole. `capture` records what
 * passes and stays the caller's; NULL: nothing does. Huge pages are for speed; without them it can
 * be told how much of a host's memory is really there. False with one line in `error`
 * (ARGUMENT_ERROR bytes). */
bool memory_pair_open(struct memory_pair *pair, const struct chaski_limits *limits, uint16_t mtu,
                      bool whole, struct pcap_writer *capture, bool huge_pages, char *error);
/* All connections must have been closed. */
void memory_pair_close(struct memory_pair *pair);

/* 10.0.0.1 for the client, 10.0.0.2 for the server; the prefix is 10.0.0.0/8. */
struct chaski_address memory_pair_address(int side);

/* Takes in what has arrived on either side, and polls both hosts. */
void memory_pair_turn(struct memory_pair *pair);

/* Resets what connections are left on the client, which ends them on the server too. */
void memory_pair_abort_all(struct memory_pair *pair);

/* ---- Bulk ---------------------------------------------------------------------------------- */

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

/* ---- Requests ------------------------------------------------------------------------------ */

/* How many requests of 64 bytes are answered with 64 bytes in a second, one after the other: on one
 * connection, or each on a new one, which then is reset. False with one line in `error`. */
bool requests_measure(struct memory_pair *pair, bool anew, uint64_t duration_ns, double *per_second,
                      char *error);

#endif
