/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_ECN_H
#define CHASKI_TESTS_UNIT_ECN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/endian.h"
#include "core/host/layout.h"
#include "tests/support/peer.h"

/* What the tests of ECN share. ACE are the three flags of a segment that tell of it: AE, CWR, ECE.
 */

enum {
    SYN = SEGMENT_SYN,
    ACK = SEGMENT_ACK,
    ECE = SEGMENT_ECE,
    CWR = SEGMENT_CWR,
    ECT1 = 1,
    ECT0 = 2,
    CE = 3,
    MSS = PEER_MSS,
    ACE_SHIFT = 6,
};

static inline void set_knob(struct chaski *host, const char *name, const char *value)
{
    assert_int_equal(chaski_set_knob(host, name, value), 0);
}

static inline void make_peer(struct peer *peer, const char *ecn)
{
    peer_make(peer, NULL);
    set_knob(peer->host, "tcp_ecn", ecn);
}

/* A segment of the peer's as the connection stands, which comes with that ECN field. */
static inline struct segment with_ace(const struct peer *peer, uint8_t flags, unsigned ace,
                                      uint8_t field)
{
    struct segment segment = peer_segment(peer, (uint8_t)(flags | (ace & 3) << ACE_SHIFT));
    segment.ae = (ace & 4) != 0;
    segment.traffic_class = field;
    return segment;
}

static inline unsigned ace_of(const struct segment *segment)
{
    return (unsigned)segment->ae << 2 | segment->flags >> ACE_SHIFT;
}

/* The same, with the options of the peer's SYN. */
static inline struct segment with_syn_options(const struct peer *peer, uint8_t flags, unsigned ace,
                                              uint8_t field)
{
    struct segment segment = with_ace(peer, flags, ace, field);
    segment.options = peer->syn_options;
    segment.options_length = peer->syn_options_length;
    return segment;
}

/* What tells how a SYN or SYN+ACK came (RFC 9768, 3.1.1, table 2; 3.2.2.1, table 3). */
static inline unsigned ace_for(uint8_t field)
{
    static const uint8_t aces[4] = {2, 3, 4, 6};
    return aces[field];
}

/* The host of a peer that is made connects; its SYN. */
static inline struct segment begins(struct peer *peer)
{
    struct segment syn = {0};
    struct chaski_tcp_connect connect = {
        .local.port = PEER_HOST_PORT,
        .remote = world_endpoint(1, PEER_PORT),
    };
    assert_int_equal(chaski_tcp_connect(peer->host, &connect, &peer->connection), 0);
    peer_settles(peer);
    assert_true(peer_hears(peer, &syn));
    peer->expected = syn.sequence + 1;
    return syn;
}

/* The peer's answer to that has these flags and comes with that field; what the host says to it. */
static inline struct segment is_answered_with(struct peer *peer, unsigned ace, uint8_t field)
{
    struct segment ack = {0};
    struct segment answer = with_syn_options(peer, SYN | ACK, ace, field);
    peer_injects(peer, &answer);
    peer->next++;
    assert_true(peer_hears(peer, &ack));
    return ack;
}

static inline struct segment host_connects(struct peer *peer, const char *ecn)
{
    make_peer(peer, ecn);
    return begins(peer);
}

static inline struct segment is_opened_with(struct peer *peer, const char *ecn, unsigned synack_ace,
                                            uint8_t field)
{
    host_connects(peer, ecn);
    return is_answered_with(peer, synack_ace, field);
}

/* The peer's SYN has these flags and comes with that field; returns the answer. */
static inline struct segment answer_to(struct peer *peer, unsigned ace, uint8_t field)
{
    struct segment answer = {0};
    peer_host_listens(peer);
    struct segment syn = with_syn_options(peer, SYN, ace, field);
    peer->next++;
    peer_injects(peer, &syn);
    assert_true(peer_hears(peer, &answer));
    assert_int_equal(answer.flags & 0x3f, SYN | ACK);
    peer->expected = answer.sequence + 1;
    return answer;
}

/* RFC 9768, 3.1.4.2: the host's SYN+ACK goes again without the option, and then without the flags.
 */
static inline void asks_for_less(struct peer *peer)
{
    static const unsigned aces[] = {2, 0};
    for (unsigned i = 0; i < 2; i++) {
        struct segment answer = {0};
        uint8_t length;
        peer_waits(peer, 10 * WORLD_SECOND);
        assert_true(peer_hears(peer, &answer));
        assert_int_equal(answer.flags & 0x3f, SYN | ACK);
        assert_int_equal(ace_of(&answer), aces[i]);
        assert_null(segment_option(&answer, 174, &length));
    }
}

#endif
