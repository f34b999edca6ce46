/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 9293: what TCP has to do with IP and ICMP, and what it reports. Each test bears the number
 * that appendix B gives to what it shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "core/host/layout.h"
#include "tests/support/peer.h"

enum { ETHERNET = 14, IP = 20, QUOTE = IP + 8 };

enum icmp_type { UNREACHABLE = 3, SOURCE_QUENCH = 4, TIME_EXCEEDED = 11, PARAMETER_PROBLEM = 12 };

/* An ICMP message about the frame. */
static void inject_error_about(struct peer *peer, const struct frame *frame, uint8_t type,
                               uint8_t code)
{
    uint8_t packet[IP + 8 + QUOTE] = {0x45, 0, 0, sizeof packet, 0, 0, 0, 0, 64, 1, 0, 0, 192,
                                      0,    2, 2, 192,           0, 2, 1};
    packet[IP] = type;
    packet[IP + 1] = code;
    memcpy(packet + IP + 8, frame->bytes + ETHERNET, QUOTE);
    world_inject_ip4(&peer->world, 0, packet, sizeof packet);
}

/* About what the host sent last. */
static void inject_error(struct peer *peer, uint8_t type, uint8_t code)
{
    inject_error_about(peer, world_last(&peer->world, 0, 0), type, code);
}

/* The IP header of what the host sent last, ARP aside. */
static const uint8_t *last_ip(const struct peer *peer)
{
    uint32_t back = 0;
    while (world_last(&peer->world, 0, back)->bytes[13] != 0x00)
        back++;
    return world_last(&peer->world, 0, back)->bytes + ETHERNET;
}

/* A connection with data in flight. */
static void open_and_write(struct peer *peer)
{
    peer_make(peer, NULL);
    peer_opens(peer);
    peer_host_writes(peer, 100);
    peer->events = 0;
}

static bool lives(struct peer *peer)
{
    bool alive =
        (peer->events & CHASKI_ENDED) == 0 && peer_info(peer).tcpi_state != CHASKI_TCP_CLOSED;
    peer_hears_all(peer);
    peer_acknowledges(peer);
    peer_host_writes(peer, 10);
    struct segment segment;
    return alive && peer_hears(peer, &segment) && segment.payload_length == 10;
}

/* ---- Reports (3.9.1.8) ---- */

static void must_47_soft_errors_are_reported(void **state)
{
    (void)state;
    struct peer peer;
    open_and_write(&peer);
    inject_error(&peer, UNREACHABLE, 1);
    assert_int_equal(peer.events, CHASKI_TROUBLED);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_UNREACHABLE);
    assert_true(chaski_tcp_events(peer.host, peer.connection) & CHASKI_TROUBLED);
    peer_hears_all(&peer);
    peer_acknowledges(&peer); /* progress ends the trouble */
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), 0);
    assert_false(chaski_tcp_events(peer.host, peer.connection) & CHASKI_TROUBLED);
    peer_host_writes(&peer, 100);
    peer.events = 0;
    peer_runs(&peer, 60 * WORLD_SECOND); /* many retransmissions */
    assert_int_equal(peer.events, CHASKI_TROUBLED);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_TIMED_OUT);
    peer.events = 0;
    struct segment segment = peer_segment(&peer, SEGMENT_ACK | SEGMENT_URG);
    segment.urgent = 10;
    peer_injects(&peer, &segment);
    assert_int_equal(peer.events & CHASKI_URGENT, CHASKI_URGENT);
    peer_free(&peer);
}

/* What the network last said is why the connection ends when it times out. */
static void the_last_report_is_the_reason(void **state)
{
    (void)state;
    struct peer peer;
    open_and_write(&peer);
    inject_error(&peer, UNREACHABLE, 0);
    peer_runs(&peer, 3600 * WORLD_SECOND);
    assert_true(peer.events & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_NETWORK_UNREACHABLE);
    peer_free(&peer);
}

static void shld_20_reports_can_be_disabled(void **state)
{
    (void)state;
    struct peer peer;
    open_and_write(&peer);
    assert_int_equal(chaski_tcp_on(peer.host, peer.connection, NULL, NULL), 0);
    inject_error(&peer, UNREACHABLE, 1);
    assert_int_equal(peer.events, 0);
    peer_free(&peer);
}

/* ---- What goes into the IP header (3.9.1.9, 3.9.2) ---- */

/* RFC 1122 MUST-11, MUST-39 */
static void must_48_the_diffserv_field_can_be_set(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    struct chaski_tcp_connect connect = {
        .local.port = PEER_HOST_PORT,
        .remote = world_endpoint(1, PEER_PORT),
    };
    assert_int_equal(chaski_tcp_connect(peer.host, &connect, &peer.connection), 0);
    assert_int_equal(chaski_tcp_set(peer.host, peer.connection, CHASKI_TCP_TOS, 0xb8), 0);
    peer_settles(&peer);
    assert_int_equal(last_ip(&peer)[1], 0xb8); /* SYN */
    peer.expected = world_last_segment(&peer.world, 0, 0).sequence + 1;
    peer_says(&peer, SEGMENT_SYN | SEGMENT_ACK, 0);
    assert_int_equal(last_ip(&peer)[1], 0xb8); /* acknowledgement */
    peer_host_writes(&peer, 3000);
    assert_int_equal(last_ip(&peer)[1], 0xb8); /* data, cut on the way down */
    chaski_tcp_abort(peer.host, peer.connection);
    peer_settles(&peer);
    assert_int_equal(last_ip(&peer)[1], 0xb8); /* reset */
    peer_free(&peer);
}

static void change_field(struct peer *peer, uint32_t tos)
{
    peer_hears_all(peer);
    peer_acknowledges(peer);
    peer_host_sets(peer, CHASKI_TCP_TOS, tos);
    peer_host_writes(peer, 10);
    assert_int_equal(last_ip(peer)[1], tos & 0xfc); /* the rest is ECN's (RFC 3168, 5) */
}

static void shld_21_the_diffserv_field_can_change(void **state)
{
    (void)state;
    struct peer peer;
    open_and_write(&peer);
    assert_int_equal(last_ip(&peer)[1], 0);
    change_field(&peer, 0x28);
    change_field(&peer, 0);
    peer_free(&peer);
}

static void shld_22_the_diffserv_field_goes_unchanged(void **state)
{
    (void)state;
    struct peer peer;
    open_and_write(&peer);
    for (uint32_t tos = 0; tos < 256; tos++)
        change_field(&peer, tos);
    peer_free(&peer);
}

/* RFC 1122 MUST-12, MUST-13, MUST-39 */
static void must_49_ttl_is_configurable(void **state)
{
    (void)state;
    struct peer peer;
    open_and_write(&peer);
    assert_int_equal(last_ip(&peer)[8], 64);
    for (int ttl = 1; ttl < 256; ttl += 127) {
        peer_hears_all(&peer);
        peer_acknowledges(&peer);
        peer_host_sets(&peer, CHASKI_TCP_TTL, ttl);
        peer_host_writes(&peer, 10);
        assert_int_equal(last_ip(&peer)[8], ttl);
    }
    peer_hears_all(&peer);
    peer_acknowledges(&peer);
    peer_host_sets(&peer, CHASKI_TCP_TTL, 0); /* the default again */
    peer_host_writes(&peer, 10);
    assert_int_equal(last_ip(&peer)[8], 64);
    peer_free(&peer);
}

/* Options of IP that TCP knows nothing of: record route, timestamp, router alert, an unknown one.
 */
/* RFC 1122 MUST-14 */
static void must_50_ip_options_are_ignored(void **state)
{
    (void)state;
    static const uint8_t options[][12] = {
        {7, 7, 4, 0, 0, 0, 0, 0},
        {68, 8, 5, 0, 0, 0, 0, 0},
        {148, 4, 0, 0},
        {0x99, 6, 1, 2, 3, 4, 1, 0},
        {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    };
    struct peer peer;
    struct chaski_address from = world_address(1), to = world_address(0);
    peer_make(&peer, NULL);
    peer_opens(&peer);
    for (unsigned i = 0; i < sizeof options / sizeof options[0]; i++) {
        uint8_t plain[60], packet[72];
        struct segment segment = peer_segment(&peer, SEGMENT_ACK);
        segment.payload_length = 10;
        uint32_t length = segment_packet(&segment, &from, &to, plain);
        memcpy(packet, plain, IP);
        memcpy(packet + IP, options[i], 12);
        memcpy(packet + IP + 12, plain + IP, length - IP);
        packet[0] = 0x48;
        packet[3] = (uint8_t)(length + 12);
        world_inject_ip4(&peer.world, 0, packet, length + 12);
        peer.next += 10;
        assert_int_equal(peer_host_reads(&peer, 100), 10);
        peer_runs(&peer, WORLD_SECOND);
        assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
        assert_int_equal(last_ip(&peer)[0], 0x45); /* none are sent back */
    }
    peer_free(&peer);
}

/* ---- ICMP (3.9.2.2) ---- */

/* An error goes to the connection that it quotes, and only when it quotes what is in flight. */
/* RFC 1122 MUST-20 */
static void must_54_errors_reach_the_connection_quoted(void **state)
{
    (void)state;
    struct peer peer;
    open_and_write(&peer);
    chaski_tcp first = peer.connection;
    struct frame about_first = *world_last(&peer.world, 0, 0);
    peer_hears_all(&peer);

    struct chaski_tcp_connect connect = {.remote = world_endpoint(1, 80)};
    chaski_tcp second;
    assert_int_equal(chaski_tcp_connect(peer.host, &connect, &second), 0);
    peer_settles(&peer);
    inject_error(&peer, UNREACHABLE, 3); /* port unreachable */
    assert_int_equal(chaski_tcp_error(peer.host, second), CHASKI_REFUSED);
    assert_true(chaski_tcp_events(peer.host, second) & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(peer.host, first), 0);
    assert_int_equal(peer.events, 0);

    inject_error_about(&peer, &about_first, UNREACHABLE, 1);
    assert_int_equal(peer.events, CHASKI_TROUBLED);
    peer_acknowledges(&peer);
    peer.events = 0;
    inject_error_about(&peer, &about_first, UNREACHABLE, 1); /* no longer in flight */
    assert_int_equal(peer.events, 0);
    assert_int_equal(chaski_tcp_error(peer.host, first), 0);
    assert_int_equal(chaski_tcp_close(peer.host, second), 0);
    peer_free(&peer);
}

static void must_55_source_quench_is_discarded(void **state)
{
    (void)state;
    struct peer peer;
    open_and_write(&peer);
    uint32_t window = peer_info(&peer).tcpi_snd_cwnd, sent = world_sent(&peer.world, 0);
    inject_error(&peer, SOURCE_QUENCH, 0);
    assert_int_equal(peer.events, 0);
    assert_int_equal(peer_info(&peer).tcpi_snd_cwnd, window);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), 0);
    assert_int_equal(world_sent(&peer.world, 0), sent);
    assert_true(lives(&peer));
    peer_free(&peer);
}

static const uint8_t soft[][2] = {
    {UNREACHABLE, 0},   {UNREACHABLE, 1},       {UNREACHABLE, 5},
    {UNREACHABLE, 11},  {UNREACHABLE, 12},      {TIME_EXCEEDED, 0},
    {TIME_EXCEEDED, 1}, {PARAMETER_PROBLEM, 0}, {PARAMETER_PROBLEM, 1},
};

/* RFC 1122 MUST-24 */
static void must_56_soft_errors_abort_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof soft / sizeof soft[0]; i++) {
        struct peer peer;
        open_and_write(&peer);
        inject_error(&peer, soft[i][0], soft[i][1]);
        assert_int_equal(peer.events, CHASKI_TROUBLED);
        assert_true(lives(&peer));
        peer_free(&peer);
    }
}

/* While opening, those that say nothing about whether the peer is there. */
/* RFC 1122 MUST-23 */
static void must_56_expired_segments_abort_no_attempt(void **state)
{
    (void)state;
    struct peer peer;
    for (unsigned i = 5; i < sizeof soft / sizeof soft[0]; i++) {
        peer_make(&peer, NULL);
        peer_host_connects(&peer);
        inject_error(&peer, soft[i][0], soft[i][1]);
        assert_int_equal(peer.events, CHASKI_TROUBLED);
        peer_answers(&peer);
        assert_int_equal(chaski_tcp_error(peer.host, peer.connection), 0);
        peer_free(&peer);
    }
}

static void shld_25_unreachability_is_told(void **state)
{
    (void)state;
    static const uint8_t codes[] = {0, 1, 5};
    static const int told[] = {CHASKI_NETWORK_UNREACHABLE, CHASKI_UNREACHABLE,
                               CHASKI_NO_SOURCE_ROUTE};
    for (unsigned i = 0; i < sizeof codes; i++) {
        struct peer peer;
        open_and_write(&peer);
        inject_error(&peer, UNREACHABLE, codes[i]);
        assert_int_equal(peer.events, CHASKI_TROUBLED);
        assert_int_equal(chaski_tcp_error(peer.host, peer.connection), told[i]);
        peer_free(&peer);
    }
}

/* An attempt to open is given up; a connection is not (RFC 5927). */
static void shld_26_hard_errors_abort_attempts(void **state)
{
    (void)state;
    static const uint8_t codes[] = {2, 3};
    static const int told[] = {CHASKI_NO_PROTOCOL, CHASKI_REFUSED};
    for (unsigned i = 0; i < sizeof codes; i++) {
        struct peer peer;
        peer_make(&peer, NULL);
        peer_host_connects(&peer);
        inject_error(&peer, UNREACHABLE, codes[i]);
        assert_true(peer.events & CHASKI_ENDED);
        assert_int_equal(chaski_tcp_error(peer.host, peer.connection), told[i]);
        peer_free(&peer);
        open_and_write(&peer);
        inject_error(&peer, UNREACHABLE, codes[i]);
        assert_int_equal(peer.events, CHASKI_TROUBLED);
        assert_true(lives(&peer));
        peer_free(&peer);
    }
}

/* ---- Neighbours ---- */

static unsigned confirmations;

static void count_confirmation(void *block, const struct chaski_address *destination,
                               uint64_t now_ns)
{
    (void)block, (void)destination, (void)now_ns;
    confirmations++;
}

/* RFC 1122, 2.3.2.1 and 3.3.1.4: progress is advice, which is not given twice in a millisecond. */
static void progress_confirms_the_neighbour(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer.host->tcp.network[FAMILY_IP4].confirm = count_confirmation;
    confirmations = 0;
    for (unsigned moments = 1; moments <= 3; moments++) {
        peer_runs(&peer, 2 * WORLD_SECOND / 1000);
        for (unsigned i = 0; i < 2; i++) {
            peer_host_writes(&peer, 100);
            peer_hears_all(&peer);
            peer_acknowledges(&peer);
        }
        assert_int_equal(confirmations, moments);
    }
    peer_acknowledges(&peer); /* which is no progress */
    assert_int_equal(confirmations, 3);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(must_47_soft_errors_are_reported),
        cmocka_unit_test(the_last_report_is_the_reason),
        cmocka_unit_test(shld_20_reports_can_be_disabled),
        cmocka_unit_test(must_48_the_diffserv_field_can_be_set),
        cmocka_unit_test(shld_21_the_diffserv_field_can_change),
        cmocka_unit_test(shld_22_the_diffserv_field_goes_unchanged),
        cmocka_unit_test(must_49_ttl_is_configurable),
        cmocka_unit_test(must_50_ip_options_are_ignored),
        cmocka_unit_test(must_54_errors_reach_the_connection_quoted),
        cmocka_unit_test(must_55_source_quench_is_discarded),
        cmocka_unit_test(must_56_soft_errors_abort_nothing),
        cmocka_unit_test(must_56_expired_segments_abort_no_attempt),
        cmocka_unit_test(shld_25_unreachability_is_told),
        cmocka_unit_test(shld_26_hard_errors_abort_attempts),
        cmocka_unit_test(progress_confirms_the_neighbour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
