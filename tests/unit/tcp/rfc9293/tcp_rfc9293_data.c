/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 9293: when data and acknowledgements are sent, the push flag, urgent data. Each test bears
 * the number that appendix B gives to what it shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/peer.h"

/* ---- Nagle (3.7.4) ---- */

static void must_17_nagle_can_be_disabled(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_NODELAY, 1);
    for (int i = 0; i < 5; i++) {
        peer_host_writes(&peer, 10);
        assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 10);
    }
    peer_host_sets(&peer, CHASKI_TCP_NODELAY, 0);
    peer_host_writes(&peer, 10);
    peer_expects_nothing(&peer);
    peer_host_sets(&peer, CHASKI_TCP_NODELAY, 1); /* lets go what was held back */
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 10);
    peer_free(&peer);
}

static void shld_7_short_segments_are_coalesced(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_writes(&peer, 10);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 10);
    for (int i = 0; i < 5; i++)
        peer_host_writes(&peer, 10);
    peer_expects_nothing(&peer);
    peer_acknowledges(&peer);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 50);
    peer_host_writes(&peer, PEER_MSS + 10); /* a full segment need not wait */
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, PEER_MSS);
    peer_expects_nothing(&peer);
    peer_free(&peer);
}

/* ---- Push (3.9.1.2) ---- */

/* Data does not wait for more data: only for the acknowledgement of a short segment, and not for
 * ever even then. */
static void must_60_data_is_not_buffered_indefinitely(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_writes(&peer, 1);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 1);
    peer_acknowledges(&peer);
    peer_host_writes(&peer, PEER_MSS + 1); /* the last byte goes with the rest */
    assert_int_equal(peer_hears_all(&peer), PEER_MSS + 1);
    peer_host_writes(&peer, 1);
    peer_expects_nothing(&peer);
    peer_acknowledges(&peer);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 1);
    peer_free(&peer);
}

/* On the last segment of what there is, on none before it, and again when that goes again. */
static void must_61_the_last_segment_is_pushed(void **state)
{
    (void)state;
    struct peer peer;
    struct segment segment;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_writes(&peer, 3 * PEER_MSS + 100);
    for (int round = 0; round < 3; round++) {
        uint32_t ends = 0;
        if (round > 0)
            peer_runs(&peer, 1100 * WORLD_MILLISECOND * (uint64_t)round);
        uint32_t una = peer.expected;
        while (peer_hears(&peer, &segment)) {
            bool last = segment.payload_length == 100;
            assert_int_equal((segment.flags & SEGMENT_PSH) != 0, last);
            ends += last;
        }
        assert_true(ends >= 1);
        peer.expected = round == 0 ? una + 3 * PEER_MSS : una; /* the last one is lost */
        peer_acknowledges(&peer);
    }
    peer_free(&peer);

    peer_make(&peer, NULL); /* a single byte, and what ends with FIN */
    peer_opens(&peer);
    peer_host_writes(&peer, 1);
    assert_true(peer_expects(&peer, SEGMENT_ACK).flags & SEGMENT_PSH);
    assert_int_equal(chaski_tcp_write(peer.host, peer.connection, "ab", 2), 2);
    peer_host_shuts_down(&peer);
    assert_true(peer_expects(&peer, SEGMENT_ACK | SEGMENT_FIN).flags & SEGMENT_PSH);
    peer_free(&peer);
}

/* A segment size is no record: what was written in pieces leaves in one. */
static void shld_27_writes_are_collapsed(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    for (int i = 0; i < 10; i++)
        assert_int_equal(chaski_tcp_write(peer.host, peer.connection, "0123456789", 10), 10);
    peer_settles(&peer);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 100);
    peer_expects_nothing(&peer);
    peer_free(&peer);
}

/* ---- Acknowledging (3.10.7.4) ---- */

/* One acknowledgement for what arrives together, and none of its own when data can carry it. */
/* RFC 5681 MUST-17 */
static void must_58_acknowledgements_are_aggregated(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    for (int i = 0; i < 8; i++) {
        struct segment segment = peer_segment(&peer, SEGMENT_ACK);
        segment.payload_length = PEER_MSS;
        peer_queues(&peer, &segment);
        peer.next += PEER_MSS;
    }
    peer_settles(&peer);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
    peer_expects_nothing(&peer);

    struct segment segment = peer_segment(&peer, SEGMENT_ACK);
    for (int i = 0; i < 2; i++) {
        segment.payload_length = PEER_MSS;
        peer_queues(&peer, &segment);
        segment.sequence = peer.next += PEER_MSS;
    }
    assert_int_equal(chaski_tcp_write(peer.host, peer.connection, "answer", 6), 6);
    peer_settles(&peer);
    struct segment answer = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(answer.payload_length, 6);
    assert_int_equal(answer.acknowledgment, peer.next);
    peer_expects_nothing(&peer);
    peer_free(&peer);
}

/* In whatever order they come: the acknowledgement says what is known after the last of them. */
static void must_59_all_that_is_queued_is_processed_first(void **state)
{
    (void)state;
    static const int order[] = {3, 1, 0, 4, 2};
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    for (int i = 0; i < 5; i++) {
        struct segment segment = peer_segment(&peer, SEGMENT_ACK);
        segment.sequence += 100 * (uint32_t)order[i];
        segment.payload_length = 100;
        peer_queues(&peer, &segment);
    }
    peer.next += 500;
    peer_settles(&peer);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
    peer_expects_nothing(&peer);
    peer_free(&peer);
}

/* RFC 5681 MUST-11, SHLD-2 */
static void shld_31_segments_out_of_order_are_kept(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    struct segment segment = peer_segment(&peer, SEGMENT_ACK);
    segment.sequence += 100;
    segment.payload_length = 100;
    peer_injects(&peer, &segment);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
    assert_int_equal(peer_host_reads(&peer, 1000), CHASKI_AGAIN);
    peer_says(&peer, SEGMENT_ACK, 100);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next + 100);
    assert_int_equal(peer_host_reads(&peer, 1000), 200);
    peer_free(&peer);
}

/* ---- Urgent data (3.8.5) ---- */

static void host_marks(struct peer *peer)
{
    assert_int_equal(chaski_tcp_urgent(peer->host, peer->connection), 0);
    peer_settles(peer);
}

static bool is_urgent(const struct peer *peer)
{
    return (chaski_tcp_events(peer->host, peer->connection) & CHASKI_URGENT) != 0;
}

/* Says `length` bytes with an urgent pointer. */
static void say_urgent(struct peer *peer, uint16_t urgent, uint32_t length)
{
    struct segment segment = peer_segment(peer, SEGMENT_ACK | SEGMENT_URG);
    segment.urgent = urgent;
    segment.payload_length = length;
    peer_injects(peer, &segment);
    peer->next += length;
}

/* What was read, or passed over, keeps no memory busy, not even the last of it. */
static void what_was_read_is_freed(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_says(&peer, SEGMENT_ACK, 100);
    peer_says(&peer, SEGMENT_ACK, 1000);
    assert_int_equal(peer_host_reads(&peer, 1100), 1100);
    world_assert_no_leaks(&peer.world);
    peer_says(&peer, SEGMENT_ACK, 100);
    peer_says(&peer, SEGMENT_ACK, 1000);
    assert_int_equal(chaski_tcp_consume(peer.host, peer.connection, 1100), 0);
    world_assert_no_leaks(&peer.world);
    peer_free(&peer);
}

static void must_30_urgent_data_is_supported(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    chaski_tcp_write(peer.host, peer.connection, "urgent", 6);
    host_marks(&peer);
    struct segment segment = peer_expects(&peer, SEGMENT_ACK | SEGMENT_URG);
    assert_int_equal(segment.payload_length, 6);
    peer_acknowledges(&peer);
    peer_host_writes(&peer, 10); /* and no longer */
    peer_expects(&peer, SEGMENT_ACK);
    assert_false(is_urgent(&peer));
    say_urgent(&peer, 5, 5);
    assert_true(peer.events & CHASKI_URGENT);
    assert_true(is_urgent(&peer));
    assert_int_equal(peer_host_reads(&peer, 100), 5); /* it stays in the stream */
    assert_false(is_urgent(&peer));
    peer_free(&peer);
}

/* Longer than the pointer's 16 bits reach, both ways. */
static void must_31_urgent_data_has_any_length(void **state)
{
    (void)state;
    struct peer peer;
    struct segment segment;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_SNDBUF, 200000);
    uint32_t start = peer.expected, end = start + 100000;
    assert_int_equal(chaski_tcp_write(peer.host, peer.connection, (uint8_t[100000]){0}, 100000),
                     100000);
    host_marks(&peer);
    peer_host_writes(&peer, 50000);
    uint32_t mark = start;
    while (peer.expected != end + 50000) {
        assert_true(peer_hears(&peer, &segment));
        do {
            bool urgent = (int32_t)(end - segment.sequence) > 0;
            assert_int_equal((segment.flags & SEGMENT_URG) != 0, urgent);
            if (!urgent)
                continue;
            uint32_t now = segment.sequence + segment.urgent;
            assert_true(segment.urgent != 0 && (int32_t)(now - mark) >= 0);
            mark = now;
        } while (peer_hears(&peer, &segment));
        peer_acknowledges(&peer);
    }
    assert_int_equal(mark, end);
    peer.events = 0;
    for (uint32_t left = 200000; left > 0; left -= 1000) {
        say_urgent(&peer, (uint16_t)(left < 65535 ? left : 65535), 1000);
        assert_int_equal(is_urgent(&peer), true);
        assert_int_equal(peer_host_reads(&peer, 1000), 1000);
        assert_int_equal(is_urgent(&peer), left != 1000);
    }
    peer_free(&peer);
}

/* When there was none before, and whenever the pointer moves on; not otherwise. */
static void must_32_the_application_is_told_of_urgent_data(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer.events = 0;
    say_urgent(&peer, 1000, 0); /* without the data yet */
    assert_int_equal(peer.events, CHASKI_URGENT);
    peer.events = 0;
    say_urgent(&peer, 1000, 0);
    assert_int_equal(peer.events, 0);
    say_urgent(&peer, 1000, 10);
    assert_int_equal(peer.events, CHASKI_READABLE);
    peer.events = 0;
    say_urgent(&peer, 2000, 0);
    assert_int_equal(peer.events, CHASKI_URGENT);
    peer.events = 0;
    say_urgent(&peer, 5, 0); /* it never recedes */
    assert_int_equal(peer.events, 0);
    assert_true(is_urgent(&peer));
    peer_free(&peer);
}

/* A pointer to what has come already says nothing, though new text is with it. */
static void must_32_the_application_is_not_told_of_the_past(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_says(&peer, SEGMENT_ACK, 100);
    peer.events = 0;
    peer.next -= 50;
    say_urgent(&peer, 20, 100);
    assert_int_equal(peer.events, CHASKI_READABLE);
    assert_false(is_urgent(&peer));
    peer_free(&peer);
}

/* Whether more urgent data remains to be read, to the byte, at the end of the stream too. */
static void must_33_the_application_learns_what_remains(void **state)
{
    (void)state;
    struct peer peer;
    for (int with_fin = 0; with_fin <= 1; with_fin++) {
        peer_make(&peer, NULL);
        peer_opens(&peer);
        say_urgent(&peer, 10, 10);
        if (with_fin)
            peer_says(&peer, SEGMENT_ACK | SEGMENT_FIN, 0);
        else
            peer_says(&peer, SEGMENT_ACK, 10);
        for (int i = 0; i < 9; i++) {
            assert_int_equal(peer_host_reads(&peer, 1), 1);
            assert_true(is_urgent(&peer));
        }
        assert_int_equal(peer_host_reads(&peer, 1), 1);
        assert_false(is_urgent(&peer));
        peer_free(&peer);
    }
}

/* To the octet behind the urgent data (RFC 6093), sent and received. */
static void must_62_the_pointer_points_behind(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    chaski_tcp_write(peer.host, peer.connection, "abc", 3);
    assert_int_equal(chaski_tcp_urgent(peer.host, peer.connection), 0);
    chaski_tcp_write(peer.host, peer.connection, "defg", 4);
    peer_settles(&peer);
    struct segment segment = peer_expects(&peer, SEGMENT_ACK | SEGMENT_URG);
    assert_int_equal(segment.payload_length, 7);
    assert_int_equal(segment.urgent, 3);
    say_urgent(&peer, 3, 7);
    assert_int_equal(peer_host_reads(&peer, 2), 2);
    assert_true(is_urgent(&peer));
    assert_int_equal(peer_host_reads(&peer, 1), 1);
    assert_false(is_urgent(&peer));
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(must_17_nagle_can_be_disabled),
        cmocka_unit_test(shld_7_short_segments_are_coalesced),
        cmocka_unit_test(must_60_data_is_not_buffered_indefinitely),
        cmocka_unit_test(must_61_the_last_segment_is_pushed),
        cmocka_unit_test(shld_27_writes_are_collapsed),
        cmocka_unit_test(must_58_acknowledgements_are_aggregated),
        cmocka_unit_test(must_59_all_that_is_queued_is_processed_first),
        cmocka_unit_test(shld_31_segments_out_of_order_are_kept),
        cmocka_unit_test(what_was_read_is_freed),
        cmocka_unit_test(must_30_urgent_data_is_supported),
        cmocka_unit_test(must_31_urgent_data_has_any_length),
        cmocka_unit_test(must_32_the_application_is_told_of_urgent_data),
        cmocka_unit_test(must_32_the_application_is_not_told_of_the_past),
        cmocka_unit_test(must_33_the_application_learns_what_remains),
        cmocka_unit_test(must_62_the_pointer_points_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
