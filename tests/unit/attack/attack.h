/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_ATTACK_H
#define CHASKI_TESTS_UNIT_ATTACK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/endian.h"
#include "core/host/layout.h"
#include "tests/support/peer.h"

/*
 * What the tests of docs/attacks.md share: what an attack may cost the host that it is aimed at.
 */

/* Everything that a peer could make a host keep, and what the host has sent. */
struct cost {
    uint32_t packets, small, large, records; /* taken from the pools */
    uint32_t connections, half_open, time_wait;
    uint32_t frames;
};

static inline uint32_t taken_from(const struct pool *pool)
{
    return pool->total - pool->free_count;
}

/* What the host has sent, ARP apart, which has its own clock. */
static inline uint32_t frames_of(const struct world *world, uint32_t number)
{
    uint32_t frames = 0;
    for (uint32_t i = 0; i < world->frame_count; i++) {
        const uint8_t *type = world->frames[i].bytes + 12;
        frames += world->frames[i].from == number && !(type[0] == 8 && type[1] == 6);
    }
    return frames;
}

static inline struct cost cost_of(const struct world *world, uint32_t number)
{
    struct chaski *host = world->hosts[number];
    return (struct cost){
        .packets = taken_from(&host->memory.packets),
        .small = taken_from(&host->memory.small),
        .large = taken_from(&host->memory.large),
        .records = taken_from(&host->tcp.sent),
        .connections = host->tcp.connection_count,
        .half_open = host->tcp.half_open.count,
        .time_wait = host->tcp.time_wait.count,
        .frames = frames_of(world, number),
    };
}

static inline struct cost cost_now(const struct peer *peer)
{
    return cost_of(&peer->world, 0);
}

/* Since `before` nothing was kept and nothing sent. */
static inline void assert_cost_nothing(const struct peer *peer, const struct cost *before)
{
    struct cost now = cost_now(peer);
    assert_memory_equal(&now, before, sizeof now);
}

/* Since `before` nothing was kept, whatever was sent. */
static inline void assert_kept_nothing(const struct peer *peer, const struct cost *before)
{
    struct cost now = cost_now(peer);
    now.frames = before->frames;
    assert_memory_equal(&now, before, sizeof now);
}

static inline uint64_t counted(const struct peer *peer, enum chaski_counter counter)
{
    return chaski_counter_value(peer->host, counter);
}

/* The segments sent so far have been looked at; the frames are forgotten. */
static inline void forget(struct peer *peer)
{
    peer_hears_all(peer);
    world_forget(&peer->world);
    peer->heard = peer->answered = peer->world.frame_count;
}

/* A SYN from another port of the peer's, which is no part of its connection. */
static inline struct segment stray(const struct peer *peer, uint16_t port, uint8_t flags)
{
    struct segment segment = peer_segment(peer, flags);
    segment.source_port = port;
    segment.destination_port = PEER_HOST_PORT;
    return segment;
}

#endif
