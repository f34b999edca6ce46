/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "tests/support/peer.h"

/* Pacing: what leaves when, and that a connection has one deadline for it. The peer is the test; it
 * acknowledges what it hears at once. */

enum { MSS = PEER_MSS, RATE = 1000000 };

static struct peer peer;

static void make(const char *algorithm)
{
    peer_make(&peer, NULL);
    peer.window = UINT16_MAX;
    assert_int_equal(chaski_set_knob(peer.host, "tcp_congestion_control", algorithm), 0);
}

static const struct tcp_connection *connection(void)
{
    return &peer.host->tcp.connections[peer.connection.index];
}

/* Hears and acknowledges for so long; how many bytes came. `burst`: the most at one time. */
static uint32_t hear_for(uint64_t ns, uint32_t *burst)
{
    uint64_t end_ns = peer.world.now_ns + ns;
    uint32_t bytes = 0;
    *burst = 0;
    while (peer.world.now_ns < end_ns) {
        uint32_t n = peer_hears_all(&peer);
        *burst = n > *burst ? n : *burst;
        bytes += n;
        if (n != 0)
            peer_acknowledges(&peer);
        uint64_t next_ns = chaski_deadline(peer.host);
        if (next_ns > end_ns)
            next_ns = end_ns;
        if (next_ns <= peer.world.now_ns)
            next_ns = peer.world.now_ns + 1000;
        peer_runs(&peer, next_ns - peer.world.now_ns);
    }
    return bytes;
}

/* draft-ietf-ccwg-bbr MUST-6, MUST-11 */
static void a_limit_is_kept_two_segments_at_a_time(void **state)
{
    (void)state;
    uint32_t burst;
    make("cubic");
    peer_is_opened(&peer);
    peer_host_sets(&peer, CHASKI_TCP_MAX_PACING_RATE, RATE);
    assert_int_equal(peer_info(&peer).tcpi_max_pacing_rate, RATE);
    assert_int_equal(peer_host_writes(&peer, 60000), 60000);
    uint32_t bytes = hear_for(50 * WORLD_MILLISECOND, &burst);
    assert_in_range(bytes, RATE / 20 - 2 * MSS, RATE / 20 + 3 * MSS);
    assert_int_equal(burst, 2 * MSS);
    assert_int_equal(peer_info(&peer).tcpi_pacing_rate, RATE);
    peer_free(&peer);
}

/* draft-ietf-ccwg-bbr MUST-11 */
static void without_a_limit_the_window_goes_at_once(void **state)
{
    (void)state;
    make("cubic");
    peer_is_opened(&peer);
    peer_host_writes(&peer, 60000);
    assert_int_equal(peer_hears_all(&peer), 10 * MSS);
    assert_false(peer_info(&peer).paced);
    assert_int_equal(peer_info(&peer).tcpi_max_pacing_rate, 0);
    peer_free(&peer);
}

/* Between two turns there is one deadline, that of the next quantum; when nothing waits, or the
 * peer's window is shut, there is none of pacing's. */
/* draft-ietf-ccwg-bbr MUST-11 */
static void the_next_quantum_is_the_deadline(void **state)
{
    (void)state;
    make("cubic");
    peer_is_opened(&peer);
    peer_host_sets(&peer, CHASKI_TCP_MAX_PACING_RATE, RATE);
    peer_host_writes(&peer, 5 * MSS);
    assert_int_equal(peer_hears_all(&peer), 2 * MSS);
    assert_int_equal(connection()->flight->awaited, AWAIT_PACE);
    assert_int_equal(chaski_deadline(peer.host), peer.world.now_ns + 2 * MSS * 1000);
    assert_int_equal(peer_waits(&peer, WORLD_SECOND), 2 * MSS * 1000);
    assert_int_equal(peer_hears_all(&peer), 2 * MSS);
    peer_waits(&peer, WORLD_SECOND);
    assert_int_equal(peer_hears_all(&peer), MSS);
    assert_int_not_equal(connection()->flight->awaited, AWAIT_PACE);
    peer_acknowledges(&peer);
    assert_true(chaski_deadline(peer.host) > peer.world.now_ns + 100 * WORLD_MILLISECOND);
    peer_free(&peer);
}

/* A turn that comes late is made good, but no more than half of one. What nothing waited for is not
 * late. */
/* draft-ietf-ccwg-bbr MUST-11 */
static void late_turns_are_made_good_in_part(void **state)
{
    (void)state;
    static const uint32_t late_us[] = {500, 100000};
    for (unsigned i = 0; i < 2; i++) {
        make("cubic");
        peer_is_opened(&peer);
        peer_host_sets(&peer, CHASKI_TCP_MAX_PACING_RATE, RATE);
        peer_host_writes(&peer, 10 * MSS);
        assert_int_equal(peer_hears_all(&peer), 2 * MSS);
        uint64_t due_ns = chaski_deadline(peer.host);
        peer.world.now_ns = due_ns + late_us[i] * UINT64_C(1000); /* the machine was busy */
        peer_settles(&peer);
        assert_int_equal(peer_hears_all(&peer), 2 * MSS);
        uint64_t spared_us = late_us[i] < MSS ? late_us[i] : MSS;
        assert_int_equal(chaski_deadline(peer.host) - peer.world.now_ns,
                         (2 * MSS - spared_us) * 1000);
        peer_free(&peer);
    }
    make("cubic");
    peer_is_opened(&peer);
    peer_host_sets(&peer, CHASKI_TCP_MAX_PACING_RATE, RATE);
    for (unsigned i = 0; i < 3; i++) {
        peer_host_writes(&peer, 4 * MSS);
        assert_int_equal(peer_hears_all(&peer), 2 * MSS);
        assert_int_equal(peer_waits(&peer, WORLD_SECOND), 2 * MSS * 1000);
        peer_hears_all(&peer);
        peer_acknowledges(&peer);
        peer_runs(&peer, WORLD_SECOND);
    }
    peer_free(&peer);
}

/* What is lost goes again at the same rate. */
/* draft-ietf-ccwg-bbr MUST-11 */
static void retransmissions_are_paced_too(void **state)
{
    (void)state;
    static const uint8_t options[] = {2, 4, PEER_MSS >> 8, PEER_MSS & 0xff, 4, 2, 1, 1};
    make("cubic");
    peer.syn_options = options;
    peer.syn_options_length = sizeof options;
    peer_is_opened(&peer);
    peer_host_writes(&peer, 10 * MSS);
    assert_int_equal(peer_hears_all(&peer), 10 * MSS);
    peer_host_sets(&peer, CHASKI_TCP_MAX_PACING_RATE, RATE);
    peer.expected -= 10 * MSS;
    peer_runs(&peer, 3 * WORLD_SECOND); /* time-outs; all of it is lost */
    uint32_t burst;
    hear_for(20 * WORLD_MILLISECOND, &burst);
    assert_in_range(burst, MSS, 2 * MSS);
    peer_free(&peer);
}

/* BBR paces from its first segment on: 2.77 windows in a round trip, or in a millisecond when none
 * is known. */
/* draft-ietf-ccwg-bbr MUST-6 */
static void bbr_paces_by_itself(void **state)
{
    (void)state;
    make("bbr");
    struct segment syn = peer_host_connects(&peer);
    assert_true(syn.flags & SEGMENT_SYN);
    peer_runs(&peer, 20 * WORLD_MILLISECOND);
    peer_answers(&peer);
    peer_host_writes(&peer, 60000);
    assert_int_equal(peer_hears_all(&peer), 2 * MSS);
    uint64_t rate = peer_info(&peer).tcpi_pacing_rate;
    assert_in_range(rate, 10 * MSS * 277 / 2 * 99 / 100, 10 * MSS * 277 / 2 * 101 / 100);
    assert_in_range(peer_waits(&peer, WORLD_SECOND), 1400000, 1460000);
    peer_host_sets(&peer, CHASKI_TCP_MAX_PACING_RATE, 100000); /* and no faster than it may */
    assert_int_equal(peer_info(&peer).tcpi_pacing_rate, 100000);
    peer_free(&peer);
}

/* RFC 9293's probes of a shut window do not wait for pacing, nor pacing for them. */
/* draft-ietf-ccwg-bbr MUST-11 */
static void a_shut_window_is_probed(void **state)
{
    (void)state;
    make("cubic");
    peer_is_opened(&peer);
    peer_host_sets(&peer, CHASKI_TCP_MAX_PACING_RATE, RATE);
    peer_host_writes(&peer, 2 * MSS);
    peer_hears_all(&peer);
    peer.window = 0;
    peer_acknowledges(&peer);
    peer_host_writes(&peer, 4 * MSS);
    assert_in_range(peer_waits(&peer, 5 * WORLD_SECOND), 100 * WORLD_MILLISECOND, 2 * WORLD_SECOND);
    peer_hears_all(&peer);
    peer.window = UINT16_MAX;
    peer_acknowledges(&peer);
    assert_int_equal(peer_hears_all(&peer), 2 * MSS);
    peer_free(&peer);
}

/* RFC 9002's and Linux's names. */
/* draft-ietf-ccwg-bbr MUST-9 */
static void tcp_info_tells_of_rates(void **state)
{
    (void)state;
    make("cubic");
    peer_is_opened(&peer);
    assert_int_equal(peer_info(&peer).tcpi_delivered, 1); /* the SYN, as Linux counts */
    assert_int_equal(peer_info(&peer).tcpi_delivery_rate, 0);
    peer_host_writes(&peer, 30 * MSS);
    assert_int_equal(peer_hears_all(&peer), 10 * MSS);
    peer_runs(&peer, 20 * WORLD_MILLISECOND);
    peer_acknowledges(&peer);
    assert_int_equal(peer_info(&peer).tcpi_delivered, 11);
    assert_int_equal(peer_info(&peer).tcpi_delivery_rate, 10 * MSS * 50);
    assert_true(peer_info(&peer).tcpi_delivery_rate_app_limited); /* before it was written */
    assert_int_equal(peer_hears_all(&peer), 20 * MSS);
    peer_runs(&peer, 20 * WORLD_MILLISECOND);
    peer_acknowledges(&peer);
    assert_false(peer_info(&peer).tcpi_delivery_rate_app_limited);
    peer_host_writes(&peer, 20 * MSS); /* after there was nothing to send */
    peer_hears_all(&peer);
    peer_runs(&peer, 20 * WORLD_MILLISECOND);
    peer_acknowledges(&peer);
    assert_int_equal(peer_info(&peer).tcpi_delivered, 51);
    assert_true(peer_info(&peer).tcpi_delivery_rate_app_limited);
    assert_int_equal(peer_info(&peer).tcpi_delivery_rate, 20 * MSS * 50);
    peer_free(&peer);
}

/* Who has just filled the window was not limited by what was written, one byte less and it was. */
/* draft-ietf-ccwg-bbr MUST-10 */
static void a_full_window_is_not_limited_by_the_application(void **state)
{
    (void)state;
    for (uint32_t less = 0; less < 2; less++) {
        make("cubic");
        peer_is_opened(&peer);
        peer_host_sets(&peer, CHASKI_TCP_NODELAY, 1);
        peer_host_writes(&peer, 30 * MSS - less);
        assert_int_equal(peer_hears_all(&peer), 10 * MSS);
        assert_true(connection()->flight->rate.app_limited); /* before it was written */
        peer_acknowledges(&peer);
        assert_int_equal(peer_hears_all(&peer), 20 * MSS - less);
        assert_int_equal(connection()->flight->rate.app_limited, less);
        peer_free(&peer);
    }
}

static const struct bbr *model(void)
{
    return &connection()->flight->congestion.bbr;
}

/* BBR begins anew to count what it could have sent, and needs no ProbeRTT, when the application
 * writes again after all has arrived, */
/* draft-ietf-ccwg-bbr MUST-4 */
static void bbr_hears_of_pauses(void **state)
{
    (void)state;
    uint32_t burst;
    make("bbr");
    peer_is_opened(&peer);
    peer_host_writes(&peer, 3 * MSS);
    assert_int_equal(hear_for(50 * WORLD_MILLISECOND, &burst), 3 * MSS);
    assert_false(model()->idle_restart);
    peer_runs(&peer, WORLD_SECOND);
    peer_host_writes(&peer, MSS);
    assert_int_equal(peer_hears_all(&peer), MSS);
    assert_true(model()->idle_restart);
    assert_int_equal(model()->extra_acked_start_ns, peer.world.now_ns);
    peer_acknowledges(&peer);
    assert_false(model()->idle_restart);
    peer_free(&peer);
}

/* not while something is in flight, */
static void what_follows_in_flight_is_no_pause(void **state)
{
    (void)state;
    make("bbr");
    peer_is_opened(&peer);
    peer_host_writes(&peer, MSS);
    assert_int_equal(peer_hears_all(&peer), MSS);
    uint64_t begun_ns = model()->extra_acked_start_ns;
    peer_runs(&peer, 50 * WORLD_MILLISECOND);
    peer_host_writes(&peer, MSS);
    assert_int_equal(peer_hears_all(&peer), MSS);
    assert_int_equal(model()->extra_acked_start_ns, begun_ns);
    peer_free(&peer);
}

/* and not where it was the peer's window that held back what was written. */
static void a_shut_window_is_no_pause(void **state)
{
    (void)state;
    uint32_t burst;
    make("bbr");
    peer_is_opened(&peer);
    peer.window = 4 * MSS;
    peer_host_writes(&peer, 20 * MSS);
    hear_for(100 * WORLD_MILLISECOND, &burst);
    peer_host_writes(&peer, 20 * MSS);
    while (peer_info(&peer).tcpi_unacked == 0)
        peer_runs(&peer, WORLD_MILLISECOND);
    peer_runs(&peer, 100 * WORLD_MILLISECOND);
    assert_int_equal(peer_hears_all(&peer), 4 * MSS);
    peer.window = 0;
    peer_acknowledges(&peer);
    assert_false(connection()->flight->rate.app_limited);
    assert_int_equal(peer_info(&peer).tcpi_unacked, 0);
    peer_runs(&peer, 10 * WORLD_MILLISECOND);
    peer.window = 4 * MSS;
    peer_acknowledges(&peer);
    assert_int_not_equal(peer_hears_all(&peer), 0);
    assert_false(model()->idle_restart);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_is_kept_two_segments_at_a_time),
        cmocka_unit_test(without_a_limit_the_window_goes_at_once),
        cmocka_unit_test(the_next_quantum_is_the_deadline),
        cmocka_unit_test(late_turns_are_made_good_in_part),
        cmocka_unit_test(retransmissions_are_paced_too),
        cmocka_unit_test(bbr_paces_by_itself),
        cmocka_unit_test(a_shut_window_is_probed),
        cmocka_unit_test(tcp_info_tells_of_rates),
        cmocka_unit_test(a_full_window_is_not_limited_by_the_application),
        cmocka_unit_test(bbr_hears_of_pauses),
        cmocka_unit_test(what_follows_in_flight_is_no_pause),
        cmocka_unit_test(a_shut_window_is_no_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
