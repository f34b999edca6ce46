/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/threads/board.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/threads/tsan.h"

struct board_version {
    ck_epoch_entry_t entry; /* first: what reclaim() is given */
    struct board *board;
    struct host_tables *tables;
    _Alignas(64) uint8_t memory[];
};

void board_init(struct board *board)
{
    atomic_init(&board->version, NULL);
    ck_epoch_init(&board->epoch);
    ck_epoch_register(&board->epoch, &board->writer, NULL);
}

void board_close(struct board *board)
{
    ck_epoch_barrier(&board->writer);
    free(atomic_load_explicit(&board->version, memory_order_relaxed));
}

/* ---- The writer's ---- */

static struct board_version *make(struct board *board, const struct chaski *leader)
{
    size_t size = host_tables_size(leader);
    size_t bytes = (sizeof(struct board_version) + size + 63) & ~(size_t)63;
    struct board_version *version = aligned_alloc(64, bytes);
    if (version == NULL)
        return NULL;
    version->board = board;
    version->tables = host_tables_write(leader, version->memory, size);
    if (version->tables != NULL)
        return version;
    free(version);
    return NULL;
}

static void reclaim(ck_epoch_entry_t *entry)
{
    struct board_version *version = (struct board_version *)(void *)entry;
    tsan_acquire(version->board);
    free(version);
}

bool board_publish(struct board *board, const struct chaski *leader)
{
    struct board_version *old = atomic_load_explicit(&board->version, memory_order_relaxed);
    if (old != NULL && old->tables->version == host_tables_version(leader))
        return false;
    struct board_version *version = make(board, leader);
    if (version == NULL)
        return false;
    tsan_release(&board->version);
    atomic_store_explicit(&board->version, version, memory_order_release);
    if (old != NULL)
        ck_epoch_call(&board->writer, &old->entry, reclaim);
    return true;
}

void board_reclaim(struct board *board)
{
    if (board->writer.n_pending != 0)
        ck_epoch_poll(&board->writer);
}

unsigned board_pending(const struct board *board)
{
    return board->writer.n_pending;
}

/* ---- A reader's ---- */

void board_join(struct board *board, struct board_reader *reader)
{
    reader->version = UINT64_MAX; /* of none */
    reader->inside = false;
    ck_epoch_register(&board->epoch, &reader->record, NULL);
}

void board_leave(struct board *board, struct board_reader *reader)
{
    if (!reader->inside)
        return;
    reader->inside = false;
    tsan_release(board);
    ck_epoch_end(&reader->record, NULL);
}

void board_read(struct board *board, struct board_reader *reader, struct chaski *follower)
{
    board_leave(board, reader);
    ck_epoch_begin(&reader->record, NULL);
    reader->inside = true;
    const struct board_version *up = atomic_load_explicit(&board->version, memory_order_acquire);
    if (up == NULL)
        return;
    tsan_acquire(&board->version);
    if (up->tables->version == reader->version)
        return;
    reader->version = up->tables->version;
    host_follow(follower, up->tables);
}
