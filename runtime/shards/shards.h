/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_RUNTIME_SHARDS_H
#define CHASKI_RUNTIME_SHARDS_H

#include <pthread.h>

#include "chaski/shards.h"
#include "drivers/pcap/pcap.h"
#include "runtime/loop.h"
#include "runtime/shards/handover.h"
#include "runtime/shards/spread.h"
#include "runtime/system.h"
#include "runtime/threads/bell.h"
#include "runtime/threads/board.h"
#include "runtime/threads/inbox.h"

/*
 * A set of shards, for those who live in this tree: what docs/architecture.md says of shards is put
 * together here. shards.c makes and ends sets, shard.c is one shard's turn, closures.c what others
 * have it do.
 */
enum {
    SHARDS_LEADER = 0,
    SHARDS_CLOSURES = 1023, /* that may wait for one shard */
    SHARDS_ERROR = 256,
};

/* How a shard that has no queue of a link sends by it. */
struct shard_outlet {
    struct shard *shard;
    unsigned through; /* the shard that has one */
    uint8_t interface;
};

struct shard {
    /* What others write too: when the shard sleeps, and what they want of it. */
    _Alignas(64) struct bell bell;
    struct inbox closures;
    struct chaski_shards *set;
    pthread_t thread;
    unsigned number;
    int processor;  /* that it is pinned to; -1: none */
    uint64_t given; /* a bit for each shard that was given something in this turn */
    struct board_reader reader;
    struct chaski *host;
    struct system_memory memory;
    struct loop loop;
    struct loop_partner partner;
    struct link *links[LOOP_LINKS]; /* by interface; NULL: no queue of it */
    struct shard_outlet outlets[LOOP_LINKS];
};

/* What is recorded of a link: all its queues into one file, by one thread at a time. */
struct shards_capture {
    struct pcap_writer writer; /* file NULL: nothing is */
    pthread_mutex_t lock;
};

struct chaski_shards {
    struct board board;
    struct spread spread;
    struct shard *shards;
    struct handover *handovers; /* from shard f to shard t: at [f * count + t] */
    unsigned count;
    unsigned interfaces;
    bool running;
    _Atomic bool stopping;
    _Atomic(struct link *) lost;                /* a link whose device is gone */
    struct shards_capture captures[LOOP_LINKS]; /* by interface */
    char error[SHARDS_ERROR];
};

/* Before the start: adds an interface to every shard and returns its number, or a negative enum
 * chaski_error. The queues of one link, `count` of them, at most as many as there are shards; queue
 * i is opened with the memory and counters of shard i's host, and is the set's from then on. All
 * have the same address, MTU and features. */
int shards_add_link(struct chaski_shards *shards, struct link *const queues[], unsigned count);

/* Opens queue `queue` of a link, `first` being its first queue (NULL: this is it). NULL with a line
 * in `error`. */
typedef struct link *shards_open_queue(void *context, unsigned queue, const struct link *first,
                                       struct packet_memory *memory, struct counters *counters,
                                       char *error, size_t error_size);

/* A link that is to be opened. */
struct shards_link {
    shards_open_queue *open;
    void *context;
    unsigned queues;     /* at most as many as there are shards */
    const char *capture; /* pcap file for the frames of all queues, in order of time; NULL: none */
    uint32_t snap;       /* bytes of a frame that it keeps; 0: all */
};

/* Opens the queues and adds them as one link, see shards_add_link(); on failure nothing is left of
 * them, and chaski_shards_error() says why. */
int shards_open(struct chaski_shards *shards, const struct shards_link *link);

/* Behind the stop: completes the captures. 0, or the errno of one that could not be written to its
 * end, about which chaski_shards_error() has a line. */
int shards_end_captures(struct chaski_shards *shards);

/* The device of this link is gone; NULL: all are there. */
struct link *shards_lost(struct chaski_shards *shards);

/* ---- Between the files ---------------------------------------------------------------------- */

static inline struct handover *shards_handover(struct chaski_shards *shards, unsigned from,
                                               unsigned to)
{
    return &shards->handovers[from * shards->count + to];
}

/* Writes the line that chaski_shards_error() returns, and returns `status`. */
__attribute__((format(printf, 3, 4))) int shards_complain(struct chaski_shards *shards, int status,
                                                          const char *format, ...);

/* While no thread runs: all shards know the addresses and routes that there are now. */
void shards_settle(struct chaski_shards *shards);

/* Wires a shard's host to the others and its loop to the shard. */
void shard_wire(struct shard *shard);

/* Sends by another shard's queue: a hook_function whose block is a struct shard_outlet. */
void shard_send(void *outlet, struct burst *burst, uint64_t now_ns);

/* The thread; `shard` is a struct shard. */
void *shard_run(void *shard);

/* The shard whose thread this is, or NULL. */
struct shard *shard_here(void);

/* Runs closures that wait, at most as many as the channel holds; whether there were any. */
bool shard_run_closures(struct shard *shard);

#endif
