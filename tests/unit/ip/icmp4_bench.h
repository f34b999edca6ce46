/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_ICMP4_BENCH_H
#define CHASKI_TESTS_UNIT_ICMP4_BENCH_H

#include "tests/unit/blocks.h"
#include "core/base/address.h"
#include "core/ip/icmp4.h"
#include "core/wire/ip4.h"

/* The ICMPv4 block above IPv4's. We are 10.0.0.1/24 with a gateway 10.0.0.254 and an MTU of 1500.
 */

#define OURS 0x0a000001u
#define PEER 0x0a000002u
#define FAR 0x08080808u

struct bench {
    struct blocks *blocks;
    struct ip4 ip4;
    struct icmp4 icmp4;
    /* what the owner of UDP was told */
    struct ip_error error;
    uint8_t quoted[16];
    uint32_t told;
    bool believes;
    /* what a ping's closure was told */
    uint32_t replies;
    struct chaski_address from;
    uint16_t sequence;
    uint8_t ttl;
    uint8_t data[2048], scratch[2048];
    size_t length;
    int ping_error;
};

static inline bool note_error(void *block, const struct ip_error *error, uint64_t now_ns)
{
    struct bench *bench = block;
    (void)now_ns;
    assert_true(error->quoted_length >= 8);
    bench->told++;
    bench->error = *error;
    memcpy(bench->quoted, error->quoted, 8);
    return bench->believes;
}

static inline void set_up(struct bench *bench)
{
    static const struct ip4_limits limits = {
        .addresses = 2,
        .routes = 2,
        .paths = 16,
        .reassembly = {.datagrams = 4, .fragments = 64, .bytes = 1 << 20},
    };
    memset(bench, 0, sizeof *bench);
    struct blocks *blocks = bench->blocks = blocks_make(512);
    for (unsigned pass = 0; pass < 2; pass++) {
        if (pass == 1)
            blocks_give_tables(blocks);
        ip4_setup(&bench->ip4, &blocks->tables, &limits, &blocks->memory, &blocks->counters,
                  &blocks->wheel, &test_key);
    }
    icmp4_setup(&bench->icmp4, &bench->ip4, &blocks->memory, &blocks->counters, &test_key);
    bench->icmp4.request = (struct hook){ip4_transmit, &bench->ip4};
    bench->icmp4.scratch = bench->scratch;
    bench->icmp4.scratch_size = sizeof bench->scratch;
    bench->ip4.inform = (struct hook){icmp4_receive, &bench->icmp4};
    bench->ip4.loop = hook_to(&blocks->other);
    ip4_interface_add(&bench->ip4, 0, 1500, hook_to(&blocks->down));
    assert_int_equal(ip4_address_add(&bench->ip4, 0, OURS, 24), 0);
    assert_int_equal(ip4_route_add(&bench->ip4, 0, 0, 0x0a0000fe, 0), 0);
    assert_true(icmp4_wire_errors(&bench->icmp4, 17, note_error, bench));
    bench->believes = true;
}

static inline void tear_down(struct bench *bench)
{
    timer_wheel_run(&bench->blocks->wheel, 1000000 * SECOND);
    blocks_end(bench->blocks);
}

static inline void hear(struct bench *bench, const char *text, uint8_t flags, uint64_t now_ns)
{
    struct packet *packet = packet_of_hex(bench->blocks, text);
    packet->flags = flags;
    give(ip4_receive, &bench->ip4, packet, now_ns);
}

/* Hears a message that must end with this reason, unanswered. */
static inline void assert_dropped(struct bench *bench, const char *text, enum chaski_counter why)
{
    uint64_t before = counted(bench->blocks, why);
    hear(bench, text, 0, 0);
    assert_int_equal(counted(bench->blocks, why), before + 1);
    assert_int_equal(bench->blocks->down.count, 0);
    blocks_assert_nothing_held(bench->blocks);
}

/* Each of them, and nobody is told. */
static inline void assert_all_dropped(const char *const *texts, unsigned count,
                                      enum chaski_counter why)
{
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 0; i < count; i++)
        assert_dropped(&bench, texts[i], why);
    assert_int_equal(bench.told, 0);
    tear_down(&bench);
}

/* Number `i` that left, with an identification of 0 in the text: which it has is not told. */
static inline void assert_sent(struct bench *bench, uint32_t i, const char *text)
{
    uint8_t expected[2048], actual[2048];
    size_t length = hex_read(text, expected, sizeof expected);
    assert_true(i < bench->blocks->down.count);
    const struct packet *packet = bench->blocks->down.packets[i];
    assert_int_equal(packet->length, length);
    packet_copy_out(packet, 0, actual, packet->length);
    assert_int_equal(plain_sum(actual, 20, 0), 0xffff);
    memset(actual + 4, 0, 2);
    memcpy(actual + 10, expected + 10, 2);
    assert_int_equal(plain_sum(actual, 20, 0), 0xffff);
    assert_memory_equal(actual, expected, length);
}

#endif
