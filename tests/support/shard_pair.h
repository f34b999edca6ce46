/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SUPPORT_SHARD_PAIR_H
#define CHASKI_TESTS_SUPPORT_SHARD_PAIR_H

#include "runtime/shards/shards.h"
#include "tests/support/thread_wire.h"

/*
 * Two machines of shards on a cable: 192.0.2.1/24 on the left, 192.0.2.2/24 on the right. What goes
 * wrong in making them fails the test.
 */
enum { LEFT, RIGHT };

struct shard_pair_options {
    unsigned shards[2];
    struct thread_wire_options wire;    /* queues 0: as many as shards */
    const struct chaski_limits *limits; /* NULL: some */
    bool busy_poll;
    uint8_t prefix_length; /* 0: 32, which probes nothing, and a route to the network */
};

struct shard_pair {
    struct thread_wire *wire;
    struct chaski_shards *side[2];
};

/* Not started yet. */
void shard_pair_make(struct shard_pair *pair, const struct shard_pair_options *options);
void shard_pair_start(struct shard_pair *pair);

/* Stops both, asserts that nothing that was taken from a pool is missing, and frees everything.
 * Connections are to be over. */
void shard_pair_end(struct shard_pair *pair);

struct chaski_address shard_pair_address(unsigned side);

/* Has a shard do something, and waits: returns what `run` returns. */
typedef int shard_task(void *context, struct chaski *host, unsigned shard);
int shard_do(struct chaski_shards *shards, unsigned shard, shard_task *run, void *context);

/* Asks every millisecond until `holds` says so, or some seconds have passed: then false. */
bool shard_until(struct chaski_shards *shards, unsigned shard, shard_task *holds, void *context);

/* The sum of a counter over the shards; while they run, as each finds it in one of its turns. */
uint64_t shard_sum(struct chaski_shards *shards, enum chaski_counter counter);

#endif
