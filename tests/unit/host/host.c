/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/world.h"

/* Whole hosts, through the calls that applications have. */

enum { BIG = 20000 };

/* ---- An application: echoes, and notes what it hears ---- */

struct heard {
    uint32_t datagrams;
    size_t length;
    uint8_t bytes[65536];
    struct chaski_endpoint local, remote;
    bool echo, close, poll, inside;
    uint32_t replies;
    int ping_error;
    uint16_t sequence;
    uint8_t ttl;
    struct chaski_address from;
};

static void on_datagram(void *context, struct chaski *host, chaski_udp socket,
                        const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                        const void *bytes, size_t length)
{
    struct heard *heard = context;
    heard->datagrams++;
    heard->length = length;
    heard->local = *local;
    heard->remote = *remote;
    memcpy(heard->bytes, bytes, length);
    if (heard->echo)
        chaski_udp_send(host, socket, remote, bytes, length);
    assert_false(heard->inside); /* one turn at a time */
    heard->inside = true;
    if (heard->poll)
        chaski_poll(host, 0);
    heard->inside = false;
    if (heard->close)
        assert_int_equal(chaski_udp_close(host, socket), 0);
}

static void on_reply(void *context, struct chaski *host, const struct chaski_address *from,
                     uint16_t sequence, uint8_t ttl, const void *bytes, size_t length, int error)
{
    struct heard *heard = context;
    (void)host;
    heard->replies++;
    heard->from = *from;
    heard->sequence = sequence;
    heard->ttl = ttl;
    heard->ping_error = error;
    heard->length = length;
    if (length != 0)
        memcpy(heard->bytes, bytes, length);
}

static chaski_udp bind_to(struct chaski *host, uint16_t port, struct heard *heard)
{
    struct chaski_udp_bind bind = {
        .local = {.port = port},
        .receive = heard != NULL ? on_datagram : NULL,
        .context = heard,
    };
    chaski_udp socket;
    assert_int_equal(chaski_udp_bind(host, &bind, &socket), 0);
    return socket;
}

static void fill(uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 8));
}

static uint64_t counter(const struct world *world, uint32_t host, enum chaski_counter which)
{
    return chaski_counter_value(world->hosts[host], which);
}

/* ---- Two hosts ---- */

static void hosts_find_each_other_and_ping(void **state)
{
    (void)state;
    struct world world;
    struct heard heard = {0};
    struct chaski_address peer = world_address(1);
    world_make(&world, NULL);
    assert_int_equal(chaski_ping_on(world.hosts[0], 77, on_reply, &heard), 0);
    assert_int_equal(chaski_ping(world.hosts[0], &peer, 77, 5, "chaski", 6), 0);
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(heard.replies, 1);
    assert_int_equal(heard.ping_error, 0);
    assert_int_equal(heard.sequence, 5);
    assert_int_equal(heard.ttl, 64);
    assert_int_equal(heard.length, 6);
    assert_memory_equal(heard.bytes, "chaski", 6);
    assert_memory_equal(&heard.from, &peer, sizeof peer);
    world_run(&world, 60 * WORLD_SECOND);
    world_assert_no_leaks(&world);
    world_free(&world);
}

/* It comes back in more buffers than one. */
static void a_ping_as_large_as_can_be_is_answered(void **state)
{
    (void)state;
    enum { LARGEST = 65507 };
    static uint8_t payload[LARGEST];
    static struct heard heard;
    struct world world;
    struct chaski_address peer = world_address(1);
    world_make(&world, NULL);
    fill(payload, sizeof payload);
    assert_int_equal(chaski_ping_on(world.hosts[0], 77, on_reply, &heard), 0);
    assert_int_equal(chaski_ping(world.hosts[0], &peer, 77, 1, payload, 1), 0); /* finds it */
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(heard.replies, 1);
    assert_int_equal(chaski_ping(world.hosts[0], &peer, 77, 2, payload, LARGEST), 0);
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(heard.replies, 2);
    assert_int_equal(heard.length, LARGEST);
    assert_memory_equal(heard.bytes, payload, LARGEST);
    world_run(&world, 60 * WORLD_SECOND);
    world_assert_no_leaks(&world);
    world_free(&world);
}

static void datagrams_go_both_ways(void **state)
{
    (void)state;
    struct world world;
    struct heard near = {0}, far = {.echo = true};
    struct chaski_endpoint peer = world_endpoint(1, 7);
    world_make(&world, NULL);
    bind_to(world.hosts[1], 7, &far);
    chaski_udp socket = bind_to(world.hosts[0], 1234, &near);
    assert_int_equal(chaski_udp_send(world.hosts[0], socket, &peer, "hello", 5), 0);
    assert_int_equal(chaski_deadline(world.hosts[0]), 0);
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(far.datagrams, 1);
    assert_int_equal(far.remote.port, 1234);
    assert_int_equal(near.datagrams, 1);
    assert_int_equal(near.length, 5);
    assert_memory_equal(near.bytes, "hello", 5);
    assert_int_equal(near.remote.port, 7);
    assert_memory_equal(&near.remote.address, &peer.address, 16);
    world_assert_no_leaks(&world);
    world_free(&world);
}

static void a_chosen_port_can_be_asked_for(void **state)
{
    (void)state;
    struct world world;
    struct heard heard = {0};
    struct chaski_endpoint local;
    world_make(&world, NULL);
    chaski_udp socket = bind_to(world.hosts[1], 0, &heard);
    assert_int_equal(chaski_udp_local(world.hosts[1], socket, &local), 0);
    assert_int_not_equal(local.port, 0);
    struct chaski_endpoint to = world_endpoint(1, local.port);
    chaski_udp sender = bind_to(world.hosts[0], 0, NULL);
    assert_int_equal(chaski_udp_send(world.hosts[0], sender, &to, "x", 1), 0);
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(heard.datagrams, 1);
    assert_int_equal(chaski_udp_close(world.hosts[1], socket), 0);
    assert_int_equal(chaski_udp_local(world.hosts[1], socket, &local), CHASKI_STALE);
    world_free(&world);
}

static void a_large_datagram_travels_in_fragments(void **state)
{
    (void)state;
    struct world world;
    struct heard *near = calloc(1, sizeof *near), *far = calloc(1, sizeof *far);
    static uint8_t payload[BIG];
    struct chaski_endpoint peer = world_endpoint(1, 7);
    far->echo = true;
    fill(payload, sizeof payload);
    world_make(&world, NULL);
    bind_to(world.hosts[1], 7, far);
    chaski_udp socket = bind_to(world.hosts[0], 1234, near);
    assert_int_equal(chaski_udp_send(world.hosts[0], socket, &peer, payload, 1), 0);
    world_run(&world, WORLD_MILLISECOND); /* the neighbour is known from now on */
    assert_int_equal(chaski_udp_send(world.hosts[0], socket, &peer, payload, sizeof payload), 0);
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(far->length, BIG);
    assert_int_equal(near->length, BIG);
    assert_memory_equal(near->bytes, payload, BIG);
    uint32_t fragments = 0;
    for (uint32_t i = 0; i < world.frame_count; i++) {
        const struct frame *frame = &world.frames[i];
        assert_in_range(frame->length, 14, 1514);
        fragments += frame->from == 0 && frame->length > 600;
        if (frame->bytes[13] == 0x00)
            assert_true(ip4_is_right(frame->bytes + 14, frame->length - 14));
    }
    assert_int_equal(fragments, (BIG + 8 + 1479) / 1480);
    world_assert_no_leaks(&world);
    world_free(&world);
    free(near);
    free(far);
}

/* RFC 1122 SHLD-10 */
static void a_port_where_nobody_listens_is_reported_once(void **state)
{
    (void)state;
    struct world world;
    struct chaski_udp_bind bind = {.remote = world_endpoint(1, 9)};
    chaski_udp socket;
    world_make(&world, NULL);
    assert_int_equal(chaski_udp_bind(world.hosts[0], &bind, &socket), 0);
    assert_int_equal(chaski_udp_send(world.hosts[0], socket, NULL, "x", 1), 0);
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(chaski_udp_send(world.hosts[0], socket, NULL, "x", 1), CHASKI_REFUSED);
    assert_int_equal(chaski_udp_receive(world.hosts[0], socket, NULL, NULL, NULL, 0), CHASKI_AGAIN);
    assert_int_equal(counter(&world, 1, CHASKI_DROP_PORT_UNREACHABLE), 1);
    world_assert_no_leaks(&world);
    world_free(&world);
}

static void a_neighbour_that_is_not_there_is_reported(void **state)
{
    (void)state;
    struct world world;
    struct chaski_udp_bind bind = {.remote = world_endpoint(7, 9)};
    chaski_udp socket;
    world_make(&world, NULL);
    assert_int_equal(chaski_udp_bind(world.hosts[0], &bind, &socket), 0);
    assert_int_equal(chaski_udp_send(world.hosts[0], socket, NULL, "x", 1), 0);
    world_run(&world, 20 * WORLD_SECOND);
    assert_int_equal(chaski_udp_send(world.hosts[0], socket, NULL, "x", 1), CHASKI_UNREACHABLE);
    world_assert_no_leaks(&world);
    world_free(&world);
}

static void broadcasts_want_permission_and_reach_the_network(void **state)
{
    (void)state;
    struct world world;
    struct heard far = {0};
    struct chaski_endpoint all = {.address = chaski_ip4(192, 0, 2, 255), .port = 7};
    world_make(&world, NULL);
    bind_to(world.hosts[1], 7, &far);
    chaski_udp socket = bind_to(world.hosts[0], 1234, NULL);
    assert_int_equal(chaski_udp_send(world.hosts[0], socket, &all, "x", 1), CHASKI_NOT_PERMITTED);
    assert_int_equal(chaski_udp_set(world.hosts[0], socket, CHASKI_UDP_BROADCAST, 1), 0);
    assert_int_equal(chaski_udp_send(world.hosts[0], socket, &all, "x", 1), 0);
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(far.datagrams, 1);
    assert_memory_equal(&far.local.address, &all.address, 16);
    const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
    assert_memory_equal(world_last(&world, 0, 0)->bytes, everybody, 6);
    world_assert_no_leaks(&world);
    world_free(&world);
}

/* RFC 1122 SHLD-9 */
static void groups_reach_their_members_here_and_there(void **state)
{
    (void)state;
    struct world world;
    struct heard near = {0}, far = {0};
    struct chaski_endpoint group = {.address = chaski_ip4(239, 1, 2, 3), .port = 7, .interface = 1};
    world_make(&world, NULL);
    chaski_udp there = bind_to(world.hosts[1], 7, &far);
    chaski_udp here = bind_to(world.hosts[0], 7, &near);
    assert_int_equal(chaski_udp_send(world.hosts[0], here, &group, "x", 1), 0);
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(near.datagrams + far.datagrams, 0);
    assert_int_equal(chaski_udp_join(world.hosts[1], there, &group.address, 1), 0);
    assert_int_equal(chaski_udp_join(world.hosts[0], here, &group.address, 1), 0);
    assert_int_equal(chaski_udp_send(world.hosts[0], here, &group, "hello", 5), 0);
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(far.datagrams, 1);
    assert_int_equal(near.datagrams, 1);
    assert_memory_equal(near.bytes, "hello", 5);
    assert_int_equal(chaski_udp_set(world.hosts[0], here, CHASKI_UDP_MULTICAST_LOOP, 0), 0);
    assert_int_equal(chaski_udp_send(world.hosts[0], here, &group, "hello", 5), 0);
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(far.datagrams, 2);
    assert_int_equal(near.datagrams, 1);
    assert_int_equal(chaski_udp_close(world.hosts[1], there), 0);
    world_run(&world, 60 * WORLD_SECOND);
    assert_int_equal(chaski_udp_send(world.hosts[0], here, &group, "hello", 5), 0);
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(far.datagrams, 2);
    world_assert_no_leaks(&world);
    world_free(&world);
}

/* ---- TCP is wired like everything else; its own tests say the rest ---- */

static void echo_stream(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    uint8_t bytes[64];
    long n;
    (void)context;
    (void)events;
    while ((n = chaski_tcp_read(host, connection, bytes, sizeof bytes)) > 0)
        assert_int_equal(chaski_tcp_write(host, connection, bytes, (size_t)n), n);
    if (n != CHASKI_AGAIN)
        chaski_tcp_close(host, connection);
}

static void streams_go_both_ways(void **state)
{
    (void)state;
    struct world world;
    struct chaski_tcp_bind bind = {.local = {.port = 7}, .receive = echo_stream};
    struct chaski_tcp_connect connect = {.remote = world_endpoint(1, 7)};
    chaski_listener listener;
    chaski_tcp connection;
    uint8_t bytes[8] = {0};
    world_make(&world, NULL);
    struct chaski *host = world.hosts[0];
    assert_int_equal(chaski_tcp_bind(world.hosts[1], &bind, &listener), 0);
    chaski_poll(host, world.now_ns);
    assert_int_equal(chaski_tcp_connect(host, &connect, &connection), 0);
    assert_int_equal(chaski_deadline(host), 0);
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(chaski_tcp_write(host, connection, "hello", 5), 5);
    assert_int_equal(chaski_deadline(host), 0);
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(chaski_tcp_read(host, connection, bytes, sizeof bytes), 5);
    assert_memory_equal(bytes, "hello", 5);
    assert_int_equal(chaski_tcp_close(host, connection), 0);
    world_run(&world, 120 * WORLD_SECOND);
    world_assert_no_leaks(&world);
    assert_int_equal(chaski_deadline(host), UINT64_MAX);
    world_free(&world);
}

/* An ICMP error about a SYN reaches the connection that sent it (RFC 9293, 3.9.2.2). */
static void errors_reach_streams(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = {.hosts = 1, .prefix_length = 32};
    struct chaski_tcp_connect connect = {.remote = world_endpoint(1, 7)};
    uint8_t unreachable[20 + 8 + 28] = {
        0x45, 0, 0, sizeof unreachable, 0, 1, 0, 0, 64, 1, 0, 0, 192, 0, 2, 9, 192, 0, 2, 1, 3, 2};
    chaski_tcp connection;
    world_make(&world, &options);
    world_introduce(&world, 0);
    assert_int_equal(chaski_tcp_connect(world.hosts[0], &connect, &connection), 0);
    world_run(&world, WORLD_MILLISECOND);
    const struct frame *syn = world_last(&world, 0, 0);
    assert_int_equal(syn->bytes[14 + 9], 6);
    memcpy(unreachable + 28, syn->bytes + 14, 28);
    world_inject_ip4(&world, 0, unreachable, sizeof unreachable);
    assert_int_equal(counter(&world, 0, CHASKI_DROP_ICMP4_UNBELIEVED), 0);
    assert_int_equal(chaski_tcp_error(world.hosts[0], connection), CHASKI_NO_PROTOCOL);
    world_free(&world);
}

/* A frame of IPv6 to host 0: `first` is the first header's number, `headers` all of them. */
static void inject_ip6(struct world *world, uint8_t first, const uint8_t *headers, size_t length)
{
    uint8_t frame[14 + 40 + 1024] = {0};
    memcpy(frame, world_last(world, 0, 0)->bytes + 6, 6);
    memcpy(frame + 6, world_last(world, 0, 0)->bytes, 6);
    memcpy(frame + 12, (const uint8_t[]){0x86, 0xdd, 0x60}, 3);
    frame[14 + 4] = (uint8_t)(length >> 8);
    frame[14 + 5] = (uint8_t)length;
    frame[14 + 6] = first;
    frame[14 + 7] = 64;
    frame[14 + 8] = 0xfe, frame[14 + 9] = 0x80, frame[14 + 23] = 9;
    frame[14 + 24] = 0xfe, frame[14 + 25] = 0x80, frame[14 + 39] = 1;
    memcpy(frame + 14 + 40, headers, length);
    world_inject(world, 0, frame, 14 + 40 + length);
}

/* There is no block that reads them: a hundred, one that is longer than the packet, a source route,
 * a first fragment without what it is of. */
static void row_8_extension_headers_are_dropped_in_silence(void **state)
{
    (void)state;
    enum { OPTIONS = 60, ROUTING = 43, FRAGMENT = 44, TCP = 6 };
    static const uint8_t too_long[8] = {TCP, 255, 1, 4}, route[24] = {TCP, 2, 0, 1},
                         fragment[8] = {TCP, 0, 0, 1};
    uint8_t hundred[100 * 8] = {0};
    struct world world;
    struct world_options options = {.hosts = 1, .prefix_length = 24};
    world_make(&world, &options);
    world_introduce(&world, 0);
    uint32_t sent = world_sent(&world, 0);
    for (size_t i = 0; i < sizeof hundred; i += 8)
        hundred[i] = OPTIONS;
    inject_ip6(&world, OPTIONS, hundred, sizeof hundred);
    inject_ip6(&world, 0, too_long, sizeof too_long);
    inject_ip6(&world, ROUTING, route, sizeof route);
    inject_ip6(&world, FRAGMENT, fragment, sizeof fragment);
    assert_int_equal(counter(&world, 0, CHASKI_DROP_NOT_WIRED), 4);
    assert_int_equal(world_sent(&world, 0), sent);
    world_assert_no_leaks(&world);
    world_free(&world);
}

/* ---- One host by itself ---- */

static void a_host_hears_itself(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = {.hosts = 1, .prefix_length = 32};
    struct heard heard = {0};
    struct chaski_endpoint peers[] = {world_endpoint(0, 7),
                                      {.address = chaski_ip4(127, 0, 0, 1), .port = 7}};
    world_make(&world, &options);
    bind_to(world.hosts[0], 7, &heard);
    chaski_udp socket = bind_to(world.hosts[0], 1234, NULL);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(chaski_udp_send(world.hosts[0], socket, &peers[i], "me", 2), 0);
        world_run(&world, WORLD_MILLISECOND);
        assert_int_equal(heard.datagrams, i + 1);
        assert_memory_equal(heard.bytes, "me", 2);
    }
    assert_int_equal(world_sent(&world, 0), 0);
    world_assert_no_leaks(&world);
    world_free(&world);
}

/* The rate is for others' sake. */
static void errors_that_stay_here_are_not_limited(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = {.hosts = 1, .prefix_length = 32};
    struct chaski_endpoint nobody = {.address = chaski_ip4(127, 0, 0, 1), .port = 9};
    world_make(&world, &options);
    chaski_udp socket = bind_to(world.hosts[0], 1234, NULL);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(chaski_udp_send(world.hosts[0], socket, &nobody, "x", 1), 0);
        world_settle(&world);
    }
    assert_int_equal(counter(&world, 0, CHASKI_ICMP4_ERRORS_SENT), 1000);
    assert_int_equal(counter(&world, 0, CHASKI_ICMP4_ERRORS_LIMITED), 0);
    world_free(&world);
}

/* Two sockets of one host that answer each other for ever: each poll ends all the same. */
static void a_turn_ends_whatever_closures_do(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = {.hosts = 1, .prefix_length = 32};
    struct heard left = {.echo = true, .poll = true}, right = {.echo = true, .poll = true};
    struct chaski_endpoint peer = world_endpoint(0, 7);
    world_make(&world, &options);
    chaski_udp socket = bind_to(world.hosts[0], 1234, &left);
    bind_to(world.hosts[0], 7, &right);
    for (int i = 0; i < 30; i++)
        assert_int_equal(chaski_udp_send(world.hosts[0], socket, &peer, "x", 1), 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(chaski_deadline(world.hosts[0]), 0);
        chaski_poll(world.hosts[0], world.now_ns);
    }
    assert_in_range(left.datagrams + right.datagrams, 99, 100 * 256);
    left.echo = right.echo = false;
    world_run(&world, WORLD_SECOND);
    world_assert_no_leaks(&world);
    world_free(&world);
}

static void closures_may_close_their_socket(void **state)
{
    (void)state;
    struct world world;
    struct heard far = {.echo = true, .close = true};
    struct chaski_endpoint peer = world_endpoint(1, 7);
    world_make(&world, NULL);
    chaski_udp there = bind_to(world.hosts[1], 7, &far);
    chaski_udp socket = bind_to(world.hosts[0], 1234, NULL);
    assert_int_equal(chaski_udp_send(world.hosts[0], socket, &peer, "x", 1), 0);
    assert_int_equal(chaski_udp_send(world.hosts[0], socket, &peer, "y", 1), 0);
    world_run(&world, WORLD_MILLISECOND);
    assert_int_equal(far.datagrams, 1);
    uint8_t byte = 0;
    assert_int_equal(chaski_udp_receive(world.hosts[0], socket, NULL, NULL, &byte, 1), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(chaski_udp_close(world.hosts[1], there), CHASKI_STALE);
    chaski_udp again = bind_to(world.hosts[1], 7, &far);
    assert_int_equal(again.index, there.index);
    assert_int_equal(chaski_udp_send(world.hosts[1], there, &peer, "x", 1), CHASKI_STALE);
    world_assert_no_leaks(&world);
    world_free(&world);
}

/* Whatever is named: of a connection, one that is over, or none ever. */
static void memory_that_is_asked_for_changes_nothing(void **state)
{
    (void)state;
    struct world world;
    struct chaski_tcp_connect connect = {.remote = {chaski_ip4(192, 0, 2, 9), 7, 0}};
    chaski_tcp open, over, none = {UINT32_MAX, 1};
    world_make(&world, &(struct world_options){0});
    assert_int_equal(chaski_tcp_connect(world.hosts[0], &connect, &open), 0);
    assert_int_equal(chaski_tcp_connect(world.hosts[0], &connect, &over), 0);
    assert_int_equal(chaski_tcp_abort(world.hosts[0], over), 0);
    chaski_tcp_prefetch(world.hosts[0], open);
    chaski_tcp_prefetch(world.hosts[0], over);
    chaski_tcp_prefetch(world.hosts[0], none);
    assert_int_equal(chaski_tcp_events(world.hosts[0], open), 0);
    assert_int_equal(chaski_tcp_events(world.hosts[0], over), CHASKI_STALE);
    assert_int_equal(chaski_tcp_events(world.hosts[0], none), CHASKI_STALE);
    world_free(&world);
}

static void a_host_with_nothing_to_do_asks_for_nothing(void **state)
{
    (void)state;
    struct world world;
    struct heard far = {.echo = true};
    struct chaski_endpoint peer = world_endpoint(1, 7);
    world_make(&world, NULL);
    bind_to(world.hosts[1], 7, &far);
    chaski_udp socket = bind_to(world.hosts[0], 1234, NULL);
    assert_int_equal(chaski_udp_send(world.hosts[0], socket, &peer, "x", 1), 0);
    world_run(&world, 60 * WORLD_SECOND);
    assert_int_equal(chaski_deadline(world.hosts[0]), UINT64_MAX);
    assert_int_equal(chaski_deadline(world.hosts[1]), UINT64_MAX);
    world_free(&world);
}

/* ---- Determinism, and every allocation failing ---- */

/* A session that touches much: ARP, ping, echo, fragments, an unreachable port. */
struct session {
    struct world world;
    struct heard near, far;
    chaski_udp echo, socket;
};

static void session_open(struct session *session, const struct world_options *options)
{
    session->far.echo = true;
    world_make(&session->world, options);
    session->echo = bind_to(session->world.hosts[1], 7, &session->far);
    session->socket = bind_to(session->world.hosts[0], 0, &session->near);
    assert_int_equal(chaski_ping_on(session->world.hosts[0], 1, on_reply, &session->near), 0);
}

static void session_talk(struct session *session)
{
    static uint8_t payload[BIG];
    struct chaski *host = session->world.hosts[0];
    struct chaski_endpoint echo = world_endpoint(1, 7), closed = world_endpoint(1, 9);
    fill(payload, sizeof payload);
    chaski_ping(host, &echo.address, 1, 1, payload, 100);
    world_run(&session->world, 10 * WORLD_MILLISECOND);
    chaski_udp_send(host, session->socket, &echo, payload, 10);
    chaski_udp_send(host, session->socket, &echo, payload, 1400);
    chaski_udp_send(host, session->socket, &closed, payload, 10);
    world_run(&session->world, 10 * WORLD_MILLISECOND);
    chaski_udp_send(host, session->socket, &echo, payload, BIG);
    world_run(&session->world, 5 * WORLD_SECOND);
}

static void session_close(struct session *session)
{
    assert_int_equal(chaski_udp_close(session->world.hosts[1], session->echo), 0);
    assert_int_equal(chaski_udp_close(session->world.hosts[0], session->socket), 0);
    assert_int_equal(chaski_ping_on(session->world.hosts[0], 1, NULL, NULL), 0);
    world_run(&session->world, 120 * WORLD_SECOND);
    world_assert_no_leaks(&session->world);
    world_free(&session->world);
}

static void the_same_seed_gives_the_same_frames(void **state)
{
    (void)state;
    struct session *sessions = calloc(3, sizeof *sessions);
    struct world_options options = {.delay_ns = 1000};
    for (uint32_t i = 0; i < 3; i++) {
        options.seed = i == 2;
        session_open(&sessions[i], &options);
        session_talk(&sessions[i]);
        assert_int_equal(sessions[i].near.datagrams, 3);
        assert_int_equal(sessions[i].near.replies, 1);
    }
    const struct world *a = &sessions[0].world, *b = &sessions[1].world, *c = &sessions[2].world;
    assert_int_equal(a->frame_count, b->frame_count);
    bool differs = a->frame_count != c->frame_count;
    for (uint32_t i = 0; i < a->frame_count; i++) {
        assert_int_equal(a->frames[i].length, b->frames[i].length);
        assert_int_equal(a->frames[i].sent_ns, b->frames[i].sent_ns);
        assert_memory_equal(a->frames[i].bytes, b->frames[i].bytes, a->frames[i].length);
        differs = differs || a->frames[i].length != c->frames[i].length ||
                  memcmp(a->frames[i].bytes, c->frames[i].bytes, a->frames[i].length) != 0;
    }
    assert_true(differs);
    for (uint32_t i = 0; i < 3; i++)
        session_close(&sessions[i]);
    free(sessions);
}

static struct pool *pool_of(struct chaski *host, uint32_t which)
{
    struct packet_memory *memory = host_memory(host);
    struct pool *pools[] = {&memory->packets, &memory->small, &memory->large};
    return pools[which];
}

/* Runs the session with the nth allocation from one pool failing. Afterwards everything works, and
 * at the end nothing is held. False when the session makes fewer allocations. */
static bool talk_with_failure(uint32_t host, uint32_t which, uint64_t nth)
{
    struct session *session = calloc(1, sizeof *session);
    session_open(session, NULL);
    struct pool *pool = pool_of(session->world.hosts[host], which);
    pool->fail_at = pool->takes + nth;
    session_talk(session);
    bool reached = pool->takes >= pool->fail_at;
    world_run(&session->world, 40 * WORLD_SECOND);
    session->near.datagrams = session->near.replies = 0;
    pool->fail_at = 0;
    session_talk(session);
    assert_int_equal(session->near.datagrams, 3);
    assert_int_equal(session->near.replies, 1);
    session_close(session);
    free(session);
    return reached;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (uint32_t host = 0; host < WORLD_HOSTS; host++) {
        uint64_t reached = 0;
        for (uint32_t which = 0; which < 3; which++) {
            uint64_t nth = 1;
            while (talk_with_failure(host, which, nth))
                nth++;
            reached += nth - 1;
        }
        assert_in_range(reached, 20, 10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_find_each_other_and_ping),
        cmocka_unit_test(a_ping_as_large_as_can_be_is_answered),
        cmocka_unit_test(datagrams_go_both_ways),
        cmocka_unit_test(a_chosen_port_can_be_asked_for),
        cmocka_unit_test(a_large_datagram_travels_in_fragments),
        cmocka_unit_test(a_port_where_nobody_listens_is_reported_once),
        cmocka_unit_test(a_neighbour_that_is_not_there_is_reported),
        cmocka_unit_test(broadcasts_want_permission_and_reach_the_network),
        cmocka_unit_test(groups_reach_their_members_here_and_there),
        cmocka_unit_test(streams_go_both_ways),
        cmocka_unit_test(errors_reach_streams),
        cmocka_unit_test(row_8_extension_headers_are_dropped_in_silence),
        cmocka_unit_test(a_host_hears_itself),
        cmocka_unit_test(errors_that_stay_here_are_not_limited),
        cmocka_unit_test(a_turn_ends_whatever_closures_do),
        cmocka_unit_test(closures_may_close_their_socket),
        cmocka_unit_test(memory_that_is_asked_for_changes_nothing),
        cmocka_unit_test(a_host_with_nothing_to_do_asks_for_nothing),
        cmocka_unit_test(the_same_seed_gives_the_same_frames),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
