/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/peer.h"

/* Hosts whose connections want more memory than there is: slower, but never stuck. */

enum { CLIENTS = 16, PORT = 7, BYTES = 50000 };

static void ignore_events(void *context, struct chaski *host, chaski_tcp connection,
                          unsigned events)
{
    (void)context, (void)host, (void)connection, (void)events;
}

static void echo(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct chaski_piece piece;
    long status;
    (void)context, (void)events;
    do {
        status = chaski_tcp_look(host, connection, &piece, 1);
        if (status > 0)
            status = chaski_tcp_write(host, connection, piece.bytes, piece.length);
        if (status > 0)
            chaski_tcp_consume(host, connection, (size_t)status);
    } while (status > 0);
    if (status != CHASKI_AGAIN)
        chaski_tcp_close(host, connection);
}

struct client {
    uint32_t sent, received;
    bool done;
};

static void talk(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct client *client = context;
    uint8_t bytes[1000] = {0};
    long n;
    (void)events;
    while ((n = chaski_tcp_read(host, connection, bytes, sizeof bytes)) > 0)
        client->received += (uint32_t)n;
    if (n == 0) {
        client->done = true;
        chaski_tcp_close(host, connection);
        return;
    }
    assert_int_equal(n, CHASKI_AGAIN);
    while (client->sent < BYTES && (n = chaski_tcp_write(host, connection, bytes, 1000)) > 0)
        client->sent += (uint32_t)n;
    if (client->sent >= BYTES)
        chaski_tcp_shutdown(host, connection);
}

static bool all_done(void *context)
{
    const struct client *clients = context;
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (!clients[i].done)
            return false;
    }
    return true;
}

/* Clients that write without reading fill the server with what it cannot yet send back. */
static void echoes_go_on_in(size_t memory_bytes)
{
    struct client clients[CLIENTS] = {0};
    struct chaski_limits limits;
    struct world world;
    chaski_listener listener;
    chaski_tcp connection;
    chaski_limits_for(&limits, memory_bytes, CLIENTS);
    struct world_options options = {.limits = &limits, .delay_ns = WORLD_MILLISECOND};
    world_make(&world, &options);
    struct chaski_tcp_bind bind = {.local.port = PORT, .receive = echo};
    assert_int_equal(chaski_tcp_bind(world.hosts[1], &bind, &listener), 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct chaski_tcp_connect connect = {
            .remote = world_endpoint(1, PORT), .receive = talk, .context = &clients[i]};
        assert_int_equal(chaski_tcp_connect(world.hosts[0], &connect, &connection), 0);
    }
    assert_true(world_run_until(&world, all_done, clients, 600 * WORLD_SECOND));
    for (unsigned i = 0; i < CLIENTS; i++)
        assert_int_equal(clients[i].received, clients[i].sent);
    world_run(&world, 300 * WORLD_SECOND);
    world_assert_no_leaks(&world);
    world_free(&world);
}

static void keep_connection(void *context, struct chaski *host, chaski_tcp connection,
                            unsigned events)
{
    chaski_tcp *kept = context;
    (void)host, (void)events;
    *kept = connection;
}

/* Whatever comes in and is not read, there is something left to answer with. */
static void unread_text_leaves_room_to_answer(void **state)
{
    (void)state;
    static const uint8_t text[20000];
    struct chaski_limits limits;
    struct world world;
    chaski_listener listener;
    chaski_tcp connections[CLIENTS], answering;
    chaski_limits_for(&limits, 256 << 10, CLIENTS);
    struct world_options options = {.limits = &limits, .delay_ns = WORLD_MILLISECOND};
    world_make(&world, &options);
    struct chaski_tcp_bind bind = {
        .local.port = PORT, .receive = keep_connection, .context = &answering};
    assert_int_equal(chaski_tcp_bind(world.hosts[1], &bind, &listener), 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct chaski_tcp_connect connect = {.remote = world_endpoint(1, PORT),
                                             .receive = ignore_events};
        assert_int_equal(chaski_tcp_connect(world.hosts[0], &connect, &connections[i]), 0);
    }
    for (unsigned turn = 0; turn < 100; turn++) {
        for (unsigned i = 0; i < CLIENTS; i++)
            chaski_tcp_write(world.hosts[0], connections[i], text, 1000);
        world_run(&world, WORLD_SECOND);
    }
    assert_true(chaski_tcp_write(world.hosts[1], answering, text, 1) == 1);
    world_free(&world);
}

static void sixteen_echoes_in_256_kilobytes(void **state)
{
    (void)state;
    echoes_go_on_in(256 << 10);
}

static void sixteen_echoes_in_512_kilobytes(void **state)
{
    (void)state;
    echoes_go_on_in(512 << 10);
}

static void sixteen_echoes_in_a_megabyte(void **state)
{
    (void)state;
    echoes_go_on_in(1 << 20);
}

static void sixteen_echoes_in_four_megabytes(void **state)
{
    (void)state;
    echoes_go_on_in(4 << 20);
}

/* What lies behind a gap gives way to what fills it. The peer takes the gap for filled: that it
 * was so in part only, it is told at once (RFC 5681, 4.2). */
static void what_had_to_go_is_told_at_once(void **state)
{
    (void)state;
    struct chaski_limits limits;
    struct peer peer;
    chaski_limits_for(&limits, 1 << 20, 4);
    limits.small_buffers = 64;
    struct world_options options = {.limits = &limits};
    peer_make(&peer, &options);
    peer_opens(&peer);
    struct segment behind = peer_segment(&peer, SEGMENT_ACK);
    behind.payload_length = PEER_MSS;
    for (unsigned i = 0; i < 40; i++) {
        behind.sequence += PEER_MSS;
        peer_injects(&peer, &behind);
    }
    peer_hears_all(&peer);
    assert_int_equal(chaski_counter_value(peer.host, CHASKI_DROP_TCP_PRUNED), 0);
    assert_true(chaski_counter_value(peer.host, CHASKI_DROP_TCP_QUEUE_FULL) != 0);
    peer_says(&peer, SEGMENT_ACK, 536);
    struct segment ack = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(ack.acknowledgment, peer.next);
    assert_true(chaski_counter_value(peer.host, CHASKI_DROP_TCP_PRUNED) != 0);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unread_text_leaves_room_to_answer),
        cmocka_unit_test(sixteen_echoes_in_256_kilobytes),
        cmocka_unit_test(sixteen_echoes_in_512_kilobytes),
        cmocka_unit_test(sixteen_echoes_in_a_megabyte),
        cmocka_unit_test(sixteen_echoes_in_four_megabytes),
        cmocka_unit_test(what_had_to_go_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
