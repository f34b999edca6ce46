/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 9293: closing, aborting, TIME-WAIT. Each test bears the number that appendix B gives to what
 * it shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/peer.h"

/* ---- How it ended (3.6) ---- */

static void must_12_a_normal_close_is_told(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer.events = 0;
    peer_says(&peer, SEGMENT_ACK | SEGMENT_FIN, 10);
    assert_int_equal(peer.events, CHASKI_READABLE);
    assert_int_equal(peer_host_reads(&peer, 100), 10);
    assert_int_equal(peer_host_reads(&peer, 100), 0);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), 0);
    peer_host_shuts_down(&peer);
    peer_hears_all(&peer);
    peer_acknowledges(&peer);
    assert_true(peer.events & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), 0);
    assert_int_equal(peer_host_reads(&peer, 100), 0);
    peer_free(&peer);
}

static void must_12_an_abort_is_told(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_says(&peer, SEGMENT_RST, 0);
    assert_true(peer.events & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_RESET);
    assert_int_equal(peer_host_reads(&peer, 100), CHASKI_RESET);
    assert_int_equal(chaski_tcp_write(peer.host, peer.connection, "x", 1), CHASKI_RESET);
    peer_free(&peer);

    peer_make(&peer, NULL); /* after its FIN too, which alone would be the end in order */
    peer_opens(&peer);
    peer_says(&peer, SEGMENT_ACK | SEGMENT_FIN, 0);
    peer_says(&peer, SEGMENT_RST, 0);
    assert_true(peer.events & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_RESET);
    peer_free(&peer);
}

/* ---- TIME-WAIT (3.6.1) ---- */

enum { TWO_MSL_S = 60 };

static unsigned state_of_entry(const struct peer *peer)
{
    struct chaski_tcp_info info;
    for (uint32_t cursor = 0; chaski_tcp_list(peer->host, &cursor, &info) == 1;)
        if (info.remote.port == peer->port && info.tcpi_state != CHASKI_TCP_CLOSED)
            return info.tcpi_state;
    return CHASKI_TCP_CLOSED;
}

/* The host closes first; the peer's FIN is acknowledged. Returns that acknowledgement. */
static struct segment close_actively(struct peer *peer)
{
    peer_host_closes(peer);
    peer_expects(peer, SEGMENT_ACK | SEGMENT_FIN);
    peer_acknowledges(peer);
    peer_says(peer, SEGMENT_ACK | SEGMENT_FIN, 0);
    struct segment ack = peer_expects(peer, SEGMENT_ACK);
    assert_int_equal(ack.acknowledgment, peer->next);
    assert_int_equal(state_of_entry(peer), CHASKI_TCP_TIME_WAIT);
    return ack;
}

/* The peer's FIN again, as if our last acknowledgement had been lost. */
static struct segment say_fin_again(struct peer *peer)
{
    struct segment fin = peer_segment(peer, SEGMENT_ACK | SEGMENT_FIN);
    fin.sequence--;
    peer_injects(peer, &fin);
    struct segment ack = {0};
    assert_true(peer_hears(peer, &ack));
    return ack;
}

/* For 2 MSL from the last FIN on a repeated FIN is acknowledged; then nobody knows of it. */
static void must_13_time_wait_lasts_two_msl(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    struct segment last = close_actively(&peer);
    for (int i = 0; i < 3; i++) {
        peer_runs(&peer, (TWO_MSL_S - 1) * WORLD_SECOND);
        struct segment ack = say_fin_again(&peer);
        assert_int_equal(ack.flags, SEGMENT_ACK);
        assert_int_equal(ack.sequence, last.sequence);
        assert_int_equal(ack.acknowledgment, last.acknowledgment);
    }
    peer_runs(&peer, (TWO_MSL_S + 1) * WORLD_SECOND);
    assert_int_equal(state_of_entry(&peer), CHASKI_TCP_CLOSED);
    assert_int_equal(say_fin_again(&peer).flags, SEGMENT_RST);
    peer_free(&peer);
}

/* And from CLOSING. */
static void must_13_closing_leads_there_too(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_shuts_down(&peer);
    uint32_t before = peer.expected;
    peer_expects(&peer, SEGMENT_ACK | SEGMENT_FIN);
    uint32_t after = peer.expected;
    peer.expected = before; /* the FINs cross */
    peer_says(&peer, SEGMENT_ACK | SEGMENT_FIN, 0);
    struct segment ack = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(ack.acknowledgment, peer.next);
    assert_int_equal(ack.sequence, after);
    assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_CLOSING);
    peer.expected = after;
    peer_acknowledges(&peer);
    assert_int_equal(state_of_entry(&peer), CHASKI_TCP_TIME_WAIT);
    peer_runs(&peer, (TWO_MSL_S - 1) * WORLD_SECOND);
    assert_int_equal(say_fin_again(&peer).flags, SEGMENT_ACK);
    peer_free(&peer);
}

/* The peer's FIN and its acknowledgement of ours come together: it is answered all the same. */
static void must_13_closing_is_passed_in_one_turn(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_shuts_down(&peer);
    struct segment fin = peer_segment(&peer, SEGMENT_ACK | SEGMENT_FIN); /* the FINs cross */
    peer_expects(&peer, SEGMENT_ACK | SEGMENT_FIN);
    peer_queues(&peer, &fin);
    peer.next++;
    peer_acknowledges(&peer);
    struct segment ack = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(ack.acknowledgment, peer.next);
    assert_int_equal(ack.sequence, peer.expected);
    assert_int_equal(state_of_entry(&peer), CHASKI_TCP_TIME_WAIT);
    peer_expects_nothing(&peer);
    peer_free(&peer);
}

/* Who closes second need not wait. */
static void passive_closers_do_not_wait(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_says(&peer, SEGMENT_ACK | SEGMENT_FIN, 0);
    peer_expects(&peer, SEGMENT_ACK);
    peer_host_closes(&peer);
    peer_expects(&peer, SEGMENT_ACK | SEGMENT_FIN);
    peer_acknowledges(&peer);
    assert_int_equal(state_of_entry(&peer), CHASKI_TCP_CLOSED);
    peer_free(&peer);
}

enum { SYN_OPTIONS = 14, STAMP_OPTIONS = 12 };

/* A connection whose segments have these options, up to TIME-WAIT; returns the host's ISN. */
static uint32_t reaches_time_wait(struct peer *peer, uint8_t *syn, uint8_t *stamp)
{
    peer_host_listens(peer);
    struct segment segment = peer_segment(peer, SEGMENT_SYN);
    segment.options = syn;
    segment.options_length = SYN_OPTIONS;
    peer_injects(peer, &segment);
    peer->next++;
    uint32_t isn = peer_expects(peer, SEGMENT_SYN | SEGMENT_ACK).sequence;
    peer->expected = isn + 1;
    segment = peer_segment(peer, SEGMENT_ACK);
    segment.options = stamp;
    segment.options_length = STAMP_OPTIONS;
    peer_injects(peer, &segment);
    peer_host_closes(peer);
    peer_hears_all(peer);
    segment = peer_segment(peer, SEGMENT_ACK | SEGMENT_FIN);
    segment.options = stamp;
    segment.options_length = STAMP_OPTIONS;
    peer_injects(peer, &segment);
    peer->next++;
    peer_hears_all(peer);
    assert_int_equal(state_of_entry(peer), CHASKI_TCP_TIME_WAIT);
    return isn;
}

/* RFC 6191: with timestamps, a SYN whose timestamp is newer opens anew at once, whatever its
 * sequence number; an older one is answered with an acknowledgement. */
/* RFC 6191 SHLD-1 */
static void shld_4_timestamps_shorten_time_wait(void **state)
{
    (void)state;
    uint8_t syn[SYN_OPTIONS] = {2, 4, 5, 180, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0};
    uint8_t stamp[STAMP_OPTIONS] = {1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0};
    struct peer peer;
    peer_make(&peer, NULL);
    uint32_t isn = reaches_time_wait(&peer, syn, stamp);
    struct segment again = peer_segment(&peer, SEGMENT_SYN);
    again.sequence = peer.next - 5000; /* below what the old connection used */
    again.options = syn;
    again.options_length = sizeof syn;
    syn[8] = 0; /* an older timestamp */
    peer_injects(&peer, &again);
    peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(state_of_entry(&peer), CHASKI_TCP_TIME_WAIT);
    /* What is acknowledged meanwhile counts (RFC 7323, 4.3): the next answer echoes it. */
    struct segment late = peer_segment(&peer, SEGMENT_ACK);
    late.options = stamp;
    late.options_length = sizeof stamp;
    stamp[6] = 2;
    peer_injects(&peer, &late);
    peer_expects_nothing(&peer);
    syn[8] = 1; /* newer than the FIN's, older than that */
    syn[9] = 255;
    peer_injects(&peer, &again);
    struct segment echo = peer_expects(&peer, SEGMENT_ACK);
    uint8_t length;
    const uint8_t *timestamp = segment_option(&echo, 8, &length);
    assert_non_null(timestamp);
    assert_int_equal(timestamp[6], 2);
    assert_int_equal(state_of_entry(&peer), CHASKI_TCP_TIME_WAIT);
    syn[8] = 3;
    peer_runs(&peer, WORLD_SECOND);
    peer_injects(&peer, &again);
    struct segment answer = {0};
    assert_true(peer_hears(&peer, &answer));
    assert_int_equal(answer.flags, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(answer.acknowledgment, again.sequence + 1);
    assert_true((int32_t)(answer.sequence - isn) > 0); /* MAY-2 (1) */
    peer_free(&peer);
}

/* ---- Resets (3.5.2, 3.6.1) ---- */

static void shld_2_resets_may_carry_data(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_says(&peer, SEGMENT_RST | SEGMENT_ACK, 20);
    assert_true(peer.events & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_RESET);
    peer_expects_nothing(&peer);
    peer_free(&peer);
}

/* Closed with something unread, or before something arrives: the peer learns that it is lost. */
static void shld_3_lost_data_is_answered_by_a_reset(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_says(&peer, SEGMENT_ACK, 10);
    peer_expects(&peer, SEGMENT_ACK);
    peer_host_closes(&peer);
    struct segment reset = peer_expects(&peer, SEGMENT_RST | SEGMENT_ACK);
    assert_int_equal(reset.sequence, peer.expected);
    assert_int_equal(state_of_entry(&peer), CHASKI_TCP_CLOSED);
    peer_free(&peer);

    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_closes(&peer);
    peer_expects(&peer, SEGMENT_ACK | SEGMENT_FIN);
    peer_acknowledges(&peer);
    peer_says(&peer, SEGMENT_ACK, 10);
    reset = peer_expects(&peer, SEGMENT_RST);
    assert_int_equal(reset.sequence, peer.expected);
    assert_int_equal(state_of_entry(&peer), CHASKI_TCP_CLOSED);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(must_12_a_normal_close_is_told),
        cmocka_unit_test(must_12_an_abort_is_told),
        cmocka_unit_test(must_13_time_wait_lasts_two_msl),
        cmocka_unit_test(must_13_closing_leads_there_too),
        cmocka_unit_test(must_13_closing_is_passed_in_one_turn),
        cmocka_unit_test(passive_closers_do_not_wait),
        cmocka_unit_test(shld_4_timestamps_shorten_time_wait),
        cmocka_unit_test(shld_2_resets_may_carry_data),
        cmocka_unit_test(shld_3_lost_data_is_answered_by_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
