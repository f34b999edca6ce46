/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_STATION_H
#define CHASKI_TESTS_UNIT_STATION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "drivers/frame.h"
#include "drivers/link.h"

/* What a driver wants of a host: memory to receive into and counters. */
struct station_memory {
    struct packet_memory memory;
    struct counters counters;
    void *bytes;
};

static inline void station_lay_out(struct station_memory *station, struct memory *memory,
                                   uint32_t packets, uint32_t large)
{
    pool_init(&station->memory.packets, memory, sizeof(struct packet), packets);
    pool_init(&station->memory.small, memory, BUFFER_HEADER + SMALL_BUFFER, packets);
    pool_init(&station->memory.large, memory, BUFFER_HEADER + LARGE_BUFFER, large);
}

static inline void station_make(struct station_memory *station, uint32_t packets, uint32_t large)
{
    struct memory memory = {0};
    *station = (struct station_memory){0};
    station_lay_out(station, &memory, packets, large);
    memory.size = memory.used;
    memory.used = 0;
    station->bytes = aligned_alloc(MEMORY_ALIGN, memory.size);
    memory.base = station->bytes;
    assert_non_null(memory.base);
    station_lay_out(station, &memory, packets, large);
}

static inline void station_assert_all_free(const struct station_memory *station)
{
    assert_int_equal(station->memory.packets.free_count, station->memory.packets.total);
    assert_int_equal(station->memory.small.free_count, station->memory.small.total);
    assert_int_equal(station->memory.large.free_count, station->memory.large.total);
}

static inline void station_end(struct station_memory *station)
{
    station_assert_all_free(station);
    free(station->bytes);
}

static inline void send_packet(struct link *link, struct packet *packet, uint64_t now_ns)
{
    struct burst burst = {.count = 1, .packets = {packet}};
    assert_non_null(packet);
    link->transmit(link, &burst, now_ns);
    assert_int_equal(burst.count, 0);
}

static inline void send_bytes(struct link *link, const void *bytes, size_t length, uint64_t now_ns)
{
    send_packet(link, frame_of_bytes(link->memory, bytes, length), now_ns);
}

/* The only frame that waits; the caller frees it. */
static inline struct packet *receive_one(struct link *link, uint64_t now_ns)
{
    struct burst burst = {0};
    assert_int_equal(link->receive(link, &burst, now_ns), 1);
    assert_int_equal(burst.count, 1);
    return burst.packets[0];
}

static inline void assert_nothing_to_receive(struct link *link, uint64_t now_ns)
{
    struct burst burst = {0};
    assert_int_equal(link->receive(link, &burst, now_ns), 0);
    assert_false(link->more);
}

static inline void assert_bytes(const struct packet *packet, const void *bytes, size_t length)
{
    static uint8_t copy[FRAME_MAX];
    assert_int_equal(packet->length, length);
    packet_copy_out(packet, 0, copy, packet->length);
    assert_memory_equal(copy, bytes, length);
}

#endif
