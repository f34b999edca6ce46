/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_ATTACK_TCP_CALLERS_H
#define CHASKI_TESTS_UNIT_ATTACK_TCP_CALLERS_H

#include "tests/unit/attack/attack.h"

/* Those who open, each from a port of its own. */

static const uint8_t everything[] = {
    2,
    4,
    PEER_MSS >> 8,
    PEER_MSS & 0xff,
    4,
    2, /* MSS, SACK */
    8,
    10,
    0,
    0,
    3,
    232,
    0,
    0,
    0,
    0,
    1,
    3,
    3,
    7, /* timestamp 1000, window shift 7 */
};
static const uint8_t plain[] = {2, 4, PEER_MSS >> 8, PEER_MSS & 0xff};

/* One who opens from a port of its own. */
struct caller {
    uint16_t port;
    uint32_t sequence, acknowledgment; /* of what it says next */
    uint32_t echo;                     /* timestamp to echo; 0: it has none */
    uint32_t timestamp;
};

static inline struct segment say_as(const struct peer *peer, const struct caller *caller,
                                    uint8_t flags)
{
    struct segment segment = stray(peer, caller->port, flags);
    segment.sequence = caller->sequence;
    segment.acknowledgment = (flags & SEGMENT_ACK) ? caller->acknowledgment : 0;
    return segment;
}

/* Sends a segment with the caller's timestamp, if it has one. */
static inline void inject_as(struct peer *peer, const struct caller *caller,
                             struct segment *segment)
{
    uint8_t options[12] = {1, 1, 8, 10};
    if (caller->echo != 0) {
        store_be32(options + 4, caller->timestamp);
        store_be32(options + 8, caller->echo);
        segment->options = options;
        segment->options_length = sizeof options;
    }
    peer_injects(peer, segment);
}

static inline void say_syn(struct peer *peer, struct caller *caller, const uint8_t *options,
                           uint8_t length)
{
    struct segment syn = say_as(peer, caller, SEGMENT_SYN);
    syn.options = options;
    syn.options_length = length;
    peer_injects(peer, &syn);
    caller->sequence++;
}

/* The last segment is the SYN+ACK for the caller. */
static inline void hear_synack(struct peer *peer, struct caller *caller)
{
    struct segment synack = world_last_segment(&peer->world, 0, 0);
    uint8_t length;
    const uint8_t *timestamp = segment_option(&synack, 8, &length);
    assert_int_equal(synack.flags, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(synack.destination_port, caller->port);
    assert_int_equal(synack.acknowledgment, caller->sequence);
    caller->acknowledgment = synack.sequence + 1;
    caller->timestamp = 1001;
    caller->echo = timestamp == NULL ? 0 : load_be32(timestamp);
}

static inline void say_ack(struct peer *peer, const struct caller *caller)
{
    struct segment ack = say_as(peer, caller, SEGMENT_ACK);
    inject_as(peer, caller, &ack);
}

static inline struct caller call(struct peer *peer, uint16_t port, const uint8_t *options,
                                 uint8_t length)
{
    struct caller caller = {.port = port, .sequence = 5000u + port};
    say_syn(peer, &caller, options, length);
    hear_synack(peer, &caller);
    say_ack(peer, &caller);
    return caller;
}

static inline uint32_t frames_since(const struct peer *peer, const struct cost *before)
{
    return cost_now(peer).frames - before->frames;
}

static inline void flood(struct peer *peer, uint16_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct caller caller = {.port = (uint16_t)(first + i), .sequence = i * 7919};
        say_syn(peer, &caller, everything, sizeof everything);
    }
}

static const struct chaski_limits small_limits = {
    .interfaces = 1,
    .addresses = 2,
    .routes = 4,
    .neighbours = 8,
    .groups = 4,
    .reassemblies = 4,
    .paths = 4,
    .listeners = 4,
    .connections = 20,
    .half_open = 16,
    .time_wait = 8,
    .udp_sockets = 4,
    .packets = 512,
    .small_buffers = 256,
    .large_buffers = 32,
    .receive_buffer_max = 1 << 17,
    .send_buffer_max = 1 << 17,
};

static inline void make_small(struct peer *peer)
{
    struct world_options options = {.limits = &small_limits};
    peer_make(peer, &options);
}

#endif
