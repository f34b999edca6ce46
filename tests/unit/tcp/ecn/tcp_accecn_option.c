/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/tcp/ecn/accecn.h"

/* The option of accurate ECN (RFC 9768, 3.2.3): how it is read, and which segments carry it. */

/* 3.2.3: kind 172 begins with ECT(0), 174 with ECT(1). */
/* RFC 9768 MUST-18 */
static void both_orders_of_the_option_are_read(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        struct peer peer;
        uint8_t option[12] = {order == 0 ? 172 : 174, 11, [11] = 1};
        opens_accurately(&peer, 2);
        peer_host_writes(&peer, 1000);
        peer_hears_all(&peer);
        store_24(option + (order == 0 ? 2 : 8), 1 + 400);
        store_24(option + 5, 600);
        store_24(option + (order == 0 ? 8 : 2), 1);
        struct segment ack = with_ace(&peer, ACK, 6, 0);
        ack.options = option;
        ack.options_length = 12;
        peer_injects(&peer, &ack);
        struct chaski_tcp_info info = peer_info(&peer);
        assert_int_equal(info.tcpi_delivered_e0_bytes, 400);
        assert_int_equal(info.tcpi_delivered_ce_bytes, 600);
        assert_int_equal(info.tcpi_delivered_e1_bytes, 0);
        peer_free(&peer);
    }
}

/* 3.2.3.2.3: who sends the same again and again does not hear what carries the option. */
/* RFC 9768 SHLD-3, SHLD-4 */
static void option_is_given_up(void **state)
{
    (void)state;
    struct peer peer;
    uint8_t length;
    opens_accurately(&peer, 2);
    static const bool there[] = {true, true, false, false};
    for (unsigned i = 0; i < 4; i++) {
        struct segment ack = {0};
        if (i == 1 || i == 2)
            peer.next -= 1000;
        says_option(&peer, 5, 1000, ECT0, accecn_0);
        peer_runs(&peer, WORLD_SECOND);
        assert_true(peer_hears(&peer, &ack));
        assert_int_equal(segment_option(&ack, 174, &length) != NULL, there[i]);
    }
    peer_free(&peer);
}

/* The option yields to what SACK needs: two blocks stay. */
/* RFC 9768 SHLD-6 */
static void option_shares_room_with_sack(void **state)
{
    (void)state;
    struct peer peer;
    uint8_t length = 0;
    static const uint8_t syn[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0};
    make_peer(&peer, "3");
    peer.syn_options = syn;
    peer.syn_options_length = sizeof syn;
    answer_to(&peer, 7, 0);
    uint8_t stamped[24] = {1, 1, 8, 10, 0, 0, 0, 2, 0, 0, 0, 0};
    memcpy(stamped + 12, accecn_0, 12);
    struct segment segment = with_ace(&peer, ACK, 2, 0);
    segment.options = stamped;
    segment.options_length = 24;
    peer_injects(&peer, &segment);
    static const uint8_t fields[] = {ECT1, ECT1, CE, CE, ECT0};
    static const uint8_t blocks[] = {1, 2, 2, 2, 3}, lengths[] = {9, 6, 6, 6, 0};
    for (uint32_t i = 0; i < 5; i++) {
        segment = with_ace(&peer, ACK, 5, fields[i]);
        segment.sequence += 1000 + 2000 * i;
        segment.payload_length = 1000;
        segment.options = stamped;
        segment.options_length = 12;
        peer_injects(&peer, &segment);
        struct segment ack = {0};
        assert_true(peer_hears(&peer, &ack));
        assert_non_null(segment_option(&ack, 5, &length));
        assert_int_equal(length, 8 * blocks[i]);
        const uint8_t *option = segment_option(&ack, 174, &length);
        assert_int_equal(option == NULL ? 0 : length, lengths[i]);
    }
    peer_free(&peer);
}

/* 3.2.3.3, and Linux's tcp_ecn_option 2: every segment has it, full ones are shorter by it. */
/* RFC 9768 SHLD-5 */
static void segments_carry_the_option(void **state)
{
    (void)state;
    struct peer peer;
    struct segment segment = {0};
    uint8_t length;
    opens_accurately(&peer, 2);
    assert_int_equal(peer_host_writes(&peer, 2 * MSS), 2 * MSS);
    uint32_t expected[] = {MSS - 12, MSS - 12, 24};
    for (unsigned i = 0; i < 3; i++) {
        assert_true(peer_hears(&peer, &segment));
        assert_int_equal(segment.payload_length, expected[i]);
        assert_non_null(segment_option(&segment, 174, &length));
        assert_int_equal(length, 9);
    }
    peer_free(&peer);
}

static void expect_full(struct peer *peer, uint32_t payload, bool option)
{
    struct segment segment = {0};
    uint8_t length;
    for (unsigned i = 0; i < 2; i++) {
        assert_true(peer_hears(peer, &segment));
        assert_int_equal(segment.payload_length, payload);
        assert_int_equal(segment_option(&segment, 174, &length) != NULL, option);
    }
    peer_hears_all(peer);
}

/* A connection that began without the option's room has it from the peer's next option on, if every
 * segment is to carry it by then, and keeps it when no longer. */
static void room_for_the_option_follows_the_knob(void **state)
{
    (void)state;
    struct peer peer;
    uint8_t option[12];
    memcpy(option, accecn_0, 12);
    opens_with_option(&peer, 2, "1");
    set_knob(peer.host, "tcp_ecn_option", "2");
    peer_host_writes(&peer, 2 * MSS);
    expect_full(&peer, MSS, false);
    store_24(option + 2, 1 + 2 * MSS);
    says_option(&peer, 5, 0, ECT0, option);
    peer_host_writes(&peer, 2 * (MSS - 12));
    expect_full(&peer, MSS - 12, true);
    set_knob(peer.host, "tcp_ecn_option", "0");
    store_24(option + 2, 1 + 2 * MSS + 2 * (MSS - 12));
    says_option(&peer, 5, 0, ECT0, option);
    peer_host_writes(&peer, 2 * (MSS - 12));
    expect_full(&peer, MSS - 12, false);
    peer_free(&peer);
}

/* Data goes both ways, all of the host's in full segments, which have no room for it: an
 * acknowledgement goes before them, but not more often than the beacon says. */
/* RFC 9768 SHLD-5 */
static void full_segments_let_the_option_go_first(void **state)
{
    (void)state;
    static const struct {
        uint64_t wait_ns;
        uint8_t field;
        bool goes_first;
    } cases[] = {{0, CE, true},
                 {0, CE, false},
                 {2 * WORLD_MILLISECOND, CE, true},
                 {2 * WORLD_MILLISECOND, 0, false}}; /* which changes nothing */
    struct peer peer;
    uint8_t length, option[12];
    memcpy(option, accecn_0, 12);
    opens_with_option(&peer, 2, "1");
    peer.window = 10 * MSS; /* there is more to send all the time */
    peer_host_writes(&peer, 60 * MSS);
    assert_int_equal(peer_hears_all(&peer), 10 * MSS);
    for (unsigned i = 0; i < 4; i++) {
        struct segment segment = {0};
        peer_runs(&peer, cases[i].wait_ns);
        peer_hears_all(&peer);
        store_24(option + 2, 1 + 10 * MSS); /* all of ours came as it was sent */
        says_option(&peer, 5, 1000, cases[i].field, option);
        assert_true(peer_hears(&peer, &segment));
        bool first = segment.payload_length == 0;
        assert_int_equal(first, cases[i].goes_first);
        assert_int_equal(segment_option(&segment, 174, &length) != NULL, first);
        assert_int_equal(segment.acknowledgment, peer.next);
        if (first)
            assert_true(peer_hears(&peer, &segment));
        assert_int_equal(segment.payload_length, MSS);
        assert_null(segment_option(&segment, 174, &length));
        peer_hears_all(&peer);
    }
    peer_free(&peer);
}

/* A segment that has room for it brings it itself; who does not know it, hears nothing of it. */
static void other_segments_are_alone(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct peer peer;
        struct segment segment = {0};
        uint8_t length;
        if (i == 0) {
            opens_accurately(&peer, 2);
        } else {
            make_peer(&peer, "3");
            answer_to(&peer, 7, 0);
            segment = with_ace(&peer, ACK, 2, 0);
            peer_injects(&peer, &segment);
        }
        segment = with_ace(&peer, ACK, 5, CE);
        segment.payload_length = 1000;
        peer.next += 1000;
        peer_queues(&peer, &segment);
        uint32_t n = i == 0 ? 100 : 3 * MSS;
        assert_int_equal(peer_host_writes(&peer, n), n);
        assert_true(peer_hears(&peer, &segment));
        assert_int_equal(segment.payload_length, i == 0 ? 100 : MSS);
        assert_int_equal(segment_option(&segment, 174, &length) != NULL, i == 0);
        peer_free(&peer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(option_is_given_up),
        cmocka_unit_test(both_orders_of_the_option_are_read),
        cmocka_unit_test(option_shares_room_with_sack),
        cmocka_unit_test(segments_carry_the_option),
        cmocka_unit_test(full_segments_let_the_option_go_first),
        cmocka_unit_test(room_for_the_option_follows_the_knob),
        cmocka_unit_test(other_segments_are_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
