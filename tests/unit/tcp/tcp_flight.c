/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "tests/support/world.h"

/* More connections than there is state for sending: who is idle gives it to who sends. */

enum { CONNECTIONS = 100, FLIGHTS = 64, PORT = 7, LINE = 20 };

static void echo(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    uint8_t bytes[LINE];
    long n;
    (void)context, (void)events;
    while ((n = chaski_tcp_read(host, connection, bytes, sizeof bytes)) > 0)
        assert_int_equal(chaski_tcp_write(host, connection, bytes, (size_t)n), n);
}

struct client {
    chaski_tcp connection;
    uint32_t received;
    unsigned events;
};

static void hear(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct client *client = context;
    uint8_t bytes[LINE];
    long n;
    client->events |= events;
    while ((n = chaski_tcp_read(host, connection, bytes, sizeof bytes)) > 0)
        client->received += (uint32_t)n;
}

static struct world world;
static struct client clients[CONNECTIONS];

static int set_up(void **state)
{
    (void)state;
    struct chaski_limits limits;
    chaski_listener listener;
    chaski_limits_for(&limits, 8 << 20, CONNECTIONS);
    limits.packets = FLIGHTS;
    struct world_options options = {.limits = &limits, .delay_ns = WORLD_MILLISECOND};
    world_make(&world, &options);
    assert_int_equal(world.hosts[0]->tcp.flights.limit, FLIGHTS);
    struct chaski_tcp_bind bind = {.local.port = PORT, .receive = echo};
    assert_int_equal(chaski_tcp_bind(world.hosts[1], &bind, &listener), 0);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        clients[i] = (struct client){.received = 0};
        struct chaski_tcp_connect connect = {
            .remote = world_endpoint(1, PORT), .receive = hear, .context = &clients[i]};
        assert_int_equal(chaski_tcp_connect(world.hosts[0], &connect, &clients[i].connection), 0);
        world_run(&world, 10 * WORLD_MILLISECOND);
        assert_true(clients[i].events & CHASKI_CONNECTED);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CONNECTIONS; i++)
        chaski_tcp_abort(world.hosts[0], clients[i].connection);
    world_run(&world, 300 * WORLD_SECOND);
    const struct tcp_flights *flights = &world.hosts[0]->tcp.flights;
    for (uint32_t i = 0; i < flights->fresh; i++)
        assert_int_equal(flights->array[i].connection, 0);
    world_assert_no_leaks(&world);
    world_free(&world);
    return 0;
}

static long say(unsigned i)
{
    static const uint8_t line[LINE];
    return chaski_tcp_write(world.hosts[0], clients[i].connection, line, LINE);
}

static uint64_t counter(enum chaski_counter which)
{
    return chaski_counter_value(world.hosts[0], which);
}

static void nothing_is_taken_until_something_is_written(void **state)
{
    (void)state;
    assert_int_equal(world.hosts[0]->tcp.flights.fresh, 0);
}

static void idle_ones_give_theirs_to_those_that_send(void **state)
{
    (void)state;
    for (unsigned round = 1; round <= 3; round++) {
        for (unsigned i = 0; i < CONNECTIONS; i++) {
            assert_int_equal(say(i), LINE);
            world_run(&world, 100 * WORLD_MILLISECOND);
            assert_int_equal(clients[i].received, round * LINE);
        }
    }
    assert_true(counter(CHASKI_TCP_FLIGHTS_RECLAIMED) >= 2 * CONNECTIONS);
    assert_int_equal(counter(CHASKI_TCP_FLIGHT_LIMIT), 0);
}

static void who_finds_none_is_told_when_there_is_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FLIGHTS; i++)
        assert_int_equal(say(i), LINE);
    for (unsigned i = FLIGHTS; i < CONNECTIONS; i++) {
        clients[i].events = 0;
        assert_int_equal(say(i), CHASKI_AGAIN);
    }
    assert_int_equal(counter(CHASKI_TCP_FLIGHT_LIMIT), CONNECTIONS - FLIGHTS);
    world_run(&world, WORLD_SECOND);
    for (unsigned i = FLIGHTS; i < CONNECTIONS; i++) {
        assert_true(clients[i].events & CHASKI_WRITABLE);
        assert_int_equal(say(i), LINE);
        world_run(&world, 100 * WORLD_MILLISECOND);
    }
    for (unsigned i = 0; i < CONNECTIONS; i++)
        assert_int_equal(clients[i].received, LINE);
}

/* A FIN needs one too. */
static void closing_waits_for_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FLIGHTS; i++)
        assert_int_equal(say(i), LINE);
    chaski_tcp last = clients[CONNECTIONS - 1].connection;
    struct chaski_tcp_info info;
    assert_int_equal(chaski_tcp_shutdown(world.hosts[0], last), 0);
    world_settle(&world);
    assert_int_equal(chaski_tcp_info(world.hosts[0], last, &info), 0);
    assert_int_equal(info.tcpi_state, CHASKI_TCP_FIN_WAIT_1);
    world_run(&world, WORLD_SECOND);
    assert_int_equal(chaski_tcp_info(world.hosts[0], last, &info), 0);
    assert_int_equal(info.tcpi_state, CHASKI_TCP_FIN_WAIT_2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_taken_until_something_is_written, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(idle_ones_give_theirs_to_those_that_send, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_finds_none_is_told_when_there_is_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(closing_waits_for_one, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
