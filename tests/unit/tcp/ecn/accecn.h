/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_ACCECN_H
#define CHASKI_TESTS_UNIT_ACCECN_H

#include "tests/unit/tcp/ecn/ecn.h"

/* Connections with accurate ECN, and segments that have its option. */

static const uint8_t accecn_0[] = {172, 11, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1};

static inline void store_24(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 16);
    at[1] = (uint8_t)(value >> 8);
    at[2] = (uint8_t)value;
}

static inline void says_option(struct peer *peer, unsigned ace, uint32_t length, uint8_t field,
                               const uint8_t *option)
{
    struct segment segment = with_ace(peer, ACK, ace, field);
    segment.payload_length = length;
    segment.options = option;
    segment.options_length = 12;
    peer->next += length;
    peer_injects(peer, &segment);
}

/* The peer opens with accurate ECN; its third segment says how the SYN+ACK came. */
static inline void opens_with_option(struct peer *peer, unsigned third, const char *knob)
{
    static const uint8_t syn[] = {2, 4, 5, 180, 4, 2};
    make_peer(peer, "3");
    set_knob(peer->host, "tcp_ecn_option", knob);
    peer->syn_options = syn;
    peer->syn_options_length = sizeof syn;
    struct segment answer = answer_to(peer, 7, 0);
    uint8_t length;
    const uint8_t *option = segment_option(&answer, 174, &length);
    static const uint8_t begun[] = {0, 0, 1, 0, 0, 0, 0, 0, 1};
    assert_non_null(option);
    assert_int_equal(length, 9);
    assert_memory_equal(option, begun, 9);
    says_option(peer, third, 0, ECT0, accecn_0);
    assert_true(peer->events & CHASKI_CONNECTED);
}

static inline void opens_accurately(struct peer *peer, unsigned third)
{
    opens_with_option(peer, third, "2");
}

#endif
