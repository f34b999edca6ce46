/* SPDX-License-Identifier: BSD-2-Clause */
/* Two hosts talk TCP: opening, streams both ways, closing in every order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/support/segment.h"

enum { PORT = 7 };

struct side {
    struct chaski *host;
    chaski_tcp connection;
    bool open, ended, peer_done;
    uint8_t *sent, *received;
    size_t to_send, sent_bytes, received_bytes, room;
    bool close_when_sent;
};

struct pair {
    struct world world;
    struct side client, server;
    chaski_listener listener;
};

static void pump(struct side *side)
{
    while (side->sent_bytes < side->to_send) {
        long n = chaski_tcp_write(side->host, side->connection, side->sent + side->sent_bytes,
                                  side->to_send - side->sent_bytes);
        if (n <= 0)
            break;
        side->sent_bytes += (size_t)n;
    }
    if (side->close_when_sent && side->sent_bytes == side->to_send) {
        side->close_when_sent = false;
        assert_int_equal(chaski_tcp_shutdown(side->host, side->connection), 0);
    }
}

static void drain(struct side *side)
{
    for (;;) {
        if (side->room == side->received_bytes) {
            side->room = side->room != 0 ? 2 * side->room : 4096;
            side->received = realloc(side->received, side->room);
        }
        long n =
            chaski_tcp_read(side->host, side->connection, side->received + side->received_bytes,
                            side->room - side->received_bytes);
        if (n == 0)
            side->peer_done = true;
        if (n <= 0)
            return;
        side->received_bytes += (size_t)n;
    }
}

static void on_event(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct side *side = context;
    side->host = host;
    side->connection = connection;
    if (events & CHASKI_CONNECTED)
        side->open = true;
    drain(side);
    if (events & CHASKI_ENDED)
        side->ended = true;
    else
        pump(side);
}

static void make_pair(struct pair *pair, const struct world_options *options)
{
    memset(pair, 0, sizeof *pair);
    world_make(&pair->world, options);
    pair->client.host = pair->world.hosts[0];
    pair->server.host = pair->world.hosts[1];
}

static void fill(struct side *side, size_t length, uint8_t seed)
{
    side->sent = malloc(length + 1);
    side->to_send = length;
    for (size_t i = 0; i < length; i++)
        side->sent[i] = (uint8_t)(seed + i * 7 + (i >> 8) * 13 + (i >> 16));
}

static void open_pair(struct pair *pair)
{
    struct chaski_tcp_bind bind = {
        .local.port = PORT,
        .receive = on_event,
        .context = &pair->server,
    };
    assert_int_equal(chaski_tcp_bind(pair->server.host, &bind, &pair->listener), 0);
    struct chaski_tcp_connect connect = {
        .remote = world_endpoint(1, PORT),
        .receive = on_event,
        .context = &pair->client,
    };
    assert_int_equal(chaski_tcp_connect(pair->client.host, &connect, &pair->client.connection), 0);
    world_run(&pair->world, 120 * WORLD_SECOND);
    assert_true(pair->client.open);
    assert_true(pair->server.open);
}

static void assert_same(const struct side *from, const struct side *to)
{
    assert_int_equal(to->received_bytes, from->to_send);
    assert_memory_equal(to->received, from->sent, from->to_send);
}

static void close_pair(struct pair *pair)
{
    chaski_tcp_close(pair->client.host, pair->client.connection);
    chaski_tcp_close(pair->server.host, pair->server.connection);
    assert_int_equal(chaski_tcp_unbind(pair->server.host, pair->listener), 0);
    world_run(&pair->world, 200 * WORLD_SECOND);
    world_assert_no_leaks(&pair->world);
    struct chaski_tcp_info info;
    uint32_t cursor = 0;
    assert_int_equal(chaski_tcp_list(pair->client.host, &cursor, &info), 0);
    cursor = 0;
    assert_int_equal(chaski_tcp_list(pair->server.host, &cursor, &info), 0);
    free(pair->client.sent);
    free(pair->client.received);
    free(pair->server.sent);
    free(pair->server.received);
    world_free(&pair->world);
}

static void exchange(size_t up, size_t down, const struct world_options *options)
{
    struct pair pair;
    make_pair(&pair, options);
    fill(&pair.client, up, 1);
    fill(&pair.server, down, 2);
    pair.client.close_when_sent = true;
    pair.server.close_when_sent = true;
    open_pair(&pair);
    world_run(&pair.world, 100 * WORLD_SECOND);
    assert_true(pair.client.peer_done);
    assert_true(pair.server.peer_done);
    assert_same(&pair.client, &pair.server);
    assert_same(&pair.server, &pair.client);
    close_pair(&pair);
}

static void nothing_is_sent(void **state)
{
    (void)state;
    exchange(0, 0, NULL);
}

static void one_byte_each_way(void **state)
{
    (void)state;
    exchange(1, 1, NULL);
}

static void bulk_up(void **state)
{
    (void)state;
    exchange(3000000, 0, NULL);
}

static void bulk_down(void **state)
{
    (void)state;
    exchange(0, 3000000, NULL);
}

static void bulk_both_ways(void **state)
{
    (void)state;
    exchange(2000001, 1999999, NULL);
}

static void bulk_with_delay(void **state)
{
    (void)state;
    struct world_options options = {.delay_ns = 25 * WORLD_MILLISECOND};
    exchange(3000000, 100000, &options);
}

static void small_mtu(void **state)
{
    (void)state;
    struct world_options options = {.mtu = 296};
    exchange(100000, 100000, &options);
}

/* Every n-th frame is lost, whatever it is. */
struct loser {
    uint32_t every, seen;
};

static bool lose_every(void *context, struct frame *frame)
{
    (void)frame;
    struct loser *loser = context;
    return ++loser->seen % loser->every == 0;
}

static void exchange_with_loss(uint32_t every)
{
    struct pair pair;
    struct loser loser = {.every = every};
    struct world_options options = {.delay_ns = WORLD_MILLISECOND};
    make_pair(&pair, &options);
    pair.world.loses = lose_every;
    pair.world.context = &loser;
    fill(&pair.client, 300000, 1);
    fill(&pair.server, 300000, 2);
    pair.client.close_when_sent = true;
    pair.server.close_when_sent = true;
    open_pair(&pair);
    world_run(&pair.world, 1000 * WORLD_SECOND);
    assert_same(&pair.client, &pair.server);
    assert_same(&pair.server, &pair.client);
    assert_true(pair.client.peer_done);
    assert_true(pair.server.peer_done);
    pair.world.loses = NULL;
    close_pair(&pair);
}

static void every_hundredth_is_lost(void **state)
{
    (void)state;
    exchange_with_loss(100);
}

static void every_seventh_is_lost(void **state)
{
    (void)state;
    exchange_with_loss(7);
}

static void every_third_is_lost(void **state)
{
    (void)state;
    exchange_with_loss(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_sent),
        cmocka_unit_test(one_byte_each_way),
        cmocka_unit_test(bulk_up),
        cmocka_unit_test(bulk_down),
        cmocka_unit_test(bulk_both_ways),
        cmocka_unit_test(bulk_with_delay),
        cmocka_unit_test(small_mtu),
        cmocka_unit_test(every_hundredth_is_lost),
        cmocka_unit_test(every_seventh_is_lost),
        cmocka_unit_test(every_third_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
