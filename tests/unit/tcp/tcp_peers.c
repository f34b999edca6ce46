/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "core/tcp/tcp_internal.h"
#include "tests/support/peer.h"

/* What connections leave behind for the next one to the same peer (RFC 9040). */

enum { MS = 1000, MSS = 1000, HOUR_S = 3600 };

static struct peer peer;
static struct tcp_flight flight;

static struct tcp *make(uint32_t paths)
{
    struct chaski_limits limits;
    chaski_limits_for(&limits, 4 << 20, 16);
    limits.paths = paths;
    struct world_options options = {.prefix_length = 32, .limits = &limits};
    peer_make(&peer, &options);
    return &peer.host->tcp;
}

static int tear_down(void **state)
{
    (void)state;
    peer_free(&peer);
    return 0;
}

static struct chaski_address address(uint32_t number)
{
    return chaski_ip4(10, 0, (uint8_t)(number >> 8), (uint8_t)number);
}

/* A connection to peer `number`, as it comes to its end. */
static struct tcp_connection ended(uint32_t number, uint32_t rtt_us)
{
    return (struct tcp_connection){
        .key.remote = address(number),
        .mss = MSS,
        .srtt_us8 = rtt_us * 8,
        .congestion = {10 * MSS, CONGESTION_THRESHOLD_UNKNOWN},
    };
}

static void learn(struct tcp *tcp, uint32_t number, uint32_t rtt_us)
{
    struct tcp_connection c = ended(number, rtt_us);
    peers_learn(tcp, &c);
}

static void learn_threshold(struct tcp *tcp, uint32_t window, uint32_t threshold, uint8_t recovery)
{
    struct tcp_connection c = ended(1, 100 * MS);
    c.congestion = (struct congestion){window * MSS, threshold * MSS};
    if (threshold == 0)
        c.congestion.threshold = CONGESTION_THRESHOLD_UNKNOWN;
    c.recovery = recovery & 7u;
    peers_learn(tcp, &c);
}

static void learn_reordering(struct tcp *tcp, uint16_t segments)
{
    struct tcp_connection c = ended(1, 100 * MS);
    flight.rack.reordering = segments;
    c.flight = &flight;
    peers_learn(tcp, &c);
}

static const struct tcp_peer *known(const struct tcp *tcp, uint32_t number)
{
    struct chaski_address remote = address(number);
    return peers_find(tcp, &remote);
}

static uint32_t known_threshold(const struct tcp *tcp)
{
    return known(tcp, 1)->threshold / MSS;
}

/* The first time-out of the next connection to peer 1, whose handshake took `rtt_us`. */
static uint32_t first_time_out(const struct tcp *tcp, uint32_t rtt_us)
{
    struct tcp_connection c = {.key.remote = address(1), .mss = MSS, .rto_us = 1000 * MS};
    if (rtt_us != 0)
        tcp_rtt_sample(tcp, &c, rtt_us, rtt_us, false, tcp->now_ns);
    peers_recall(tcp, &c);
    return c.rto_us;
}

static uint32_t first_threshold(const struct tcp *tcp, uint16_t mss)
{
    struct tcp_connection c = {.key.remote = address(1), .mss = mss};
    c.congestion.threshold = CONGESTION_THRESHOLD_UNKNOWN;
    peers_recall(tcp, &c);
    return c.congestion.threshold;
}

static void pass(struct tcp *tcp, uint32_t seconds)
{
    tcp->now_ns += seconds * WORLD_SECOND;
}

/* ---- Room ---- */

static void what_was_told_nothing_for_the_longest_time_gives_way(void **state)
{
    (void)state;
    struct tcp *tcp = make(4);
    for (uint32_t i = 0; i < 4; i++, pass(tcp, 1))
        learn(tcp, i, 100 * MS);
    learn(tcp, 0, 100 * MS);
    pass(tcp, 1);
    learn(tcp, 4, 100 * MS);
    assert_non_null(known(tcp, 0));
    assert_null(known(tcp, 1));
    for (uint32_t i = 2; i < 5; i++)
        assert_non_null(known(tcp, i));
}

static void no_more_is_kept_than_there_is_room_for(void **state)
{
    (void)state;
    for (uint32_t paths = 0; paths < 40; paths++) {
        if (paths != 0)
            peer_free(&peer);
        struct tcp *tcp = make(paths);
        uint32_t count = 0;
        for (uint32_t i = 0; i < 1000; i++)
            learn(tcp, i, 100 * MS);
        for (uint32_t i = 0; i < 1000; i++)
            count += known(tcp, i) != NULL;
        assert_int_equal(count, paths < 4 ? paths : paths / 4 * 4);
        assert_int_equal(tcp->peers.used, paths != 0);
    }
}

static void remember_cookie(struct tcp *tcp, uint32_t number)
{
    struct chaski_address server = address(number);
    struct fast_open_cookie cookie = {.length = 4};
    fast_open_remember(tcp, &server, &cookie, 1460);
}

static bool has_cookie(const struct tcp *tcp, uint32_t number)
{
    struct chaski_address server = address(number);
    return fast_open_recall(tcp, &server) != NULL;
}

/* Those who open connections to us must not make us forget what servers gave us. */
static void row_29_cookies_are_not_pushed_out(void **state)
{
    (void)state;
    struct tcp *tcp = make(4);
    for (uint32_t i = 0; i < 3; i++, pass(tcp, 1))
        remember_cookie(tcp, i);
    for (uint32_t i = 100; i < 1000; i++, pass(tcp, 1)) {
        learn(tcp, i, 100 * MS);
        assert_non_null(known(tcp, i));
    }
    learn(tcp, 2, 100 * MS); /* what is known already gets more */
    assert_int_equal(known(tcp, 2)->rtt_us8, 800 * MS);
    remember_cookie(tcp, 3);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(has_cookie(tcp, i));
    learn(tcp, 1000, 100 * MS);
    assert_null(known(tcp, 1000));
    remember_cookie(tcp, 4); /* the one that was told nothing for the longest time */
    assert_false(has_cookie(tcp, 0));
    for (uint32_t i = 1; i < 5; i++)
        assert_true(has_cookie(tcp, i));
}

/* ---- Round trips ---- */

static void a_longer_round_trip_is_believed_at_once(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    learn(tcp, 1, 100 * MS);
    assert_int_equal(known(tcp, 1)->rtt_us8, 800 * MS);
    learn(tcp, 1, 900 * MS);
    assert_int_equal(known(tcp, 1)->rtt_us8, 7200 * MS);
    learn(tcp, 1, 100 * MS);
    assert_int_equal(known(tcp, 1)->rtt_us8, 6400 * MS);
}

static void a_round_trip_that_could_not_be_measured_is_forgotten(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    learn(tcp, 1, 0);
    assert_null(known(tcp, 1));
    learn(tcp, 1, 100 * MS);
    learn(tcp, 1, 0);
    assert_int_equal(known(tcp, 1)->rtt_us8, 0);
    learn(tcp, 1, 100 * MS);
    struct tcp_connection c = ended(1, 200 * MS);
    c.backoff = 1;
    peers_learn(tcp, &c);
    assert_int_equal(known(tcp, 1)->rtt_us8, 0);
}

static void the_first_time_out_is_that_of_the_longer_round_trip(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    assert_int_equal(first_time_out(tcp, 20 * MS), 220 * MS);
    learn(tcp, 1, 300 * MS);
    assert_int_equal(first_time_out(tcp, 20 * MS), 900 * MS);
    assert_int_equal(first_time_out(tcp, 400 * MS), 1200 * MS);
    assert_int_equal(first_time_out(tcp, 0), 900 * MS);
    tcp->knobs.no_metrics_save = true; /* nothing is kept from then on */
    learn(tcp, 1, 600 * MS);
    assert_int_equal(first_time_out(tcp, 20 * MS), 900 * MS);
}

static void the_first_time_out_is_as_policy_wants_it(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    learn(tcp, 1, 50 * MS);
    assert_int_equal(first_time_out(tcp, 20 * MS), 250 * MS);
    assert_int_equal(first_time_out(tcp, 0), 250 * MS);
    tcp->knobs.rto_min_us = 20 * MS;
    assert_int_equal(first_time_out(tcp, 20 * MS), 150 * MS);
    learn(tcp, 1, 900 * MS);
    tcp->knobs.rto_max_us = 1000 * MS;
    assert_int_equal(first_time_out(tcp, 20 * MS), 1000 * MS);
}

/* Somebody behind the same address may have been slow on purpose. */
static void row_29_nobody_makes_others_wait_for_more_than_three_seconds(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    learn(tcp, 1, 40000 * MS);
    assert_int_equal(first_time_out(tcp, 20 * MS), 3000 * MS);
    assert_int_equal(first_time_out(tcp, 0), 3000 * MS);
    assert_int_equal(first_time_out(tcp, 2000 * MS), 6000 * MS);
}

static void all_is_forgotten_after_an_hour(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    tcp->knobs.no_ssthresh_metrics_save = false;
    learn_threshold(tcp, 10, 7, TCP_CA_OPEN);
    learn_reordering(tcp, 10);
    struct chaski_address remote = address(1);
    pass(tcp, HOUR_S - 1);
    assert_int_equal(first_time_out(tcp, 20 * MS), 300 * MS);
    assert_int_equal(first_threshold(tcp, MSS), 7 * MSS);
    assert_int_equal(peers_reordering(tcp, &remote), 10);
    pass(tcp, 1);
    assert_int_equal(first_time_out(tcp, 20 * MS), 220 * MS);
    assert_int_equal(first_threshold(tcp, MSS), CONGESTION_THRESHOLD_UNKNOWN);
    assert_int_equal(peers_reordering(tcp, &remote), 0);
    learn(tcp, 1, 50 * MS); /* nothing of it comes back */
    assert_int_equal(known(tcp, 1)->rtt_us8, 400 * MS);
    assert_int_equal(known(tcp, 1)->threshold, 0);
    assert_int_equal(peers_reordering(tcp, &remote), 0);
}

/* ---- Thresholds, reordering ---- */

static void no_threshold_is_kept_unless_policy_wants_it(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    learn_threshold(tcp, 10, 7, TCP_CA_OPEN);
    assert_int_equal(known_threshold(tcp), 0);
    tcp->knobs.no_ssthresh_metrics_save = false;
    learn_threshold(tcp, 10, 7, TCP_CA_OPEN);
    assert_int_equal(first_threshold(tcp, MSS), 7 * MSS);
    assert_int_equal(first_threshold(tcp, 4 * MSS), 8 * MSS); /* never less than two segments */
    tcp->knobs.no_ssthresh_metrics_save = true;
    assert_int_equal(first_threshold(tcp, MSS), CONGESTION_THRESHOLD_UNKNOWN);
}

/* As Linux does, by where the connection stood at its end. */
static void a_threshold_is_believed_where_the_window_had_reached_it(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    tcp->knobs.no_ssthresh_metrics_save = false;
    learn_threshold(tcp, 40, 0, TCP_CA_OPEN); /* nothing was lost: what could be kept? */
    assert_int_equal(known_threshold(tcp), 0);
    learn_threshold(tcp, 5, 9, TCP_CA_OPEN); /* the window still grows */
    assert_int_equal(known_threshold(tcp), 0);
    learn_threshold(tcp, 9, 9, TCP_CA_RECOVERY); /* or is reduced */
    assert_int_equal(known_threshold(tcp), 0);
    learn_threshold(tcp, 9, 9, TCP_CA_OPEN);
    assert_int_equal(known_threshold(tcp), 9);
    learn_threshold(tcp, 7, 7, TCP_CA_OPEN);
    assert_int_equal(known_threshold(tcp), 7);
    learn_threshold(tcp, 30, 7, TCP_CA_OPEN); /* half of the window is more */
    assert_int_equal(known_threshold(tcp), 15);
    /* What is not sure raises it only. */
    learn_threshold(tcp, 5, 9, TCP_CA_OPEN);
    assert_int_equal(known_threshold(tcp), 15);
    learn_threshold(tcp, 5, 20, TCP_CA_LOSS);
    assert_int_equal(known_threshold(tcp), 20);
    learn_threshold(tcp, 30, 0, TCP_CA_OPEN);
    assert_int_equal(known_threshold(tcp), 20);
    learn_threshold(tcp, 50, 0, TCP_CA_OPEN);
    assert_int_equal(known_threshold(tcp), 25);
}

static void the_most_reordering_is_kept(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    struct chaski_address remote = address(1);
    learn_reordering(tcp, 3); /* as policy has it anyway */
    assert_int_equal(peers_reordering(tcp, &remote), 0);
    learn_reordering(tcp, 5);
    learn_reordering(tcp, 4);
    learn(tcp, 1, 100 * MS); /* of a connection that sent nothing */
    assert_int_equal(peers_reordering(tcp, &remote), 5);
}

/* RFC 4821, 7.4: what follows a probe of the path's MTU shall tell whether it was lost. */
static void where_much_is_reordered_more_follows_a_probe(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    struct tcp_connection c = ended(1, 100 * MS);
    tcp->knobs.mtu_probing = 2;
    c.flight = &flight;
    c.snd_wnd = c.congestion.window = 60 * MSS;
    flight = (struct tcp_flight){.mtu.most = 1400};
    assert_int_equal(mtu_probe_size(tcp, &c, 1200 + 4 * MSS - 1, tcp->now_ns), 0);
    assert_int_equal(mtu_probe_size(tcp, &c, 1200 + 4 * MSS, tcp->now_ns), 1200);
    flight.rack.reordering = 10;
    assert_int_equal(mtu_probe_size(tcp, &c, 1200 + 11 * MSS - 1, tcp->now_ns), 0);
    assert_int_equal(mtu_probe_size(tcp, &c, 1200 + 11 * MSS, tcp->now_ns), 1200);
}

/* ---- Connections ---- */

static void row_29_strangers_leave_nothing(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    peer_host_listens(&peer);
    struct segment syn = peer_segment(&peer, SEGMENT_SYN);
    for (syn.source_port = 1; syn.source_port < 100; syn.source_port++)
        peer_injects(&peer, &syn);
    peer_hears_all(&peer);
    assert_int_not_equal(tcp->half_open.count, 0);
    peer_runs(&peer, 100 * WORLD_SECOND);
    assert_int_equal(tcp->half_open.count, 0);
    assert_false(tcp->peers.used);
}

static void row_29_who_resets_leaves_nothing(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    peer_opens(&peer);
    assert_int_not_equal(peer_info(&peer).tcpi_rtt, 0);
    peer_says(&peer, SEGMENT_RST, 0);
    assert_false(tcp->peers.used);
}

static void row_29_who_is_given_up_leaves_nothing(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    peer_opens(&peer);
    peer_host_writes(&peer, 100);
    peer_runs(&peer, 2000 * WORLD_SECOND);
    assert_true(peer.events & CHASKI_ENDED);
    assert_false(tcp->peers.used);
}

static void who_ends_in_order_leaves_a_round_trip(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    struct chaski_address remote = chaski_ip4(192, 0, 2, 2);
    peer_opens(&peer);
    peer_says(&peer, SEGMENT_FIN | SEGMENT_ACK, 0);
    chaski_tcp_close(peer.host, peer.connection);
    peer_settles(&peer);
    peer_hears_all(&peer);
    assert_false(tcp->peers.used);
    peer_acknowledges(&peer);
    assert_non_null(peers_find(tcp, &remote));
    assert_int_not_equal(peers_find(tcp, &remote)->rtt_us8, 0);
}

/* RFC 6298, 5.7, whatever is known of the peer. */
static void after_a_lost_syn_three_seconds_are_waited(void **state)
{
    (void)state;
    struct tcp *tcp = make(16);
    struct segment syn = peer_host_connects(&peer);
    struct chaski_address remote = chaski_ip4(192, 0, 2, 2);
    struct tcp_connection before = ended(1, 100 * MS);
    before.key.remote = remote;
    peers_learn(tcp, &before);
    peer_runs(&peer, 1100 * WORLD_MILLISECOND);
    assert_int_equal(peer_expects(&peer, SEGMENT_SYN).sequence, syn.sequence);
    peer_answers(&peer);
    assert_int_equal(peer_info(&peer).tcpi_rto, 3000 * MS);
}

int main(void)
{
#define test(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        test(what_was_told_nothing_for_the_longest_time_gives_way),
        test(no_more_is_kept_than_there_is_room_for),
        test(row_29_cookies_are_not_pushed_out),
        test(a_longer_round_trip_is_believed_at_once),
        test(a_round_trip_that_could_not_be_measured_is_forgotten),
        test(the_first_time_out_is_that_of_the_longer_round_trip),
        test(the_first_time_out_is_as_policy_wants_it),
        test(row_29_nobody_makes_others_wait_for_more_than_three_seconds),
        test(all_is_forgotten_after_an_hour),
        test(no_threshold_is_kept_unless_policy_wants_it),
        test(a_threshold_is_believed_where_the_window_had_reached_it),
        test(the_most_reordering_is_kept),
        test(where_much_is_reordered_more_follows_a_probe),
        test(row_29_strangers_leave_nothing),
        test(row_29_who_resets_leaves_nothing),
        test(row_29_who_is_given_up_leaves_nothing),
        test(who_ends_in_order_leaves_a_round_trip),
        test(after_a_lost_syn_three_seconds_are_waited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
