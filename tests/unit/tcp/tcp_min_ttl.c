/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "core/host/layout.h"
#include "tests/support/peer.h"

/* The least time to live (RFC 5082): what it costs hosts where nobody asks for it, and what ICMP
 * errors quote. What comes of segments is in tests/scripts. */

enum { ETHERNET = 14, IP = 20, QUOTE = IP + 8, TTL = 8, OUR_TTL = 64 };

/* Host unreachable, about what the host sent last, when that had `ttl` left. */
static void inject_error(struct peer *peer, uint8_t ttl)
{
    uint8_t packet[IP + 8 + QUOTE] = {0x45, 0, 0, sizeof packet, 0, 0, 0, 0, 9, 1, 0, 0, 192,
                                      0,    2, 2, 192,           0, 2, 1};
    packet[IP] = 3;
    packet[IP + 1] = 1;
    memcpy(packet + IP + 8, world_last(&peer->world, 0, 0)->bytes + ETHERNET, QUOTE);
    packet[IP + 8 + TTL] = ttl;
    world_inject_ip4(&peer->world, 0, packet, sizeof packet);
}

static void nothing_is_asked_where_nobody_has_set_it(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    assert_int_equal(peer.host->tcp.gates, 0);
    peer_host_sets(&peer, CHASKI_TCP_MIN_TTL, 0);
    assert_int_equal(peer.host->tcp.gates, 0);
    peer_host_sets(&peer, CHASKI_TCP_MIN_TTL, 1);
    assert_int_equal(peer.host->tcp.gates, TCP_GATE_MIN_TTL);
    peer_free(&peer);
}

static void what_an_error_quotes_must_have_it_left(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_MIN_TTL, OUR_TTL);
    peer_host_writes(&peer, 100);
    peer.events = 0;
    inject_error(&peer, OUR_TTL - 1);
    assert_int_equal(peer.events, 0);
    assert_int_equal(chaski_counter_value(peer.host, CHASKI_TCP_ICMP_IGNORED), 1);
    inject_error(&peer, OUR_TTL);
    assert_int_equal(peer.events, CHASKI_TROUBLED);
    peer_free(&peer);
}

static void an_attempt_to_open_survives_errors_from_afar(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_connects(&peer);
    peer_host_sets(&peer, CHASKI_TCP_MIN_TTL, OUR_TTL);
    inject_error(&peer, OUR_TTL - 1);
    assert_int_equal(peer.events & CHASKI_ENDED, 0);
    inject_error(&peer, OUR_TTL);
    assert_int_equal(peer.events & CHASKI_ENDED, CHASKI_ENDED);
    peer_free(&peer);
}

/* What is in time to live short of it is counted. */
static void what_comes_too_far_is_counted(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_MIN_TTL, 255);
    peer_says(&peer, SEGMENT_ACK, 10);
    assert_int_equal(chaski_counter_value(peer.host, CHASKI_DROP_TCP_MIN_TTL), 1);
    assert_int_equal(peer_host_reads(&peer, 100), CHASKI_AGAIN);
    peer_host_sets(&peer, CHASKI_TCP_MIN_TTL, 0);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_asked_where_nobody_has_set_it),
        cmocka_unit_test(what_an_error_quotes_must_have_it_left),
        cmocka_unit_test(an_attempt_to_open_survives_errors_from_afar),
        cmocka_unit_test(what_comes_too_far_is_counted),
    };
    return cmocka_run_group_tests_name("tcp_min_ttl", tests, NULL, NULL);
}
