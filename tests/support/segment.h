/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SUPPORT_SEGMENT_H
#define CHASKI_TESTS_SUPPORT_SEGMENT_H

#include "tests/support/world.h"

/*
 * TCP segments by their fields, for tests that are the other end of a connection themselves.
 */
enum segment_flag {
    SEGMENT_FIN = 1,
    SEGMENT_SYN = 2,
    SEGMENT_RST = 4,
    SEGMENT_PSH = 8,
    SEGMENT_ACK = 16,
    SEGMENT_URG = 32,
    SEGMENT_ECE = 64,
    SEGMENT_CWR = 128,
};

struct segment {
    uint16_t source_port, destination_port;
    uint32_t sequence, acknowledgment;
    uint8_t flags;
    bool ae;               /* the flag before the others (RFC 9768) */
    uint8_t traffic_class; /* of the IP packet */
    uint16_t window, urgent;
    const uint8_t *options; /* as they stand on the wire; end of list is added up to a whole word */
    uint8_t options_length; /* up to 40 */
    const uint8_t *payload;
    uint32_t payload_length; /* up to 65 000 */
};

enum { SEGMENT_PACKET_MAX = 65535 };

/* Writes the segment as an IPv4 packet, at most SEGMENT_PACKET_MAX bytes; returns its length. The
 * checksums stay 0, see ip4_make_right(). */
uint32_t segment_packet(const struct segment *segment, const struct chaski_address *from,
                        const struct chaski_address *to, uint8_t *packet);

/* The segment comes in at `host` from the other end, with right checksums; then the world settles.
 */
void world_inject_segment(struct world *world, uint32_t host, const struct segment *segment);

/* Reads a segment that a host sent; asserts that its checksums are right. The pointers are into
 * the frame. False when the frame is no TCP segment. */
bool segment_of(const struct frame *frame, struct segment *segment);

/* The value of an option, behind kind and length; NULL when it is absent or malformed. */
const uint8_t *segment_option(const struct segment *segment, uint8_t kind, uint8_t *length);

/* How many segments `host` has sent so far, and the last one, or `back` before that. */
uint32_t world_segments(const struct world *world, uint32_t host);
struct segment world_last_segment(const struct world *world, uint32_t host, uint32_t back);

#endif
