/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_RECOVERY_H
#define CHASKI_TESTS_UNIT_RECOVERY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/endian.h"
#include "core/host/layout.h"
#include "tests/support/peer.h"

/* What the tests of loss recovery share: the peer is the test, and the round trip is what it makes
 * of it, 40 ms. */

enum { RTT_MS = 40, MSS = PEER_MSS };

static const uint8_t sack_only[] = {2, 4, PEER_MSS >> 8, PEER_MSS & 0xff, 4, 2, 1, 1};

static struct peer peer;
static uint32_t peer_clock; /* of its timestamps; 0: it has none */
static uint32_t echo;       /* the host's last timestamp */

static inline void ms(uint32_t n)
{
    peer_runs(&peer, n * WORLD_MILLISECOND);
}

static inline struct tcp_connection *connection(void)
{
    return &peer.host->tcp.connections[peer.connection.index];
}

static inline struct chaski_tcp_info info(void)
{
    return peer_info(&peer);
}

static inline uint64_t counted(enum chaski_counter which)
{
    return chaski_counter_value(peer.host, which);
}

/* Acknowledges `number` and reports ranges, from and to, until both are 0; timestamps as agreed. */
static inline void say(uint32_t number, const uint32_t *ranges)
{
    uint8_t options[40];
    uint8_t length = 0, count = 0;
    struct segment segment = peer_segment(&peer, SEGMENT_ACK);
    if (peer_clock != 0) {
        const uint8_t head[4] = {1, 1, 8, 10};
        for (int i = 0; i < 4; i++)
            options[i] = head[i];
        store_be32(options + 4, peer_clock);
        store_be32(options + 8, echo);
        length = 12;
    }
    while (ranges[2 * count] != ranges[2 * count + 1])
        count++;
    if (count != 0) {
        options[length++] = 1;
        options[length++] = 1;
        options[length++] = 5;
        options[length++] = (uint8_t)(2 + 8 * count);
    }
    for (unsigned i = 0; i < 2u * count; i++, length += 4)
        store_be32(options + length, ranges[i]);
    segment.acknowledgment = number;
    segment.options = options;
    segment.options_length = length;
    peer_injects(&peer, &segment);
}

#define SAY(number, ...) say(number, (const uint32_t[]){__VA_ARGS__, 0, 0})

static inline void acknowledge(uint32_t number)
{
    SAY(number, 0, 0);
}

/* The next segment with text: where it begins. */
static inline uint32_t hear(void)
{
    struct segment segment;
    uint8_t length;
    assert_true(peer_hears(&peer, &segment));
    assert_true(segment.payload_length != 0);
    const uint8_t *timestamp = segment_option(&segment, 8, &length);
    if (timestamp != NULL)
        echo = load_be32(timestamp);
    return segment.sequence;
}

static inline unsigned hear_all(void)
{
    unsigned n = 0;
    while (peer.heard != peer.world.frame_count) {
        hear();
        n++;
    }
    return n;
}

static inline void assert_silent(void)
{
    peer_expects_nothing(&peer);
}

/* Opens, and lets one segment go to and fro, so that the round trip is known. */
static inline uint32_t open_with(const uint8_t *options, uint8_t length)
{
    peer_make(&peer, NULL);
    peer.syn_options = options;
    peer.syn_options_length = length;
    peer_host_listens(&peer);
    struct segment syn = peer_segment(&peer, SEGMENT_SYN);
    syn.options = options;
    syn.options_length = length;
    peer_injects(&peer, &syn);
    struct segment synack = peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK);
    uint8_t option;
    const uint8_t *timestamp = segment_option(&synack, 8, &option);
    peer_clock = timestamp != NULL ? 1002 : 0;
    echo = timestamp != NULL ? load_be32(timestamp) : 0;
    peer.next++;
    peer.expected = synack.sequence + 1;
    ms(RTT_MS);
    acknowledge(peer.expected);
    ms(1);
    peer_host_writes(&peer, 100);
    hear();
    ms(RTT_MS);
    acknowledge(peer.expected);
    assert_silent();
    assert_in_range(info().tcpi_rtt, 39000, 41000);
    return peer.expected;
}

static inline uint32_t open_with_sack(void)
{
    return open_with(sack_only, sizeof sack_only);
}

/* Full segments are written, `go` of which go at once. */
static inline void write_full(uint32_t count, unsigned go)
{
    peer_host_writes(&peer, count * MSS);
    assert_int_equal(hear_all(), go);
}

/* A few full segments are all there is, and have just gone; returns where they begin. */
static inline uint32_t send_few(unsigned count)
{
    uint32_t una = open_with_sack();
    write_full(count, count);
    return una;
}

static inline void text_at(uint32_t sequence, uint32_t length)
{
    static const uint8_t text[3000];
    struct segment segment = peer_segment(&peer, SEGMENT_ACK);
    segment.sequence = sequence;
    segment.payload = text;
    segment.payload_length = length;
    peer_injects(&peer, &segment);
}

/* Ten full segments are in flight, for a round trip already; returns where they begin. */
static inline uint32_t fly(uint32_t more)
{
    uint32_t una = open_with_sack();
    write_full(10 + more, 10);
    ms(RTT_MS);
    return una;
}

static inline int tear_down(void **state)
{
    (void)state;
    peer_free(&peer);
    return 0;
}

#endif
