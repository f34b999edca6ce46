/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 9293: retransmission, congestion, giving up, keep-alives, delayed acknowledgements. Each test
 * bears the number that appendix B gives to what it shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "tests/support/peer.h"

#define MINUTE (60 * WORLD_SECOND)
#define HOUR (60 * MINUTE)

/* ---- Retransmission (3.8.1) ---- */

/* The host writes; the peer acknowledges `ms` later. */
static void round_trip(struct peer *peer, uint32_t ms)
{
    peer_host_writes(peer, 100);
    assert_int_equal(peer_hears_all(peer), 100);
    peer_runs(peer, ms * WORLD_MILLISECOND);
    peer_acknowledges(peer);
    peer_expects_nothing(peer);
}

/* The host writes and is not answered; returns after how many milliseconds it sends again. */
static uint32_t time_out_ms(struct peer *peer)
{
    peer_host_writes(peer, 100);
    struct segment first = peer_expects(peer, SEGMENT_ACK);
    uint64_t ns = peer_waits(peer, 300 * WORLD_SECOND);
    struct segment again = peer_expects(peer, SEGMENT_ACK);
    assert_int_equal(again.sequence, first.sequence);
    assert_int_equal(again.payload_length, 100);
    return (uint32_t)(ns / WORLD_MILLISECOND);
}

/* By a cookie, so that the handshake tells no round trip. */
static void open_unmeasured(struct peer *peer)
{
    peer_make(peer, NULL);
    assert_int_equal(chaski_set_knob(peer->host, "tcp_syncookies", "2"), 0);
    peer_opens(peer);
}

/* RFC 6298, 2: SRTT + 4 * RTTVAR. */
/* RFC 6298 MUST-1, MUST-2, MUST-3, MUST-6, MUST-7, MUST-8 */
static void must_18_rto_follows_the_round_trip(void **state)
{
    (void)state;
    struct peer peer;
    open_unmeasured(&peer);
    assert_int_equal(time_out_ms(&peer), 1000); /* nothing is known: (2.1) */
    peer_free(&peer);

    open_unmeasured(&peer);
    round_trip(&peer, 500);
    assert_int_equal(time_out_ms(&peer), 500 + 4 * 250); /* (2.2) */
    peer_free(&peer);

    open_unmeasured(&peer);
    round_trip(&peer, 500);
    round_trip(&peer, 500);
    assert_int_equal(time_out_ms(&peer), 1250); /* (2.3): the variation is 187.5 ms now */
    peer_free(&peer);

    open_unmeasured(&peer);
    for (int i = 0; i < 50; i++)
        round_trip(&peer, 40);
    assert_in_range(time_out_ms(&peer), 240, 245); /* the variation counts 200 ms at least */
    peer_free(&peer);
}

/* An answer after a machine's sleep says nothing of the path: the time-out stays within its limits,
 * and comes down again. */
static void a_long_sleep_is_no_round_trip(void **state)
{
    (void)state;
    struct peer peer;
    open_unmeasured(&peer);
    peer_host_writes(&peer, 100);
    peer_hears_all(&peer);
    peer.world.now_ns += 700 * WORLD_SECOND;
    peer_acknowledges(&peer);
    assert_int_equal(peer_info(&peer).tcpi_rtt, 120000000);
    assert_int_equal(peer_info(&peer).tcpi_rto, 120000000);
    peer_free(&peer);
}

/* What was sent twice tells no round trip, and the time-out stays backed off until something tells
 * one. */
/* RFC 6298 MUST-5 */
static void must_18_karn_ignores_what_was_sent_again(void **state)
{
    (void)state;
    struct peer peer;
    open_unmeasured(&peer);
    round_trip(&peer, 500);
    assert_int_equal(time_out_ms(&peer), 1500);
    peer_runs(&peer, 10 * WORLD_MILLISECOND);
    peer_acknowledges(&peer);
    assert_int_equal(peer_info(&peer).tcpi_rtt, 500000);
    assert_int_equal(time_out_ms(&peer), 3000);
    peer_acknowledges(&peer);
    peer_host_writes(&peer, 100);
    peer_hears_all(&peer);
    peer_runs(&peer, 500 * WORLD_MILLISECOND);
    peer_acknowledges(&peer);
    assert_int_equal(time_out_ms(&peer), 1250);
    peer_free(&peer);
}

/* ---- Congestion (3.8.2) ---- */

/* RFC 6298 MUST-4, MUST-7, MUST-11 */
static void must_19_time_outs_back_off(void **state)
{
    (void)state;
    struct peer peer;
    open_unmeasured(&peer);
    assert_int_equal(time_out_ms(&peer), 1000);
    for (uint32_t ms = 2000; ms < 120000; ms *= 2)
        assert_int_equal(peer_waits(&peer, 300 * WORLD_SECOND) / WORLD_MILLISECOND, ms),
            peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(peer_waits(&peer, 300 * WORLD_SECOND), 120 * WORLD_SECOND);
    peer_free(&peer);
}

/* Acknowledges all that was heard, one full segment at a time; returns what came in return. */
static uint32_t acknowledge_each(struct peer *peer, uint32_t *from)
{
    while (*from != peer->expected) {
        struct segment ack = peer_segment(peer, SEGMENT_ACK);
        uint32_t left = peer->expected - *from;
        *from += left < PEER_MSS ? left : PEER_MSS;
        ack.acknowledgment = *from;
        peer_injects(peer, &ack);
    }
    return peer_hears_all(peer);
}

static void open_for_bulk(struct peer *peer, enum chaski_congestion algorithm)
{
    peer_make(peer, NULL);
    peer_opens(peer);
    peer_host_sets(peer, CHASKI_TCP_CONGESTION, algorithm);
    peer_host_sets(peer, CHASKI_TCP_SNDBUF, 1 << 20);
    assert_int_equal(peer_host_writes(peer, 1 << 20), 1 << 20);
}

/* RFC 5681 MUST-1, MUST-2; RFC 6928 SHLD-1 */
static void must_19_slow_start_doubles(void **state)
{
    (void)state;
    for (enum chaski_congestion which = CHASKI_CUBIC; which <= CHASKI_NEWRENO; which++) {
        struct peer peer;
        open_for_bulk(&peer, which);
        uint32_t from = peer.expected;
        assert_int_equal(peer_hears_all(&peer), 10 * PEER_MSS);
        assert_int_equal(acknowledge_each(&peer, &from), 20 * PEER_MSS);
        assert_int_equal(acknowledge_each(&peer, &from), 40 * PEER_MSS);
        peer_free(&peer);
    }
}

/* After a time-out: one segment, then slow start up to half of what was in flight, then a segment
 * more in a round trip. */
/* RFC 5681 MUST-2, MUST-7, MUST-8, MUST-10; RFC 8257 MUST-5 */
static void must_19_congestion_is_avoided(void **state)
{
    (void)state;
    struct peer peer;
    open_for_bulk(&peer, CHASKI_NEWRENO);
    peer.host->tcp.knobs.frto = 0; /* new data would go between */
    uint32_t from = peer.expected;
    peer_hears_all(&peer);
    acknowledge_each(&peer, &from);
    assert_int_equal(acknowledge_each(&peer, &from), 40 * PEER_MSS);
    peer.expected = from; /* all 40 were lost */
    peer_runs(&peer, 300 * WORLD_MILLISECOND);
    struct segment again = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(again.sequence, from);
    assert_int_equal(again.payload_length, PEER_MSS);
    peer_expects_nothing(&peer);
    assert_int_equal(peer_info(&peer).tcpi_snd_cwnd, 1);
    assert_int_equal(peer_info(&peer).tcpi_snd_ssthresh, 20);
    uint32_t last = 1;
    for (int i = 0; i < 8; i++) {
        acknowledge_each(&peer, &from);
        uint32_t window = peer_info(&peer).tcpi_snd_cwnd;
        assert_true(window >= last && window <= (last < 20 ? 2 * last : last + 1));
        last = window;
    }
    assert_in_range(last, 21, 27);
    peer_free(&peer);
}

/* ---- Giving up (3.8.3) ---- */

static uint32_t doubts;

static void note_doubt(void *block, const struct chaski_address *destination, uint64_t now_ns)
{
    (void)block;
    (void)destination;
    (void)now_ns;
    doubts++;
}

static void listen_for_doubts(struct peer *peer)
{
    doubts = 0;
    peer->host->tcp.network[FAMILY_IP4].doubt = note_doubt;
}

static bool over(void *context)
{
    struct peer *peer = context;
    return (peer->events & CHASKI_ENDED) != 0;
}

/* Lets time pass until the connection is over; returns how long it took. */
static uint64_t wait_for_end(struct peer *peer, uint64_t ns)
{
    uint64_t since = peer->world.now_ns;
    for (uint64_t step = 0; !over(peer) && step < ns; step += 100 * WORLD_MILLISECOND)
        peer_runs(peer, 100 * WORLD_MILLISECOND);
    assert_true(over(peer));
    return peer->world.now_ns - since;
}

/* R1: three retransmissions, then IP is told. R2: the connection is closed. */
static void must_20_excessive_retransmission(void **state)
{
    (void)state;
    struct peer peer;
    open_unmeasured(&peer);
    listen_for_doubts(&peer);
    peer_host_writes(&peer, 100);
    peer_runs(&peer, 3500 * WORLD_MILLISECOND); /* sent again at 1 and 3 seconds */
    assert_int_equal(doubts, 0);
    peer_runs(&peer, 4 * WORLD_SECOND);
    assert_int_equal(doubts, 1);
    wait_for_end(&peer, HOUR);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_TIMED_OUT);
    peer_hears_all(&peer);
    peer_runs(&peer, HOUR);
    peer_expects_nothing(&peer);
    peer_free(&peer);
}

static void must_21_the_application_sets_r2(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_USER_TIMEOUT, 40000);
    peer_host_writes(&peer, 100);
    assert_in_range(wait_for_end(&peer, HOUR), 40 * WORLD_SECOND, 41 * WORLD_SECOND);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_TIMED_OUT);
    peer_free(&peer);

    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_USER_TIMEOUT, 24 * 3600 * 1000);
    peer_host_writes(&peer, 100);
    peer_runs(&peer, 23 * HOUR);
    assert_false(over(&peer));
    peer_hears_all(&peer);
    peer_acknowledges(&peer);
    peer_runs(&peer, 48 * HOUR);
    assert_false(over(&peer));
    peer_free(&peer);
}

/* The application hears of it at R1, before R2; and again only when there was progress between. */
static void shld_9_trouble_is_reported(void **state)
{
    (void)state;
    struct peer peer;
    open_unmeasured(&peer);
    peer_host_writes(&peer, 100);
    peer_runs(&peer, 6 * WORLD_SECOND);
    assert_false(peer.events & CHASKI_TROUBLED);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), 0);
    peer_runs(&peer, 4 * WORLD_SECOND);
    assert_true(peer.events & CHASKI_TROUBLED);
    assert_false(peer.events & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_TIMED_OUT);
    peer.events = 0;
    peer_runs(&peer, MINUTE);
    assert_int_equal(peer.events, 0);
    peer_hears_all(&peer);
    peer_acknowledges(&peer);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), 0);
    peer_host_writes(&peer, 100);
    peer_runs(&peer, 10 * MINUTE);
    assert_true(peer.events & CHASKI_TROUBLED);
    peer_free(&peer);
}

static void shld_10_r1_is_three_retransmissions(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    listen_for_doubts(&peer);
    peer_host_writes(&peer, 100);
    peer_hears_all(&peer);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(doubts, 0);
        peer_waits(&peer, MINUTE);
        peer_expects(&peer, SEGMENT_ACK);
    }
    assert_int_equal(doubts, 1);
    peer_free(&peer);
}

static void shld_11_r2_is_100_seconds_at_least(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    for (int i = 0; i < 50; i++)
        round_trip(&peer, 1); /* the shortest time-out there is */
    peer_host_writes(&peer, 100);
    assert_true(wait_for_end(&peer, HOUR) >= 100 * WORLD_SECOND);
    peer_free(&peer);
}

/* SYNs back off, raise doubt, are reported and given up like data. */
static void must_22_syns_are_handled_likewise(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    listen_for_doubts(&peer);
    struct segment syn = peer_host_connects(&peer);
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(doubts, i >= 3);
        assert_int_equal((peer.events & CHASKI_TROUBLED) != 0, i >= 3);
        assert_int_equal(peer_waits(&peer, HOUR), WORLD_SECOND << i);
        assert_int_equal(peer_expects(&peer, SEGMENT_SYN).sequence, syn.sequence);
    }
    wait_for_end(&peer, HOUR);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_TIMED_OUT);
    peer_free(&peer);
}

static void must_23_syns_go_on_for_three_minutes(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_connects(&peer);
    peer_runs(&peer, 3 * MINUTE);
    assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_SYN_SENT);
    peer.heard = peer.world.frame_count;
    peer_answers(&peer);
    peer_free(&peer);

    peer_make(&peer, NULL);
    peer_host_connects(&peer);
    assert_true(wait_for_end(&peer, HOUR) >= 3 * MINUTE);
    peer_free(&peer);
}

/* Both have opened, and ours is closed before theirs has answered: what the application asked for
 * keeps nothing busy for hours. */
static void a_closed_handshake_ends_as_by_default(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_connects(&peer);
    assert_int_equal(chaski_tcp_set(peer.host, peer.connection, CHASKI_TCP_SYNCNT, 100), 0);
    struct segment syn = peer_segment(&peer, SEGMENT_SYN);
    peer_injects(&peer, &syn);
    peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK);
    peer_runs(&peer, 3 * MINUTE);
    assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_SYN_RECEIVED);
    assert_int_equal(chaski_tcp_close(peer.host, peer.connection), 0);
    uint32_t cursor = 0;
    struct chaski_tcp_info info;
    peer_runs(&peer, 3 * MINUTE);
    assert_int_equal(chaski_tcp_list(peer.host, &cursor, &info), 0);
    peer_free(&peer);
}

/* ---- Keep-alives (3.8.4) ---- */

static void must_24_keep_alives_go_on_and_off(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_KEEPALIVE, 1);
    assert_in_range(peer_waits(&peer, 3 * HOUR), 2 * HOUR - WORLD_SECOND, 2 * HOUR + WORLD_SECOND);
    peer_expects(&peer, SEGMENT_ACK);
    peer_acknowledges(&peer);
    peer_host_sets(&peer, CHASKI_TCP_KEEPALIVE, 0);
    peer_runs(&peer, 100 * HOUR);
    peer_expects_nothing(&peer);
    peer_free(&peer);
}

static void must_25_keep_alives_default_to_off(void **state)
{
    (void)state;
    struct peer peer;
    int64_t on = 1;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    assert_int_equal(chaski_tcp_get(peer.host, peer.connection, CHASKI_TCP_KEEPALIVE, &on), 0);
    assert_int_equal(on, 0);
    peer_runs(&peer, 1000 * HOUR);
    peer_expects_nothing(&peer);
    assert_false(over(&peer));
    peer_free(&peer);
}

/* Neither while the peer is heard nor while data is in flight. */
static void must_26_keep_alives_wait_for_idleness(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_KEEPALIVE, 1);
    peer_host_sets(&peer, CHASKI_TCP_KEEPIDLE, 60000);
    for (int i = 0; i < 10; i++) {
        peer_runs(&peer, 50 * WORLD_SECOND);
        peer_expects_nothing(&peer);
        peer_acknowledges(&peer);
    }
    for (int i = 0; i < 10; i++) {
        peer_runs(&peer, 50 * WORLD_SECOND);
        peer_expects_nothing(&peer);
        peer_says(&peer, SEGMENT_ACK, 1);
        peer_runs(&peer, WORLD_SECOND);
        peer_expects(&peer, SEGMENT_ACK);
    }
    peer_host_writes(&peer, 100);
    peer_runs(&peer, 14 * MINUTE);
    struct segment segment;
    while (peer_hears(&peer, &segment))
        assert_int_equal(segment.payload_length, 100); /* the data again, and no probe */
    peer_acknowledges(&peer);
    assert_in_range(peer_waits(&peer, HOUR), 59 * WORLD_SECOND, 61 * WORLD_SECOND);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 0);
    peer_free(&peer);
}

static void must_27_the_interval_is_configurable(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_KEEPALIVE, 1);
    peer_host_sets(&peer, CHASKI_TCP_KEEPIDLE, 5000);
    assert_int_equal(peer_waits(&peer, HOUR), 5 * WORLD_SECOND);
    peer_expects(&peer, SEGMENT_ACK);
    peer_acknowledges(&peer);
    peer_host_sets(&peer, CHASKI_TCP_KEEPIDLE, 4 * 3600 * 1000);
    assert_int_equal(peer_waits(&peer, 5 * HOUR), 4 * HOUR);
    peer_free(&peer);
}

static void must_28_the_interval_is_two_hours(void **state)
{
    (void)state;
    struct peer peer;
    int64_t idle = 0;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    assert_int_equal(chaski_tcp_get(peer.host, peer.connection, CHASKI_TCP_KEEPIDLE, &idle), 0);
    assert_true(idle >= 2 * 3600 * 1000);
    peer_host_sets(&peer, CHASKI_TCP_KEEPALIVE, 1);
    assert_true(peer_waits(&peer, 3 * HOUR) >= 2 * HOUR);
    peer_free(&peer);
}

static void must_29_one_lost_answer_ends_nothing(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_KEEPALIVE, 1);
    for (int round = 0; round < 2; round++) {
        peer_waits(&peer, 3 * HOUR);
        peer_expects(&peer, SEGMENT_ACK);
        for (int i = 1; i < 9; i++) {
            assert_int_equal(peer_waits(&peer, HOUR), 75 * WORLD_SECOND);
            peer_expects(&peer, SEGMENT_ACK);
        }
        assert_false(over(&peer));
        peer_acknowledges(&peer); /* the ninth is answered: all is well */
    }
    wait_for_end(&peer, 4 * HOUR);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_TIMED_OUT);
    peer_free(&peer);
}

static void shld_12_keep_alives_have_no_data(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_KEEPALIVE, 1);
    peer_waits(&peer, 3 * HOUR);
    struct segment probe = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(probe.payload_length, 0);
    assert_int_equal(probe.sequence, peer.expected - 1); /* which calls for an answer */
    assert_int_equal(probe.acknowledgment, peer.next);
    peer_free(&peer);
}

/* Half-closed connections are probed too, and never reset for waiting. */
static void keep_alives_outlive_a_half_close(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_KEEPALIVE, 1);
    peer_host_shuts_down(&peer);
    peer_expects(&peer, SEGMENT_ACK | SEGMENT_FIN);
    peer_acknowledges(&peer);
    assert_int_equal(peer_waits(&peer, 3 * HOUR), 2 * HOUR);
    peer_expects(&peer, SEGMENT_ACK);
    peer_acknowledges(&peer);
    peer_says(&peer, SEGMENT_ACK, 10);
    assert_int_equal(peer_host_reads(&peer, 10), 10);
    assert_false(over(&peer));
    peer_free(&peer);
}

/* ---- Delayed acknowledgements (3.8.6.3) ---- */

/* RFC 5681 MUST-16 */
static void must_40_acknowledgements_wait_less_than_half_a_second(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    for (int i = 0; i < 20; i++) {
        peer_says(&peer, SEGMENT_ACK, 10);
        assert_true(peer_waits(&peer, WORLD_SECOND) < WORLD_SECOND / 2);
        assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
    }
    peer_free(&peer);
}

static void shld_18_acknowledgements_are_delayed(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    chaski_tcp_set(peer.host, peer.connection, CHASKI_TCP_QUICKACK, 0); /* as if it had answered */
    peer_says(&peer, SEGMENT_ACK, PEER_MSS);
    peer_expects_nothing(&peer);
    peer_host_writes(&peer, 10); /* and travel with data */
    struct segment data = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(data.payload_length, 10);
    assert_int_equal(data.acknowledgment, peer.next);
    peer_acknowledges(&peer);
    peer_runs(&peer, WORLD_SECOND);
    peer_expects_nothing(&peer);
    peer_free(&peer);
}

/* RFC 5681 MUST-16 */
static void shld_19_every_second_full_segment_is_acknowledged(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    chaski_tcp_set(peer.host, peer.connection, CHASKI_TCP_QUICKACK, 0);
    for (int i = 0; i < 20; i++) {
        peer_says(&peer, SEGMENT_ACK, PEER_MSS);
        peer_expects_nothing(&peer);
        peer_says(&peer, SEGMENT_ACK, PEER_MSS);
        assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
        peer_host_reads(&peer, 2 * PEER_MSS);
        peer_hears_all(&peer);
    }
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(must_18_rto_follows_the_round_trip),
        cmocka_unit_test(a_long_sleep_is_no_round_trip),
        cmocka_unit_test(must_18_karn_ignores_what_was_sent_again),
        cmocka_unit_test(must_19_time_outs_back_off),
        cmocka_unit_test(must_19_slow_start_doubles),
        cmocka_unit_test(must_19_congestion_is_avoided),
        cmocka_unit_test(must_20_excessive_retransmission),
        cmocka_unit_test(must_21_the_application_sets_r2),
        cmocka_unit_test(shld_9_trouble_is_reported),
        cmocka_unit_test(shld_10_r1_is_three_retransmissions),
        cmocka_unit_test(shld_11_r2_is_100_seconds_at_least),
        cmocka_unit_test(must_22_syns_are_handled_likewise),
        cmocka_unit_test(must_23_syns_go_on_for_three_minutes),
        cmocka_unit_test(a_closed_handshake_ends_as_by_default),
        cmocka_unit_test(must_24_keep_alives_go_on_and_off),
        cmocka_unit_test(must_25_keep_alives_default_to_off),
        cmocka_unit_test(must_26_keep_alives_wait_for_idleness),
        cmocka_unit_test(must_27_the_interval_is_configurable),
        cmocka_unit_test(must_28_the_interval_is_two_hours),
        cmocka_unit_test(must_29_one_lost_answer_ends_nothing),
        cmocka_unit_test(shld_12_keep_alives_have_no_data),
        cmocka_unit_test(keep_alives_outlive_a_half_close),
        cmocka_unit_test(must_40_acknowledgements_wait_less_than_half_a_second),
        cmocka_unit_test(shld_18_acknowledgements_are_delayed),
        cmocka_unit_test(shld_19_every_second_full_segment_is_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
