/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/memory_pair.h"

enum { PIECE_BYTES = 64 << 10, SINK_BYTES = 64 << 10 };

#define PATIENCE_NS UINT64_C(10000000000)

/* ---- The two ends -------------------------------------------------------------------------- */

static void on_server(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct bulk *bulk = context;
    long got;

    (void)events;
    while ((got = chaski_tcp_read(host, connection, bulk->sink, SINK_BYTES)) > 0)
        bulk->read += (uint64_t)got;
    if (got != CHASKI_AGAIN)
        chaski_tcp_close(host, connection);
}

static void write_more(struct bulk *bulk)
{
    struct chaski *host = bulk->pair->side[CLIENT].host;
    long written;

    do {
        written = chaski_tcp_write(host, bulk->connection, bulk->piece, PIECE_BYTES);
        if (written > 0)
            bulk->written += (uint64_t)written;
    } while (written == PIECE_BYTES);
    if (written < 0 && written != CHASKI_AGAIN)
        bulk->error = (int)written;
}

static void on_client(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct bulk *bulk = context;

    if ((events & CHASKI_CONNECTED) != 0)
        bulk->connected = true;
    if ((events & CHASKI_ENDED) != 0)
        bulk->error = chaski_tcp_error(host, connection);
    else if (bulk->writing && (events & CHASKI_WRITABLE) != 0)
        write_more(bulk);
}

/* ---- Setup --------------------------------------------------------------------------------- */

static int listen_and_connect(struct bulk *bulk)
{
    struct chaski_tcp_bind bind = {
        .local = {.port = BULK_PORT}, .backlog = 4096, .receive = on_server, .context = bulk};
    struct chaski_tcp_connect connect = {
        .remote = {.address = memory_pair_address(SERVER), .port = BULK_PORT},
        .receive = on_client,
        .context = bulk};
    int status = chaski_tcp_bind(bulk->pair->side[SERVER].host, &bind, &bulk->listener);

    if (status == 0)
        status = chaski_tcp_connect(bulk->pair->side[CLIENT].host, &connect, &bulk->connection);
    return status;
}

bool bulk_open(struct bulk *bulk, struct memory_pair *pair, char *error)
{
    uint64_t limit = system_now() + PATIENCE_NS;

    *bulk = (struct bulk){.pair = pair, .piece = malloc(PIECE_BYTES), .sink = malloc(SINK_BYTES)};
    if (bulk->piece == NULL || bulk->sink == NULL) {
        bulk_close(bulk);
        snprintf(error, ARGUMENT_ERROR, "no memory for the buffers");
        return false;
    }
    memset(bulk->piece, 0x5a, PIECE_BYTES);
    bulk->error = listen_and_connect(bulk);
    while (bulk->error == 0 && !bulk->connected && pair->now_ns < limit)
        memory_pair_turn(pair);
    if (bulk->error == 0 && bulk->connected)
        return true;
    snprintf(error, ARGUMENT_ERROR, "the two hosts cannot connect: %s",
             chaski_error_text(bulk->error != 0 ? bulk->error : CHASKI_TIMED_OUT));
    bulk_close(bulk);
    return false;
}

void bulk_close(struct bulk *bulk)
{
    if (bulk->connected) {
        chaski_tcp_abort(bulk->pair->side[CLIENT].host, bulk->connection);
        for (int i = 0; i < 4; i++)
            memory_pair_turn(bulk->pair);
    }
    free(bulk->piece);
    free(bulk->sink);
}

/* ---- Measuring ----------------------------------------------------------------------------- */

static void run_until(struct bulk *bulk, uint64_t when_ns)
{
    while (bulk->pair->now_ns < when_ns && bulk->error == 0)
        memory_pair_turn(bulk->pair);
}

/* Waits until everything that was written has been read. */
static bool drain(struct bulk *bulk, uint64_t before)
{
    uint64_t limit = bulk->pair->now_ns + PATIENCE_NS;

    while (bulk->read - before < bulk->written && bulk->error == 0 && bulk->pair->now_ns < limit)
        memory_pair_turn(bulk->pair);
    return bulk->read - before == bulk->written;
}

bool bulk_measure(struct bulk *bulk, uint64_t duration_ns, struct bulk_result *result, char *error)
{
    uint64_t before = bulk->read, began = system_now();

    bulk->written = 0;
    bulk->writing = true;
    write_more(bulk);
    run_until(bulk, began + duration_ns);
    result->seconds = (double)(bulk->pair->now_ns - began) / 1e9;
    result->bytes = bulk->read - before;
    result->gbit_per_second = (double)result->bytes * 8 / 1e9 / result->seconds;
    bulk->writing = false;
    if (drain(bulk, before))
        return true;
    snprintf(error, ARGUMENT_ERROR, "%llu bytes were written but %llu read: %s",
             (unsigned long long)bulk->written, (unsigned long long)(bulk->read - before),
             chaski_error_text(bulk->error != 0 ? bulk->error : CHASKI_TIMED_OUT));
    return false;
}
