/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_FUZZ_PEER_H
#define CHASKI_TESTS_FUZZ_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/wire/tcp.h"

/*
 * The other end of a fuzzed host's only link: 10.0.0.1, the host is 10.0.0.2. It knows the next
 * sequence numbers of a few TCP flows from what the host sends, so that made-up segments can
 * land in and around the window, and it holds every frame of the host to the rules. It also notes
 * what would have arrived at an honest peer behind a bad link.
 */
enum {
    PEER_MTU = 1500,
    PEER_FRAME_MAX = PEER_MTU + 14,
    PEER_FLOWS = 4,
    PEER_PORT = 5000, /* of flow 0 */
    PEER_TEXT_MAX = PEER_MTU - 20 - 20,
    PEER_RANGES = 6,
    PEER_QUOTE = 20 + 8,
};

extern const uint8_t peer_mac[6], host_mac[6];

struct peer_range {
    uint32_t left, right;
};

struct peer_flow {
    uint16_t host_port;   /* where our segments go; 0: nowhere yet */
    uint32_t sequence;    /* what the host expects next */
    uint32_t una;         /* what we have acknowledged */
    uint32_t start, next; /* what the host's last segment occupied */
    uint32_t most;        /* where what the host has sent ends */
    bool timestamps, sack;
    uint32_t timestamp; /* the host's last */
    uint8_t cookie[WIRE_TCP_COOKIE_MAX], cookie_length;
    uint8_t quote[PEER_QUOTE]; /* how the host's last segment began */

    /* What has arrived: all before `received`, and ranges behind it, the latest first. */
    uint32_t received;
    struct peer_range ranges[PEER_RANGES];
    unsigned range_count;
    uint32_t losses;  /* the segments to come, lowest bit first: 1 is lost */
    uint16_t longest; /* longer packets are lost; 0: none is */
};

struct peer {
    struct peer_flow flows[PEER_FLOWS];
    bool arp_asked; /* the host wants to know our link address */
};

/* Looks at a frame from the host: aborts when it is malformed, notes what it tells. */
void peer_see(struct peer *peer, const uint8_t *frame, size_t length);
/* Likewise at an IPv4 packet. */
void peer_see_packet(struct peer *peer, const uint8_t *ip, size_t length);

/* The builders write a whole frame for the host and return its length. */

size_t peer_arp_reply(uint8_t *frame);

/* An IP datagram; the checksums of IP, ICMP, IGMP, TCP and UDP are put right. */
struct peer_datagram {
    uint32_t source, destination; /* 0: the peer's, the host's */
    uint8_t protocol, traffic_class;
    uint8_t ttl; /* 0: 64 */
    uint16_t identification, fragment;
    uint8_t options[40], options_length; /* of IP; a multiple of 4 */
    const uint8_t *payload;
    size_t length; /* of the payload; what does not fit into the MTU is left out */
};

size_t peer_datagram(uint8_t *frame, const struct peer_datagram *datagram);

/* A segment of a flow. */
struct peer_segment {
    uint8_t flow, ecn;
    uint16_t flags;         /* with TCP_AE */
    uint8_t options_length; /* a multiple of 4, up to 40 */
    uint16_t window;
    uint32_t sequence, acknowledgment;
    const uint8_t *options, *data; /* data NULL: zeros */
    size_t data_length;
};

size_t peer_segment(struct peer *peer, uint8_t *frame, const struct peer_segment *segment);

#endif
