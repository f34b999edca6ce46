/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_MEMORY_PAIR_H
#define CHASKI_CLI_MEMORY_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "chaski/chaski.h"
#include "drivers/memory_wire.h"
#include "drivers/pcap/pcap.h"
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

#endif
