/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_IP4_BENCH_H
#define CHASKI_TESTS_UNIT_IP4_BENCH_H

#include "tests/unit/blocks.h"
#include "chaski/chaski.h"
#include "core/base/address.h"
#include "core/ip/ip4.h"
#include "core/wire/ip4.h"

/*
 * The IPv4 block of a host with two interfaces: 10.0.0.1/24 with an MTU of 1500 and a default
 * gateway 10.0.0.254 on number 0, 192.168.5.1/24 with an MTU of 576 on number 1.
 */

#define OURS 0x0a000001u
#define PEER 0x0a000002u
#define GATEWAY 0x0a0000feu
#define OURS_TOO 0xc0a80501u
#define FAR 0x08080808u
#define GROUP 0xef010203u

/* An error that ip4 asked for, noted instead of sent. */
struct asked_error {
    uint32_t count;
    uint8_t type, code;
    uint32_t rest;
    uint32_t pulled; /* how far data is behind the IP header */
};

struct bench {
    struct blocks *blocks;
    struct ip4 ip4;
    struct network network;
    struct asked_error error;
    struct catcher loop;
    uint32_t group; /* that is joined on interface 0 */
    uint8_t joined_on;
    uint32_t confirmed, doubted;
};

static inline void note_error(void *block, struct packet *packet, uint8_t type, uint8_t code,
                              uint32_t rest, uint64_t now_ns)
{
    struct bench *bench = block;
    (void)now_ns;
    bench->error.count++;
    bench->error.type = type;
    bench->error.code = code;
    bench->error.rest = rest;
    bench->error.pulled = (uint32_t)(packet->data - packet_network(packet));
    packet_free(packet);
}

static inline bool is_member(void *block, uint8_t interface, uint32_t group)
{
    const struct bench *bench = block;
    return interface == 0 && group == bench->group && group != 0;
}

static inline int note_join(void *block, uint8_t interface, uint32_t group, uint64_t now_ns)
{
    struct bench *bench = block;
    (void)now_ns;
    bench->group = group;
    bench->joined_on = interface;
    return 0;
}

static inline int note_leave(void *block, uint8_t interface, uint32_t group, uint64_t now_ns)
{
    struct bench *bench = block;
    (void)interface;
    (void)group;
    (void)now_ns;
    bench->group = 0;
    return 0;
}

static inline void note_confirmed(void *block, uint8_t interface, uint32_t next_hop,
                                  uint64_t now_ns)
{
    struct bench *bench = block;
    (void)now_ns;
    assert_int_equal(interface, 0);
    bench->confirmed = next_hop;
}

static inline void note_doubted(void *block, uint8_t interface, uint32_t next_hop, uint64_t now_ns)
{
    struct bench *bench = block;
    (void)now_ns;
    assert_int_equal(interface, 0);
    bench->doubted = next_hop;
}

static const struct ip4_limits limits = {
    .addresses = 8,
    .routes = 8,
    .paths = 16,
    .reassembly = {.datagrams = 4, .fragments = 64, .bytes = 1 << 20},
};

static inline void set_up(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    struct blocks *blocks = bench->blocks = blocks_make(256);
    struct ip4 *ip4 = &bench->ip4;
    ip4_setup(NULL, &blocks->tables, &limits, &blocks->memory, &blocks->counters, &blocks->wheel,
              &test_key);
    blocks_give_tables(blocks);
    ip4_setup(ip4, &blocks->tables, &limits, &blocks->memory, &blocks->counters, &blocks->wheel,
              &test_key);
    assert_int_equal(blocks->tables.used, blocks->tables.size);
    ip4->inform = hook_to(&blocks->up);
    ip4->loop = hook_to(&bench->loop);
    ip4->errors = (struct ip4_error_sender){note_error, bench};
    ip4->groups = (struct ip4_groups){is_member, note_join, note_leave, bench};
    ip4_interface_add(ip4, 0, 1500, hook_to(&blocks->down));
    ip4_interface_add(ip4, 1, 576, hook_to(&blocks->other));
    ip4->interfaces[0].confirm = note_confirmed;
    ip4->interfaces[0].doubt = note_doubted;
    ip4->interfaces[0].neighbours = bench;
    assert_int_equal(ip4_address_add(ip4, 0, OURS, 24), 0);
    assert_int_equal(ip4_address_add(ip4, 1, OURS_TOO, 24), 0);
    assert_int_equal(ip4_route_add(ip4, 0, 0, GATEWAY, 0), 0);
    ip4_network(ip4, &bench->network);
}

static inline void tear_down(struct bench *bench)
{
    timer_wheel_run(&bench->blocks->wheel, 1000 * SECOND);
    catcher_empty(&bench->loop);
    blocks_end(bench->blocks);
}

#endif
