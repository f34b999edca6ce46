/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_BLOCKS_H
#define CHASKI_TESTS_UNIT_BLOCKS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/siphash.h"
#include "core/base/timer_wheel.h"
#include "core/base/endian.h"
#include "core/packet/burst.h"
#include "core/packet/packet.h"

/*
 * What a block under test stands on: memory, counters, timers, and hooks that catch what it emits.
 * Bytes are written as hexadecimal text, "45 00 ...", so that they can be read against an RFC.
 */

enum { CAUGHT_MAX = 4096, HEAD_ROOM = 64 };

#define SECOND UINT64_C(1000000000)

/* Where a wired hook leads: packets in the order of arrival. */
struct catcher {
    struct packet *packets[CAUGHT_MAX];
    uint32_t count;
    uint32_t bursts;
};

struct blocks {
    struct packet_memory memory;
    struct counters counters;
    struct timer_wheel wheel;
    struct memory tables;
    uint8_t *pools;
    struct catcher up, down, other;
};

__attribute__((unused)) static const struct siphash_key test_key = {UINT64_C(0x0123456789abcdef),
                                                                    UINT64_C(0xfedcba9876543210)};

static inline void catch_burst(void *block, struct burst *burst, uint64_t now_ns)
{
    struct catcher *catcher = block;
    (void)now_ns;
    assert_in_range(burst->count, 1, BURST_MAX);
    assert_true(catcher->count + burst->count <= CAUGHT_MAX);
    memcpy(&catcher->packets[catcher->count], burst->packets,
           burst->count * sizeof burst->packets[0]);
    catcher->count += burst->count;
    catcher->bursts++;
    burst->count = 0;
}

static inline struct hook hook_to(struct catcher *catcher)
{
    return (struct hook){catch_burst, catcher};
}

static inline void catcher_empty(struct catcher *catcher)
{
    for (uint32_t i = 0; i < catcher->count; i++)
        packet_free(catcher->packets[i]);
    catcher->count = 0;
    catcher->bursts = 0;
}

/* ---- Setting up, and nothing left over at the end ---- */

static inline void blocks_lay_out(struct blocks *blocks, struct memory *memory, uint32_t packets)
{
    pool_init(&blocks->memory.packets, memory, sizeof(struct packet), packets);
    pool_init(&blocks->memory.small, memory, BUFFER_HEADER + SMALL_BUFFER, packets);
    pool_init(&blocks->memory.large, memory, BUFFER_HEADER + LARGE_BUFFER, 16);
}

static inline struct blocks *blocks_make(uint32_t packets)
{
    struct blocks *blocks = calloc(1, sizeof *blocks);
    assert_non_null(blocks);
    struct memory memory = {0};
    blocks_lay_out(blocks, &memory, packets);
    memory.size = memory.used;
    memory.used = 0;
    memory.base = blocks->pools = aligned_alloc(MEMORY_ALIGN, memory.size);
    assert_non_null(memory.base);
    blocks_lay_out(blocks, &memory, packets);
    timer_wheel_init(&blocks->wheel, 0);
    return blocks;
}

/* Memory for a block's tables: first count with setup, then come back with size set. */
static inline void blocks_give_tables(struct blocks *blocks)
{
    size_t size = blocks->tables.used;
    free(blocks->tables.base);
    blocks->tables = (struct memory){.base = aligned_alloc(MEMORY_ALIGN, size), .size = size};
    assert_non_null(blocks->tables.base);
}

static inline void blocks_assert_nothing_held(const struct blocks *blocks)
{
    assert_int_equal(blocks->memory.packets.free_count, blocks->memory.packets.total);
    assert_int_equal(blocks->memory.small.free_count, blocks->memory.small.total);
    assert_int_equal(blocks->memory.large.free_count, blocks->memory.large.total);
}

static inline void blocks_end(struct blocks *blocks)
{
    catcher_empty(&blocks->up);
    catcher_empty(&blocks->down);
    catcher_empty(&blocks->other);
    blocks_assert_nothing_held(blocks);
    free(blocks->tables.base);
    free(blocks->pools);
    free(blocks);
}

static inline uint64_t counted(const struct blocks *blocks, enum chaski_counter which)
{
    return blocks->counters.value[which];
}

/* ---- Bytes ---- */

static inline unsigned hex_digit(char c)
{
    assert_true((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

/* Reads hexadecimal text; returns how many bytes. */
static inline size_t hex_read(const char *text, uint8_t *bytes, size_t most)
{
    size_t length = 0;
    while (*text != '\0') {
        if (*text == ' ') {
            text++;
            continue;
        }
        assert_true(length < most);
        bytes[length++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
        text += 2;
    }
    return length;
}

/* A packet as a driver gives it: linear, in a small buffer, data at the first byte. */
static inline struct packet *packet_with(struct blocks *blocks, const void *bytes, size_t length)
{
    struct pool *pool =
        length + HEAD_ROOM <= SMALL_BUFFER ? &blocks->memory.small : &blocks->memory.large;
    struct buffer *buffer = buffer_take(pool, FOR_CONTROL);
    assert_non_null(buffer);
    struct packet *packet = packet_take_in(&blocks->memory.packets, buffer, HEAD_ROOM, FOR_CONTROL);
    assert_non_null(packet);
    memcpy(packet_put(packet, (uint32_t)length), bytes, length);
    return packet;
}

static inline struct packet *packet_of_hex(struct blocks *blocks, const char *text)
{
    uint8_t bytes[LARGE_BUFFER - HEAD_ROOM];
    size_t length = hex_read(text, bytes, sizeof bytes);
    return packet_with(blocks, bytes, length);
}

static inline void give(hook_function *entry, void *block, struct packet *packet, uint64_t now_ns)
{
    struct burst burst = {.count = 1, .packets = {packet}};
    entry(block, &burst, now_ns);
    assert_int_equal(burst.count, 0);
}

static inline void assert_bytes(const struct packet *packet, const char *text)
{
    uint8_t expected[4096], actual[4096];
    size_t length = hex_read(text, expected, sizeof expected);
    assert_int_equal(packet->length, length);
    packet_copy_out(packet, 0, actual, packet->length);
    assert_memory_equal(actual, expected, length);
}

/* The one's complement sum by the definition (RFC 1071), to check the fast ones against. */
static inline uint16_t plain_sum(const uint8_t *bytes, size_t length, uint32_t sum)
{
    for (size_t i = 0; i < length; i++)
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

#endif
