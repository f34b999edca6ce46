/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "tests/support/peer.h"

/* Limits of time-outs that applications set: where they are kept, and whose they are. What comes of
 * them on the wire is in tests/scripts. */

enum { SETS = 12, SECOND = 1000000000, MS = 1000000, OTHER_PORT = PEER_HOST_PORT + 1 };

static struct peer peer;

static struct tcp_times_sets make_sets(void)
{
    static uint8_t _Alignas(64) bytes[1024];
    struct memory memory = {.base = bytes, .size = sizeof bytes};
    struct tcp_times_sets sets = {0};
    times_setup(&sets, &memory, 64);
    assert_int_equal(sets.count, SETS);
    return sets;
}

static void the_same_limits_stand_once(void **state)
{
    (void)state;
    struct tcp_times_sets sets = make_sets();
    unsigned one = 0, other = 0;
    assert_int_equal(times_set(&sets, &one, CHASKI_TCP_RTO_MAX_MS, 5000), 0);
    assert_int_equal(times_set(&sets, &one, CHASKI_TCP_RTO_MIN_US, 9000), 0);
    assert_int_equal(times_set(&sets, &other, CHASKI_TCP_RTO_MIN_US, 9000), 0);
    assert_int_not_equal(one, other);
    assert_int_equal(times_set(&sets, &other, CHASKI_TCP_RTO_MAX_MS, 5000), 0);
    assert_int_equal(one, other);
    assert_int_equal(times_of(&sets, one)->users, 2);
    assert_int_equal(times_of(&sets, one)->rto_max_us, 5000000);
    assert_int_equal(times_value(&sets, one, CHASKI_TCP_RTO_MIN_US), 9000);
    assert_int_equal(times_value(&sets, one, CHASKI_TCP_DELACK_MAX_US), 0);
}

static void who_has_none_needs_no_number(void **state)
{
    (void)state;
    struct tcp_times_sets sets = make_sets();
    unsigned number = 0;
    assert_int_equal(times_set(&sets, &number, CHASKI_TCP_DELACK_MAX_US, 0), 0);
    assert_int_equal(number, 0);
    assert_int_equal(times_set(&sets, &number, CHASKI_TCP_DELACK_MAX_US, 5000), 0);
    assert_int_not_equal(number, 0);
    assert_int_equal(times_set(&sets, &number, CHASKI_TCP_DELACK_MAX_US, 0), 0);
    assert_int_equal(number, 0);
    assert_int_equal(times_set(&sets, &number, CHASKI_TCP_DELACK_MAX_US, 999), CHASKI_INVALID);
    assert_int_equal(times_set(&sets, &number, CHASKI_TCP_RTO_MAX_MS, 999), CHASKI_INVALID);
}

static void too_many_different_ones_are_refused(void **state)
{
    (void)state;
    struct tcp_times_sets sets = make_sets();
    unsigned numbers[SETS] = {0}, sharer, more = 0;
    for (unsigned i = 0; i < SETS; i++)
        assert_int_equal(times_set(&sets, &numbers[i], CHASKI_TCP_RTO_MAX_MS, 1000 + i), 0);
    assert_int_equal(times_set(&sets, &more, CHASKI_TCP_RTO_MAX_MS, 2000), CHASKI_NO_MEMORY);
    assert_int_equal(more, 0);
    sharer = numbers[0];
    times_share(&sets, sharer);
    assert_int_equal(times_set(&sets, &sharer, CHASKI_TCP_RTO_MAX_MS, 2000), CHASKI_NO_MEMORY);
    assert_int_equal(sharer, numbers[0]);
    assert_int_equal(times_of(&sets, sharer)->users, 2);
    /* who is alone makes room for itself */
    assert_int_equal(times_set(&sets, &numbers[1], CHASKI_TCP_RTO_MAX_MS, 2000), 0);
    times_release(&sets, numbers[2]);
    assert_int_equal(times_set(&sets, &more, CHASKI_TCP_RTO_MAX_MS, 3000), 0);
}

static uint32_t users(void)
{
    const struct tcp_times_sets *sets = &peer.host->tcp.times;
    uint32_t n = 0;
    for (unsigned number = 1; number <= sets->count; number++)
        n += times_of(sets, number)->users;
    return n;
}

static int64_t option(enum chaski_tcp_option name)
{
    int64_t value = -1;
    assert_int_equal(chaski_tcp_get(peer.host, peer.connection, name, &value), 0);
    return value;
}

static void what_ends_gives_its_number_back(void **state)
{
    (void)state;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    assert_int_equal(option(CHASKI_TCP_RTO_MAX_MS), 120000);
    peer_host_sets(&peer, CHASKI_TCP_RTO_MAX_MS, 3000);
    peer_host_sets(&peer, CHASKI_TCP_RTO_MIN_US, 3000);
    assert_int_equal(option(CHASKI_TCP_RTO_MAX_MS), 3000);
    assert_int_equal(option(CHASKI_TCP_RTO_MIN_US), 3000);
    assert_int_equal(option(CHASKI_TCP_DELACK_MAX_US), 40000);
    assert_int_equal(
        chaski_tcp_listener_set(peer.host, peer.listener, CHASKI_TCP_DELACK_MAX_US, 3000), 0);
    assert_int_equal(users(), 2);
    chaski_tcp_abort(peer.host, peer.connection);
    peer_settles(&peer);
    assert_int_equal(users(), 1);
    assert_int_equal(chaski_tcp_unbind(peer.host, peer.listener), 0);
    assert_int_equal(users(), 0);
    peer_free(&peer);
}

static void what_is_accepted_has_its_listeners(void **state)
{
    (void)state;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    assert_int_equal(chaski_tcp_listener_set(peer.host, peer.listener, CHASKI_TCP_RTO_MAX_MS, 4000),
                     0);
    chaski_listener listener = peer.listener;
    struct segment syn = peer_segment(&peer, SEGMENT_SYN), answer;
    peer.next++;
    peer_injects(&peer, &syn);
    answer = peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK);
    peer.expected = answer.sequence + 1;
    peer_acknowledges(&peer);
    assert_int_equal(option(CHASKI_TCP_RTO_MAX_MS), 4000);
    assert_int_equal(users(), 2);
    assert_int_equal(chaski_tcp_unbind(peer.host, listener), 0);
    assert_int_equal(option(CHASKI_TCP_RTO_MAX_MS), 4000);
    peer_free(&peer);
}

/* The next SYN+ACK is of that port, and comes then. */
static void expects_synack(uint16_t port, uint64_t begin_ns, uint32_t at_ms)
{
    struct segment segment;
    peer_waits(&peer, 10ull * SECOND);
    assert_int_equal((peer.world.now_ns - begin_ns + MS / 2) / MS, at_ms);
    assert_true(peer_hears(&peer, &segment));
    assert_int_equal(segment.flags, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(segment.source_port, port);
}

static void says_syn(uint16_t port)
{
    struct segment syn = peer_segment(&peer, SEGMENT_SYN);
    syn.destination_port = port;
    peer_injects(&peer, &syn);
}

/* Entries of a round stand in one queue, whatever their listeners say. */
static void short_waits_do_not_wait_for_long_ones(void **state)
{
    (void)state;
    struct chaski_tcp_bind bind = {.local.port = OTHER_PORT};
    chaski_listener other;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    assert_int_equal(chaski_tcp_bind(peer.host, &bind, &other), 0);
    assert_int_equal(chaski_tcp_listener_set(peer.host, other, CHASKI_TCP_RTO_MAX_MS, 1200), 0);
    uint64_t begin_ns = peer.world.now_ns;
    says_syn(PEER_HOST_PORT);
    peer_runs(&peer, 100 * MS);
    says_syn(OTHER_PORT);
    static const struct {
        uint16_t port;
        uint32_t at_ms;
    } expected[] = {
        {PEER_HOST_PORT, 100}, {OTHER_PORT, 100},      {PEER_HOST_PORT, 1000}, {OTHER_PORT, 1100},
        {OTHER_PORT, 2300},    {PEER_HOST_PORT, 3000}, {OTHER_PORT, 3500},     {OTHER_PORT, 4700},
        {OTHER_PORT, 5900},    {PEER_HOST_PORT, 7000},
    };
    for (unsigned i = 0; i < sizeof expected / sizeof *expected; i++)
        expects_synack(expected[i].port, begin_ns, expected[i].at_ms);
    assert_int_equal(chaski_tcp_unbind(peer.host, other), 0);
    assert_int_equal(chaski_tcp_unbind(peer.host, peer.listener), 0);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_limits_stand_once),
        cmocka_unit_test(who_has_none_needs_no_number),
        cmocka_unit_test(too_many_different_ones_are_refused),
        cmocka_unit_test(what_ends_gives_its_number_back),
        cmocka_unit_test(what_is_accepted_has_its_listeners),
        cmocka_unit_test(short_waits_do_not_wait_for_long_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
