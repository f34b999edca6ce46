/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/shard_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <cmocka.h>

#include "core/host/host.h"

enum { PATIENCE = 20000 /* milliseconds, for machines that have other work too */ };

struct chaski_address shard_pair_address(unsigned side)
{
    return chaski_ip4(192, 0, 2, (uint8_t)(side + 1));
}

static void add_link(struct shard_pair *pair, unsigned side, unsigned queues)
{
    struct chaski_shards *shards = pair->side[side];
    struct link *links[THREAD_WIRE_QUEUES];
    for (unsigned i = 0; i < queues; i++) {
        struct chaski *host = chaski_shards_host(shards, i);
        links[i] = thread_wire_queue(pair->wire, side, i, host_memory(host), host_counters(host));
    }
    assert_int_equal(shards_add_link(shards, links, queues), 0);
}

static void add_address(struct chaski_shards *shards, unsigned side, unsigned prefix_length)
{
    struct chaski *leader = chaski_shards_host(shards, 0);
    struct chaski_address address = shard_pair_address(side);
    struct chaski_address network = chaski_ip4(192, 0, 2, 0), none = {{0}};
    assert_int_equal(chaski_address_add(leader, 0, &address, prefix_length), 0);
    if (prefix_length == 32)
        assert_int_equal(chaski_route_add(leader, &network, 24, &none, 0), 0);
}

void shard_pair_make(struct shard_pair *pair, const struct shard_pair_options *options)
{
    struct thread_wire_options wire = options->wire;
    struct chaski_shards_options shards = {.busy_poll = options->busy_poll, .no_pinning = true};
    if (options->limits != NULL)
        shards.limits = *options->limits;
    else
        chaski_limits_for(&shards.limits, 16 << 20, 1024);
    for (unsigned side = 0; side < 2; side++) {
        if (wire.queues[side] == 0)
            wire.queues[side] = options->shards[side];
        shards.count = options->shards[side];
        pair->side[side] = chaski_shards_create(&shards);
        assert_non_null(pair->side[side]);
    }
    pair->wire = thread_wire_create(&wire);
    for (unsigned side = 0; side < 2; side++) {
        add_link(pair, side, wire.queues[side]);
        add_address(pair->side[side], side,
                    options->prefix_length != 0 ? options->prefix_length : 32);
    }
}

void shard_pair_start(struct shard_pair *pair)
{
    for (unsigned side = 0; side < 2; side++)
        assert_int_equal(chaski_shards_start(pair->side[side]), 0);
}

static void assert_whole(struct pool *pool)
{
    assert_int_equal(pool->free_count, pool->total);
}

/* What is lent to another shard comes back first, and nobody waits for neighbours. */
static void assert_no_leaks(struct chaski_shards *shards)
{
    for (unsigned from = 0; from < shards->count; from++) {
        for (unsigned to = 0; to < shards->count; to++) {
            if (from == to)
                continue;
            struct handover *handover = shards_handover(shards, from, to);
            handover_close(handover);
            assert_true(handover_open(handover));
        }
    }
    for (unsigned i = 0; i < shards->count; i++) {
        struct packet_memory *memory = host_memory(chaski_shards_host(shards, i));
        assert_whole(&memory->packets);
        assert_whole(&memory->small);
        assert_whole(&memory->large);
    }
}

void shard_pair_end(struct shard_pair *pair)
{
    for (unsigned side = 0; side < 2; side++)
        chaski_shards_stop(pair->side[side]);
    for (unsigned side = 0; side < 2; side++) {
        assert_no_leaks(pair->side[side]);
        chaski_shards_free(pair->side[side]);
    }
    thread_wire_destroy(pair->wire);
}

/* ---- Having it done ------------------------------------------------------------------------ */

struct task {
    struct chaski_closure closure;
    shard_task *run;
    void *context;
    int status;
};

static void run_task(struct chaski_closure *closure, struct chaski *host, unsigned shard)
{
    struct task *task = closure->context;
    task->status = task->run(task->context, host, shard);
}

int shard_do(struct chaski_shards *shards, unsigned shard, shard_task *run, void *context)
{
    struct task task = {.closure.run = run_task, .run = run, .context = context};
    task.closure.context = &task;
    assert_int_equal(chaski_call(shards, shard, &task.closure), 0);
    return task.status;
}

bool shard_until(struct chaski_shards *shards, unsigned shard, shard_task *holds, void *context)
{
    const struct timespec millisecond = {.tv_nsec = 1000000};
    for (int i = 0; i < PATIENCE; i++) {
        if (shard_do(shards, shard, holds, context))
            return true;
        nanosleep(&millisecond, NULL);
    }
    return false;
}

struct counted {
    enum chaski_counter counter;
    uint64_t sum;
};

static int add_counter(void *context, struct chaski *host, unsigned shard)
{
    struct counted *counted = context;
    (void)shard;
    counted->sum += chaski_counter_value(host, counted->counter);
    return 0;
}

uint64_t shard_sum(struct chaski_shards *shards, enum chaski_counter counter)
{
    struct counted counted = {counter, 0};
    chaski_shards_each(shards, add_counter, &counted);
    return counted.sum;
}
