/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_RUNTIME_BOARD_H
#define CHASKI_RUNTIME_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include <ck_epoch.h>

#include "core/host/tables.h"

/*
 * Where the leader pins up its tables for all shards to read. A version is never changed once it is
 * up, only replaced; Concurrency Kit's epochs tell when nobody reads the old one any more.
 *
 * A reader is in a section from one quiescent point to the next: it takes the version that is up
 * at the beginning and reads that one only. An old version is freed when every section that was
 * open as it was replaced has ended. A reader that sleeps is in no section.
 *
 * The pointer is stored with release order, so who loads it with acquire order sees the whole
 * version behind it. The section begins before the load: ck_epoch_begin() has a full fence behind
 * marking the reader, so the writer, who replaces the pointer and then (ck_epoch_poll(), a full
 * fence first) looks at the marks, either sees the mark or has replaced the pointer before the
 * load.
 */
struct board {
    _Atomic(struct board_version *) version;
    ck_epoch_t epoch;
    ck_epoch_record_t writer;
};

struct board_reader {
    ck_epoch_record_t record;
    uint64_t version; /* read last */
    bool inside;      /* a section */
};

void board_init(struct board *board);
/* When neither the writer nor a reader is active any more. */
void board_close(struct board *board);

/* ---- The writer's, one thread's ---- */

/* Pins up what `leader` has, if that has changed; true when it has done so. Without memory the old
 * version stays up, and the next call tries again. */
bool board_publish(struct board *board, const struct chaski *leader);

/* Frees versions that nobody reads any more; to be called now and then. */
void board_reclaim(struct board *board);

/* Versions that are replaced and not yet freed. */
unsigned board_pending(const struct board *board);

/* ---- A reader's, one thread's each ---- */

/* Before any section, from any thread. */
void board_join(struct board *board, struct board_reader *reader);

/* A quiescent point: ends the section, if there is one, and begins a new one, in which `follower`
 * reads what is up now. */
void board_read(struct board *board, struct board_reader *reader, struct chaski *follower);

/* Ends the section; until the next one the follower is not to be touched. */
void board_leave(struct board *board, struct board_reader *reader);

#endif
