/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/bench/bulk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/arguments.h"

enum {
    PIECE_BYTES = 12 << 10, /* as programs write and read: so that both ends of a copy fit the */
    SINK_BYTES = 12 << 10,  /* nearest cache together, of 32 kB mostly */
    LOAN_BYTES = 64 << 10,
    LOANS = 32,
    LOOK_AT = 8, /* pieces */
};

#define PATIENCE_NS UINT64_C(10000000000)

/* ---- The two ends -------------------------------------------------------------------------- */

static long read_some(struct bulk *bulk, struct chaski *host, chaski_tcp connection)
{
    struct chaski_piece pieces[LOOK_AT];
    long got = 0;

    if (!bulk->zero_copy)
        return chaski_tcp_read(host, connection, bulk->sink, SINK_BYTES);
    int count = chaski_tcp_look(host, connection, pieces, LOOK_AT);
    for (int i = 0; i < count; i++)
        got += (long)pieces[i].length;
    return count <= 0 ? count : chaski_tcp_consume(host, connection, (size_t)got) == 0 ? got : -1;
}

static void on_server(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct bulk *bulk = context;
    long got;

    (void)events;
    while ((got = read_some(bulk, host, connection)) > 0)
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

/* Hands over what is here; each comes back through its release function. */
static void lend_more(struct bulk *bulk)
{
    struct chaski *host = bulk->pair->side[CLIENT].host;
    int status = 0;

    while (bulk->here != NULL && status == 0) {
        struct bulk_loan *loan = bulk->here;
        status = chaski_tcp_hand_over(host, bulk->connection, &loan->memory);
        if (status != 0)
            break;
        bulk->here = loan->next;
        bulk->written += loan->memory.length;
    }
    if (status < 0 && status != CHASKI_AGAIN)
        bulk->error = status;
}

static void send_more(struct bulk *bulk)
{
    if (bulk->zero_copy)
        lend_more(bulk);
    else
        write_more(bulk);
}

static void on_release(struct chaski_memory *memory)
{
    struct bulk_loan *loan = memory->context;
    struct bulk *bulk = loan->bulk;
    bool waited = bulk->here == NULL;

    loan->next = bulk->here;
    bulk->here = loan;
    if (waited && bulk->writing)
        send_more(bulk);
}

static void on_client(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct bulk *bulk = context;

    if ((events & CHASKI_CONNECTED) != 0)
        bulk->connected = true;
    if ((events & CHASKI_ENDED) != 0)
        bulk->error = chaski_tcp_error(host, connection);
    else if (bulk->writing && (events & CHASKI_WRITABLE) != 0)
        send_more(bulk);
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

static bool take_memory(struct bulk *bulk)
{
    size_t bytes = bulk->zero_copy ? (size_t)LOANS * LOAN_BYTES : PIECE_BYTES;
    bulk->piece = malloc(bytes);
    bulk->sink = malloc(SINK_BYTES);
    bulk->loans = calloc(LOANS, sizeof *bulk->loans);
    if (bulk->piece == NULL || bulk->sink == NULL || bulk->loans == NULL)
        return false;
    memset(bulk->piece, 0x5a, bytes);
    for (int i = 0; i < LOANS && bulk->zero_copy; i++) {
        struct bulk_loan *loan = &bulk->loans[i];
        loan->bulk = bulk;
        loan->memory = (struct chaski_memory){.bytes = bulk->piece + (size_t)i * LOAN_BYTES,
                                              .length = LOAN_BYTES,
                                              .release = on_release,
                                              .context = loan};
        loan->next = bulk->here;
        bulk->here = loan;
    }
    return true;
}

bool bulk_open(struct bulk *bulk, struct memory_pair *pair, bool zero_copy, char *error)
{
    uint64_t limit = system_now() + PATIENCE_NS;

    *bulk = (struct bulk){.pair = pair, .zero_copy = zero_copy};
    if (!take_memory(bulk)) {
        bulk_close(bulk);
        snprintf(error, ARGUMENT_ERROR, "no memory for the buffers");
        return false;
    }
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
    bulk->writing = false;
    if (bulk->connected) {
        chaski_tcp_abort(bulk->pair->side[CLIENT].host, bulk->connection);
        for (int i = 0; i < 4; i++)
            memory_pair_turn(bulk->pair);
        chaski_tcp_unbind(bulk->pair->side[SERVER].host, bulk->listener);
    }
    free(bulk->piece);
    free(bulk->sink);
    free(bulk->loans);
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
    send_more(bulk);
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
