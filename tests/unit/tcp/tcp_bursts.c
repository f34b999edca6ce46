/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments that come in one burst, whose connections are looked up ahead: what was found so must
 * not be believed any more when a segment before it has opened or closed a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/host/host.h"
#include "tests/support/peer.h"

enum { ETHERNET = 14, PACKET_MAX = 200 };

struct talk {
    struct peer peer;
    struct burst burst;
};

/* A peer whose hosts' segments are not shown to the model, since it does not see bursts come in. */
static void make(struct talk *talk)
{
    peer_make(&talk->peer, NULL);
    talk->peer.world.unmodelled = true;
    talk->burst.count = 0;
}

static void add(struct talk *talk, const struct segment *segment)
{
    static const uint8_t header[ETHERNET] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00};
    struct packet_memory *memory = host_memory(talk->peer.host);
    struct chaski_address from = chaski_ip4(192, 0, 2, 2), to = chaski_ip4(192, 0, 2, 1);
    uint8_t bytes[PACKET_MAX];
    uint32_t length = segment_packet(segment, &from, &to, bytes);
    ip4_make_right(bytes, length);
    struct buffer *buffer = buffer_take(&memory->small, FOR_RECEIVE);
    struct packet *packet = packet_take_in(&memory->packets, buffer, 64, FOR_RECEIVE);
    uint8_t *frame = packet_put(packet, ETHERNET + length);
    memcpy(frame, header, ETHERNET);
    memcpy(frame + ETHERNET, bytes, length);
    talk->burst.packets[talk->burst.count++] = packet;
}

static void come_in(struct talk *talk)
{
    host_receive(talk->peer.host, 0, &talk->burst, talk->peer.world.now_ns);
    peer_settles(&talk->peer);
}

static void text_behind_a_reset_finds_no_connection(void **state)
{
    (void)state;
    struct talk talk;
    make(&talk);
    peer_opens(&talk.peer);
    struct segment reset = peer_segment(&talk.peer, SEGMENT_RST);
    struct segment text = peer_segment(&talk.peer, SEGMENT_ACK);
    text.payload_length = 10;
    add(&talk, &reset);
    add(&talk, &text);
    come_in(&talk);
    assert_true(talk.peer.events & CHASKI_ENDED);
    assert_int_equal(peer_host_reads(&talk.peer, 100), CHASKI_RESET);
    peer_expects(&talk.peer, SEGMENT_RST);
    peer_expects_nothing(&talk.peer);
    peer_free(&talk.peer);
}

static void text_behind_the_end_of_a_handshake_is_the_connections(void **state)
{
    (void)state;
    struct talk talk;
    make(&talk);
    struct peer *peer = &talk.peer;
    peer_host_listens(peer);
    peer_says(peer, SEGMENT_SYN, 0);
    peer->expected = peer_expects(peer, SEGMENT_SYN | SEGMENT_ACK).sequence + 1;
    struct segment end = peer_segment(peer, SEGMENT_ACK), text = end;
    text.payload_length = 10;
    peer->next += 10;
    add(&talk, &end);
    add(&talk, &text);
    come_in(&talk);
    assert_int_equal(peer_host_reads(peer, 100), 10);
    peer_free(peer);
}

/* Text to a port of the host's where nobody listens is refused, and what belongs to the connection
 * around it is taken in: neighbours in a burst are not taken for each other. */
static void each_segment_of_a_burst_goes_where_it_belongs(void **state)
{
    (void)state;
    struct talk talk;
    make(&talk);
    struct peer *peer = &talk.peer;
    peer_opens(peer);
    peer_hears_all(peer);
    struct segment text = peer_segment(peer, SEGMENT_ACK), stray = text;
    text.payload_length = stray.payload_length = 10;
    stray.destination_port = 999;
    add(&talk, &text);
    add(&talk, &stray);
    text.sequence += 10;
    add(&talk, &text);
    peer->next += 20;
    come_in(&talk);
    assert_int_equal(peer_host_reads(peer, 100), 20);
    assert_int_equal(chaski_counter_value(peer->host, CHASKI_TCP_RESETS_SENT), 1);
    peer_free(peer);
}

/* As many handshakes as a burst holds. */
static void a_full_burst_of_strangers_is_answered(void **state)
{
    (void)state;
    struct talk talk;
    make(&talk);
    struct peer *peer = &talk.peer;
    peer_host_listens(peer);
    struct segment syn = peer_segment(peer, SEGMENT_SYN);
    for (uint16_t i = 0; i < BURST_MAX; i++) {
        syn.source_port = (uint16_t)(2000 + i);
        add(&talk, &syn);
    }
    come_in(&talk);
    for (uint16_t i = 0; i < BURST_MAX; i++) {
        struct segment answer = peer_expects(peer, SEGMENT_SYN | SEGMENT_ACK);
        assert_int_equal(answer.destination_port, 2000 + i);
    }
    syn.flags = SEGMENT_RST; /* all of them are forgotten again */
    syn.sequence++;
    for (uint16_t i = 0; i < BURST_MAX; i++) {
        syn.source_port = (uint16_t)(2000 + i);
        add(&talk, &syn);
    }
    come_in(&talk);
    peer_expects_nothing(peer);
    peer_free(peer);
}

/* Who has no SACK counts acknowledgements (RFC 5681, 3.2): each segment behind a gap is one, as far
 * as three, though all come in one turn. */
static void each_segment_behind_a_gap_is_acknowledged(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= 5; count++) {
        struct talk talk;
        make(&talk);
        struct peer *peer = &talk.peer;
        peer_opens(peer);
        struct segment text = peer_segment(peer, SEGMENT_ACK);
        text.payload_length = 100;
        for (unsigned i = 1; i <= count; i++) {
            text.sequence = peer->next + 100 * i;
            add(&talk, &text);
        }
        come_in(&talk);
        for (unsigned i = 0; i < (count < 3 ? count : 3); i++)
            assert_int_equal(peer_expects(peer, SEGMENT_ACK).acknowledgment, peer->next);
        peer_expects_nothing(peer);
        text.sequence += 100; /* what was told is not told again */
        peer_injects(peer, &text);
        assert_int_equal(peer_expects(peer, SEGMENT_ACK).acknowledgment, peer->next);
        peer_expects_nothing(peer);
        peer_free(peer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_behind_a_reset_finds_no_connection),
        cmocka_unit_test(text_behind_the_end_of_a_handshake_is_the_connections),
        cmocka_unit_test(each_segment_of_a_burst_goes_where_it_belongs),
        cmocka_unit_test(a_full_burst_of_strangers_is_answered),
        cmocka_unit_test(each_segment_behind_a_gap_is_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
