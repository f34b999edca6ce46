/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_UDP_BLOCK_H
#define CHASKI_TESTS_UNIT_UDP_BLOCK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/udp/udp.h"
#include "core/wire/ip4.h"

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

static inline void network_transmit(void *block, struct burst *burst, uint64_t now_ns)
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

static inline int network_path(void *block, uint8_t protocol, const struct chaski_address *source,
                               const struct chaski_address *destination, uint16_t interface,
                               struct ip_path *path)
{
    (void)block;
    (void)destination;
    assert_int_equal(protocol, WIRE_IP_UDP);
    bench->path_source = *source;
    bench->path_interface = interface;
    *path = bench->path;
    return bench->path_error;
}

static inline bool network_is_local(void *block, const struct chaski_address *address)
{
    (void)block;
    return memcmp(address, &bench->local, sizeof *address) == 0;
}

static inline void network_unreachable(void *block, struct packet *packet, uint64_t now_ns)
{
    (void)block;
    (void)now_ns;
    bench->unreachable++;
    bench->unreachable_length = (uint16_t)packet->length;
    packet_free(packet);
}

static inline int network_join(void *block, const struct chaski_address *group, uint16_t interface,
                               uint64_t now_ns)
{
    (void)block;
    (void)now_ns;
    assert_true(address_is_multicast(group));
    assert_int_not_equal(interface, 0);
    bench->joined++;
    return 0;
}

static inline int network_leave(void *block, const struct chaski_address *group, uint16_t interface,
                                uint64_t now_ns)
{
    (void)block;
    (void)now_ns;
    (void)group;
    assert_int_not_equal(interface, 0);
    bench->left++;
    return 0;
}

static inline void fill_network(struct network *network)
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

static inline void make_pools(void)
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

static inline void make_udp(uint64_t queued_bytes, uint32_t queued_packets)
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

static inline int setup(void **state)
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

static inline void assert_nothing_held(void)
{
    assert_int_equal(bench->memory.packets.free_count, bench->memory.packets.total);
    assert_int_equal(bench->memory.small.free_count, bench->memory.small.total);
    assert_int_equal(bench->memory.large.free_count, bench->memory.large.total);
    assert_int_equal(bench->udp.queued_packets, 0);
    assert_int_equal(bench->udp.queued_bytes, 0);
}

static inline int teardown(void **state)
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

static inline void on_datagram(void *context, struct chaski *host, chaski_udp socket,
                               const struct chaski_endpoint *local,
                               const struct chaski_endpoint *remote, const void *bytes,
                               size_t length)
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

static inline bool filter(void *context, const struct chaski_endpoint *local,
                          const struct chaski_endpoint *remote)
{
    (void)context;
    (void)local;
    (void)remote;
    return bench->accept;
}

static inline struct chaski_udp_bind binding(struct chaski_address local, uint16_t port)
{
    struct chaski_udp_bind bind = {
        .local = {.address = local, .port = port}, .receive = on_datagram, .context = bench};
    return bind;
}

static const struct chaski_address any;

static inline chaski_udp bound(const struct chaski_udp_bind *bind)
{
    chaski_udp socket;
    assert_int_equal(udp_bind(&bench->udp, bind, &socket), 0);
    return socket;
}

static inline chaski_udp bound_to(struct chaski_address local, uint16_t port)
{
    struct chaski_udp_bind bind = binding(local, port);
    return bound(&bind);
}

static inline chaski_udp connected_to(struct chaski_address remote, uint16_t port)
{
    struct chaski_udp_bind bind = binding(any, 7);
    bind.remote = (struct chaski_endpoint){.address = remote, .port = port};
    return bound(&bind);
}

static inline bool same(chaski_udp a, chaski_udp b)
{
    return a.index == b.index && a.generation == b.generation;
}

/* ---- The wire ---- */

#define SENDER chaski_ip4(192, 0, 2, 2)

/* From 192.0.2.2 port 1234 to 192.0.2.1 port 7. */
static const uint8_t hello[] = {0x04, 0xd2, 0x00, 0x07, 0x00, 0x0d, 0x33,
                                0x25, 'h',  'e',  'l',  'l',  'o'};

static inline void inject_from(struct chaski_address source, struct chaski_address destination,
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

static inline void inject(const uint8_t *bytes, uint32_t length)
{
    inject_from(SENDER, bench->local, 0, bytes, length);
}

static inline uint64_t counted(enum chaski_counter counter)
{
    return bench->counters.value[counter];
}

#endif
