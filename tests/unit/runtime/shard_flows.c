/* SPDX-License-Identifier: BSD-2-Clause */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/shard_pair.h"

/* Flows between two machines of shards: each reaches its home, whichever queue it comes by. */

enum { ECHO_PORT = 7, DISCARD_PORT = 9, LENGTH = 40000 };

/* ---- Servers ------------------------------------------------------------------------------- */

static void echo(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    char bytes[4096];
    long got, room = 1;
    (void)context;
    (void)events;
    while (room > 0 && (got = chaski_tcp_read(host, connection, bytes, sizeof bytes)) > 0)
        room = chaski_tcp_write(host, connection, bytes, (size_t)got);
    if (got == 0)
        chaski_tcp_close(host, connection);
}

static void echo_datagram(void *context, struct chaski *host, chaski_udp socket,
                          const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                          const void *bytes, size_t length)
{
    (void)context;
    (void)local;
    chaski_udp_send(host, socket, remote, bytes, length);
}

static int listen_everywhere(void *context, struct chaski *host, unsigned shard)
{
    struct chaski_tcp_bind tcp = {.local = {.port = ECHO_PORT}, .receive = echo};
    struct chaski_udp_bind udp = {.local = {.port = ECHO_PORT}, .receive = echo_datagram};
    chaski_listener listener;
    chaski_udp socket;
    (void)context;
    (void)shard;
    tcp.local.address = shard_pair_address(RIGHT); /* which followers have to know, then */
    int status = chaski_tcp_bind(host, &tcp, &listener);
    return status != 0 ? status : chaski_udp_bind(host, &udp, &socket);
}

/* ---- Clients ------------------------------------------------------------------------------- */

/* A connection that sends LENGTH bytes and takes them back. */
struct client {
    struct chaski_shards *shards;
    struct chaski_endpoint to;
    uint16_t port; /* of ours; 0: any */
    chaski_tcp connection;
    size_t sent, received;
    bool good, over, elsewhere;
    int error;
};

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

static void send_some(struct client *client, struct chaski *host)
{
    uint8_t bytes[1000];
    while (client->sent < LENGTH && client->sent - client->received < 8000) {
        size_t n = LENGTH - client->sent < sizeof bytes ? LENGTH - client->sent : sizeof bytes;
        for (size_t i = 0; i < n; i++)
            bytes[i] = byte_at(client->sent + i);
        long written = chaski_tcp_write(host, client->connection, bytes, n);
        if (written < 0)
            return;
        client->sent += (size_t)written;
        if (client->sent == LENGTH)
            chaski_tcp_shutdown(host, client->connection);
    }
}

static void on_client(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct client *client = context;
    struct chaski_tcp_info info;
    uint8_t bytes[1000];
    long got;
    if ((events & CHASKI_CONNECTED) != 0 && chaski_tcp_info(host, connection, &info) == 0)
        client->elsewhere = (int)chaski_shards_home(client->shards, &info.local, &info.remote) !=
                            chaski_shards_here(client->shards);
    while ((got = chaski_tcp_read(host, connection, bytes, sizeof bytes)) > 0) {
        for (long i = 0; i < got; i++)
            client->good &= bytes[i] == byte_at(client->received++);
    }
    if (got == CHASKI_AGAIN) {
        send_some(client, host);
        return;
    }
    client->error = got == 0 ? 0 : (int)got;
    client->over = true;
    chaski_tcp_close(host, connection);
}

static int connect_client(void *context, struct chaski *host, unsigned shard)
{
    struct client *client = context;
    struct chaski_tcp_connect connect = {
        .local.port = client->port, .remote = client->to, .receive = on_client, .context = client};
    (void)shard;
    client->good = true;
    return chaski_tcp_connect(host, &connect, &client->connection);
}

static int is_over(void *context, struct chaski *host, unsigned shard)
{
    const struct client *client = context;
    (void)host;
    (void)shard;
    return client->over;
}

static int has_no_connection(void *context, struct chaski *host, unsigned shard)
{
    struct chaski_tcp_info info;
    uint32_t cursor = 0;
    (void)context;
    (void)shard;
    while (chaski_tcp_list(host, &cursor, &info) == 1) {
        if (info.tcpi_state != CHASKI_TCP_LISTEN && info.tcpi_state != CHASKI_TCP_TIME_WAIT)
            return false;
    }
    return true;
}

static void wait_until_all_is_over(struct shard_pair *pair)
{
    for (unsigned side = 0; side < 2; side++)
        for (unsigned i = 0; i < pair->side[side]->count; i++)
            assert_true(shard_until(pair->side[side], i, has_no_connection, NULL));
}

/* Several connections from each shard of the left to the right, all at once. */
static void exchange(struct shard_pair *pair)
{
    enum { EACH = 4 };
    static struct client clients[4 * EACH];
    struct chaski_shards *left = pair->side[LEFT];
    memset(clients, 0, sizeof clients);
    for (unsigned i = 0; i < left->count * EACH; i++) {
        clients[i].shards = left;
        clients[i].to = (struct chaski_endpoint){shard_pair_address(RIGHT), ECHO_PORT, 0};
        assert_int_equal(shard_do(left, i % left->count, connect_client, &clients[i]), 0);
    }
    for (unsigned i = 0; i < left->count * EACH; i++) {
        assert_true(shard_until(left, i % left->count, is_over, &clients[i]));
        assert_int_equal(clients[i].error, 0);
        assert_int_equal(clients[i].received, LENGTH);
        assert_true(clients[i].good);
        assert_false(clients[i].elsewhere);
    }
    wait_until_all_is_over(pair);
}

static void make(struct shard_pair *pair, const struct shard_pair_options *options)
{
    shard_pair_make(pair, options);
    assert_int_equal(chaski_shards_each(pair->side[RIGHT], listen_everywhere, NULL), 0);
    shard_pair_start(pair);
}

/* ---- Where flows arrive -------------------------------------------------------------------- */

static void flows_arrive_at_home_by_the_right_queue(void **state)
{
    struct shard_pair_options options = {.shards = {2, 2}};
    struct shard_pair pair;
    (void)state;
    make(&pair, &options);
    exchange(&pair);
    /* only what the leaders did for the others: who is who, at first */
    assert_in_range(shard_sum(pair.side[LEFT], CHASKI_SHARD_HANDED), 0, 40);
    assert_in_range(shard_sum(pair.side[RIGHT], CHASKI_SHARD_HANDED), 0, 40);
    shard_pair_end(&pair);
}

static void frames_by_the_wrong_queue_are_handed_over(void **state)
{
    struct shard_pair_options options = {.shards = {2, 3}, .wire.shuffled = true};
    struct shard_pair pair;
    (void)state;
    make(&pair, &options);
    exchange(&pair);
    assert_in_range(shard_sum(pair.side[LEFT], CHASKI_SHARD_HANDED), 100, 100000);
    assert_in_range(shard_sum(pair.side[RIGHT], CHASKI_SHARD_HANDED), 100, 100000);
    assert_int_equal(shard_sum(pair.side[RIGHT], CHASKI_DROP_SHARD_FULL), 0);
    shard_pair_end(&pair);
}

static void one_queue_serves_all_shards(void **state)
{
    struct shard_pair_options options = {.shards = {3, 3}, .wire.queues = {1, 1}};
    struct shard_pair pair;
    (void)state;
    make(&pair, &options);
    exchange(&pair);
    assert_in_range(shard_sum(pair.side[RIGHT], CHASKI_SHARD_TAKEN), 100, 100000);
    assert_int_equal(shard_sum(pair.side[RIGHT], CHASKI_DROP_SHARD_FULL), 0);
    shard_pair_end(&pair);
}

static void a_connection_opens_at_home_only(void **state)
{
    struct shard_pair_options options = {.shards = {2, 1}};
    struct shard_pair pair;
    struct client client = {.to = {shard_pair_address(RIGHT), ECHO_PORT, 0}, .port = 5000};
    struct chaski_endpoint local = {shard_pair_address(LEFT), 5000, 0};
    (void)state;
    make(&pair, &options);
    unsigned home = chaski_shards_home(pair.side[LEFT], &local, &client.to);
    client.shards = pair.side[LEFT];
    assert_int_equal(shard_do(client.shards, 1 - home, connect_client, &client),
                     CHASKI_NOT_PERMITTED);
    assert_int_equal(shard_do(client.shards, home, connect_client, &client), 0);
    assert_true(shard_until(client.shards, home, is_over, &client));
    assert_int_equal(client.received, LENGTH);
    wait_until_all_is_over(&pair);
    shard_pair_end(&pair);
}

static void a_shard_reaches_itself_from_any_port(void **state)
{
    struct shard_pair_options options = {.shards = {1, 2}};
    struct shard_pair pair;
    (void)state;
    make(&pair, &options);
    for (unsigned shard = 0; shard < 2; shard++) {
        struct client client = {.shards = pair.side[RIGHT],
                                .to = {shard_pair_address(RIGHT), ECHO_PORT, 0},
                                .port = 5000};
        assert_int_equal(shard_do(pair.side[RIGHT], shard, connect_client, &client), 0);
        assert_true(shard_until(pair.side[RIGHT], shard, is_over, &client));
        assert_int_equal(client.received, LENGTH);
    }
    wait_until_all_is_over(&pair);
    shard_pair_end(&pair);
}

/* ---- By a thread that is no shard ---------------------------------------------------------- */

enum { QUEUED_PORT = 80 };

static chaski_listener queued[2]; /* each its shard's */

/* What a thread has a shard do with a connection, a step a closure. */
struct step {
    unsigned shard;
    chaski_tcp connection;
    char bytes[8];
};

static int listen_queued(void *context, struct chaski *host, unsigned shard)
{
    struct chaski_tcp_bind bind = {.local.port = QUEUED_PORT, .backlog = 4};
    (void)context;
    return chaski_tcp_bind(host, &bind, &queued[shard]);
}

static int open_step(void *context, struct chaski *host, unsigned shard)
{
    struct step *step = context;
    struct chaski_tcp_connect connect = {.remote = {shard_pair_address(RIGHT), QUEUED_PORT, 0}};
    step->shard = shard;
    return chaski_tcp_connect(host, &connect, &step->connection);
}

static int accept_step(void *context, struct chaski *host, unsigned shard)
{
    struct step *step = context;
    step->shard = shard;
    return chaski_tcp_accept(host, queued[shard], &step->connection) == 0;
}

static int write_step(void *context, struct chaski *host, unsigned shard)
{
    struct step *step = context;
    (void)shard;
    return (int)chaski_tcp_write(host, step->connection, "chaski", 6);
}

static int read_step(void *context, struct chaski *host, unsigned shard)
{
    struct step *step = context;
    (void)shard;
    return chaski_tcp_read(host, step->connection, step->bytes, sizeof step->bytes) == 6;
}

static int is_at_end(void *context, struct chaski *host, unsigned shard)
{
    struct step *step = context;
    (void)shard;
    return chaski_tcp_read(host, step->connection, step->bytes, sizeof step->bytes) == 0;
}

static int close_step(void *context, struct chaski *host, unsigned shard)
{
    struct step *step = context;
    (void)shard;
    return chaski_tcp_close(host, step->connection);
}

/* Which of its shards the connection has come to, nobody is told beforehand. */
static void accept_somewhere(struct chaski_shards *shards, struct step *step)
{
    bool accepted = false;
    for (unsigned i = 0; !accepted; i++)
        accepted = shard_do(shards, i % shards->count, accept_step, step);
}

static void say_in_steps(struct chaski_shards *from, struct step *teller, struct chaski_shards *to,
                         struct step *hearer)
{
    assert_int_equal(shard_do(from, teller->shard, write_step, teller), 6);
    assert_true(shard_until(to, hearer->shard, read_step, hearer));
    assert_memory_equal(hearer->bytes, "chaski", 6);
}

static void any_thread_opens_accepts_reads_writes_and_closes(void **state)
{
    struct shard_pair_options options = {.shards = {2, 2}, .wire.shuffled = true};
    struct shard_pair pair;
    (void)state;
    shard_pair_make(&pair, &options);
    struct chaski_shards *left = pair.side[LEFT], *right = pair.side[RIGHT];
    assert_int_equal(chaski_shards_each(right, listen_queued, NULL), 0);
    shard_pair_start(&pair);
    for (unsigned i = 0; i < 6; i++) {
        struct step client, server;
        assert_int_equal(shard_do(left, i % 2, open_step, &client), 0);
        accept_somewhere(right, &server);
        say_in_steps(left, &client, right, &server);
        say_in_steps(right, &server, left, &client);
        assert_int_equal(shard_do(left, client.shard, close_step, &client), 0);
        assert_true(shard_until(right, server.shard, is_at_end, &server));
        assert_int_equal(shard_do(right, server.shard, close_step, &server), 0);
    }
    wait_until_all_is_over(&pair);
    shard_pair_end(&pair);
}

/* ---- Datagrams ----------------------------------------------------------------------------- */

struct talker {
    size_t length;
    uint16_t port; /* of the peer */
    unsigned answers;
    bool good;
    chaski_udp socket;
};

static void on_answer(void *context, struct chaski *host, chaski_udp socket,
                      const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                      const void *bytes, size_t length)
{
    struct talker *talker = context;
    (void)host;
    (void)socket;
    (void)local;
    (void)remote;
    talker->good &= length == talker->length;
    for (size_t i = 0; i < length; i++)
        talker->good &= ((const uint8_t *)bytes)[i] == byte_at(i);
    talker->answers++;
}

static int open_talker(void *context, struct chaski *host, unsigned shard)
{
    struct talker *talker = context;
    struct chaski_udp_bind bind = {
        .remote = {shard_pair_address(RIGHT), talker->port, 0},
        .receive = on_answer,
        .context = talker,
    };
    (void)shard;
    talker->good = true;
    return chaski_udp_bind(host, &bind, &talker->socket);
}

static int say(void *context, struct chaski *host, unsigned shard)
{
    struct talker *talker = context;
    uint8_t bytes[9000];
    (void)shard;
    for (size_t i = 0; i < talker->length; i++)
        bytes[i] = byte_at(i);
    return chaski_udp_send(host, talker->socket, NULL, bytes, talker->length);
}

static int has_answer(void *context, struct chaski *host, unsigned shard)
{
    const struct talker *talker = context;
    (void)host;
    (void)shard;
    return talker->answers != 0;
}

static int end_talker(void *context, struct chaski *host, unsigned shard)
{
    struct talker *talker = context;
    (void)shard;
    return chaski_udp_close(host, talker->socket);
}

/* Both ways in fragments, which know no ports: each comes to the home of the addresses first. */
static void fragments_reach_the_flow_whole(void **state)
{
    struct shard_pair_options options = {.shards = {3, 3}, .wire.shuffled = true};
    struct shard_pair pair;
    (void)state;
    make(&pair, &options);
    for (unsigned i = 0; i < 12; i++) {
        struct talker talker = {.length = 9000, .port = ECHO_PORT};
        assert_int_equal(shard_do(pair.side[LEFT], i % 3, open_talker, &talker), 0);
        assert_int_equal(shard_do(pair.side[LEFT], i % 3, say, &talker), 0);
        assert_true(shard_until(pair.side[LEFT], i % 3, has_answer, &talker));
        assert_true(talker.good);
        assert_int_equal(shard_do(pair.side[LEFT], i % 3, end_talker, &talker), 0);
    }
    assert_in_range(shard_sum(pair.side[LEFT], CHASKI_IP4_FRAGMENTS_RECEIVED), 12 * 7, 12 * 7);
    shard_pair_end(&pair);
}

static int is_refused(void *context, struct chaski *host, unsigned shard)
{
    return say(context, host, shard) == CHASKI_REFUSED;
}

static void an_error_reaches_the_flow_that_it_quotes(void **state)
{
    struct shard_pair_options options = {.shards = {3, 2}, .wire.shuffled = true};
    struct shard_pair pair;
    (void)state;
    make(&pair, &options);
    for (unsigned i = 0; i < 6; i++) {
        struct talker talker = {.length = 10, .port = DISCARD_PORT};
        assert_int_equal(shard_do(pair.side[LEFT], i % 3, open_talker, &talker), 0);
        assert_true(shard_until(pair.side[LEFT], i % 3, is_refused, &talker));
        assert_int_equal(shard_do(pair.side[LEFT], i % 3, end_talker, &talker), 0);
    }
    shard_pair_end(&pair);
}

/* ---- Sending by another shard's queue ------------------------------------------------------ */

enum { MANY = 700 /* more than may be lent to one shard */ };

static int say_many(void *context, struct chaski *host, unsigned shard)
{
    int status = 0;
    for (int i = 0; i < MANY && status >= 0; i++)
        status = say(context, host, shard);
    return status;
}

/* Whether all that was said has come to the other end, sockets' queues being what they are. */
static int has_heard_many(void *context, struct chaski *host, unsigned shard)
{
    (void)context;
    (void)shard;
    return chaski_counter_value(host, CHASKI_IP4_RECEIVED) > MANY;
}

static int has_lost(void *context, struct chaski *host, unsigned shard)
{
    (void)context;
    (void)shard;
    return chaski_counter_value(host, CHASKI_DROP_SHARD_FULL) != 0;
}

/* What a shard that runs it is kept from its turns by, until it is let go. */
struct hold {
    struct chaski_closure closure;
    _Atomic bool begun, over;
};

static void run_hold(struct chaski_closure *closure, struct chaski *host, unsigned shard)
{
    struct hold *hold = closure->context;
    (void)host;
    (void)shard;
    atomic_store(&hold->begun, true);
    while (!atomic_load(&hold->over))
        sched_yield();
}

/* Two shards with one queue, the other end of which answers the second one's datagrams, and the
 * first one held up. */
static void say_many_to_a_held_shard(struct shard_pair *pair, struct talker *talker,
                                     struct hold *hold)
{
    struct shard_pair_options options = {.shards = {2, 1}, .wire.queues = {1, 1}};
    *talker = (struct talker){.length = 10, .port = ECHO_PORT};
    make(pair, &options);
    struct chaski_shards *left = pair->side[LEFT];
    assert_int_equal(shard_do(left, 1, open_talker, talker), 0);
    assert_int_equal(shard_do(left, 1, say, talker), 0);
    assert_true(shard_until(left, 1, has_answer, talker)); /* neighbours know each other now */
    *hold = (struct hold){.closure = {.run = run_hold, .context = hold}};
    assert_int_equal(chaski_post(left, 0, &hold->closure), 0);
    while (!atomic_load(&hold->begun))
        sched_yield();
    assert_int_equal(shard_do(left, 1, say_many, talker), 0);
}

static void what_is_sent_waits_until_another_shard_has_room(void **state)
{
    struct shard_pair pair;
    struct talker talker;
    struct hold hold;
    (void)state;
    say_many_to_a_held_shard(&pair, &talker, &hold);
    atomic_store(&hold.over, true);
    assert_true(shard_until(pair.side[RIGHT], 0, has_heard_many, NULL));
    assert_int_equal(shard_sum(pair.side[LEFT], CHASKI_DROP_SHARD_FULL), 0);
    assert_int_equal(shard_do(pair.side[LEFT], 1, end_talker, &talker), 0);
    shard_pair_end(&pair);
}

static void what_waits_for_a_shard_that_is_stuck_is_dropped(void **state)
{
    struct shard_pair pair;
    struct talker talker;
    struct hold hold;
    (void)state;
    say_many_to_a_held_shard(&pair, &talker, &hold);
    assert_true(shard_until(pair.side[LEFT], 1, has_lost, NULL));
    atomic_store(&hold.over, true);
    talker.answers = 0;
    assert_int_equal(shard_do(pair.side[LEFT], 1, say, &talker), 0);
    assert_true(shard_until(pair.side[LEFT], 1, has_answer, &talker));
    assert_int_equal(shard_do(pair.side[LEFT], 1, end_talker, &talker), 0);
    shard_pair_end(&pair);
}

static void what_waits_at_the_end_is_forgotten(void **state)
{
    struct shard_pair pair;
    struct talker talker;
    struct hold hold;
    (void)state;
    say_many_to_a_held_shard(&pair, &talker, &hold);
    assert_int_equal(shard_do(pair.side[LEFT], 1, end_talker, &talker), 0);
    atomic_store(&pair.side[LEFT]->stopping, true); /* so that nobody takes another turn */
    atomic_store(&hold.over, true);
    shard_pair_end(&pair);
}

/* ---- Addresses, routes, neighbours --------------------------------------------------------- */

static int change_nothing(void *context, struct chaski *host, unsigned shard)
{
    struct chaski_address address = chaski_ip4(192, 0, 2, 9), none = {{0}};
    (void)context;
    assert_int_equal(chaski_address_add(host, 0, &address, 24), CHASKI_NOT_PERMITTED);
    assert_int_equal(chaski_address_remove(host, 0, &address), CHASKI_NOT_PERMITTED);
    assert_int_equal(chaski_route_add(host, &address, 24, &none, 0), CHASKI_NOT_PERMITTED);
    assert_int_equal(chaski_route_remove(host, &address, 24), CHASKI_NOT_PERMITTED);
    return (int)shard;
}

static int add_address(void *context, struct chaski *host, unsigned shard)
{
    const struct chaski_address *address = context;
    (void)shard;
    return chaski_address_add(host, 0, address, 32);
}

static int remove_address(void *context, struct chaski *host, unsigned shard)
{
    const struct chaski_address *address = context;
    (void)shard;
    return chaski_address_remove(host, 0, address);
}

static int has_address(void *context, struct chaski *host, unsigned shard)
{
    (void)shard;
    return host_is_local(host, context);
}

static int lacks_address(void *context, struct chaski *host, unsigned shard)
{
    return !has_address(context, host, shard);
}

static int has_reclaimed(void *context, struct chaski *host, unsigned shard)
{
    (void)host;
    (void)shard;
    return board_pending(context) == 0;
}

static void the_leader_changes_what_all_shards_read(void **state)
{
    struct shard_pair_options options = {.shards = {1, 3}};
    struct shard_pair pair;
    (void)state;
    make(&pair, &options);
    struct chaski_shards *right = pair.side[RIGHT];
    assert_int_equal(shard_do(right, 2, change_nothing, NULL), 2);
    for (int round = 0; round < 50; round++) {
        struct chaski_address address = chaski_ip4(192, 0, 2, (uint8_t)(100 + round));
        assert_int_equal(shard_do(right, 0, add_address, &address), 0);
        assert_true(shard_until(right, 1, has_address, &address));
        assert_true(shard_until(right, 2, has_address, &address));
        assert_int_equal(shard_do(right, 0, remove_address, &address), 0);
        assert_true(shard_until(right, 1, lacks_address, &address));
        assert_true(shard_until(right, 2, lacks_address, &address));
    }
    assert_true(shard_until(right, 0, has_reclaimed, &right->board));
    shard_pair_end(&pair);
}

/* The leader asks for it, and tells the shard whose connection it is that nobody answered. */
static void a_neighbour_who_is_missing_is_reported_to_its_shard(void **state)
{
    struct shard_pair_options options = {.shards = {2, 1}};
    struct shard_pair pair;
    struct client client = {.to = {chaski_ip4(192, 0, 2, 77), ECHO_PORT, 0}};
    (void)state;
    make(&pair, &options);
    client.shards = pair.side[LEFT];
    assert_int_equal(shard_do(pair.side[LEFT], 1, connect_client, &client), 0);
    assert_true(shard_until(pair.side[LEFT], 1, is_over, &client));
    assert_int_equal(client.error, CHASKI_UNREACHABLE);
    shard_pair_end(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_arrive_at_home_by_the_right_queue),
        cmocka_unit_test(frames_by_the_wrong_queue_are_handed_over),
        cmocka_unit_test(one_queue_serves_all_shards),
        cmocka_unit_test(a_connection_opens_at_home_only),
        cmocka_unit_test(a_shard_reaches_itself_from_any_port),
        cmocka_unit_test(any_thread_opens_accepts_reads_writes_and_closes),
        cmocka_unit_test(fragments_reach_the_flow_whole),
        cmocka_unit_test(an_error_reaches_the_flow_that_it_quotes),
        cmocka_unit_test(what_is_sent_waits_until_another_shard_has_room),
        cmocka_unit_test(what_waits_for_a_shard_that_is_stuck_is_dropped),
        cmocka_unit_test(what_waits_at_the_end_is_forgotten),
        cmocka_unit_test(the_leader_changes_what_all_shards_read),
        cmocka_unit_test(a_neighbour_who_is_missing_is_reported_to_its_shard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
