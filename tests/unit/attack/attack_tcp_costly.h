/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_ATTACK_TCP_COSTLY_H
#define CHASKI_TESTS_UNIT_ATTACK_TCP_COSTLY_H

#include "tests/random.h"
#include "tests/unit/attack/attack.h"
#include <time.h>

/* How a peer makes itself costly within the protocol's letter. */

static const uint8_t with_sack[] = {2, 4, PEER_MSS >> 8, PEER_MSS & 0xff, 4, 2, 1, 1};

static inline void open_with_sack(struct peer *peer)
{
    peer_make(peer, NULL);
    peer->syn_options = with_sack;
    peer->syn_options_length = sizeof with_sack;
    peer_opens(peer);
}

/* Acknowledges `number`, and reports up to four blocks. */
static inline void say_sack(struct peer *peer, uint32_t number, const uint32_t (*blocks)[2],
                            unsigned count)
{
    uint8_t options[40] = {1, 1, 5, (uint8_t)(2 + 8 * count)};
    for (unsigned i = 0; i < count; i++) {
        store_be32(options + 4 + 8 * i, blocks[i][0]);
        store_be32(options + 8 + 8 * i, blocks[i][1]);
    }
    struct segment segment = peer_segment(peer, SEGMENT_ACK);
    segment.acknowledgment = number;
    segment.options = options;
    segment.options_length = (uint8_t)(count == 0 ? 0 : 4 + 8 * count);
    peer_injects(peer, &segment);
}

/* `length` bytes at `offset` from what is next in order. */
static inline void say_at(struct peer *peer, uint32_t offset, const uint8_t *bytes, uint32_t length)
{
    struct segment segment = peer_segment(peer, SEGMENT_ACK);
    segment.sequence += offset;
    if (bytes != NULL)
        segment.payload = bytes;
    segment.payload_length = length;
    peer_injects(peer, &segment);
}

static inline struct tcp_connection *connection_at(struct peer *peer)
{
    return &peer->host->tcp.connections[peer->connection.index];
}

static inline void write_all(struct peer *peer)
{
    while (peer_host_writes(peer, 100000) != 0)
        ;
}

#endif
