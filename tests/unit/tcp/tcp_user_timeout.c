/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "tests/support/peer.h"

/* The user time-out option (RFC 5482). */

enum { MSS = PEER_MSS, MINUTES = 0x8000 };

static struct peer peer;

static struct tcp_connection *connection(void)
{
    return &peer.host->tcp.connections[peer.connection.index];
}

static void set(const char *knob, const char *value)
{
    assert_int_equal(chaski_set_knob(peer.host, knob, value), 0);
}

static void make(void)
{
    peer_make(&peer, NULL);
    set("tcp_user_timeout_option", "1");
}

/* The option's value; -1: it is not there. */
static int told(const struct segment *segment)
{
    struct wire_tcp_options options;
    uint8_t header[60] = {0};
    header[12] = (uint8_t)((20 + segment->options_length) / 4 << 4);
    for (unsigned i = 0; i < segment->options_length; i++)
        header[20 + i] = segment->options[i];
    wire_tcp_parse_options(header, &options);
    return options.user_timeout != 0 ? options.user_timeout : -1;
}

static void tells(uint16_t value)
{
    static uint8_t option[4];
    struct segment segment = peer_segment(&peer, SEGMENT_ACK);
    option[0] = 28;
    option[1] = 4;
    option[2] = (uint8_t)(value >> 8);
    option[3] = (uint8_t)value;
    segment.options = option;
    segment.options_length = sizeof option;
    peer_injects(&peer, &segment);
}

/* RFC 5482 MUST-5, MUST-7, SHLD-2 */
static void it_goes_with_the_syn_and_the_first_data(void **state)
{
    (void)state;
    struct segment segment;
    make();
    struct chaski_tcp_connect connect = {
        .local.port = PEER_HOST_PORT,
        .remote = world_endpoint(1, PEER_PORT),
    };
    assert_int_equal(chaski_tcp_connect(peer.host, &connect, &peer.connection), 0);
    peer_host_sets(&peer, CHASKI_TCP_USER_TIMEOUT, 90000);
    peer_settles(&peer);
    assert_true(peer_hears(&peer, &segment));
    assert_true(segment.flags & SEGMENT_SYN);
    assert_int_equal(told(&segment), 90);
    peer.expected = segment.sequence + 1;
    struct segment answer = peer_segment(&peer, SEGMENT_SYN | SEGMENT_ACK);
    answer.options = peer.syn_options;
    answer.options_length = peer.syn_options_length;
    peer_injects(&peer, &answer);
    peer.next++;
    peer_expects(&peer, SEGMENT_ACK);
    peer_host_writes(&peer, 3 * MSS);
    assert_true(peer_hears(&peer, &segment));
    assert_int_equal(told(&segment), 90);
    assert_int_equal(segment.payload_length, MSS - 4); /* it takes its room */
    assert_true(peer_hears(&peer, &segment));
    assert_int_equal(told(&segment), -1); /* once is enough, */
    peer_hears_all(&peer);
    uint32_t first = connection()->snd_una;
    peer_waits(&peer, 5 * WORLD_SECOND);
    assert_true(peer_hears(&peer, &segment));
    assert_int_equal(segment.sequence, first);
    assert_int_equal(told(&segment), 90); /* but when that goes again, it does too */
    peer_free(&peer);
}

/* RFC 5482 MUST-8, SHLD-3 */
static void a_change_is_told(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        int value;
    } cases[] = {{1000, 1}, {1001, 2}, {32767000, 32767}, {32768000, MINUTES | 547}};
    for (unsigned i = 0; i < 4; i++) {
        struct segment segment;
        make();
        peer_is_opened(&peer);
        peer_host_writes(&peer, 10);
        segment = peer_expects(&peer, SEGMENT_ACK);
        assert_int_equal(told(&segment), -1); /* nothing is set */
        peer_acknowledges(&peer);
        peer_host_sets(&peer, CHASKI_TCP_USER_TIMEOUT, cases[i].ms);
        peer_host_writes(&peer, 10);
        segment = peer_expects(&peer, SEGMENT_ACK);
        assert_int_equal(told(&segment), cases[i].value);
        peer_acknowledges(&peer);
        peer_host_writes(&peer, 10);
        segment = peer_expects(&peer, SEGMENT_ACK);
        assert_int_equal(told(&segment), -1);
        peer_free(&peer);
    }
}

/* RFC 5482 MUST-10 */
static void without_the_knob_nothing_is_told_or_adopted(void **state)
{
    (void)state;
    peer_make(&peer, NULL);
    peer_is_opened(&peer);
    peer_host_sets(&peer, CHASKI_TCP_USER_TIMEOUT, 90000);
    peer_host_writes(&peer, 10);
    struct segment segment = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(told(&segment), -1);
    peer_host_sets(&peer, CHASKI_TCP_USER_TIMEOUT, 0);
    tells(200);
    assert_int_equal(connection()->user_timeout_ms, 0);
    peer_free(&peer);
}

static void who_tells_is_told(void **state)
{
    (void)state;
    make();
    peer_is_opened(&peer);
    tells(200);
    peer_host_writes(&peer, 10);
    struct segment segment = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(told(&segment), 925); /* the default: what tcp_retries2 takes */
    peer_free(&peer);
}

/* The default, which is told in return, is as long as so many time-outs take. */
static void make_impatient(void)
{
    make();
    set("tcp_retries2", "3");
}

/* RFC 5482 MUST-1, MUST-4, MUST-8, SHLD-1, SHLD-5 */
static void what_is_adopted_lies_within_limits(void **state)
{
    (void)state;
    static const struct {
        uint16_t value;
        uint32_t ms;
    } cases[] = {
        {50, 100000},    {100, 100000},         {101, 101000},    {3600, 3600000},
        {3601, 3600000}, {MINUTES | 3, 180000}, {32767, 3600000}, {MINUTES | 32767, 3600000}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_impatient();
        peer_is_opened(&peer);
        tells(cases[i].value);
        assert_int_equal(connection()->user_timeout_ms, cases[i].ms);
        int64_t own;
        assert_int_equal(chaski_tcp_get(peer.host, peer.connection, CHASKI_TCP_USER_TIMEOUT, &own),
                         0);
        assert_int_equal(own, 0); /* the application has set none */
        peer_free(&peer);
    }
    make_impatient();
    set("tcp_user_timeout_least", "1");
    peer_is_opened(&peer);
    connection()->rto_us = 60000000; /* never shorter than a retransmission takes */
    tells(5);
    assert_int_equal(connection()->user_timeout_ms, 120000);
    peer_free(&peer);
}

/* RFC 5482 SHLD-6 */
static void the_longer_one_is_adopted(void **state)
{
    (void)state;
    make();
    peer_is_opened(&peer);
    tells(200);
    uint32_t ours = connection()->user_timeout_ms;
    assert_in_range(ours, 924000, 925000);
    tells(1000);
    assert_int_equal(connection()->user_timeout_ms, 1000000);
    tells(200); /* which is its word now */
    assert_int_equal(connection()->user_timeout_ms, ours);
    peer_free(&peer);
}

/* RFC 5482 SHLD-5 */
static void what_is_adopted_holds(void **state)
{
    (void)state;
    make_impatient();
    peer_is_opened(&peer);
    tells(120);
    peer_host_writes(&peer, 10);
    peer_runs(&peer, 119 * WORLD_SECOND);
    assert_false(peer.events & CHASKI_ENDED);
    peer_runs(&peer, 3 * WORLD_SECOND);
    assert_true(peer.events & CHASKI_ENDED);
    peer_hears_all(&peer);
    peer_free(&peer);
}

static int64_t peer_timeout(void)
{
    int64_t ms;
    assert_int_equal(chaski_tcp_get(peer.host, peer.connection, CHASKI_TCP_PEER_USER_TIMEOUT, &ms),
                     0);
    return ms;
}

/* RFC 5482 MUST-2, MUST-3, SHLD-4 */
static void what_the_application_has_set_stands(void **state)
{
    (void)state;
    make_impatient();
    peer_is_opened(&peer);
    peer_host_sets(&peer, CHASKI_TCP_USER_TIMEOUT, 30000);
    assert_int_equal(peer_timeout(), 0);
    tells(500);
    assert_int_equal(connection()->user_timeout_ms, 30000);
    assert_true(peer.events & CHASKI_PEER_TIMEOUT);
    assert_int_equal(peer_timeout(), 500000);
    peer.events = 0;
    tells(500);
    assert_int_equal(peer.events & CHASKI_PEER_TIMEOUT, 0); /* that is no news */
    tells(MINUTES | 10);
    assert_true(peer.events & CHASKI_PEER_TIMEOUT);
    assert_int_equal(peer_timeout(), 600000);
    assert_int_equal(chaski_tcp_set(peer.host, peer.connection, CHASKI_TCP_PEER_USER_TIMEOUT, 1),
                     CHASKI_INVALID);
    peer.events = 0;
    peer_host_sets(&peer, CHASKI_TCP_USER_TIMEOUT, 0);
    tells(500);
    assert_int_equal(connection()->user_timeout_ms, 500000);
    peer_free(&peer);
}

/* RFC 5482 MUST-7, MUST-9 */
static void values_without_meaning_are_ignored(void **state)
{
    (void)state;
    static uint8_t wrong[] = {28, 3, 200, 1, 28, 5, 0, 200, 0, 0, 0, 0};
    make();
    peer_is_opened(&peer);
    tells(0);
    tells(MINUTES);
    struct segment segment = peer_segment(&peer, SEGMENT_ACK);
    segment.options = wrong;
    segment.options_length = sizeof wrong;
    peer_injects(&peer, &segment);
    assert_int_equal(connection()->user_timeout_ms, 0);
    peer_host_writes(&peer, 10);
    segment = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(told(&segment), -1);
    peer_free(&peer);
}

/* RFC 5482 MUST-11 */
static void keep_alives_do_not_end_it_sooner(void **state)
{
    (void)state;
    for (unsigned option = 0; option < 2; option++) {
        make_impatient();
        peer_is_opened(&peer);
        peer_host_sets(&peer, CHASKI_TCP_KEEPIDLE, 10000);
        peer_host_sets(&peer, CHASKI_TCP_KEEPINTVL, 1000);
        peer_host_sets(&peer, CHASKI_TCP_KEEPCNT, 2);
        peer_host_sets(&peer, CHASKI_TCP_KEEPALIVE, 1);
        if (option)
            tells(600);
        peer_runs(&peer, 590 * WORLD_SECOND);
        assert_int_equal((peer.events & CHASKI_ENDED) != 0, !option);
        peer_runs(&peer, 30 * WORLD_SECOND);
        assert_true(peer.events & CHASKI_ENDED);
        peer_hears_all(&peer);
        peer_free(&peer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_with_the_syn_and_the_first_data),
        cmocka_unit_test(a_change_is_told),
        cmocka_unit_test(without_the_knob_nothing_is_told_or_adopted),
        cmocka_unit_test(who_tells_is_told),
        cmocka_unit_test(what_is_adopted_lies_within_limits),
        cmocka_unit_test(the_longer_one_is_adopted),
        cmocka_unit_test(what_is_adopted_holds),
        cmocka_unit_test(what_the_application_has_set_stands),
        cmocka_unit_test(values_without_meaning_are_ignored),
        cmocka_unit_test(keep_alives_do_not_end_it_sooner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
