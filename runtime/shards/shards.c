/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/shards/shards.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/host/host.h"

/* Sets of shards: made, given links, started, stopped. All in the thread that makes them, but for
 * what says otherwise. */

int shards_complain(struct chaski_shards *shards, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(shards->error, sizeof shards->error, format, arguments);
    va_end(arguments);
    return status;
}

const char *chaski_shards_error(const struct chaski_shards *shards)
{
    return shards != NULL ? shards->error : "the system has not enough memory for the shards";
}

/* ---- Making -------------------------------------------------------------------------------- */

/* The processors that this process may use, into `processors`; returns how many. */
static unsigned usable_processors(int processors[CHASKI_SHARDS_MAX])
{
    cpu_set_t set;
    unsigned count = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 0;
    for (int i = 0; i < CPU_SETSIZE && count < CHASKI_SHARDS_MAX; i++) {
        if (CPU_ISSET(i, &set))
            processors[count++] = i;
    }
    return count;
}

/* How the loop waits. */
static void set_waiting(struct loop *loop, const struct chaski_shards_options *options)
{
    loop->adaptive = !options->busy_poll && !options->sleep;
    loop->busy_poll_ns = options->busy_poll ? UINT64_MAX : 0;
}

static bool make_shard(struct chaski_shards *shards, unsigned number,
                       const struct chaski_shards_options *options)
{
    struct shard *shard = &shards->shards[number];
    shard->set = shards;
    shard->number = number;
    shard->processor = -1;
    shard->loop.epoll_fd = -1;
    shard->loop.signal_fd = -1;
    shard->bell.fd = -1;
    board_join(&shards->board, &shard->reader);
    inbox_init(&shard->closures, SHARDS_CLOSURES);
    shard->host = system_host_create(&shard->memory, &options->limits, true);
    if (shard->host == NULL || !bell_init(&shard->bell) || !loop_init(&shard->loop))
        return false;
    set_waiting(&shard->loop, options);
    shard_wire(shard);
    return true;
}

static bool make_all(struct chaski_shards *shards, const struct chaski_shards_options *options)
{
    uint8_t keys[32];
    bool good = system_seed(keys);
    for (unsigned i = 0; i < shards->count * shards->count && good; i++)
        good = i / shards->count == i % shards->count || handover_open(&shards->handovers[i]);
    for (unsigned i = 0; i < shards->count && good; i++) {
        good = make_shard(shards, i, options);
        /* A cookie that one shard gave is shown to another: they are keyed alike. */
        if (good)
            chaski_tcp_fast_open_keys(shards->shards[i].host, keys, 16);
    }
    return good;
}

static void pin(struct chaski_shards *shards, const int *processors, unsigned count)
{
    for (unsigned i = 0; i < shards->count && shards->count <= count; i++)
        shards->shards[i].processor = processors[i];
}

struct chaski_shards *chaski_shards_create(const struct chaski_shards_options *options)
{
    int processors[CHASKI_SHARDS_MAX];
    unsigned usable = usable_processors(processors);
    unsigned count = options->count != 0 ? options->count : usable;
    struct chaski_shards *shards = aligned_alloc(64, sizeof *shards);
    if (shards == NULL || count == 0 || count > CHASKI_SHARDS_MAX) {
        free(shards);
        return NULL;
    }
    memset(shards, 0, sizeof *shards);
    shards->count = count;
    board_init(&shards->board);
    spread_init(&shards->spread, count);
    shards->shards = aligned_alloc(64, count * sizeof *shards->shards);
    shards->handovers = calloc((size_t)count * count, sizeof *shards->handovers);
    if (shards->shards != NULL)
        memset(shards->shards, 0, count * sizeof *shards->shards);
    shards->lost_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (shards->lost_fd < 0 || shards->shards == NULL || shards->handovers == NULL ||
        !make_all(shards, options)) {
        chaski_shards_free(shards);
        return NULL;
    }
    if (!options->no_pinning)
        pin(shards, processors, usable);
    return shards;
}

/* ---- Ending -------------------------------------------------------------------------------- */

static void end_shard(struct shard *shard)
{
    if (shard->set == NULL)
        return;
    if (shard->loop.epoll_fd >= 0)
        loop_close(&shard->loop);
    for (unsigned i = 0; i < shard->set->interfaces; i++) {
        if (shard->links[i] != NULL)
            link_close(shard->links[i]);
    }
    bell_close(&shard->bell);
}

bool chaski_shards_free(struct chaski_shards *shards)
{
    if (shards == NULL)
        return true;
    chaski_shards_stop(shards);
    for (unsigned i = 0; i < shards->count * shards->count && shards->handovers != NULL; i++)
        handover_close(&shards->handovers[i]);
    for (unsigned i = 0; i < shards->count && shards->shards != NULL; i++)
        end_shard(&shards->shards[i]);
    for (unsigned i = 0; i < shards->count && shards->shards != NULL; i++)
        system_memory_unmap(&shards->shards[i].memory);
    board_close(&shards->board);
    if (shards->lost_fd >= 0)
        close(shards->lost_fd);
    int failed = shards_end_captures(shards);
    free(shards->shards);
    free(shards->handovers);
    free(shards);
    if (failed != 0)
        errno = failed;
    return failed == 0;
}

/* ---- Running ------------------------------------------------------------------------------- */

static bool start_one(struct shard *shard)
{
    pthread_attr_t attributes;
    cpu_set_t processors;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    CPU_ZERO(&processors);
    if (shard->processor >= 0) {
        CPU_SET(shard->processor, &processors);
        pthread_attr_setaffinity_np(&attributes, sizeof processors, &processors);
    }
    bool good = pthread_create(&shard->thread, &attributes, shard_run, shard) == 0;
    pthread_attr_destroy(&attributes);
    return good;
}

static void set_running(struct chaski_shards *shards, bool running)
{
    atomic_store_explicit(&shards->running, running, memory_order_relaxed);
}

static void join(struct chaski_shards *shards, unsigned count)
{
    atomic_store_explicit(&shards->stopping, true, memory_order_relaxed);
    for (unsigned i = 0; i < count; i++)
        bell_ring(&shards->shards[i].bell);
    for (unsigned i = 0; i < count; i++)
        pthread_join(shards->shards[i].thread, NULL);
}

void shards_settle(struct chaski_shards *shards)
{
    board_publish(&shards->board, shards->shards[SHARDS_LEADER].host);
    for (unsigned i = 0; i < shards->count; i++) {
        struct shard *shard = &shards->shards[i];
        if (i != SHARDS_LEADER)
            board_read(&shards->board, &shard->reader, shard->host);
        board_leave(&shards->board, &shard->reader);
    }
    board_reclaim(&shards->board);
}

int chaski_shards_start(struct chaski_shards *shards)
{
    if (shards_are_running(shards))
        return 0;
    shards_settle(shards);
    for (unsigned i = 0; i < shards->count; i++)
        inbox_reopen(&shards->shards[i].closures);
    atomic_store_explicit(&shards->stopping, false, memory_order_relaxed);
    set_running(shards, true); /* before the threads, who may look */
    for (unsigned i = 0; i < shards->count; i++) {
        if (start_one(&shards->shards[i]))
            continue;
        join(shards, i);
        set_running(shards, false);
        return shards_complain(shards, CHASKI_NO_MEMORY, "no thread for shard %u: %s", i,
                               strerror(errno));
    }
    return 0;
}

/* What was posted last: the hosts are the caller's now, and so is what there is to be done. It sees
 * what the leader has done by then. Who was let into an inbox before it was shut may not have put
 * in what he posts yet. */
static void run_what_is_left(struct shard *shard)
{
    shards_settle(shard->set);
    while (!inbox_is_done(&shard->closures)) {
        if (!shard_run_rest(shard))
            sched_yield();
    }
}

void chaski_shards_stop(struct chaski_shards *shards)
{
    if (!shards_are_running(shards))
        return;
    for (unsigned i = 0; i < shards->count; i++)
        inbox_shut(&shards->shards[i].closures);
    join(shards, shards->count);
    for (unsigned i = 0; i < shards->count; i++)
        run_what_is_left(&shards->shards[i]);
    set_running(shards, false);
    for (unsigned i = 0; i < shards->count; i++)
        shard_forget_waiting(&shards->shards[i]);
}

/* ---- Asking -------------------------------------------------------------------------------- */

unsigned chaski_shards_count(const struct chaski_shards *shards)
{
    return shards->count;
}

struct chaski *chaski_shards_host(struct chaski_shards *shards, unsigned shard)
{
    return shards != NULL && shard < shards->count ? shards->shards[shard].host : NULL;
}

unsigned chaski_shards_home(const struct chaski_shards *shards, const struct chaski_endpoint *local,
                            const struct chaski_endpoint *remote)
{
    return spread_flow(&shards->spread, local, remote);
}

int chaski_shards_here(const struct chaski_shards *shards)
{
    const struct shard *here = shard_here();
    return here != NULL && here->set == shards ? (int)here->number : -1;
}
