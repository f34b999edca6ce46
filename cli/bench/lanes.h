/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_LANES_H
#define CHASKI_CLI_LANES_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/memory_wire.h"
#include "runtime/shards/shards.h"

/*
 * What is measured by several shards in memory: each shard's thread runs two hosts, the shard's
 * own, 10.0.0.1, and a peer beside it, 10.0.0.2, on a memory wire of their own. Every segment is
 * cut, summed and verified.
 */
enum { LANES_FIRST_PORT = 5001, LANES_PORTS_MAX = 32 };

struct lane {
    struct chaski_shards *shards;
    unsigned number; /* the shard's */
    struct memory_wire *wire;
    struct chaski *peer;
    struct system_memory memory; /* the peer's */
    void *context;
};

struct lanes_options {
    unsigned count; /* of shards */
    uint32_t mtu;
    struct chaski_limits limits; /* of each host */
    chaski_tcp_closure *on_peer; /* of the peer's connections, with its lane as context */
    unsigned ports;              /* that the peer listens on, from LANES_FIRST_PORT */
    void *contexts;              /* of the lanes, one after the other... */
    size_t context_size;         /* ...each so large */
};

struct lanes {
    struct chaski_shards *shards;
    struct lane *lanes;
    unsigned count;
};

struct chaski_address lanes_shard_address(void);
struct chaski_address lanes_peer_address(void);

/* Makes the lanes and starts the shards, which poll busily. False when there is no memory; close
 * them then too. */
bool lanes_open(struct lanes *lanes, const struct lanes_options *options);

/* Stops the shards and frees everything. What connections there are is forgotten. */
void lanes_close(struct lanes *lanes);

/* How far a lane has come, or by how much. */
struct lane_usage {
    uint64_t wall_ns, processor_ns;
    uint64_t cycles; /* of the time stamp counter, 0 without one */
    uint64_t frames, bytes;
};

/* In the shard's thread: `usage` becomes the difference between now and what it was. */
void lane_note(const struct lane *lane, struct lane_usage *usage);

void lanes_sleep(uint64_t duration_ns);

#endif
