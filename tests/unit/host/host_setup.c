/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "tests/support/world.h"

/* How a host is set up: its memory and limits, interfaces, addresses, and the wiring of its
 * blocks. */

static const struct chaski_address any;

/* One datagram, as it was heard. */
struct heard {
    size_t length;
    uint8_t bytes[65536];
};

static void on_datagram(void *context, struct chaski *host, chaski_udp socket,
                        const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                        const void *bytes, size_t length)
{
    struct heard *heard = context;
    (void)host;
    (void)socket;
    (void)local;
    (void)remote;
    heard->length = length;
    memcpy(heard->bytes, bytes, length);
}

static void bind_to(struct chaski *host, uint16_t port, struct heard *heard)
{
    struct chaski_udp_bind bind = {
        .local = {.port = port}, .receive = on_datagram, .context = heard};
    chaski_udp socket;
    assert_int_equal(chaski_udp_bind(host, &bind, &socket), 0);
}

static void fill(uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 8));
}

/* ---- Frames as bytes ---- */

struct wire {
    uint8_t bytes[2048];
    size_t length;
    uint32_t frames;
    unsigned pieces;
};

static void on_frame(void *context, const struct chaski_piece *pieces, unsigned count)
{
    struct wire *wire = context;
    wire->length = 0;
    wire->frames++;
    wire->pieces = count;
    for (unsigned i = 0; i < count; i++) {
        memcpy(wire->bytes + wire->length, pieces[i].bytes, pieces[i].length);
        wire->length += pieces[i].length;
    }
}

static void assert_host_full(struct chaski *host)
{
    const struct packet_memory *pools = host_memory(host);
    assert_int_equal(pools->packets.free_count, pools->packets.total);
    assert_int_equal(pools->small.free_count, pools->small.total);
    assert_int_equal(pools->large.free_count, pools->large.total);
}

/* A host whose frames the test moves, 192.0.2.1/32 on 02:00:00:00:00:01. */
static struct chaski *plain_host(struct wire *wire, void **memory)
{
    static const uint8_t seed[32] = {3};
    struct chaski_limits limits;
    chaski_limits_for(&limits, 4 << 20, 8);
    *memory = malloc(4 << 20);
    struct chaski *host = chaski_init(*memory, 4 << 20, &limits, seed, 0);
    assert_non_null(host);
    struct chaski_interface interface = {
        .mac = {2, 0, 0, 0, 0, 1},
        .mtu = 1500,
        .output = on_frame,
        .context = wire,
    };
    struct chaski_address address = chaski_ip4(192, 0, 2, 1), network = chaski_ip4(192, 0, 2, 0);
    assert_int_equal(chaski_interface_add(host, &interface), 0);
    assert_int_equal(chaski_address_add(host, 0, &address, 32), 0);
    assert_int_equal(chaski_route_add(host, &network, 24, &any, 0), 0);
    return host;
}

static const uint8_t arp_request[42] = {
    255, 255, 255, 255, 255, 255, 2,   0, 0, 0, 0, 2, 0x08, 0x06, /* to everybody */
    0,   1,   8,   0,   6,   4,   0,   1,                         /* a request */
    2,   0,   0,   0,   0,   2,   192, 0, 2, 2,                   /* from */
    0,   0,   0,   0,   0,   0,   192, 0, 2, 1,                   /* for */
};
static const uint8_t arp_reply[42] = {
    2, 0, 0, 0, 0, 2, 2, 0,   0, 0, 0, 1, 0x08, 0x06, 0, 1, 8, 0,   6, 4, 0,
    2, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1, 2, 0,    0,    0, 0, 2, 192, 0, 2, 2,
};
static const uint8_t echo_request[46] = {
    2,    0,    0,    0,    0,    1,    2,    0,    0,    0,    0,   2,   0x08, 0x00, 0x45, 0x00,
    0x00, 0x20, 0x00, 0x01, 0x00, 0,    0x40, 0x01, 0xf6, 0xd8, 192, 0,   2,    2,    192,  0,
    2,    1,    0x08, 0x00, 0x32, 0xd2, 0x00, 0x4d, 0x00, 0x05, 'c', 'h', 'a',  's',
};

static void frames_go_in_and_out_as_bytes(void **state)
{
    (void)state;
    struct wire wire = {0};
    void *memory;
    struct chaski *host = plain_host(&wire, &memory);
    chaski_input(host, 0, arp_request, sizeof arp_request, 0);
    assert_int_equal(wire.frames, 1); /* replies built in the frame that asked leave at once */
    assert_in_range(wire.length, sizeof arp_reply, 60);
    assert_memory_equal(wire.bytes, arp_reply, sizeof arp_reply);
    chaski_input(host, 0, echo_request, sizeof echo_request, 0);
    assert_int_equal(wire.frames, 2);
    assert_true(ip4_is_right(wire.bytes + 14, 32));
    assert_int_equal(wire.bytes[34], 0); /* an echo reply */
    assert_memory_equal(wire.bytes + 38, echo_request + 38, 8);
    chaski_input(host, 0, arp_request, 13, 0);
    assert_int_equal(chaski_counter_value(host, CHASKI_DROP_ETHERNET_HEADER), 1);
    assert_host_full(host);
    free(memory);
}

static void a_long_frame_comes_in_whole(void **state)
{
    (void)state;
    struct wire wire = {0};
    void *memory;
    struct chaski *host = plain_host(&wire, &memory);
    struct heard *heard = calloc(1, sizeof *heard);
    const uint32_t payload = 60000, total = 20 + 8 + payload;
    uint8_t *frame = calloc(1, 14 + total);
    bind_to(host, 7, heard);
    memcpy(frame, echo_request, 34);
    frame[16] = (uint8_t)(total >> 8);
    frame[17] = (uint8_t)total;
    frame[23] = 17;
    frame[37] = 7;
    frame[38] = (uint8_t)((8 + payload) >> 8);
    frame[39] = (uint8_t)(8 + payload);
    fill(frame + 42, payload);
    ip4_make_right(frame + 14, total);
    chaski_input(host, 0, frame, 14 + total, 0);
    chaski_poll(host, 0);
    assert_int_equal(heard->length, payload);
    assert_memory_equal(heard->bytes, frame + 42, payload);
    assert_host_full(host);
    free(frame);
    free(heard);
    free(memory);
}

static void frames_that_cannot_be_are_counted(void **state)
{
    (void)state;
    struct wire wire = {0};
    void *memory;
    struct chaski *host = plain_host(&wire, &memory);
    uint8_t *frame = calloc(1, 65554);
    chaski_input(host, 0, frame, 65554, 0);
    chaski_input(host, 0, frame, 65553, 0);
    assert_int_equal(chaski_counter_value(host, CHASKI_DROP_LINK_REFUSED), 1);
    chaski_input(host, 1, arp_request, sizeof arp_request, 0);
    chaski_input(host, -1, arp_request, sizeof arp_request, 0);
    assert_int_equal(chaski_counter_value(host, CHASKI_DROP_NOT_WIRED), 2);
    struct packet_memory *pools = host_memory(host);
    pools->packets.fail_at = pools->packets.takes + 1;
    chaski_input(host, 0, arp_request, sizeof arp_request, 0);
    pools->small.fail_at = pools->small.takes + 1;
    chaski_input(host, 0, frame, 200, 0);
    pools->packets.fail_at = pools->packets.takes + 1;
    chaski_input(host, 0, frame, 200, 0);
    pools->large.fail_at = pools->large.takes + 1;
    chaski_input(host, 0, frame, 9000, 0);
    assert_int_equal(chaski_counter_value(host, CHASKI_DROP_NO_MEMORY), 4);
    assert_int_equal(wire.frames, 0);
    assert_host_full(host);
    free(frame);
    free(memory);
}

/* ---- Setup ---- */

static void what_cannot_be_set_up_says_so(void **state)
{
    (void)state;
    struct wire wire = {0};
    void *memory;
    struct chaski *host = plain_host(&wire, &memory);
    struct chaski_interface interface = {.mac = {2}, .mtu = 67, .output = on_frame};
    struct chaski_address one = chaski_ip4(192, 0, 2, 9), six = {{0x20, 0x01, [15] = 1}};
    assert_int_equal(chaski_interface_add(host, &interface), CHASKI_INVALID);
    interface.mtu = 68;
    interface.mac[0] = 3;
    assert_int_equal(chaski_interface_add(host, &interface), CHASKI_INVALID);
    interface.mac[0] = 2;
    interface.output = NULL;
    assert_int_equal(chaski_interface_add(host, &interface), CHASKI_INVALID);
    interface.output = on_frame;
    int number = 0;
    while ((number = chaski_interface_add(host, &interface)) >= 0)
        assert_in_range(number, 1, 15);
    assert_int_equal(number, CHASKI_NO_MEMORY);
    assert_int_equal(chaski_address_add(host, 99, &one, 24), CHASKI_INVALID);
    assert_int_equal(chaski_address_add(host, 0, &one, 33), CHASKI_INVALID);
    assert_int_equal(chaski_address_add(host, 0, &six, 24), CHASKI_INVALID);
    assert_int_equal(chaski_address_add(host, 0, &any, 24), CHASKI_INVALID);
    assert_int_equal(chaski_address_remove(host, 0, &one), CHASKI_BAD_ADDRESS);
    assert_int_equal(chaski_route_add(host, &any, 33, &one, 0), CHASKI_INVALID);
    assert_int_equal(chaski_route_add(host, &six, 24, &one, 0), CHASKI_INVALID);
    assert_int_equal(chaski_route_remove(host, &any, 0), CHASKI_NO_ROUTE);
    assert_int_equal(chaski_route_add(host, &any, 0, &one, 0), 0);
    assert_int_equal(chaski_route_remove(host, &any, 0), 0);
    assert_int_equal(chaski_route_add(host, &one, 32, &any, 0), 0);
    assert_int_equal(chaski_route_remove(host, &one, 32), 0);
    assert_int_equal(chaski_route_add(host, &one, 32, &any, 99), CHASKI_INVALID);
    assert_int_equal(chaski_route_add(host, &one, 24, &six, 0), CHASKI_INVALID);
    assert_int_equal(chaski_route_remove(host, &one, 33), CHASKI_INVALID);
    assert_int_equal(chaski_route_remove(host, &six, 32), CHASKI_INVALID);
    assert_int_equal(chaski_address_remove(host, 99, &one), CHASKI_INVALID);
    assert_int_equal(chaski_address_remove(host, 0, &six), CHASKI_INVALID);
    free(memory);
}

static void addresses_can_be_taken_away(void **state)
{
    (void)state;
    struct wire wire = {0};
    void *memory;
    struct chaski *host = plain_host(&wire, &memory);
    struct chaski_address address = chaski_ip4(192, 0, 2, 1);
    assert_int_equal(chaski_address_remove(host, 0, &address), 0);
    chaski_input(host, 0, arp_request, sizeof arp_request, 0);
    assert_int_equal(wire.frames, 0);
    assert_int_equal(chaski_address_add(host, 0, &address, 32), 0);
    chaski_input(host, 0, arp_request, sizeof arp_request, 0);
    assert_int_equal(wire.frames, 1);
    free(memory);
}

/* The size is exact: one byte less does not do, whatever the alignment nothing more is touched. */
static void the_size_is_what_is_used(void **state)
{
    (void)state;
    static const uint8_t seed[32] = {1};
    struct chaski_limits limits;
    chaski_limits_for(&limits, 3 << 20, 10);
    size_t size = chaski_size(&limits);
    for (size_t skew = 0; skew < 64; skew += 9) {
        uint8_t *memory = malloc(skew + size);
        /* cppcheck-suppress uninitdata */
        size_t misaligned = (uintptr_t)(memory + skew) % 64; /* of the address */
        size_t spare = 63 - (misaligned == 0 ? 0 : 64 - misaligned);
        assert_non_null(chaski_init(memory + skew, size, &limits, seed, 0));
        assert_non_null(chaski_init(memory + skew, size - spare, &limits, seed, 0));
        assert_null(chaski_init(memory + skew, size - spare - 1, &limits, seed, 0));
        free(memory);
    }
    assert_null(chaski_init(NULL, size, &limits, seed, 0));
    assert_null(chaski_init(&limits, 0, &limits, seed, 0));
}

static size_t maximum_of(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void limits_fit_the_budget(void **state)
{
    (void)state;
    static const size_t budgets[] = {512 << 10, 1 << 20, 4 << 20, 64 << 20, 1 << 30};
    static const uint32_t connections[] = {1, 10, 100, 1000};
    for (uint32_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        for (uint32_t j = 0; j < sizeof connections / sizeof connections[0]; j++) {
            struct chaski_limits limits;
            if (budgets[i] < connections[j] * 2048)
                continue;
            chaski_limits_for(&limits, budgets[i], connections[j]);
            size_t size = chaski_size(&limits);
            assert_in_range(size, budgets[i] / 100 * 90, budgets[i]);
            assert_int_equal(limits.connections, connections[j]);
            assert_true(limits.packets >= limits.small_buffers);
            assert_in_range(limits.receive_buffer_max, 16 << 10, 64 << 20);
            assert_in_range(limits.send_buffer_max, 16 << 10, 64 << 20);
            assert_true(limits.receive_buffer_max <= maximum_of(16 << 10, budgets[i] / 4));
            /* A window of a long and fast path fits twice where there is memory for it. */
            if (budgets[i] >= 64 << 20)
                assert_in_range(limits.send_buffer_max, 6 << 20, budgets[i] / 8);
            if (budgets[i] >= 1 << 30)
                assert_int_equal(limits.send_buffer_max, 64 << 20);
            bool roomy = budgets[i] >= 1024 * (size_t)connections[j] && budgets[i] >= 1 << 20;
            assert_in_range(limits.neighbours, roomy ? 512 : 8, 512);
        }
    }
}

/* A budget that cannot hold the connections gets the least there is, and is overrun in the open. */
static void limits_for_too_little_memory_are_the_least(void **state)
{
    (void)state;
    struct chaski_limits limits;
    chaski_limits_for(&limits, 1000, 100);
    assert_int_equal(limits.connections, 100);
    assert_int_equal(limits.neighbours, 8);
    assert_int_equal(limits.packets, 8);
    assert_true(chaski_size(&limits) > 1000);
}

static void every_error_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (int a = CHASKI_MALFORMED - 1; a <= 0; a++)
        for (int b = CHASKI_MALFORMED - 1; b < a; b++)
            assert_string_not_equal(chaski_error_text(a), chaski_error_text(b));
    assert_string_equal(chaski_error_text(INT32_MIN), chaski_error_text(CHASKI_MALFORMED - 1));
}

/* ---- Wiring ---- */

/* Time begins where chaski_init() says: probing for an address (RFC 5227) starts then. */
static void time_begins_at_setup(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = {.hosts = 1, .start_ns = 1000 * WORLD_SECOND};
    world_make(&world, &options);
    uint64_t deadline = chaski_deadline(world.hosts[0]);
    assert_in_range(deadline, 1000 * WORLD_SECOND + 1, 1002 * WORLD_SECOND);
    world_run(&world, 20 * WORLD_SECOND);
    uint32_t probes = 0;
    for (uint32_t i = 0; i < world.frame_count; i++)
        probes += world.frames[i].bytes[13] == 0x06;
    assert_int_equal(probes, 3 + 2); /* probes and announcements */
    world_free(&world);
}

/* What waits to be sent leaves room for what comes in, and both for control packets. */
static void pools_keep_reserves(void **state)
{
    (void)state;
    struct wire wire = {0};
    void *memory;
    struct packet_memory *pools = host_memory(plain_host(&wire, &memory));
    struct pool *all[] = {&pools->packets, &pools->small, &pools->large};
    for (uint32_t i = 0; i < 3; i++) {
        while (pool_take(all[i], FOR_SEND) != NULL) {
        }
        uint32_t after_send = all[i]->free_count;
        assert_in_range(after_send, all[i]->total / 8, all[i]->total / 2);
        while (pool_take(all[i], FOR_RECEIVE) != NULL) {
        }
        if (all[i] == &pools->large)
            continue; /* no control packet is so large */
        assert_in_range(all[i]->free_count, 1, after_send - 1);
        assert_non_null(pool_take(all[i], FOR_CONTROL));
    }
    free(memory);
}

static const uint8_t unknown_protocol[] = {
    0x45, 0, 0, 24, 0, 1, 0, 0, 64, 200, 0, 0, 192, 0, 2, 2, 192, 0, 2, 1, 1, 2, 3, 4,
};

/* RFC 1122, 3.2.2.1: protocol unreachable. */
static void a_protocol_without_a_block_is_unreachable(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = {.hosts = 1, .prefix_length = 32};
    world_make(&world, &options);
    world_introduce(&world, 0);
    world_inject_ip4(&world, 0, unknown_protocol, sizeof unknown_protocol);
    const uint8_t *icmp = world_last(&world, 0, 0)->bytes + 34;
    assert_int_equal(icmp[0], 3);
    assert_int_equal(icmp[1], 2);
    world_assert_no_leaks(&world);
    world_free(&world);
}

/* A general query of IGMPv2 (RFC 2236), from a router that must be answered within a second. */
static const uint8_t general_query[] = {
    0x46, 0xc0, 0, 32, 0,    1, 0, 0, 1,    2,  0, 0, 192, 0, 2, 2,
    224,  0,    0, 1,  0x94, 4, 0, 0, 0x11, 10, 0, 0, 0,   0, 0, 0,
};

static void groups_are_reported_and_queries_answered(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = {.hosts = 1, .prefix_length = 32};
    struct chaski_udp_bind bind = {.local = {.port = 7}};
    struct chaski_address group = chaski_ip4(239, 1, 2, 3);
    chaski_udp socket;
    world_make(&world, &options);
    assert_int_equal(chaski_udp_bind(world.hosts[0], &bind, &socket), 0);
    assert_int_equal(chaski_udp_join(world.hosts[0], socket, &group, 1), 0);
    world_run(&world, 10 * WORLD_SECOND);
    uint32_t reports = world_sent(&world, 0);
    assert_in_range(reports, 1, 3);
    assert_int_equal(world_last(&world, 0, 0)->bytes[14 + 9], 2);
    world_introduce(&world, 0);
    reports = world_sent(&world, 0);
    uint8_t frame[14 + sizeof general_query] = {1, 0, 0x5e, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00};
    memcpy(frame + 14, general_query, sizeof general_query);
    ip4_make_right(frame + 14, sizeof general_query);
    world_inject(&world, 0, frame, sizeof frame);
    world_run(&world, 2 * WORLD_SECOND);
    assert_int_equal(world_sent(&world, 0), reports + 1);
    world_free(&world);
}

/* RFC 4861, 7.3.1, for ARP: what upper layers confirm is not asked after again. */
static void progress_above_spares_the_neighbour(void **state)
{
    (void)state;
    for (int confirmed = 0; confirmed < 2; confirmed++) {
        struct world world;
        struct world_options options = {.prefix_length = 32};
        struct chaski_udp_bind bind = {.local = {.port = 7}};
        struct chaski_endpoint peer = world_endpoint(1, 7);
        chaski_udp near, far;
        world_make(&world, &options);
        struct chaski *host = world.hosts[0];
        assert_int_equal(chaski_udp_bind(host, &bind, &near), 0);
        assert_int_equal(chaski_udp_bind(world.hosts[1], &bind, &far), 0);
        assert_int_equal(chaski_udp_send(host, near, &peer, "x", 1), 0);
        world_run(&world, 300 * WORLD_SECOND);
        world_forget(&world);
        if (confirmed)
            host->tcp.network[FAMILY_IP4].confirm(host->tcp.network[FAMILY_IP4].block,
                                                  &peer.address, world.now_ns);
        assert_int_equal(chaski_udp_send(host, near, &peer, "x", 1), 0);
        world_run(&world, 10 * WORLD_SECOND);
        assert_int_equal(world_sent(&world, 1), confirmed ? 0 : 1);
        world_free(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_go_in_and_out_as_bytes),
        cmocka_unit_test(a_long_frame_comes_in_whole),
        cmocka_unit_test(frames_that_cannot_be_are_counted),
        cmocka_unit_test(what_cannot_be_set_up_says_so),
        cmocka_unit_test(addresses_can_be_taken_away),
        cmocka_unit_test(the_size_is_what_is_used),
        cmocka_unit_test(limits_fit_the_budget),
        cmocka_unit_test(limits_for_too_little_memory_are_the_least),
        cmocka_unit_test(every_error_has_a_text_of_its_own),
        cmocka_unit_test(time_begins_at_setup),
        cmocka_unit_test(pools_keep_reserves),
        cmocka_unit_test(a_protocol_without_a_block_is_unreachable),
        cmocka_unit_test(groups_are_reported_and_queries_answered),
        cmocka_unit_test(progress_above_spares_the_neighbour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
