/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/udp/udp.h"

/*
 * The block alone: below it a network that notes what it is asked, above it closures that note
 * what they are told.
 */

enum {
    SOCKETS = 400,
    TOLD_MAX = 2048,
    SENT_MAX = 128,
    DATAGRAM = 65536,
};

struct sent {
    struct packet_ip ip;
    uint32_t length;
    uint8_t bytes[DATAGRAM];
};

struct bench {
    struct packet_memory memory;
    struct counters counters;
    struct udp udp;
    uint8_t *udp_memory, *pool_memory;

    /* the network */
    struct ip_path path; /* what path() answers */
    int path_error;
    struct chaski_address local; /* what is ours */
    uint16_t path_interface;     /* asked for last */
    struct chaski_address path_source;
    struct sent *sent;
    uint32_t sent_count, bursts;
    uint32_t joined, left, unreachable;
    uint16_t unreachable_length;

    /* the application */
    struct told {
        chaski_udp socket;
        struct chaski_endpoint local, remote;
        uint32_t length;
        uint8_t bytes[32];
    } * told;
    uint32_t told_count;
    uint8_t *last; /* the last datagram, all of it */
    bool accept;
    chaski_udp close_in_closure;
};

static struct bench *bench;
static bool one_chain; /* all sockets collide in the hash table */

static void network_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    (void)block;
    (void)now_ns;
    bench->bursts++;
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        assert_ptr_equal(packet_transport(packet), packet->data);
        packet_checksum_complete(packet);
        struct sent *sent = &bench->sent[bench->sent_count++ % SENT_MAX];
        sent->ip = packet->ip;
        sent->length = packet->length;
        packet_copy_out(packet, 0, sent->bytes, packet->length);
        packet_free(packet);
    }
    burst->count = 0;
}

static int network_path(void *block, const struct chaski_address *source,
                        const struct chaski_address *destination, uint16_t interface,
                        struct ip_path *path)
{
    (void)block;
    (void)destination;
    bench->path_source = *source;
    bench->path_interface = interface;
    *path = bench->path;
    return bench->path_error;
}

static bool network_is_local(void *block, const struct chaski_address *address)
{
    (void)block;
    return memcmp(address, &bench->local, sizeof *address) == 0;
}

static void network_unreachable(void *block, struct packet *packet, uint64_t now_ns)
{
    (void)block;
    (void)now_ns;
    bench->unreachable++;
    bench->unreachable_length = (uint16_t)packet->length;
    packet_free(packet);
}

static int network_join(void *block, const struct chaski_address *group, uint16_t interface,
                        uint64_t now_ns)
{
    (void)block;
    (void)now_ns;
    assert_true(address_is_multicast(group));
    assert_int_not_equal(interface, 0);
    bench->joined++;
    return 0;
}

static int network_leave(void *block, const struct chaski_address *group, uint16_t interface,
                         uint64_t now_ns)
{
    (void)block;
    (void)now_ns;
    (void)group;
    assert_int_not_equal(interface, 0);
    bench->left++;
    return 0;
}

static void fill_network(struct network *network)
{
    *network = (struct network){
        .transmit = {network_transmit, NULL},
        .path = network_path,
        .is_local = network_is_local,
        .port_unreachable = network_unreachable,
        .join = network_join,
        .leave = network_leave,
    };
}

static void make_pools(void)
{
    const uint32_t packets = 600, small = 200, large = 40;
    struct memory memory = {.size = packets * (sizeof(struct packet) + 64) +
                                    small * (BUFFER_HEADER + SMALL_BUFFER + 64) +
                                    large * (BUFFER_HEADER + LARGE_BUFFER + 64)};
    bench->pool_memory = malloc(memory.size + MEMORY_ALIGN);
    memory.base = bench->pool_memory + MEMORY_ALIGN - (uintptr_t)bench->pool_memory % MEMORY_ALIGN;
    pool_init(&bench->memory.packets, &memory, sizeof(struct packet), packets);
    pool_init(&bench->memory.small, &memory, BUFFER_HEADER + SMALL_BUFFER, small);
    pool_init(&bench->memory.large, &memory, BUFFER_HEADER + LARGE_BUFFER, large);
    assert_int_equal(bench->memory.large.total, large);
}

static void make_udp(uint64_t queued_bytes, uint32_t queued_packets)
{
    struct udp_setup setup = {
        .sockets = SOCKETS,
        .memberships = 4,
        .queued_packets_max = queued_packets,
        .queued_bytes_max = queued_bytes,
        .datagram_max = 65535,
        .table_key = {1, 2},
        .port_key = {3, 4},
        .memory = &bench->memory,
        .counters = &bench->counters,
        .host = (struct chaski *)bench,
    };
    struct memory counting = {0};
    udp_init(&bench->udp, &counting, &setup);
    free(bench->udp_memory);
    bench->udp_memory = malloc(counting.used + MEMORY_ALIGN);
    uint8_t *base = bench->udp_memory + MEMORY_ALIGN - (uintptr_t)bench->udp_memory % MEMORY_ALIGN;
    struct memory memory = {.base = base, .size = counting.used};
    udp_init(&bench->udp, &memory, &setup);
    assert_int_equal(memory.used, counting.used);
    if (one_chain)
        bench->udp.chain_mask = 0;
    fill_network(&bench->udp.network[FAMILY_IP4]);
    fill_network(&bench->udp.network[FAMILY_IP6]);
}

static int setup(void **state)
{
    (void)state;
    bench = calloc(1, sizeof *bench);
    bench->sent = calloc(SENT_MAX, sizeof *bench->sent);
    bench->told = calloc(TOLD_MAX, sizeof *bench->told);
    bench->last = calloc(1, DATAGRAM);
    bench->accept = true;
    bench->local = chaski_ip4(192, 0, 2, 1);
    bench->path = (struct ip_path){.source = bench->local, .mtu = 1500, .link_mtu = 1500};
    make_pools();
    make_udp(1 << 24, 500);
    return 0;
}

static void assert_nothing_held(void)
{
    assert_int_equal(bench->memory.packets.free_count, bench->memory.packets.total);
    assert_int_equal(bench->memory.small.free_count, bench->memory.small.total);
    assert_int_equal(bench->memory.large.free_count, bench->memory.large.total);
    assert_int_equal(bench->udp.queued_packets, 0);
    assert_int_equal(bench->udp.queued_bytes, 0);
}

static int teardown(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SOCKETS; i++) {
        chaski_udp handle = {i, bench->udp.sockets[i].generation};
        udp_close(&bench->udp, handle, 0);
    }
    udp_flush(&bench->udp, 0);
    assert_nothing_held();
    assert_int_equal(bench->joined, bench->left);
    free(bench->udp_memory);
    free(bench->pool_memory);
    free(bench->sent);
    free(bench->told);
    free(bench->last);
    free(bench);
    return 0;
}

/* ---- The application ---- */

static void on_datagram(void *context, struct chaski *host, chaski_udp socket,
                        const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                        const void *bytes, size_t length)
{
    assert_ptr_equal(context, bench);
    assert_ptr_equal(host, bench);
    struct told *told = &bench->told[bench->told_count++];
    *told = (struct told){
        .socket = socket, .local = *local, .remote = *remote, .length = (uint32_t)length};
    memcpy(told->bytes, bytes, length < sizeof told->bytes ? length : sizeof told->bytes);
    memcpy(bench->last, bytes, length);
    if (bench->close_in_closure.generation != 0)
        assert_int_equal(udp_close(&bench->udp, bench->close_in_closure, 0), 0);
    bench->close_in_closure.generation = 0;
}

static bool filter(void *context, const struct chaski_endpoint *local,
                   const struct chaski_endpoint *remote)
{
    (void)context;
    (void)local;
    (void)remote;
    return bench->accept;
}

static struct chaski_udp_bind binding(struct chaski_address local, uint16_t port)
{
    struct chaski_udp_bind bind = {
        .local = {.address = local, .port = port}, .receive = on_datagram, .context = bench};
    return bind;
}

static const struct chaski_address any;

static chaski_udp bound(const struct chaski_udp_bind *bind)
{
    chaski_udp socket;
    assert_int_equal(udp_bind(&bench->udp, bind, &socket), 0);
    return socket;
}

static chaski_udp bound_to(struct chaski_address local, uint16_t port)
{
    struct chaski_udp_bind bind = binding(local, port);
    return bound(&bind);
}

static chaski_udp connected_to(struct chaski_address remote, uint16_t port)
{
    struct chaski_udp_bind bind = binding(any, 7);
    bind.remote = (struct chaski_endpoint){.address = remote, .port = port};
    return bound(&bind);
}

static bool same(chaski_udp a, chaski_udp b)
{
    return a.index == b.index && a.generation == b.generation;
}

/* ---- The wire ---- */

#define SENDER chaski_ip4(192, 0, 2, 2)

/* From 192.0.2.2 port 1234 to 192.0.2.1 port 7. */
static const uint8_t hello[] = {0x04, 0xd2, 0x00, 0x07, 0x00, 0x0d, 0x33,
                                0x25, 'h',  'e',  'l',  'l',  'o'};

static void inject_from(struct chaski_address source, struct chaski_address destination,
                        uint8_t interface, const uint8_t *bytes, uint32_t length)
{
    struct packet *packet = packet_take(&bench->memory.packets, FOR_RECEIVE);
    memcpy(packet_put(packet, length), bytes, length);
    packet->ip.source = source;
    packet->ip.destination = destination;
    packet->ip.destination_multicast =
        address_is_multicast(&destination) || destination.bytes[15] == 255;
    packet->interface = interface;
    struct burst burst = {.count = 1, .packets = {packet}};
    udp_receive(&bench->udp, &burst, 0);
    assert_int_equal(burst.count, 0);
}

static void inject(const uint8_t *bytes, uint32_t length)
{
    inject_from(SENDER, bench->local, 0, bytes, length);
}

static uint64_t counted(enum chaski_counter counter)
{
    return bench->counters.value[counter];
}

/* ---- Sending ---- */

/* RFC 768 MUST-2; RFC 1122 MUST-42, MUST-46 */
static void a_datagram_is_sent_as_rfc_768_writes_it(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x00, 0x07, 0x04, 0xd2, 0x00, 0x0d, 0x33,
                                       0x25, 'h',  'e',  'l',  'l',  'o'};
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 1234};
    udp_set(&bench->udp, socket, CHASKI_UDP_TTL, 9);
    udp_set(&bench->udp, socket, CHASKI_UDP_TOS, 0xb8);
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "hello", 5, 0), 0);
    assert_int_equal(bench->sent_count, 0);
    assert_true(udp_busy(&bench->udp));
    udp_flush(&bench->udp, 0);
    assert_false(udp_busy(&bench->udp));
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].length, sizeof expected);
    assert_memory_equal(bench->sent[0].bytes, expected, sizeof expected);
    assert_int_equal(bench->sent[0].ip.protocol, 17);
    assert_int_equal(bench->sent[0].ip.ttl, 9);
    assert_int_equal(bench->sent[0].ip.traffic_class, 0xb8);
    assert_memory_equal(&bench->sent[0].ip.destination, &remote.address, 16);
    assert_memory_equal(&bench->sent[0].ip.source, &bench->local, 16);
    assert_int_equal(counted(CHASKI_UDP_DATAGRAMS_SENT), 1);
}

/* RFC 768: "If the computed checksum is zero, it is transmitted as all ones". */
/* RFC 768 MUST-3 */
static void a_checksum_of_zero_is_sent_as_all_ones(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x00, 0x07, 0x04, 0xd2, 0x00, 0x0a, 0xff, 0xff, 0x76, 0xfd};
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 1234};
    assert_int_equal(udp_send(&bench->udp, socket, &remote, expected + 8, 2, 0), 0);
    udp_flush(&bench->udp, 0);
    assert_int_equal(bench->sent[0].length, sizeof expected);
    assert_memory_equal(bench->sent[0].bytes, expected, sizeof expected);
}

static void payloads_of_every_size_leave_whole(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0,    1,    127,  128,   129,   1472,  1984,
                                     1985, 9920, 9921, 32768, 32769, 65506, 65507};
    uint8_t *payload = malloc(DATAGRAM);
    for (uint32_t i = 0; i < DATAGRAM; i++)
        payload[i] = (uint8_t)(i * 31 + (i >> 8));
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 1234};
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(udp_send(&bench->udp, socket, &remote, payload, sizes[i], 0), 0);
        udp_flush(&bench->udp, 0);
        const struct sent *sent = &bench->sent[i];
        assert_int_equal(sent->length, sizes[i] + 8);
        assert_memory_equal(sent->bytes + 8, payload, sizes[i]);
        assert_int_equal(sent->bytes[4] << 8 | sent->bytes[5], sizes[i] + 8);
        assert_nothing_held();
    }
    assert_int_equal(udp_send(&bench->udp, socket, &remote, payload, 65508, 0), CHASKI_TOO_BIG);
    free(payload);
}

static void a_datagram_that_must_not_be_fragmented_is_refused(void **state)
{
    (void)state;
    static const uint8_t payload[1473];
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 1234};
    udp_set(&bench->udp, socket, CHASKI_UDP_DONT_FRAGMENT, 1);
    assert_int_equal(udp_send(&bench->udp, socket, &remote, payload, 1473, 0), CHASKI_TOO_BIG);
    assert_int_equal(udp_send(&bench->udp, socket, &remote, payload, 1472, 0), 0);
    udp_flush(&bench->udp, 0);
    assert_true(bench->sent[0].ip.dont_fragment);
}

static void a_full_burst_leaves_at_once(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 1234};
    for (int i = 0; i < BURST_MAX; i++)
        assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), 0);
    assert_int_equal(bench->bursts, 1);
    assert_int_equal(bench->sent_count, BURST_MAX);
    assert_false(udp_busy(&bench->udp));
}

static void what_cannot_be_sent_says_why(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 0};
    assert_int_equal(udp_send(&bench->udp, socket, NULL, "x", 1, 0), CHASKI_NOT_CONNECTED);
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), CHASKI_INVALID);
    remote = (struct chaski_endpoint){.port = 9};
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), CHASKI_INVALID);
    remote.address = SENDER;
    bench->path_error = CHASKI_NO_ROUTE;
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), CHASKI_NO_ROUTE);
    bench->path_error = 0;
    bench->path.broadcast = true;
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), CHASKI_NOT_PERMITTED);
    udp_set(&bench->udp, socket, CHASKI_UDP_BROADCAST, 1);
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), 0);
    bench->udp.network[FAMILY_IP4].path = NULL;
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), CHASKI_NO_ROUTE);
}

/* RFC 1122 MUST-13 */
static void groups_are_sent_to_with_a_ttl_of_their_own(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint group = {.address = chaski_ip4(239, 1, 2, 3), .port = 9, .interface = 3};
    bench->path.multicast = true;
    chaski_udp member = bound_to(group.address, 9);
    assert_int_equal(udp_send(&bench->udp, member, &group, "x", 1, 0), 0);
    assert_memory_equal(&bench->path_source, &any, 16); /* a group is no source */
    udp_flush(&bench->udp, 0);
    bench->sent_count = 0;
    udp_set(&bench->udp, socket, CHASKI_UDP_TTL, 64);
    udp_send(&bench->udp, socket, &group, "x", 1, 0);
    assert_int_equal(bench->path_interface, 3);
    udp_set(&bench->udp, socket, CHASKI_UDP_MULTICAST_TTL, 4);
    udp_send(&bench->udp, socket, &group, "x", 1, 0);
    udp_flush(&bench->udp, 0);
    assert_int_equal(bench->sent[0].ip.ttl, 1);
    assert_int_equal(bench->sent[1].ip.ttl, 4);
    assert_int_equal(bench->sent[1].ip.interface, 3);
    assert_false(bench->sent[1].ip.no_loop);
    udp_set(&bench->udp, socket, CHASKI_UDP_MULTICAST_LOOP, 0);
    udp_send(&bench->udp, socket, &group, "x", 1, 0);
    udp_flush(&bench->udp, 0);
    assert_true(bench->sent[2].ip.no_loop);
}

/* Every allocation of a send fails once; nothing is held and nothing is sent in half. */
static void running_out_of_memory_while_sending_leaks_nothing(void **state)
{
    (void)state;
    static const uint8_t payload[40000];
    struct pool *pools[] = {&bench->memory.packets, &bench->memory.small, &bench->memory.large};
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 1234};
    uint32_t failures = 0;
    for (uint32_t pool = 0; pool < 3; pool++) {
        for (uint32_t n = 1; n <= 3; n++) {
            pools[pool]->fail_at = pools[pool]->takes + n;
            failures += udp_send(&bench->udp, socket, &remote, payload, 3000, 0) != 0;
            failures += udp_send(&bench->udp, socket, &remote, payload, 40000, 0) != 0;
            pools[pool]->fail_at = 0;
            udp_flush(&bench->udp, 0);
            assert_nothing_held();
        }
    }
    /* either descriptor and the one large buffer; a missing small buffer is made up for by a large
     * one */
    assert_int_equal(failures, 2 + 0 + 1);
}

/* ---- Receiving ---- */

/* RFC 768 MUST-6; RFC 1122 MUST-44 */
static void a_datagram_reaches_its_socket(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    inject_from(SENDER, bench->local, 2, hello, sizeof hello);
    assert_int_equal(bench->told_count, 0); /* nothing is called during input */
    assert_true(udp_busy(&bench->udp));
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    const struct told *told = &bench->told[0];
    assert_true(same(told->socket, socket));
    assert_int_equal(told->length, 5);
    assert_memory_equal(told->bytes, "hello", 5);
    assert_int_equal(told->local.port, 7);
    assert_int_equal(told->local.interface, 3);
    assert_memory_equal(&told->local.address, &bench->local, 16);
    assert_int_equal(told->remote.port, 1234);
    assert_int_equal(told->remote.interface, 0); /* an answer takes the way that the route says */
    assert_memory_equal(told->remote.address.bytes, SENDER.bytes, 16);
    assert_false(udp_busy(&bench->udp));
}

static void an_empty_datagram_is_one(void **state)
{
    (void)state;
    static const uint8_t empty[] = {0x04, 0xd2, 0x00, 0x07, 0x00, 0x08, 0x77, 0x01};
    bound_to(any, 7);
    inject(empty, sizeof empty);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    assert_int_equal(bench->told[0].length, 0);
    assert_int_equal(counted(CHASKI_UDP_DATAGRAMS_RECEIVED), 1);
}

/* Row 12 of hostile input: lengths. */
static void lengths_that_disagree_are_dropped(void **state)
{
    (void)state;
    bound_to(any, 7);
    uint8_t bytes[sizeof hello];
    inject(hello, 7);
    inject(hello, 0);
    memcpy(bytes, hello, sizeof bytes);
    bytes[5] = 7; /* shorter than the header */
    inject(bytes, sizeof bytes);
    bytes[5] = 14; /* longer than the packet */
    inject(bytes, sizeof bytes);
    bytes[4] = 0xff;
    inject(bytes, sizeof bytes);
    assert_int_equal(counted(CHASKI_DROP_UDP_LENGTH), 5);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 0);
    assert_int_equal(bench->unreachable, 0);
    assert_nothing_held();
}

static void bytes_behind_the_datagram_are_not_its_own(void **state)
{
    (void)state;
    uint8_t bytes[sizeof hello + 3];
    bound_to(any, 7);
    memcpy(bytes, hello, sizeof hello);
    memset(bytes + sizeof hello, 0xaa, 3);
    inject(bytes, sizeof bytes);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    assert_int_equal(bench->told[0].length, 5);
}

/* Row 12: port 0. A source port of 0 is lawful though (RFC 768: "if not used, a value of zero is
 * inserted"), and cannot be answered. */
/* RFC 768 MUST-5 */
static void port_zero(void **state)
{
    (void)state;
    static const uint8_t to_zero[] = {0x04, 0xd2, 0x00, 0x00, 0x00, 0x0d, 0x00,
                                      0x00, 'h',  'e',  'l',  'l',  'o'};
    static const uint8_t from_zero[] = {0x00, 0x00, 0x00, 0x07, 0x00, 0x0d, 0x37,
                                        0xf7, 'h',  'e',  'l',  'l',  'o'};
    chaski_udp socket = bound_to(any, 7);
    inject(to_zero, sizeof to_zero);
    assert_int_equal(counted(CHASKI_DROP_UDP_PORT), 1);
    inject(from_zero, sizeof from_zero);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    assert_int_equal(bench->told[0].remote.port, 0);
    assert_int_equal(udp_send(&bench->udp, socket, &bench->told[0].remote, "x", 1, 0),
                     CHASKI_INVALID);
}

/* RFC 768 MUST-4; RFC 1122 MUST-42, MUST-43 */
static void checksums_are_verified_unless_there_is_none(void **state)
{
    (void)state;
    uint8_t bytes[sizeof hello];
    bound_to(any, 7);
    memcpy(bytes, hello, sizeof bytes);
    bytes[12] ^= 1;
    inject(bytes, sizeof bytes);
    assert_int_equal(counted(CHASKI_DROP_UDP_CHECKSUM), 1);
    bytes[6] = bytes[7] = 0;
    inject(bytes, sizeof bytes);
    assert_int_equal(counted(CHASKI_DROP_UDP_CHECKSUM), 1);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    assert_memory_equal(bench->told[0].bytes, "helln", 5);
}

/* RFC 8200, 8.1: over IPv6 there is always one. */
static void ipv6_wants_a_checksum(void **state)
{
    (void)state;
    static const struct chaski_address us = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    static const struct chaski_address them = {{0x20, 0x01, 0x0d, 0xb8, [15] = 2}};
    uint8_t bytes[sizeof hello];
    bound_to(any, 7);
    memcpy(bytes, hello, sizeof bytes);
    bytes[6] = bytes[7] = 0;
    inject_from(them, us, 0, bytes, sizeof bytes);
    assert_int_equal(counted(CHASKI_DROP_UDP_CHECKSUM), 1);
}

/* RFC 1122 SHLD-10 */
static void nobody_there_is_answered_as_unreachable(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 8);
    inject(hello, sizeof hello);
    assert_int_equal(bench->unreachable, 1);
    assert_int_equal(bench->unreachable_length, sizeof hello); /* header and all */
    udp_close(&bench->udp, socket, 0);
    connected_to(chaski_ip4(192, 0, 2, 3), 1234);
    inject(hello, sizeof hello);
    assert_int_equal(bench->unreachable, 2);
}

static void without_icmp_nobody_there_is_only_counted(void **state)
{
    (void)state;
    bench->udp.network[FAMILY_IP4].port_unreachable = NULL;
    inject(hello, sizeof hello);
    assert_int_equal(counted(CHASKI_DROP_UDP_NO_SOCKET), 1);
    assert_nothing_held();
}

/* Whom the datagram is told. */
static chaski_udp hearer(void)
{
    uint32_t before = bench->told_count;
    inject(hello, sizeof hello);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, before + 1);
    return bench->told[before].socket;
}

static void the_best_match_wins(void **state)
{
    (void)state;
    struct chaski_udp_bind narrow_bind = binding(any, 7);
    narrow_bind.local.interface = 1;
    chaski_udp wild = bound_to(any, 7);
    assert_true(same(hearer(), wild));
    chaski_udp narrow = bound(&narrow_bind);
    assert_true(same(hearer(), narrow));
    chaski_udp specific = bound_to(bench->local, 7);
    assert_true(same(hearer(), specific));
    chaski_udp connected = connected_to(SENDER, 1234);
    assert_true(same(hearer(), connected));
    bound_to(any, 8);
    connected_to(SENDER, 1235);
    connected_to(chaski_ip4(192, 0, 2, 3), 1234);
    assert_true(same(hearer(), connected));
    udp_close(&bench->udp, wild, 0); /* now the other way round */
    wild = bound_to(any, 7);
    assert_true(same(hearer(), connected));
    udp_close(&bench->udp, connected, 0);
    assert_true(same(hearer(), specific));
    udp_close(&bench->udp, specific, 0);
    assert_true(same(hearer(), narrow));
    udp_close(&bench->udp, narrow, 0);
    assert_true(same(hearer(), wild));
}

static void only_what_fits_is_a_match(void **state)
{
    (void)state;
    struct chaski_udp_bind elsewhere = binding(any, 7);
    elsewhere.local.interface = 2;
    bound(&elsewhere);
    bound_to(any, 8);
    bench->local = chaski_ip4(192, 0, 2, 9);
    bound_to(bench->local, 7);
    bench->local = chaski_ip4(192, 0, 2, 1);
    connected_to(SENDER, 1235);
    connected_to(chaski_ip4(192, 0, 2, 3), 1234);
    inject(hello, sizeof hello);
    assert_int_equal(bench->unreachable, 1);
    chaski_udp wild = bound_to(any, 7);
    assert_true(same(hearer(), wild));
}

/* From 192.0.2.2 port 1234 to port 7 of 192.0.2.255 and of 239.1.2.3. */
static const uint8_t to_broadcast[] = {0x04, 0xd2, 0x00, 0x07, 0x00, 0x0d, 0x32,
                                       0x27, 'h',  'e',  'l',  'l',  'o'};
static const uint8_t to_group[] = {0x04, 0xd2, 0x00, 0x07, 0x00, 0x0d, 0x04,
                                   0x22, 'h',  'e',  'l',  'l',  'o'};
#define BROADCAST chaski_ip4(192, 0, 2, 255)
#define GROUP chaski_ip4(239, 1, 2, 3)

static void broadcasts_reach_all_but_those_bound_to_one_address(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 7);
    bind.local.interface = 1;
    bound_to(any, 7);
    bound_to(bench->local, 7);
    bound(&bind);
    bind.local.interface = 2;
    bound(&bind);
    inject_from(SENDER, BROADCAST, 1, to_broadcast, sizeof to_broadcast);
    uint8_t other[sizeof hello] = {0}; /* what was in the pool before is not what is told */
    inject(other, sizeof other);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct told *told = &bench->told[i];
        assert_int_equal(told->length, 5);
        assert_memory_equal(told->bytes, "hello", 5);
        assert_int_equal(told->local.port, 7);
        assert_int_equal(told->local.interface, 2);
        assert_memory_equal(told->local.address.bytes, BROADCAST.bytes, 16);
        assert_int_equal(told->remote.port, 1234);
        assert_memory_equal(told->remote.address.bytes, SENDER.bytes, 16);
    }
    assert_false(same(bench->told[0].socket, bench->told[1].socket));
    assert_nothing_held();
}

static void connected_sockets_hear_broadcasts_of_their_peer(void **state)
{
    (void)state;
    chaski_udp peer = connected_to(SENDER, 1234);
    connected_to(chaski_ip4(192, 0, 2, 3), 1234);
    bound_to(any, 7);
    inject_from(SENDER, BROADCAST, 1, to_broadcast, sizeof to_broadcast);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 2);
    assert_true(same(bench->told[0].socket, peer) || same(bench->told[1].socket, peer));
}

static void a_copy_that_cannot_be_made_is_counted(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 7);
    bound(&bind);
    bind.local.interface = 1;
    bound(&bind);
    bench->memory.packets.fail_at = bench->memory.packets.takes + 2; /* 1: the datagram itself */
    inject_from(SENDER, BROADCAST, 0, to_broadcast, sizeof to_broadcast);
    assert_int_equal(counted(CHASKI_DROP_NO_MEMORY), 1);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
}

static void nobody_answers_for_a_broadcast(void **state)
{
    (void)state;
    inject_from(SENDER, BROADCAST, 0, to_broadcast, sizeof to_broadcast);
    inject_from(SENDER, GROUP, 0, to_group, sizeof to_group);
    assert_int_equal(counted(CHASKI_DROP_UDP_NO_SOCKET), 2);
    assert_int_equal(bench->unreachable, 0);
    assert_nothing_held();
}

static void groups_reach_members_on_the_interface(void **state)
{
    (void)state;
    struct chaski_address group = GROUP;
    struct chaski_udp_bind bind = binding(any, 7);
    chaski_udp wild = bound(&bind);
    bind.local.interface = 1;
    bound(&bind); /* not a member */
    chaski_udp first = bound_to(group, 7), second = bound_to(group, 7);
    bench->path.interface = 0;
    assert_int_equal(udp_join(&bench->udp, wild, &group, 0, 0), 0); /* by the route: 1 */
    assert_int_equal(udp_join(&bench->udp, first, &group, 1, 0), 0);
    assert_int_equal(udp_join(&bench->udp, second, &group, 2, 0), 0);
    inject_from(SENDER, GROUP, 0, to_group, sizeof to_group);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 2);
    assert_false(same(bench->told[0].socket, second) || same(bench->told[1].socket, second));
    inject_from(SENDER, GROUP, 1, to_group, sizeof to_group);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 3);
    assert_true(same(bench->told[2].socket, second));
    assert_int_equal(udp_leave(&bench->udp, wild, &group, 0, 0), 0);
    inject_from(SENDER, GROUP, 0, to_group, sizeof to_group);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 4);
    assert_true(same(bench->told[3].socket, first));
    assert_int_equal(bench->left, 1);
}

static void memberships_are_limited_and_end_with_their_socket(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    struct chaski_address group = GROUP, one = SENDER;
    assert_int_equal(udp_join(&bench->udp, socket, &one, 1, 0), CHASKI_INVALID);
    for (uint16_t interface = 1; interface <= 4; interface++)
        assert_int_equal(udp_join(&bench->udp, socket, &group, interface, 0), 0);
    assert_int_equal(udp_join(&bench->udp, socket, &group, 4, 0), CHASKI_IN_USE);
    assert_int_equal(udp_join(&bench->udp, socket, &group, 5, 0), CHASKI_NO_MEMORY);
    assert_int_equal(udp_leave(&bench->udp, socket, &group, 5, 0), CHASKI_INVALID);
    assert_int_equal(udp_leave(&bench->udp, socket, &group, 2, 0), 0);
    assert_int_equal(udp_join(&bench->udp, socket, &group, 5, 0), 0);
    udp_close(&bench->udp, socket, 0);
    assert_int_equal(bench->left, 5);
    chaski_udp next = bound_to(any, 7);
    for (uint16_t interface = 1; interface <= 4; interface++)
        assert_int_equal(udp_join(&bench->udp, next, &group, interface, 0), 0);
    bench->udp.network[FAMILY_IP4].path = NULL;
    assert_int_equal(udp_leave(&bench->udp, next, &group, 1, 0), CHASKI_NO_ROUTE);
    assert_int_equal(udp_join(&bench->udp, socket, &group, 1, 0), CHASKI_STALE);
}

/* ---- Queues ---- */

static void a_queue_holds_as_many_as_was_said(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 7);
    bind.queue = 2;
    bind.receive = NULL;
    chaski_udp socket = bound(&bind);
    for (int i = 0; i < 3; i++)
        inject(hello, sizeof hello);
    assert_int_equal(counted(CHASKI_DROP_UDP_QUEUE_FULL), 1);
    uint8_t bytes[8];
    for (int i = 0; i < 2; i++)
        assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, sizeof bytes), 5);
    assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, sizeof bytes), CHASKI_AGAIN);
    inject(hello, sizeof hello);
    assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, sizeof bytes), 5);
}

/* The same datagram, but lying in a buffer of 32 kB: its linear part, or all but its first byte. */
static bool inject_in(struct buffer *buffer, bool linear)
{
    struct packet *packet;
    uint32_t first = linear ? sizeof hello : 1;
    if (linear) {
        packet = packet_take_in(&bench->memory.packets, buffer, 64, FOR_RECEIVE);
    } else {
        packet = packet_take(&bench->memory.packets, FOR_RECEIVE);
        memcpy(buffer->data, hello + 1, sizeof hello - 1);
    }
    memcpy(packet_put(packet, first), hello, first);
    if (!linear)
        packet_add_fragment(packet, buffer, 0, sizeof hello - 1);
    packet->ip.source = SENDER;
    packet->ip.destination = bench->local;
    struct burst burst = {.count = 1, .packets = {packet}};
    uint64_t before = counted(CHASKI_DROP_UDP_QUEUE_FULL);
    udp_receive(&bench->udp, &burst, 0);
    return counted(CHASKI_DROP_UDP_QUEUE_FULL) == before;
}

static bool inject_heavy(bool linear)
{
    return inject_in(buffer_take(&bench->memory.large, FOR_RECEIVE), linear);
}

/* A driver may put each frame into a buffer larger than it need be. The queue holds what it says.
 */
static void queues_hold_frames_of_4_kb(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 7);
    uint8_t bytes[8];
    bind.receive = NULL;
    bind.queue = 8;
    chaski_udp socket = bound(&bind);
    for (int i = 0; i < 8; i++) {
        struct buffer *buffer = buffer_take(&bench->memory.large, FOR_RECEIVE);
        buffer->size = 4096;
        assert_true(inject_in(buffer, true));
    }
    for (int i = 0; i < 8; i++)
        assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, sizeof bytes), 5);
    udp_close(&bench->udp, socket, 0);
}

/* A datagram of 5 bytes that lies in a buffer of 32 kB keeps 32 kB busy, and is charged so. */
static void queues_are_charged_what_they_keep_busy(void **state)
{
    (void)state;
    for (uint16_t linear = 0; linear < 2; linear++) {
        struct chaski_udp_bind bind = binding(any, 7);
        uint8_t bytes[8];
        bind.receive = NULL;
        bind.queue = 16; /* frames of 4 kB, that is */
        chaski_udp socket = bound(&bind);
        uint32_t accepted = 0;
        for (int i = 0; i < 16; i++)
            accepted += inject_heavy(linear != 0);
        assert_in_range(accepted, 1, 3);
        while (udp_take(&bench->udp, socket, NULL, NULL, bytes, sizeof bytes) == 5)
            accepted--;
        assert_int_equal(accepted, 0);
        for (int i = 0; i < 16; i++) { /* what was taken is not charged any more */
            assert_true(inject_heavy(linear != 0));
            assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, sizeof bytes), 5);
        }
        udp_close(&bench->udp, socket, 0);
    }
}

static void a_header_in_pieces_wants_memory(void **state)
{
    (void)state;
    bound_to(any, 7);
    struct buffer *buffer = buffer_take(&bench->memory.small, FOR_RECEIVE);
    struct packet *packet = packet_take_in(&bench->memory.packets, buffer, 64, FOR_RECEIVE);
    memcpy(packet_put(packet, sizeof hello), hello, sizeof hello);
    /* its bytes are somebody else's too, so the header must be put together elsewhere */
    struct packet *shared = packet_slice(packet, 0, 4, &bench->memory.packets, FOR_RECEIVE);
    buffer_hold(buffer);
    packet_add_fragment(shared, buffer, 64 + 4, sizeof hello - 4);
    packet_free(packet);
    struct burst burst = {.count = 1, .packets = {shared}};
    shared->end = shared->data; /* no room of its own either */
    bench->memory.small.fail_at = bench->memory.small.takes + 1;
    udp_receive(&bench->udp, &burst, 0);
    assert_int_equal(counted(CHASKI_DROP_NO_MEMORY), 1);
    assert_nothing_held();
}

static void what_no_closure_could_be_told_is_not_received(void **state)
{
    (void)state;
    bound_to(any, 7);
    bench->udp.setup.datagram_max = 4;
    inject(hello, sizeof hello);
    assert_int_equal(counted(CHASKI_DROP_NO_MEMORY), 1);
    bench->udp.setup.datagram_max = 5;
    inject(hello, sizeof hello);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
}

static void all_queues_together_are_limited(void **state)
{
    (void)state;
    make_udp(1 << 24, 3);
    bound_to(any, 7);
    bound_to(any, 8);
    uint8_t bytes[sizeof hello];
    memcpy(bytes, hello, sizeof bytes);
    inject(bytes, sizeof bytes);
    inject(bytes, sizeof bytes);
    bytes[3] = 8;
    bytes[7]--;
    inject(bytes, sizeof bytes);
    inject(bytes, sizeof bytes);
    assert_int_equal(counted(CHASKI_DROP_UDP_QUEUE_FULL), 1);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 3);
    make_udp(2 * sizeof(struct packet), 500);
    bound_to(any, 7);
    for (int i = 0; i < 3; i++)
        inject(hello, sizeof hello);
    assert_int_equal(counted(CHASKI_DROP_UDP_QUEUE_FULL), 2);
}

static void a_datagram_is_cut_to_the_room_there_is(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 7);
    struct chaski_endpoint local, remote;
    bind.receive = NULL;
    chaski_udp socket = bound(&bind);
    uint8_t bytes[4] = {0, 0, 0, 0xaa};
    inject(hello, sizeof hello);
    assert_int_equal(udp_take(&bench->udp, socket, &local, &remote, bytes, 3), 5);
    assert_memory_equal(bytes, "hel\xaa", 4);
    assert_int_equal(local.port, 7);
    assert_int_equal(remote.port, 1234);
    assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, 3), CHASKI_AGAIN);
}

static void filters_refuse(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 7);
    bind.filter = filter;
    chaski_udp socket = bound(&bind);
    bench->accept = false;
    inject(hello, sizeof hello);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 0);
    inject(hello, sizeof hello);
    uint8_t bytes[8];
    assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, 8), CHASKI_AGAIN);
    assert_int_equal(counted(CHASKI_DROP_UDP_FILTERED), 2);
    assert_nothing_held();
    bench->accept = true;
    inject(hello, sizeof hello);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
}

/* ---- Closures ---- */

static void a_closure_may_close_its_own_socket(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    inject(hello, sizeof hello);
    inject(hello, sizeof hello);
    bench->close_in_closure = socket;
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    assert_int_equal(counted(CHASKI_DROP_UDP_CLOSED), 1);
    assert_false(udp_busy(&bench->udp));
    assert_nothing_held();
}

static void a_closure_may_close_another_socket_that_waits(void **state)
{
    (void)state;
    bound_to(any, 7);
    chaski_udp other = bound_to(any, 8);
    uint8_t bytes[sizeof hello];
    memcpy(bytes, hello, sizeof bytes);
    bytes[3] = 8;
    bytes[7]--;
    inject(hello, sizeof hello);
    inject(bytes, sizeof bytes);
    bench->close_in_closure = other;
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    assert_false(udp_busy(&bench->udp));
}

static void one_call_tells_a_limited_number_and_everybody_has_a_turn(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 7);
    bind.queue = 1000;
    chaski_udp busy = bound(&bind);
    chaski_udp other = bound_to(any, 8);
    uint8_t bytes[sizeof hello];
    memcpy(bytes, hello, sizeof bytes);
    bytes[3] = 8;
    bytes[7]--;
    for (int i = 0; i < 400; i++)
        inject(hello, sizeof hello);
    inject(bytes, sizeof bytes);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 256);
    assert_true(udp_busy(&bench->udp));
    uint32_t others = 0;
    for (uint32_t i = 0; i < bench->told_count; i++)
        others += same(bench->told[i].socket, other);
    assert_int_equal(others, 1);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 401);
    assert_true(same(bench->told[400].socket, busy));
}

/* A datagram that was put together from fragments is told in one piece. */
static void closures_see_one_piece(void **state)
{
    (void)state;
    bound_to(any, 7);
    struct packet *packet = packet_take(&bench->memory.packets, FOR_RECEIVE);
    uint8_t header[8] = {0x04, 0xd2, 0x00, 0x07, 0, 0, 0, 0};
    header[4] = (8 + 60000) >> 8;
    header[5] = (8 + 60000) & 0xff;
    memcpy(packet_put(packet, 3), header, 3); /* a header in two pieces as well */
    struct buffer *small = buffer_take(&bench->memory.small, FOR_RECEIVE);
    memcpy(small->data, header + 3, 5);
    packet_add_fragment(packet, small, 0, 5);
    for (uint32_t piece = 0; piece < 2; piece++) {
        struct buffer *large = buffer_take(&bench->memory.large, FOR_RECEIVE);
        for (uint32_t i = 0; i < 30000; i++)
            large->data[i] = (uint8_t)((piece * 30000 + i) * 7);
        packet_add_fragment(packet, large, 0, 30000);
    }
    packet->ip.source = SENDER;
    packet->ip.destination = bench->local;
    struct burst burst = {.count = 1, .packets = {packet}};
    udp_receive(&bench->udp, &burst, 0);
    udp_closures(&bench->udp);
    assert_int_equal(bench->told_count, 1);
    assert_int_equal(bench->told[0].length, 60000);
    for (uint32_t i = 0; i < 60000; i++)
        assert_int_equal(bench->last[i], (uint8_t)(i * 7));
}

/* ---- Errors from the network ---- */

static struct ip_error error_about(const uint8_t *quoted, enum ip_error_kind kind)
{
    struct ip_error error = {.kind = kind,
                             .source = bench->local,
                             .destination = SENDER,
                             .quoted = quoted,
                             .quoted_length = 8};
    return error;
}

static const uint8_t quoted[] = {0x00, 0x07, 0x04, 0xd2, 0x00, 0x0d, 0x33, 0x25};

/* RFC 1122 MUST-41 */
static void an_error_is_told_once(void **state)
{
    (void)state;
    chaski_udp socket = connected_to(SENDER, 1234);
    struct ip_error error = error_about(quoted, IP_ERROR_PORT_UNREACHABLE);
    uint8_t bytes[8];
    assert_true(udp_error(&bench->udp, &error, 0));
    assert_int_equal(udp_send(&bench->udp, socket, NULL, "x", 1, 0), CHASKI_REFUSED);
    assert_int_equal(udp_send(&bench->udp, socket, NULL, "x", 1, 0), 0);
    error.kind = IP_ERROR_HOST_UNREACHABLE;
    assert_true(udp_error(&bench->udp, &error, 0));
    assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, 8), CHASKI_UNREACHABLE);
    assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, bytes, 8), CHASKI_AGAIN);
    error.kind = IP_ERROR_TOO_BIG;
    assert_false(udp_error(&bench->udp, &error, 0)); /* it may be cut */
    udp_set(&bench->udp, socket, CHASKI_UDP_DONT_FRAGMENT, 1);
    assert_true(udp_error(&bench->udp, &error, 0));
    assert_int_equal(udp_send(&bench->udp, socket, NULL, "x", 1, 0), 0);
}

static void an_error_ends_with_its_socket(void **state)
{
    (void)state;
    chaski_udp socket = connected_to(SENDER, 1234);
    struct ip_error error = error_about(quoted, IP_ERROR_PORT_UNREACHABLE);
    assert_true(udp_error(&bench->udp, &error, 0));
    udp_close(&bench->udp, socket, 0);
    socket = connected_to(SENDER, 1234);
    assert_int_equal(udp_send(&bench->udp, socket, NULL, "x", 1, 0), 0);
}

static void errors_about_nothing_of_ours_are_not_believed(void **state)
{
    (void)state;
    static const uint8_t strange[] = {0x00, 0x08, 0x04, 0xd2, 0x00, 0x0d, 0x33, 0x25};
    chaski_udp socket = connected_to(SENDER, 1234);
    struct ip_error error = error_about(strange, IP_ERROR_PORT_UNREACHABLE);
    assert_false(udp_error(&bench->udp, &error, 0));
    error = error_about(quoted, IP_ERROR_PORT_UNREACHABLE);
    error.destination = chaski_ip4(192, 0, 2, 3);
    assert_false(udp_error(&bench->udp, &error, 0));
    error = error_about(quoted, IP_ERROR_PORT_UNREACHABLE);
    error.source = chaski_ip4(192, 0, 2, 9);
    assert_false(udp_error(&bench->udp, &error, 0));
    assert_int_equal(udp_send(&bench->udp, socket, NULL, "x", 1, 0), 0);
}

static void unconnected_sockets_own_their_flows_but_hear_of_no_error(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    struct chaski_endpoint remote = {.address = SENDER, .port = 1234};
    struct ip_error error = error_about(quoted, IP_ERROR_PORT_UNREACHABLE);
    assert_true(udp_error(&bench->udp, &error, 0));
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), 0);
}

/* ---- Sockets ---- */

static void what_is_taken_cannot_be_bound_again(void **state)
{
    (void)state;
    chaski_udp socket;
    struct chaski_udp_bind bind = binding(any, 7);
    bound(&bind);
    assert_int_equal(udp_bind(&bench->udp, &bind, &socket), CHASKI_IN_USE);
    bind.local.address = chaski_ip4(192, 0, 2, 77);
    assert_int_equal(udp_bind(&bench->udp, &bind, &socket), CHASKI_BAD_ADDRESS);
    connected_to(SENDER, 1234);
    bind = binding(any, 7);
    bind.remote = (struct chaski_endpoint){.address = SENDER, .port = 1234};
    assert_int_equal(udp_bind(&bench->udp, &bind, &socket), CHASKI_IN_USE);
    bind.remote.address = any;
    assert_int_equal(udp_bind(&bench->udp, &bind, &socket), CHASKI_INVALID);
    bind.remote.address = chaski_ip4(192, 0, 2, 3);
    bench->path_error = CHASKI_NO_ROUTE;
    assert_int_equal(udp_bind(&bench->udp, &bind, &socket), CHASKI_NO_ROUTE);
    bench->path_error = 0;
    bench->udp.network[FAMILY_IP4].path = NULL;
    assert_int_equal(udp_bind(&bench->udp, &bind, &socket), CHASKI_NO_ROUTE);
    assert_int_equal(bench->udp.connected, 1);
}

static void handles_go_stale(void **state)
{
    (void)state;
    chaski_udp zero = {0, 0};
    struct chaski_endpoint remote = {.address = SENDER, .port = 9};
    assert_int_equal(udp_close(&bench->udp, zero, 0), CHASKI_STALE);
    chaski_udp socket = bound_to(any, 7);
    assert_int_equal(udp_close(&bench->udp, socket, 0), 0);
    chaski_udp next = bound_to(any, 7);
    assert_int_equal(next.index, socket.index);
    assert_int_equal(udp_close(&bench->udp, socket, 0), CHASKI_STALE);
    assert_int_equal(udp_send(&bench->udp, socket, &remote, "x", 1, 0), CHASKI_STALE);
    assert_int_equal(udp_take(&bench->udp, socket, NULL, NULL, NULL, 0), CHASKI_STALE);
    assert_int_equal(udp_set(&bench->udp, socket, CHASKI_UDP_TTL, 1), CHASKI_STALE);
    chaski_udp beyond = {SOCKETS, 1};
    assert_int_equal(udp_close(&bench->udp, beyond, 0), CHASKI_STALE);
}

/* RFC 6056 SHLD-2 */
static void ports_are_drawn_at_random(void **state)
{
    (void)state;
    static uint8_t seen[65536];
    uint32_t steps = 0;
    uint16_t previous = 0;
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < SOCKETS; i++) {
        chaski_udp socket = bound_to(any, 0);
        uint16_t port = bench->udp.sockets[socket.index].local.port;
        assert_in_range(port, 1024, 65535);
        assert_int_equal(seen[port]++, 0);
        steps += port == previous + 1;
        previous = port;
    }
    assert_in_range(steps, 0, 4); /* not in order */
    chaski_udp socket;
    struct chaski_udp_bind bind = binding(any, 0);
    assert_int_equal(udp_bind(&bench->udp, &bind, &socket), CHASKI_NO_MEMORY);
}

/* A port that is drawn hears no other socket's datagrams. */
/* RFC 6056 SHLD-3 */
static void ports_for_one_peer_differ(void **state)
{
    (void)state;
    static uint8_t seen[65536];
    struct chaski_udp_bind bind = binding(any, 0);
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < SOCKETS; i++) {
        bind.remote.port = i % 2 == 0 ? 1234 : 0;
        bind.remote.address = SENDER;
        chaski_udp socket = bound(&bind);
        seen[bench->udp.sockets[socket.index].local.port]++;
    }
    for (uint32_t port = 0; port < 65536; port++)
        assert_in_range(seen[port], 0, port < 1024 ? 0 : 1);
}

/* The port drawn is taken already: the next one is. Drawing is repeated by turning its counter
 * back. */
/* RFC 6056 SHLD-4 */
static void a_port_that_is_taken_is_passed_over(void **state)
{
    (void)state;
    struct chaski_udp_bind bind = binding(any, 0);
    uint16_t ports[4];
    for (uint32_t i = 0; i < 4; i++) {
        bench->udp.ports_drawn = 0;
        if (i == 2)
            bind.remote = (struct chaski_endpoint){.address = SENDER, .port = 1234};
        chaski_udp socket = bound(&bind);
        ports[i] = bench->udp.sockets[socket.index].local.port;
        assert_int_equal(ports[i], i == 0 ? ports[0] : (uint16_t)(ports[i - 1] + 1));
    }
    bind.remote.address = chaski_ip4(192, 0, 2, 3); /* to another peer it is free */
    bench->udp.ports_drawn = 0;
    chaski_udp socket = bound(&bind);
    assert_int_equal(bench->udp.sockets[socket.index].local.port, ports[1] + 1);
}

/* Neither many ports nor many peers of one port make a long chain. */
static void sockets_spread_over_the_table(void **state)
{
    (void)state;
    uint32_t longest = 0;
    for (uint32_t i = 0; i < SOCKETS; i++) {
        if (i % 3 == 0)
            bound_to(any, (uint16_t)(1000 + i));
        else if (i % 3 == 1)
            connected_to(chaski_ip4(198, 51, (uint8_t)(i >> 8), (uint8_t)i), 1234);
        else
            connected_to(SENDER, (uint16_t)(2000 + i));
    }
    for (uint32_t i = 0; i <= bench->udp.chain_mask; i++) {
        uint32_t length = 0;
        for (struct udp_socket *s = bench->udp.chains[i]; s != NULL; s = s->chain)
            length++;
        longest = length > longest ? length : longest;
    }
    assert_in_range(longest, 1, one_chain ? SOCKETS : 8);
}

static void a_new_socket_knows_nothing_of_the_old_one(void **state)
{
    (void)state;
    struct chaski_endpoint remote = {.address = SENDER, .port = 9};
    for (int i = 0; i < 3; i++) {
        chaski_udp sockets[SOCKETS];
        for (uint32_t k = 0; k < SOCKETS; k++)
            sockets[k] = bound_to(any, (uint16_t)(1 + k));
        bench->path.broadcast = bench->path.multicast = false;
        assert_int_equal(udp_send(&bench->udp, sockets[0], &remote, "x", 1, 0), 0);
        udp_flush(&bench->udp, 0);
        const struct packet_ip *ip = &bench->sent[bench->sent_count - 1].ip;
        assert_int_equal(ip->ttl, 0);
        assert_int_equal(ip->traffic_class, 0);
        assert_false(ip->dont_fragment);
        assert_false(ip->no_loop);
        bench->path.broadcast = true;
        assert_int_equal(udp_send(&bench->udp, sockets[0], &remote, "x", 1, 0),
                         CHASKI_NOT_PERMITTED);
        for (uint32_t k = 0; k < SOCKETS; k++) {
            udp_set(&bench->udp, sockets[k], CHASKI_UDP_BROADCAST, 1);
            udp_set(&bench->udp, sockets[k], CHASKI_UDP_TTL, 9);
            udp_set(&bench->udp, sockets[k], CHASKI_UDP_TOS, 9);
            udp_set(&bench->udp, sockets[k], CHASKI_UDP_DONT_FRAGMENT, 1);
            udp_set(&bench->udp, sockets[k], CHASKI_UDP_MULTICAST_LOOP, 0);
            assert_int_equal(udp_close(&bench->udp, sockets[k], 0), 0);
        }
    }
}

static void options_are_checked(void **state)
{
    (void)state;
    chaski_udp socket = bound_to(any, 7);
    assert_int_equal(udp_set(&bench->udp, socket, CHASKI_UDP_TTL, 256), CHASKI_INVALID);
    assert_int_equal(udp_set(&bench->udp, socket, CHASKI_UDP_TTL, -1), CHASKI_INVALID);
    assert_int_equal(udp_set(&bench->udp, socket, CHASKI_UDP_BROADCAST, 2), CHASKI_INVALID);
    assert_int_equal(udp_set(&bench->udp, socket, CHASKI_UDP_MULTICAST_TTL, 0), CHASKI_INVALID);
    assert_int_equal(udp_set(&bench->udp, socket, CHASKI_UDP_OPTION_COUNT, 1), CHASKI_INVALID);
    assert_int_equal(udp_set(&bench->udp, socket, CHASKI_UDP_TTL, 255), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_datagram_is_sent_as_rfc_768_writes_it),
        CASE(a_checksum_of_zero_is_sent_as_all_ones),
        CASE(payloads_of_every_size_leave_whole),
        CASE(a_datagram_that_must_not_be_fragmented_is_refused),
        CASE(a_full_burst_leaves_at_once),
        CASE(what_cannot_be_sent_says_why),
        CASE(groups_are_sent_to_with_a_ttl_of_their_own),
        CASE(running_out_of_memory_while_sending_leaks_nothing),
        CASE(a_datagram_reaches_its_socket),
        CASE(an_empty_datagram_is_one),
        CASE(lengths_that_disagree_are_dropped),
        CASE(bytes_behind_the_datagram_are_not_its_own),
        CASE(port_zero),
        CASE(checksums_are_verified_unless_there_is_none),
        CASE(ipv6_wants_a_checksum),
        CASE(nobody_there_is_answered_as_unreachable),
        CASE(without_icmp_nobody_there_is_only_counted),
        CASE(the_best_match_wins),
        CASE(only_what_fits_is_a_match),
        CASE(broadcasts_reach_all_but_those_bound_to_one_address),
        CASE(connected_sockets_hear_broadcasts_of_their_peer),
        CASE(a_copy_that_cannot_be_made_is_counted),
        CASE(nobody_answers_for_a_broadcast),
        CASE(groups_reach_members_on_the_interface),
        CASE(memberships_are_limited_and_end_with_their_socket),
        CASE(a_queue_holds_as_many_as_was_said),
        CASE(queues_are_charged_what_they_keep_busy),
        CASE(queues_hold_frames_of_4_kb),
        CASE(a_header_in_pieces_wants_memory),
        CASE(what_no_closure_could_be_told_is_not_received),
        CASE(all_queues_together_are_limited),
        CASE(a_datagram_is_cut_to_the_room_there_is),
        CASE(filters_refuse),
        CASE(a_closure_may_close_its_own_socket),
        CASE(a_closure_may_close_another_socket_that_waits),
        CASE(one_call_tells_a_limited_number_and_everybody_has_a_turn),
        CASE(closures_see_one_piece),
        CASE(an_error_is_told_once),
        CASE(an_error_ends_with_its_socket),
        CASE(errors_about_nothing_of_ours_are_not_believed),
        CASE(unconnected_sockets_own_their_flows_but_hear_of_no_error),
        CASE(what_is_taken_cannot_be_bound_again),
        CASE(handles_go_stale),
        CASE(ports_are_drawn_at_random),
        CASE(ports_for_one_peer_differ),
        CASE(a_port_that_is_taken_is_passed_over),
        CASE(sockets_spread_over_the_table),
        CASE(a_new_socket_knows_nothing_of_the_old_one),
        CASE(options_are_checked),
    };
    int failed = cmocka_run_group_tests_name("spread over chains", tests, NULL, NULL);
    one_chain = true;
    return failed + cmocka_run_group_tests_name("all in one chain", tests, NULL, NULL);
}
