/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_FLOW_H
#define CHASKI_TESTS_SCRIPT_FLOW_H

#include "tests/script/packets/packet.h"

/*
 * A flow is what two ends say to each other; it knows where each side began, and so turns a
 * script's numbers into those on the wire and back.
 *
 *   The peer's SYN is literal: its sequence number is where the peer begins. All other numbers
 * count from the initial sequence number of the side that they are about. A SYN on a flow that
 * lives changes nothing until the stack has answered it with a SYN+ACK. TS val of the stack:
 * whatever stands in the script stands for what came; TS ecr of the peer is turned back by that.
 */
struct timestamp_pair {
    struct timestamp_pair *next;
    uint32_t script, wire;
};

struct flow {
    struct flow *next;
    struct arena *arena;
    uint16_t local_port, remote_port;
    bool is_udp;
    bool has_local, has_remote, has_offer;
    uint32_t local_isn, remote_isn;
    uint32_t offered_isn;   /* of a SYN that has not been answered */
    uint32_t last_sequence; /* of what the stack sent last: what ICMP quotes unless told */
    struct timestamp_pair *timestamps; /* the latest first */
    struct timestamp_pair *first_timestamp;
};

/* Turns what a script says comes in into what goes on the wire. */
struct packet flow_to_wire(struct flow *flow, const struct packet *script);

/* Learns from a packet that the stack sent, before anything else is done with it. */
void flow_learn(struct flow *flow, const struct packet *wire);

/* Turns what the stack sent into the script's terms. `wanted` (may be NULL) decides what is left
 * open: what stands there for a timestamp, and whether the acknowledgement of a SYN is literal.
 * tick_us 0: timestamps stand for themselves; else they must have advanced as the script's, give or
 * take `slack` ticks. */
struct packet flow_to_script(struct flow *flow, const struct packet *wire,
                             const struct packet *wanted, bool check_timestamps, uint32_t slack);

#endif
