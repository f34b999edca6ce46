/* SPDX-License-Identifier: BSD-2-Clause */
/* The link without a link header, and a host that has nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/endian.h"
#include "core/host/host.h"
#include "tests/support/world.h"

struct lone_host {
    struct chaski *host;
    void *memory;
    uint8_t sent[2048];
    size_t sent_length;
    unsigned sent_count;
};

static void note(void *context, const struct chaski_piece *pieces, unsigned count)
{
    struct lone_host *lone = context;
    lone->sent_length = 0;
    lone->sent_count++;
    for (unsigned i = 0; i < count; i++) {
        assert_true(lone->sent_length + pieces[i].length <= sizeof lone->sent);
        memcpy(lone->sent + lone->sent_length, pieces[i].bytes, pieces[i].length);
        lone->sent_length += pieces[i].length;
    }
}

static void make(struct lone_host *lone, unsigned prefix_length)
{
    static const uint8_t seed[32] = {1};
    struct chaski_limits limits;
    struct chaski_interface interface = {
        .kind = CHASKI_BARE, .mtu = 1500, .output = note, .context = lone};
    struct chaski_address own = chaski_ip4(192, 0, 2, 1);
    chaski_limits_for(&limits, 4 << 20, 8);
    *lone = (struct lone_host){.memory = malloc(chaski_size(&limits))};
    lone->host = chaski_init(lone->memory, chaski_size(&limits), &limits, seed, WORLD_SECOND);
    assert_non_null(lone->host);
    assert_int_equal(chaski_interface_add(lone->host, &interface), 0);
    assert_int_equal(chaski_address_add(lone->host, 0, &own, prefix_length), 0);
    chaski_poll(lone->host, WORLD_SECOND);
}

static const uint8_t echo_request[] = {
    0x45, 0, 0, 32, 0,    0,    0, 0, 64,  1,   0,   0,   192, 0, 2, 2, 192, 0, 2, 1, /* IPv4 */
    8,    0, 0, 0,  0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g',                             /* ICMP */
};

static void take_in(struct lone_host *lone, const uint8_t *bytes, size_t length)
{
    chaski_input(lone->host, 0, bytes, length, WORLD_SECOND);
    chaski_poll(lone->host, WORLD_SECOND);
}

/* A packet goes in and out as it is, and nobody is looked for before: no ARP. */
static void a_ping_is_answered_without_any_header(void **state)
{
    (void)state;
    struct lone_host lone;
    uint8_t request[sizeof echo_request];
    make(&lone, 24);
    assert_int_equal(lone.sent_count, 0);
    memcpy(request, echo_request, sizeof request);
    ip4_make_right(request, sizeof request);
    take_in(&lone, request, sizeof request);
    assert_int_equal(lone.sent_count, 1);
    assert_int_equal(lone.sent_length, sizeof request);
    assert_int_equal(lone.sent[0], 0x45);
    assert_int_equal(lone.sent[20], 0); /* echo reply */
    assert_memory_equal(lone.sent + 12, request + 16, 4);
    assert_memory_equal(lone.sent + 16, request + 12, 4);
    assert_memory_equal(lone.sent + 28, "ping", 4);
    assert_true(ip4_is_right(lone.sent, lone.sent_length));
    assert_int_equal(chaski_counter_value(lone.host, CHASKI_LINK_FRAMES_RECEIVED), 1);
    assert_int_equal(chaski_counter_value(lone.host, CHASKI_LINK_BYTES_SENT), sizeof request);
    free(lone.memory);
}

static void what_is_no_ip_is_dropped_and_counted(void **state)
{
    (void)state;
    struct lone_host lone;
    static const uint8_t other[20] = {0x55};
    make(&lone, 32);
    take_in(&lone, other, sizeof other);
    take_in(&lone, other, 0);
    assert_int_equal(lone.sent_count, 0);
    assert_int_equal(chaski_counter_value(lone.host, CHASKI_DROP_BARE_VERSION), 2);
    assert_int_equal(host_memory(lone.host)->packets.free_count,
                     host_memory(lone.host)->packets.total);
    free(lone.memory);
}

/* IPv6 goes to whoever is wired for it; here, nobody. */
static void ip6_is_dispatched_by_its_version(void **state)
{
    (void)state;
    struct lone_host lone;
    static const uint8_t ip6[40] = {0x60};
    make(&lone, 32);
    take_in(&lone, ip6, sizeof ip6);
    assert_int_equal(chaski_counter_value(lone.host, CHASKI_DROP_BARE_VERSION), 0);
    assert_int_equal(chaski_counter_value(lone.host, CHASKI_DROP_NOT_WIRED), 1);
    free(lone.memory);
}

static void connecting_needs_no_neighbour(void **state)
{
    (void)state;
    struct lone_host lone;
    struct chaski_address any = {{0}};
    struct chaski_tcp_connect connect = {.remote = {chaski_ip4(203, 0, 113, 9), 80, 0}};
    chaski_tcp connection;
    make(&lone, 32);
    assert_int_equal(chaski_route_add(lone.host, &any, 0, &any, 0), 0);
    assert_int_equal(chaski_tcp_connect(lone.host, &connect, &connection), 0);
    chaski_poll(lone.host, WORLD_SECOND);
    assert_int_equal(lone.sent_count, 1);
    assert_int_equal(lone.sent[9], 6);
    assert_int_equal(lone.sent[20 + 13], 0x02); /* SYN */
    assert_true(ip4_is_right(lone.sent, lone.sent_length));
    free(lone.memory);
}

/* What stands before IP's header in memory is of no link, and of nobody's business. */
static void a_syn_is_saved_without_any_header_of_a_link(void **state)
{
    (void)state;
    struct lone_host lone;
    struct chaski_tcp_bind bind = {.local.port = 7};
    chaski_listener listener;
    chaski_tcp connection;
    uint8_t saved[64], segment[40] = {0x45, 0, 0,   40, 0, 0, 0x40, 0,    64, 6, 0, 0, 192, 0,
                                      2,    2, 192, 0,  2, 1, 0x13, 0x88, 0,  7, 0, 0, 0,   99};
    make(&lone, 24);
    assert_int_equal(chaski_tcp_bind(lone.host, &bind, &listener), 0);
    assert_int_equal(chaski_tcp_listener_save_syn(lone.host, listener, 2), 0);
    segment[32] = 0x50;
    segment[33] = 0x02; /* SYN */
    segment[34] = 0xff;
    ip4_make_right(segment, sizeof segment);
    take_in(&lone, segment, sizeof segment);
    assert_int_equal(lone.sent[33], 0x12);
    segment[33] = 0x10;
    store_be32(segment + 24, 100);
    store_be32(segment + 28, load_be32(lone.sent + 24) + 1);
    ip4_make_right(segment, sizeof segment);
    take_in(&lone, segment, sizeof segment);
    assert_int_equal(chaski_tcp_accept(lone.host, listener, &connection), 0);
    assert_int_equal(chaski_tcp_saved_syn(lone.host, connection, saved, sizeof saved), 40);
    assert_int_equal(saved[0], 0x45);
    assert_memory_equal(saved + 20, segment + 20, 4);
    assert_int_equal(saved[33], 0x02);
    free(lone.memory);
}

static void an_address_can_be_taken_away_again(void **state)
{
    (void)state;
    struct lone_host lone;
    struct chaski_address own = chaski_ip4(192, 0, 2, 1);
    make(&lone, 24);
    assert_int_equal(chaski_address_remove(lone.host, 0, &own), 0);
    assert_int_equal(chaski_address_add(lone.host, 0, &own, 24), 0);
    free(lone.memory);
}

static void an_unknown_kind_is_refused(void **state)
{
    (void)state;
    struct lone_host lone;
    make(&lone, 24);
    struct chaski_interface interface = {
        .kind = CHASKI_BARE + 1, .mtu = 1500, .output = note, .context = &lone};
    assert_int_equal(chaski_interface_add(lone.host, &interface), CHASKI_INVALID);
    free(lone.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ping_is_answered_without_any_header),
        cmocka_unit_test(what_is_no_ip_is_dropped_and_counted),
        cmocka_unit_test(ip6_is_dispatched_by_its_version),
        cmocka_unit_test(connecting_needs_no_neighbour),
        cmocka_unit_test(a_syn_is_saved_without_any_header_of_a_link),
        cmocka_unit_test(an_address_can_be_taken_away_again),
        cmocka_unit_test(an_unknown_kind_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
