/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 9293: initial sequence numbers, opening, addresses. Each test bears the number that
 * appendix B gives to what it shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "tests/support/peer.h"

/* ---- Initial sequence numbers (3.4.1) ---- */

/* Opens to the peer from a port and gives up at once. */
static uint32_t isn_from(struct peer *peer, uint16_t port)
{
    peer->host_port = port;
    uint32_t isn = peer_host_connects(peer).sequence;
    assert_int_equal(chaski_tcp_abort(peer->host, peer->connection), 0);
    peer_settles(peer);
    return isn;
}

/* About one step in four microseconds. */
/* RFC 6528 SHLD-1 */
static void must_8_isn_is_clock_driven(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    uint32_t first = isn_from(&peer, 1000);
    peer_runs(&peer, WORLD_SECOND);
    uint32_t second = isn_from(&peer, 1000);
    assert_in_range(second - first, 240000, 260000);
    peer_runs(&peer, 10 * WORLD_SECOND);
    assert_in_range(isn_from(&peer, 1000) - second, 2400000, 2600000);
    peer_free(&peer);
}

/* The same connection at the same time has another number on a host with other secrets. */
/* RFC 6528 MUST-1 */
static void must_9_isn_depends_on_a_secret(void **state)
{
    (void)state;
    uint32_t isn[16];
    for (uint8_t seed = 0; seed < 16; seed++) {
        struct peer peer;
        struct world_options options = {.seed = seed};
        peer_make(&peer, &options);
        isn[seed] = isn_from(&peer, 1000);
        peer_free(&peer);
        for (uint8_t other = 0; other < seed; other++)
            assert_int_not_equal(isn[other], isn[seed]);
    }
}

/* Neighbouring ports at the same time: neither the numbers nor their distances repeat. */
/* RFC 6528 SHLD-1 */
static void shld_1_isn_differs_between_connections(void **state)
{
    (void)state;
    enum { PORTS = 64 };
    uint32_t isn[PORTS];
    struct peer peer;
    peer_make(&peer, NULL);
    for (uint16_t i = 0; i < PORTS; i++)
        isn[i] = isn_from(&peer, (uint16_t)(1000 + i));
    for (int i = 2; i < PORTS; i++)
        for (int j = 1; j < i; j++) {
            assert_int_not_equal(isn[i], isn[j]);
            assert_int_not_equal(isn[i] - isn[i - 1], isn[j] - isn[j - 1]);
        }
    peer_free(&peer);
}

/* ---- Simultaneous open, resets while opening (3.5) ---- */

/* The host sends SYN and gets one without acknowledgement: it is in SYN-RECEIVED then. */
static void open_at_once(struct peer *peer)
{
    struct segment syn = peer_host_connects(peer);
    struct segment other = peer_segment(peer, SEGMENT_SYN);
    other.options = peer->syn_options;
    other.options_length = peer->syn_options_length;
    peer_injects(peer, &other);
    peer->next++;
    struct segment answer = peer_expects(peer, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(answer.sequence, syn.sequence);
    assert_int_equal(answer.acknowledgment, peer->next);
    assert_int_equal(peer_info(peer).tcpi_state, CHASKI_TCP_SYN_RECEIVED);
}

static void must_10_both_may_open_at_once(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    open_at_once(&peer);
    /* The peer does as we do: SYN+ACK with its old sequence number (figure 7). */
    struct segment syn_ack = peer_segment(&peer, SEGMENT_SYN | SEGMENT_ACK);
    syn_ack.sequence = peer.next - 1;
    peer_injects(&peer, &syn_ack);
    peer_expects_nothing(&peer);
    assert_true(peer.events & CHASKI_CONNECTED);
    assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_ESTABLISHED);
    peer_host_writes(&peer, 10);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 10);
    peer_free(&peer);
}

struct end {
    chaski_tcp connection;
    unsigned events;
};

static void note(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct end *end = context;
    (void)host;
    end->connection = connection;
    end->events |= events;
}

/* Two of our hosts, whose SYNs cross on the way. */
static void must_10_two_hosts_open_at_once(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = {.delay_ns = 10 * WORLD_MILLISECOND, .prefix_length = 32};
    struct end ends[2] = {0};
    char got[4];
    world_make(&world, &options);
    world_introduce(&world, 0);
    world_introduce(&world, 1);
    for (uint32_t i = 0; i < 2; i++) {
        struct chaski_tcp_connect connect = {
            .local.port = (uint16_t)(1000 + i),
            .remote = world_endpoint(1 - i, (uint16_t)(1001 - i)),
            .receive = note,
            .context = &ends[i],
        };
        assert_int_equal(chaski_tcp_connect(world.hosts[i], &connect, &ends[i].connection), 0);
    }
    world_run(&world, WORLD_SECOND / 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(ends[i].events & CHASKI_CONNECTED);
        assert_int_equal(chaski_tcp_write(world.hosts[i], ends[i].connection, "abc", 3), 3);
    }
    world_run(&world, WORLD_SECOND);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(chaski_tcp_read(world.hosts[i], ends[i].connection, got, 4), 3);
        assert_int_equal(chaski_tcp_close(world.hosts[i], ends[i].connection), 0);
    }
    world_run(&world, 100 * WORLD_SECOND);
    world_assert_no_leaks(&world);
    world_free(&world);
}

/* A reset in SYN-RECEIVED: who listened goes on listening and hears nothing of it. */
static void must_11_a_refused_listener_listens_on(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    peer_says(&peer, SEGMENT_SYN, 0);
    peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK);
    peer_says(&peer, SEGMENT_RST, 0);
    peer_runs(&peer, 100 * WORLD_SECOND);
    peer_expects_nothing(&peer);
    assert_int_equal(peer.events, 0);
    peer.next += 100000;
    peer_says(&peer, SEGMENT_SYN, 0);
    struct segment answer = peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(answer.acknowledgment, peer.next);
    peer_free(&peer);
}

/* The same for who connected: the connection was refused. */
static void must_11_a_refused_connection_ends(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    open_at_once(&peer);
    peer_says(&peer, SEGMENT_RST, 0);
    assert_int_equal(peer.events, CHASKI_ENDED | CHASKI_READABLE);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_REFUSED);
    peer_runs(&peer, 100 * WORLD_SECOND);
    peer_expects_nothing(&peer);
    peer_free(&peer);
}

/* Who does not complete the handshake is asked again for a minute, then forgotten. */
static void syn_acks_go_on_for_a_minute(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    peer_says(&peer, SEGMENT_SYN, 0);
    uint32_t isn = peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK).sequence;
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(peer_waits(&peer, 100 * WORLD_SECOND), WORLD_SECOND << i);
        assert_int_equal(peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK).sequence, isn);
    }
    peer_runs(&peer, 33 * WORLD_SECOND);
    peer_expects_nothing(&peer);
    peer_acknowledges(&peer); /* too late */
    assert_int_equal(peer.events, 0);
    struct segment reset = {0};
    assert_true(peer_hears(&peer, &reset));
    assert_int_equal(reset.flags, SEGMENT_RST);
    peer_free(&peer);
}

/* ---- Opening (3.9.1.1) ---- */

static void must_41_listening_touches_no_connection(void **state)
{
    (void)state;
    struct peer peer;
    chaski_listener second;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    struct chaski_tcp_bind bind = {.local.port = PEER_HOST_PORT};
    assert_int_equal(chaski_tcp_bind(peer.host, &bind, &second), CHASKI_IN_USE);
    assert_int_equal(chaski_tcp_unbind(peer.host, peer.listener), 0);
    assert_int_equal(chaski_tcp_bind(peer.host, &bind, &second), 0);
    peer_settles(&peer);
    assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_ESTABLISHED);
    peer_says(&peer, SEGMENT_ACK, 5);
    peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(peer_host_reads(&peer, 10), 5);
    peer_host_writes(&peer, 5);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 5);
    peer_free(&peer);
}

/* A listener beside a connection that is being opened from the same port. */
static void listen_beside(struct peer *peer)
{
    uint16_t first = peer->port;
    struct chaski_tcp_info info;
    chaski_tcp opening = peer->connection;
    peer_host_listens(peer);
    peer->port = 6000;
    peer->events = 0;
    peer_says(peer, SEGMENT_SYN, 0);
    struct segment answer = peer_expects(peer, SEGMENT_SYN | SEGMENT_ACK);
    peer->expected = answer.sequence + 1;
    peer_acknowledges(peer);
    assert_true(peer->events & CHASKI_CONNECTED);
    assert_int_equal(peer_info(peer).remote.port, 6000);
    assert_int_equal(chaski_tcp_info(peer->host, opening, &info), 0);
    assert_int_equal(info.remote.port, first);
    assert_int_equal(chaski_tcp_abort(peer->host, opening), 0);
}

static void must_42_listening_goes_beside_opening(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_connects(&peer); /* SYN-SENT */
    listen_beside(&peer);
    peer_free(&peer);
    peer_make(&peer, NULL);
    open_at_once(&peer); /* SYN-RECEIVED */
    listen_beside(&peer);
    peer_free(&peer);
}

/* ---- Addresses ---- */

/* 198.51.100.1/24 beside 192.0.2.1. */
static struct chaski_address second_address(struct peer *peer)
{
    struct chaski_address address = chaski_ip4(198, 51, 100, 1);
    assert_int_equal(chaski_address_add(peer->host, 0, &address, 24), 0);
    peer_runs(peer, 10 * WORLD_SECOND); /* until it is announced */
    return address;
}

static void inject_from(struct world *world, const struct segment *segment,
                        const struct chaski_address *from, const struct chaski_address *to)
{
    uint8_t packet[100];
    uint32_t length = segment_packet(segment, from, to, packet);
    world_inject_ip4(world, 0, packet, length);
}

static const uint8_t *last_source(const struct world *world)
{
    return world_last(world, 0, 0)->bytes + 14 + 12;
}

/* RFC 1122 MUST-39 */
static void must_43_the_local_address_can_be_chosen(void **state)
{
    (void)state;
    static const uint8_t second_bytes[] = {198, 51, 100, 1};
    struct peer peer;
    chaski_listener listener;
    peer_make(&peer, NULL);
    struct chaski_address second = second_address(&peer), remote = world_address(1);
    struct chaski_tcp_connect connect = {
        .local = {.address = second, .port = 1000},
        .remote = world_endpoint(1, 80), /* reached from 192.0.2.1 if nobody says otherwise */
    };
    assert_int_equal(chaski_tcp_connect(peer.host, &connect, &peer.connection), 0);
    peer_settles(&peer);
    assert_memory_equal(last_source(&peer.world), second_bytes, 4);
    chaski_tcp_abort(peer.host, peer.connection);
    connect.local.address = remote;
    assert_int_equal(chaski_tcp_connect(peer.host, &connect, &peer.connection), CHASKI_BAD_ADDRESS);

    peer_hears_all(&peer);
    struct chaski_tcp_bind bind = {.local = {.address = second, .port = PEER_HOST_PORT}};
    assert_int_equal(chaski_tcp_bind(peer.host, &bind, &listener), 0);
    struct segment syn = peer_segment(&peer, SEGMENT_SYN);
    peer_injects(&peer, &syn);
    peer_expects(&peer, SEGMENT_RST | SEGMENT_ACK);
    inject_from(&peer.world, &syn, &remote, &second);
    peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK);
    assert_memory_equal(last_source(&peer.world), second_bytes, 4);
    peer_free(&peer);
}

static void must_44_ip_selects_the_source(void **state)
{
    (void)state;
    static const uint8_t first[] = {192, 0, 2, 1}, second[] = {198, 51, 100, 1};
    struct peer peer;
    peer_make(&peer, NULL);
    second_address(&peer);
    struct chaski_tcp_connect connect = {
        .remote = {.address = chaski_ip4(198, 51, 100, 2), .port = 80},
    };
    assert_int_equal(chaski_tcp_connect(peer.host, &connect, &peer.connection), 0);
    peer_settles(&peer);
    assert_memory_equal(last_source(&peer.world), second, 4);
    chaski_tcp_abort(peer.host, peer.connection);
    connect.remote = world_endpoint(1, 80);
    assert_int_equal(chaski_tcp_connect(peer.host, &connect, &peer.connection), 0);
    peer_settles(&peer);
    assert_memory_equal(last_source(&peer.world), first, 4);
    peer_free(&peer);
}

/* Every segment of a connection has the address that the first one had, routes or no routes. */
static void must_45_the_local_address_stays(void **state)
{
    (void)state;
    static const uint8_t second_bytes[] = {198, 51, 100, 1};
    struct peer peer;
    peer_make(&peer, NULL);
    struct chaski_address second = second_address(&peer), remote = world_address(1);
    peer_host_listens(&peer);
    uint32_t before = peer.world.frame_count;
    struct segment segment = peer_segment(&peer, SEGMENT_SYN);
    inject_from(&peer.world, &segment, &remote, &second);
    peer.next++;
    peer.expected = peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK).sequence + 1;
    segment = peer_segment(&peer, SEGMENT_ACK);
    segment.payload_length = 1;
    inject_from(&peer.world, &segment, &remote, &second);
    peer_host_writes(&peer, 3000);
    peer_runs(&peer, 3 * WORLD_SECOND); /* goes again */
    chaski_tcp_abort(peer.host, peer.connection);
    peer_settles(&peer);
    uint32_t segments = 0;
    for (uint32_t i = before; i < peer.world.frame_count; i++)
        if (segment_of(&peer.world.frames[i], &segment)) {
            assert_memory_equal(peer.world.frames[i].bytes + 14 + 12, second_bytes, 4);
            segments++;
        }
    assert_true(segments > 5);
    peer_free(&peer);
}

static const uint8_t many[][4] = {
    {255, 255, 255, 255}, {192, 0, 2, 255}, {224, 0, 0, 1}, {239, 1, 2, 3}};

static struct chaski_address address_of(const uint8_t *at)
{
    return chaski_ip4(at[0], at[1], at[2], at[3]);
}

static void must_46_nobody_connects_to_many(void **state)
{
    (void)state;
    struct peer peer;
    struct world_options options = {.prefix_length = 24};
    peer_make(&peer, &options);
    uint32_t sent = world_segments(&peer.world, 0);
    for (unsigned i = 0; i < 4; i++) {
        struct chaski_tcp_connect connect = {
            .remote = {.address = address_of(many[i]), .port = 80},
        };
        int error = chaski_tcp_connect(peer.host, &connect, &peer.connection);
        assert_true(error == CHASKI_BAD_ADDRESS || error == CHASKI_NO_ROUTE);
    }
    struct chaski_tcp_connect nowhere = {.remote.port = 80};
    assert_int_equal(chaski_tcp_connect(peer.host, &nowhere, &peer.connection), CHASKI_INVALID);
    struct chaski_tcp_connect no_port = {.remote = world_endpoint(1, 0)};
    assert_int_equal(chaski_tcp_connect(peer.host, &no_port, &peer.connection), CHASKI_INVALID);
    peer_settles(&peer);
    assert_int_equal(world_segments(&peer.world, 0), sent);
    peer_free(&peer);
}

static void must_57_segments_to_many_are_discarded(void **state)
{
    (void)state;
    struct peer peer;
    struct world_options options = {.prefix_length = 24};
    struct chaski_address remote = world_address(1);
    peer_make(&peer, &options);
    peer_host_listens(&peer);
    peer_runs(&peer, 10 * WORLD_SECOND);
    for (unsigned i = 0; i < 4; i++) {
        struct chaski_address to = address_of(many[i]);
        struct segment syn = peer_segment(&peer, SEGMENT_SYN);
        uint32_t sent = world_sent(&peer.world, 0);
        inject_from(&peer.world, &syn, &remote, &to);
        syn.flags = SEGMENT_ACK;
        inject_from(&peer.world, &syn, &remote, &to);
        syn.destination_port = 99; /* where nobody listens */
        inject_from(&peer.world, &syn, &remote, &to);
        assert_int_equal(world_sent(&peer.world, 0), sent);
    }
    peer_runs(&peer, 10 * WORLD_SECOND);
    peer_expects_nothing(&peer);
    assert_true(chaski_counter_value(peer.host, CHASKI_DROP_TCP_MULTICAST) >= 9);
    peer_free(&peer);
}

static void must_63_impossible_sources_are_ignored(void **state)
{
    (void)state;
    static const uint8_t sources[][4] = {{255, 255, 255, 255}, {192, 0, 2, 255}, {224, 0, 0, 1},
                                         {0, 0, 0, 0},         {127, 0, 0, 1},   {192, 0, 2, 1},
                                         {240, 0, 0, 1}};
    struct peer peer;
    struct world_options options = {.prefix_length = 24};
    struct chaski_address to = world_address(0);
    peer_make(&peer, &options);
    peer_host_listens(&peer);
    peer_runs(&peer, 10 * WORLD_SECOND);
    for (unsigned i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        struct chaski_address from = address_of(sources[i]);
        struct segment syn = peer_segment(&peer, SEGMENT_SYN);
        uint32_t sent = world_sent(&peer.world, 0);
        inject_from(&peer.world, &syn, &from, &to);
        assert_int_equal(world_sent(&peer.world, 0), sent);
    }
    peer_runs(&peer, 10 * WORLD_SECOND);
    peer_expects_nothing(&peer);
    struct chaski_tcp_info info;
    for (uint32_t cursor = 0; chaski_tcp_list(peer.host, &cursor, &info) == 1;)
        assert_int_equal(info.tcpi_state, CHASKI_TCP_LISTEN);
    peer_free(&peer);
}

/* Not even while the host's time stands. */
/* RFC 6528 SHLD-3 */
static void shld_1_isn_is_another_one_each_time(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    struct chaski_tcp_connect connect = {.local.port = 4000, .remote = world_endpoint(1, 80)};
    uint32_t numbers[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(chaski_tcp_connect(peer.host, &connect, &peer.connection), 0);
        world_settle(&peer.world);
        numbers[i] = world_last_segment(&peer.world, 0, 0).sequence;
        assert_int_equal(chaski_tcp_abort(peer.host, peer.connection), 0);
    }
    assert_int_not_equal(numbers[0], numbers[1]);
    assert_int_not_equal(numbers[1], numbers[2]);
    peer_free(&peer);
}

/* A listener's handle names nothing any more when another has its place. */
static void handles_of_listeners_grow_stale(void **state)
{
    (void)state;
    struct peer peer;
    struct chaski_tcp_bind bind = {.local.port = 1000};
    chaski_listener first, second;
    peer_make(&peer, NULL);
    assert_int_equal(chaski_tcp_bind(peer.host, &bind, &first), 0);
    assert_int_equal(chaski_tcp_unbind(peer.host, first), 0);
    assert_int_equal(chaski_tcp_unbind(peer.host, first), CHASKI_STALE);
    assert_int_equal(chaski_tcp_bind(peer.host, &bind, &second), 0);
    assert_int_equal(second.index, first.index);
    assert_int_equal(chaski_tcp_unbind(peer.host, first), CHASKI_STALE);
    assert_int_equal(chaski_tcp_unbind(peer.host, second), 0);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(must_8_isn_is_clock_driven),
        cmocka_unit_test(must_9_isn_depends_on_a_secret),
        cmocka_unit_test(shld_1_isn_differs_between_connections),
        cmocka_unit_test(shld_1_isn_is_another_one_each_time),
        cmocka_unit_test(must_10_both_may_open_at_once),
        cmocka_unit_test(must_10_two_hosts_open_at_once),
        cmocka_unit_test(must_11_a_refused_listener_listens_on),
        cmocka_unit_test(must_11_a_refused_connection_ends),
        cmocka_unit_test(syn_acks_go_on_for_a_minute),
        cmocka_unit_test(must_41_listening_touches_no_connection),
        cmocka_unit_test(must_42_listening_goes_beside_opening),
        cmocka_unit_test(must_43_the_local_address_can_be_chosen),
        cmocka_unit_test(must_44_ip_selects_the_source),
        cmocka_unit_test(must_45_the_local_address_stays),
        cmocka_unit_test(must_46_nobody_connects_to_many),
        cmocka_unit_test(must_57_segments_to_many_are_discarded),
        cmocka_unit_test(must_63_impossible_sources_are_ignored),
        cmocka_unit_test(handles_of_listeners_grow_stale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
