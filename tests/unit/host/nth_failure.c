/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every allocation fails once in turn over a whole session of two hosts: neighbours are asked for,
 * a ping and a datagram in fragments go back and forth, a group is joined and left, connections
 * open by the listener's memory and by a cookie, carry text both ways and close. Whatever fails,
 * everything arrives in the end, and everything is given back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/support/talk.h"

enum { HOSTS = 2, TALKS = 3, TCP_PORT = 7000, UDP_PORT = 7, ECHO_LENGTH = 4000, TRIES = 10 };

struct session {
    struct net net;
    struct talk talks[TALKS];
    chaski_udp sockets[HOSTS];
    bool pinged, echoed;
    /* what fails */
    struct pool *pool;
    uint64_t first_fail;
    bool again; /* and once more, in the next turn */
    bool failed_again;
};

/* ---- Failing ------------------------------------------------------------------------------- */

enum { POOLS = 4, RECORDS = POOLS - 1 };

static struct pool *pool_of(struct net *net, uint32_t host, unsigned which)
{
    struct chaski *chaski = net->hosts[host].host;
    struct pool *const pools[POOLS] = {&chaski->memory.packets, &chaski->memory.small,
                                       &chaski->memory.large, &chaski->tcp.sent};
    return pools[which];
}

static void fail_again(void *context)
{
    struct session *session = context;
    struct pool *pool = session->pool;
    if (!session->again || session->failed_again || pool->takes < session->first_fail)
        return;
    pool->fail_at = pool->takes + 1;
    session->failed_again = true;
}

/* ---- What the hosts do ----------------------------------------------------------------------- */

static void on_pong(void *context, struct chaski *host, const struct chaski_address *from,
                    uint16_t sequence, uint8_t ttl, const void *bytes, size_t length, int error)
{
    struct session *session = context;
    (void)host, (void)from, (void)sequence, (void)ttl;
    session->pinged |= error == 0 && length == 5 && memcmp(bytes, "hello", 5) == 0;
}

static bool has_pinged(void *context)
{
    return ((struct session *)context)->pinged;
}

static void ping(struct session *session)
{
    struct chaski *host = session->net.hosts[0].host;
    struct chaski_address to = net_address(1);
    assert_int_equal(chaski_ping_on(host, 7, on_pong, session), 0);
    for (uint16_t i = 0; i < TRIES && !session->pinged; i++) {
        int result = chaski_ping(host, &to, 7, i, "hello", 5);
        assert_true(result == 0 || result == CHASKI_NO_MEMORY);
        net_run_until(&session->net, has_pinged, session, 4 * NET_SECOND);
    }
    assert_true(session->pinged);
    chaski_ping_on(host, 7, NULL, NULL);
}

static void on_request(void *context, struct chaski *host, chaski_udp socket,
                       const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                       const void *bytes, size_t length)
{
    (void)context, (void)local;
    int result = chaski_udp_send(host, socket, remote, bytes, length);
    assert_true(result >= 0 || result == CHASKI_NO_MEMORY);
}

static void fill(uint8_t *bytes)
{
    for (uint32_t i = 0; i < ECHO_LENGTH; i++)
        bytes[i] = (uint8_t)(i * 7 + (i >> 8));
}

static void on_answer(void *context, struct chaski *host, chaski_udp socket,
                      const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                      const void *bytes, size_t length)
{
    struct session *session = context;
    uint8_t expected[ECHO_LENGTH];
    (void)host, (void)socket, (void)local, (void)remote;
    fill(expected);
    assert_int_equal(length, ECHO_LENGTH);
    assert_memory_equal(bytes, expected, ECHO_LENGTH);
    session->echoed = true;
}

static bool has_echoed(void *context)
{
    return ((struct session *)context)->echoed;
}

static void open_sockets(struct session *session)
{
    struct chaski_udp_bind bind = {.receive = on_answer, .context = session};
    assert_int_equal(chaski_udp_bind(session->net.hosts[0].host, &bind, &session->sockets[0]), 0);
    bind = (struct chaski_udp_bind){.local.port = UDP_PORT, .receive = on_request};
    assert_int_equal(chaski_udp_bind(session->net.hosts[1].host, &bind, &session->sockets[1]), 0);
}

static void echo_datagram(struct session *session)
{
    struct chaski_endpoint to = net_endpoint(1, UDP_PORT);
    uint8_t bytes[ECHO_LENGTH];
    fill(bytes);
    for (unsigned i = 0; i < TRIES && !session->echoed; i++) {
        int result = chaski_udp_send(session->net.hosts[0].host, session->sockets[0], &to, bytes,
                                     sizeof bytes);
        assert_true(result >= 0 || result == CHASKI_NO_MEMORY);
        net_run_until(&session->net, has_echoed, session, 4 * NET_SECOND);
    }
    assert_true(session->echoed);
}

static void join_and_leave(struct session *session)
{
    struct chaski_address group = chaski_ip4(239, 1, 2, 3);
    for (uint32_t i = 0; i < HOSTS; i++)
        assert_int_equal(
            chaski_udp_join(session->net.hosts[i].host, session->sockets[i], &group, 0), 0);
    net_run(&session->net, 5 * NET_SECOND);
    for (uint32_t i = 0; i < HOSTS; i++)
        assert_int_equal(
            chaski_udp_leave(session->net.hosts[i].host, session->sockets[i], &group, 0), 0);
}

/* Connections both ways, all at once; host 1 has room for one that is half open. */
static void talk(struct session *session)
{
    for (uint32_t i = 0; i < TALKS; i++) {
        session->talks[i] = (struct talk){
            .net = &session->net,
            .hosts = {i % 2, 1 - i % 2},
            .port = (uint16_t)(TCP_PORT + i),
            .ends[0].manners = {.length = 50000, .hands_over = i == 0, .looks = true},
            .ends[1].manners = {.length = 40000, .hands_over = true, .answers = true},
        };
        talk_begin(&session->talks[i], i);
    }
    assert_true(talks_run(&session->net, session->talks, TALKS, 300 * NET_SECOND));
    for (uint32_t i = 0; i < TALKS; i++)
        talk_assert(&session->talks[i]);
}

static void end_session(struct session *session)
{
    for (uint32_t i = 0; i < HOSTS; i++)
        assert_int_equal(chaski_udp_close(session->net.hosts[i].host, session->sockets[i]), 0);
    net_run(&session->net, 1000 * NET_SECOND);
    net_assert_idle(&session->net);
    for (uint32_t i = 0; i < TALKS; i++)
        assert_int_equal(session->talks[i].ends[0].lent + session->talks[i].ends[1].lent, 0);
    net_free(&session->net);
}

static const struct chaski_limits limits = {
    .interfaces = 1,
    .addresses = 2,
    .routes = 2,
    .neighbours = 8,
    .groups = 4,
    .reassemblies = 4,
    .paths = 4,
    .listeners = 2,
    .connections = 4,
    .half_open = 1,
    .time_wait = 4,
    .udp_sockets = 2,
    .packets = 256,
    .small_buffers = 256,
    .large_buffers = 16,
    .receive_buffer_max = 65536,
    .send_buffer_max = 65536,
};

static void make_net(struct session *session, const struct chaski_limits *host_limits)
{
    struct net_options options = {.copy = true, .queue_packets = 256, .limits = host_limits};
    struct memory_wire_impairment slow = {.delay_ns = NET_MILLISECOND, .rate_bits = 50000000};
    *session = (struct session){0};
    net_make(&session->net, &options);
    memory_wire_impair(session->net.wire, MEMORY_WIRE_EVERY, MEMORY_WIRE_EVERY, &slow);
}

/* The whole session with the nth attempt at a pool failing; false when there were not so many. */
static bool survive(uint32_t host, unsigned which, uint64_t nth, bool again)
{
    struct session *session = malloc(sizeof *session);
    assert_non_null(session);
    make_net(session, &limits);
    struct pool *pool = session->pool = pool_of(&session->net, host, which);
    pool->fail_at = session->first_fail = pool->takes + nth;
    session->again = again;
    session->net.before_turn = fail_again;
    session->net.context = session;
    open_sockets(session);
    ping(session);
    echo_datagram(session);
    join_and_leave(session);
    talk(session);
    bool reached = pool->takes >= session->first_fail;
    if (!reached) /* so nothing has failed */
        assert_true(net_counter(&session->net, CHASKI_TCP_COOKIES_ACCEPTED) != 0);
    end_session(session);
    free(session);
    return reached;
}

static void fail_each(uint32_t host, unsigned which, bool again)
{
    uint64_t nth = 1;
    while (survive(host, which, nth, again))
        nth += again ? 3 : 1;
    assert_true(nth > 3); /* else the session does not use the pool, and nothing was tested */
}

static void every_packet_may_fail(void **state)
{
    (void)state;
    fail_each(0, 0, false);
    fail_each(1, 0, false);
}

static void every_small_buffer_may_fail(void **state)
{
    (void)state;
    fail_each(0, 1, false);
    fail_each(1, 1, false);
}

static void every_large_buffer_may_fail(void **state)
{
    (void)state;
    fail_each(0, 2, false);
    fail_each(1, 2, false);
}

static void every_record_may_fail(void **state)
{
    (void)state;
    fail_each(0, 3, false);
    fail_each(1, 3, false);
}

static void two_may_fail_in_a_row(void **state)
{
    (void)state;
    for (unsigned which = 0; which < POOLS; which++)
        for (uint32_t host = 0; host < HOSTS; host++)
            fail_each(host, which, true);
}

/* ---- No memory for a while --------------------------------------------------------------------
 */

enum { HELD_MAX = 1024 };

struct outage {
    struct session session;
    uint32_t host;
    uint64_t from_ns, until_ns;
    void *held[POOLS][HELD_MAX];
    uint32_t count[POOLS];
};

static void hold_and_return(void *context)
{
    struct outage *outage = context;
    uint64_t now_ns = outage->session.net.now_ns;
    for (unsigned which = 0; which < POOLS && now_ns >= outage->from_ns; which++) {
        struct pool *pool = pool_of(&outage->session.net, outage->host, which);
        void **held = outage->held[which];
        uint32_t *count = &outage->count[which];
        while (now_ns < outage->until_ns && pool->free_count != 0)
            held[(*count)++] = pool_take(pool, FOR_CONTROL);
        while (now_ns >= outage->until_ns && *count != 0)
            pool_give(pool, held[--*count]);
    }
    outage->session.net.hosts[outage->host].records_aside = outage->count[RECORDS];
}

/* Returns how often the hosts found no memory. */
static uint64_t survive_outage(uint32_t host, uint64_t after_ns, uint64_t length_ns)
{
    struct outage *outage = malloc(sizeof *outage);
    assert_non_null(outage);
    memset(outage->count, 0, sizeof outage->count);
    make_net(&outage->session, &limits);
    outage->host = host;
    outage->from_ns = outage->session.net.now_ns + after_ns;
    outage->until_ns = outage->from_ns + length_ns;
    outage->session.net.before_turn = hold_and_return;
    outage->session.net.context = outage;
    open_sockets(&outage->session);
    talk(&outage->session);
    net_run(&outage->session.net, NET_SECOND);
    uint64_t wants = net_counter(&outage->session.net, CHASKI_DROP_NO_MEMORY) +
                     net_counter(&outage->session.net, CHASKI_TCP_OUTPUT_NO_MEMORY);
    end_session(&outage->session);
    free(outage);
    return wants;
}

static void memory_may_be_gone_for_a_while(void **state)
{
    (void)state;
    uint64_t wants = 0;
    for (uint32_t host = 0; host < HOSTS; host++)
        for (uint64_t after_ms = 0; after_ms < 60; after_ms++) {
            wants += survive_outage(host, after_ms * NET_MILLISECOND, 3 * NET_MILLISECOND);
            wants += survive_outage(host, after_ms * NET_MILLISECOND, 100 * NET_MILLISECOND);
        }
    assert_true(wants > 1000);
}

/* ---- Little memory for good ------------------------------------------------------------------ */

static const struct chaski_limits tiny = {
    .interfaces = 1,
    .addresses = 2,
    .routes = 2,
    .neighbours = 4,
    .groups = 2,
    .reassemblies = 2,
    .paths = 4,
    .listeners = 4,
    .connections = 8,
    .half_open = 4,
    .time_wait = 8,
    .udp_sockets = 2,
    .packets = 16,
    .small_buffers = 16,
    .large_buffers = 4,
    .receive_buffer_max = 16384,
    .send_buffer_max = 16384,
};

static void make_progress(uint32_t seed, uint32_t talks, uint32_t loss, bool stalls)
{
    struct net net;
    struct talk *all = calloc(talks, sizeof *all);
    struct net_options options = {.copy = true, .queue_packets = 64, .seed = seed, .limits = &tiny};
    struct memory_wire_impairment harm = {
        .loss = loss, .delay_ns = 5 * NET_MILLISECOND, .rate_bits = 10000000};
    assert_non_null(all);
    net_make(&net, &options);
    memory_wire_impair(net.wire, MEMORY_WIRE_EVERY, MEMORY_WIRE_EVERY, &harm);
    for (uint32_t i = 0; i < talks; i++) {
        all[i] = (struct talk){
            .net = &net,
            .hosts = {i % 2, 1 - i % 2},
            .port = (uint16_t)(TCP_PORT + i),
            .ends[0].manners = {.length = 30000, .hands_over = i % 3 == 0, .stalls = stalls},
            .ends[1].manners = {.length = 30000, .looks = i % 2 == 0, .stalls = stalls},
        };
        talk_begin(&all[i], seed + i);
    }
    assert_true(talks_run(&net, all, talks, 3600 * NET_SECOND));
    for (uint32_t i = 0; i < talks; i++)
        talk_assert(&all[i]);
    net_run(&net, 1000 * NET_SECOND);
    net_assert_idle(&net);
    net_free(&net);
    free(all);
}

static void tiny_pools_make_progress(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 20; seed++) {
        make_progress(seed, 1, 0, false);
        make_progress(seed, 1, 20000, false);
        make_progress(seed, 4, 0, false);
        make_progress(seed, 4, 20000, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packet_may_fail),
        cmocka_unit_test(every_small_buffer_may_fail),
        cmocka_unit_test(every_large_buffer_may_fail),
        cmocka_unit_test(every_record_may_fail),
        cmocka_unit_test(two_may_fail_in_a_row),
        cmocka_unit_test(memory_may_be_gone_for_a_while),
        cmocka_unit_test(tiny_pools_make_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
