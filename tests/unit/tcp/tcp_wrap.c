/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sequence numbers and timestamps begin anew at 2^32 in the midst of a transfer; and many gigabytes
 * go over one connection: 3, or as many as the argument says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/tcp/tcp_internal.h"
#include "tests/support/talk.h"

enum { PORT = 7000, CLIENT_PORT = 40000, LENGTH = 60000 };

static uint64_t gigabytes;

static struct tcp_key key_of(uint32_t from, uint32_t to, uint16_t from_port, uint16_t to_port)
{
    return (struct tcp_key){
        .local = net_address(from),
        .remote = net_address(to),
        .local_port = from_port,
        .remote_port = to_port,
    };
}

/* The key at host 0, which connects, or at host 1, which listens. */
static struct tcp_key key_at(uint32_t host)
{
    return host == 0 ? key_of(0, 1, CLIENT_PORT, PORT) : key_of(1, 0, PORT, CLIENT_PORT);
}

/* Lets the time be such that the initial sequence number of `host` is `before` below 2^32. It is a
 * clock of 4096 ns plus a keyed function. */
static void set_sequence(struct net *net, uint32_t host, uint32_t before)
{
    struct tcp_key key = key_at(host);
    uint32_t at_zero = secret_sequence(&net->hosts[host].host->tcp, &key, 0);
    net->now_ns = (UINT64_C(1) << 44) + ((uint64_t)(uint32_t)(0 - before - at_zero) << 12);
    assert_int_equal(secret_sequence(&net->hosts[host].host->tcp, &key, net->now_ns), 0 - before);
}

/* The same for the timestamps that `host` sends, which count milliseconds. */
static void set_timestamp(struct net *net, uint32_t host, uint32_t before)
{
    struct tcp_key key = key_at(host);
    uint32_t offset = secret_timestamp_offset(&net->hosts[host].host->tcp, &key);
    net->now_ns = ((UINT64_C(1) << 32) + (uint32_t)(0 - before - offset)) * NET_MILLISECOND;
}

static void converse(struct net *net, uint64_t seed)
{
    struct talk talk = {
        .net = net,
        .hosts = {0, 1},
        .port = PORT,
        .client_port = CLIENT_PORT,
        .ends[0].manners = {.length = LENGTH, .looks = true},
        .ends[1].manners = {.length = LENGTH, .hands_over = true},
    };
    talk_begin(&talk, seed);
    bool arrived = talks_run(net, &talk, 1, 600 * NET_SECOND);
    if (!arrived)
        talk_tell(&talk);
    assert_true(arrived);
    talk_assert(&talk);
    net_run(net, 300 * NET_SECOND);
    net_assert_idle(net);
}

static void play(uint32_t seed, bool of_timestamps)
{
    struct net net;
    struct net_options options = {.seed = seed, .copy = seed % 2 == 0};
    struct memory_wire_impairment harm = {
        .loss = seed % 3 * 10000,
        .reorder = seed % 5 == 0 ? 20000 : 0,
        .reorder_ns = 3 * NET_MILLISECOND,
        .delay_ns = 2 * NET_MILLISECOND,
        .rate_bits = 2000000,
        .queue_bytes = 60000,
    };
    uint64_t random = seed;
    net_make(&net, &options);
    memory_wire_impair(net.wire, MEMORY_WIRE_EVERY, MEMORY_WIRE_EVERY, &harm);
    if (of_timestamps)
        set_timestamp(&net, seed % 2, random_below(&random, 300));
    else
        set_sequence(&net, seed % 2, random_below(&random, LENGTH));
    converse(&net, seed);
    net_free(&net);
}

static void sequence_numbers_begin_anew(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 100; seed++)
        play(seed, false);
}

/* RFC 7323 MUST-15, MUST-16 */
static void timestamps_begin_anew(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 100; seed++)
        play(seed, true);
}

/* The SYN, its acknowledgement, the FIN or the first byte is number 2^32 - 1 or 0. */
static void sequence_numbers_begin_anew_at_once(void **state)
{
    (void)state;
    for (uint32_t host = 0; host < 2; host++) {
        for (uint32_t before = 0; before < 4; before++) {
            struct net net;
            net_make(&net, NULL);
            set_sequence(&net, host, before);
            converse(&net, before);
            net_free(&net);
            net_make(&net, NULL);
            set_sequence(&net, host, LENGTH + before);
            converse(&net, before);
            net_free(&net);
        }
    }
}

/* ---- More than 2^32 bytes ----------------------------------------------------------------------
 */

enum { PIECE = 700 * 1448, PIECES = 16 }; /* whole segments */

struct bulk {
    struct net net;
    chaski_tcp from;
    uint8_t *bytes; /* of a piece; all are alike */
    struct chaski_memory pieces[PIECES];
    bool lent[PIECES];
    uint64_t sent, received, wanted;
};

static void take_back(struct chaski_memory *memory)
{
    struct bulk *bulk = memory->context;
    size_t i = (size_t)(memory - bulk->pieces);
    assert_true(bulk->lent[i]);
    bulk->lent[i] = false;
}

static void on_sender(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct bulk *bulk = context;
    assert_int_equal(events & CHASKI_ENDED, 0);
    for (size_t i = 0; i < PIECES && bulk->sent < bulk->wanted; i++) {
        if (bulk->lent[i])
            continue;
        bulk->pieces[i] = (struct chaski_memory){
            .bytes = bulk->bytes, .length = PIECE, .release = take_back, .context = bulk};
        if (chaski_tcp_hand_over(host, connection, &bulk->pieces[i]) != 0)
            return;
        bulk->lent[i] = true;
        bulk->sent += PIECE;
    }
}

static void on_receiver(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct bulk *bulk = context;
    struct chaski_piece pieces[64];
    int count;
    (void)events;
    while ((count = chaski_tcp_look(host, connection, pieces, 64)) > 0) {
        size_t length = 0;
        for (int i = 0; i < count; i++) {
            size_t at = (size_t)((bulk->received + length) % PIECE);
            size_t n = pieces[i].length < PIECE - at ? pieces[i].length : PIECE - at;
            assert_memory_equal(pieces[i].bytes, bulk->bytes + at, n < 64 ? n : 64);
            length += pieces[i].length;
        }
        assert_int_equal(chaski_tcp_consume(host, connection, length), 0);
        bulk->received += length;
    }
}

static bool is_done(void *context)
{
    const struct bulk *bulk = context;
    return bulk->received == bulk->wanted;
}

static void as_many_bytes_as_asked_for(void **state)
{
    (void)state;
    struct bulk *bulk = calloc(1, sizeof *bulk);
    assert_non_null(bulk);
    uint64_t random = 1;
    chaski_listener listener;
    net_make(&bulk->net, NULL);
    bulk->wanted = (gigabytes << 30) / PIECE * PIECE;
    bulk->bytes = malloc(PIECE);
    assert_non_null(bulk->bytes);
    for (size_t i = 0; i < PIECE; i++)
        bulk->bytes[i] = (uint8_t)random_next(&random);
    struct chaski_tcp_bind bind = {.local.port = PORT, .receive = on_receiver, .context = bulk};
    struct chaski_tcp_connect connect = {
        .remote = net_endpoint(1, PORT), .receive = on_sender, .context = bulk};
    assert_int_equal(chaski_tcp_bind(bulk->net.hosts[1].host, &bind, &listener), 0);
    assert_int_equal(chaski_tcp_connect(bulk->net.hosts[0].host, &connect, &bulk->from), 0);
    assert_true(net_run_until(&bulk->net, is_done, bulk, 3600 * NET_SECOND));
    /* Nagle's rule knows that the last short segment, if any, was long ago. */
    assert_int_equal(chaski_tcp_write(bulk->net.hosts[0].host, bulk->from, bulk->bytes, 1), 1);
    bulk->wanted++;
    assert_true(net_run_until(&bulk->net, is_done, bulk, NET_SECOND));
    assert_int_equal(chaski_tcp_abort(bulk->net.hosts[0].host, bulk->from), 0);
    net_run(&bulk->net, NET_SECOND);
    for (size_t i = 0; i < PIECES; i++)
        assert_false(bulk->lent[i]);
    net_free(&bulk->net);
    free(bulk->bytes);
    free(bulk);
}

int main(int count, char **words)
{
    gigabytes = count == 2 ? strtoull(words[1], NULL, 10) : 3;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequence_numbers_begin_anew),
        cmocka_unit_test(timestamps_begin_anew),
        cmocka_unit_test(sequence_numbers_begin_anew_at_once),
        cmocka_unit_test(as_many_bytes_as_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
