/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "core/tcp/opening/tcp_fast_open.h"
#include "tests/support/peer.h"

/* TCP Fast Open (RFC 7413): the server with a scripted client, the client with a scripted server.
 */

static const uint8_t key[32] = {0xa1, 0xa1, 0xa1, 0xa1, 0xb2, 0xb2, 0xb2, 0xb2,
                                0xc3, 0xc3, 0xc3, 0xc3, 0xd4, 0xd4, 0xd4, 0xd4};
static const uint8_t text[4000];
static struct peer peer;

static void make(uint32_t knob)
{
    peer_make(&peer, NULL);
    peer.host->tcp.knobs.fast_open = (uint16_t)knob;
    assert_int_equal(chaski_tcp_fast_open_keys(peer.host, key, 16), 0);
}

static void make_server(uint32_t knob, uint32_t queue)
{
    make(knob);
    peer_host_listens(&peer);
    assert_int_equal(chaski_tcp_listener_fast_open(peer.host, peer.listener, queue), 0);
}

static int tear_down(void **state)
{
    (void)state;
    peer_free(&peer);
    return 0;
}

static struct chaski_address host_address(void)
{
    return chaski_ip4(192, 0, 2, 1);
}

static struct chaski_address peer_address(void)
{
    return chaski_ip4(192, 0, 2, 2);
}

/* MSS and the option with a cookie; `length` 0 asks for one. */
static uint8_t syn_options(uint8_t *options, const uint8_t *cookie, uint8_t length,
                           bool experimental)
{
    const uint8_t mss[4] = {2, 4, PEER_MSS >> 8, PEER_MSS & 0xff};
    memcpy(options, mss, 4);
    return (uint8_t)(4 + wire_tcp_build_fast_open(options + 4, cookie, length, experimental));
}

static struct segment say_syn(const uint8_t *options, uint8_t length, uint32_t n)
{
    struct segment syn = peer_segment(&peer, SEGMENT_SYN);
    syn.options = options;
    syn.options_length = length;
    syn.payload = text;
    syn.payload_length = n;
    peer_injects(&peer, &syn);
    return syn;
}

/* The SYN+ACK; it acknowledges the SYN and `taken` bytes. */
static struct segment hear_synack(uint32_t taken)
{
    struct segment synack = peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(synack.acknowledgment, peer.next + 1 + taken);
    peer.expected = synack.sequence + 1;
    return synack;
}

static void right_cookie(struct fast_open_cookie *cookie)
{
    struct chaski_address client = peer_address(), server = host_address();
    fast_open_make(&peer.host->tcp.fast_open_keys, &client, &server, cookie);
}

/* With the cookie that is right, and without SACK. */
static void say_right_syn(uint32_t n)
{
    uint8_t options[40];
    struct fast_open_cookie cookie;
    right_cookie(&cookie);
    say_syn(options, syn_options(options, cookie.bytes, 8, false), n);
}

/* ---- Cookies ---- */

/* 4.1.2: what Linux makes of the same addresses under the same keys. */
/* RFC 7413 MUST-2, MUST-3 */
static void cookies_are_those_of_linux(void **state)
{
    (void)state;
    static const uint8_t keyed[8] = {0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb};
    static const uint8_t unkeyed[8] = {0xb7, 0xc1, 0x23, 0x50, 0xa9, 0x0d, 0xc8, 0xf5};
    static const uint8_t nothing[16];
    struct chaski_address client = chaski_ip4(192, 0, 2, 1), server = chaski_ip4(192, 168, 0, 1);
    struct fast_open_keys all = {.count = 0};
    struct fast_open_cookie cookie;
    assert_int_equal(fast_open_set_keys(&all, key, 16), 0);
    fast_open_make(&all, &client, &server, &cookie);
    assert_int_equal(cookie.length, 8);
    assert_memory_equal(cookie.bytes, keyed, 8);
    assert_int_equal(fast_open_set_keys(&all, nothing, 16), 0);
    fast_open_make(&all, &client, &server, &cookie);
    assert_memory_equal(cookie.bytes, unkeyed, 8);
    assert_int_equal(fast_open_set_keys(&all, key, 15), CHASKI_INVALID);
}

/* ---- The server (4.2.2) ---- */

/* RFC 7413 MUST-9 */
static void a_request_is_answered_with_a_cookie(void **state)
{
    (void)state;
    uint8_t options[40], length;
    struct fast_open_cookie cookie;
    make_server(FAST_OPEN_SERVER, 5);
    right_cookie(&cookie);
    length = syn_options(options, NULL, 0, false);
    say_syn(options, length, 0);
    struct segment synack = hear_synack(0);
    const uint8_t *given = segment_option(&synack, 34, &length);
    assert_non_null(given);
    assert_int_equal(length, 8);
    assert_memory_equal(given, cookie.bytes, 8);
}

static void the_experimental_option_is_answered_in_kind(void **state)
{
    (void)state;
    uint8_t options[40], length;
    struct fast_open_cookie cookie;
    make_server(FAST_OPEN_SERVER, 5);
    right_cookie(&cookie);
    length = syn_options(options, NULL, 0, true);
    say_syn(options, length, 0);
    struct segment synack = hear_synack(0);
    assert_null(segment_option(&synack, 34, &length));
    const uint8_t *given = segment_option(&synack, 254, &length);
    assert_non_null(given);
    assert_int_equal(length, 10);
    assert_int_equal(given[0] << 8 | given[1], 0xf989);
    assert_memory_equal(given + 2, cookie.bytes, 8);
}

static bool let_in(void *context, const struct chaski_endpoint *local,
                   const struct chaski_endpoint *remote)
{
    (void)local, (void)remote;
    ++*(unsigned *)context;
    return true;
}

/* The filter is asked first; then the answer is the same. */
/* RFC 7413 MUST-9 */
static void a_listener_with_a_filter_gives_cookies_as_well(void **state)
{
    (void)state;
    static const uint8_t kinds[] = {34, 254, 0};
    for (unsigned i = 0; i < 3; i++) {
        uint8_t options[40], length;
        unsigned asked = 0;
        struct fast_open_cookie cookie;
        if (i != 0)
            peer_free(&peer);
        make(FAST_OPEN_SERVER);
        struct chaski_tcp_bind bind = {
            .local.port = PEER_HOST_PORT, .filter = let_in, .context = &asked};
        assert_int_equal(chaski_tcp_bind(peer.host, &bind, &peer.listener), 0);
        assert_int_equal(chaski_tcp_listener_fast_open(peer.host, peer.listener, 5), 0);
        world_introduce(&peer.world, 0);
        peer.heard = peer.world.frame_count;
        right_cookie(&cookie);
        length = syn_options(options, NULL, 0, kinds[i] == 254);
        say_syn(options, kinds[i] == 0 ? 4 : length, 0);
        struct segment synack = hear_synack(0);
        assert_int_equal(asked, 1);
        const uint8_t *given = segment_option(&synack, kinds[i], &length);
        if (kinds[i] == 0)
            assert_null(segment_option(&synack, 34, &length));
        else
            assert_memory_equal(given + (kinds[i] == 254 ? 2 : 0), cookie.bytes, 8);
    }
}

/* Data is taken with the SYN, and answered before the handshake is over. */
/* RFC 7413 MUST-10, MUST-12, MUST-14 */
static void data_with_a_cookie_is_taken_at_once(void **state)
{
    (void)state;
    make_server(FAST_OPEN_SERVER, 5);
    say_right_syn(1000);
    hear_synack(1000);
    assert_true(peer.events & CHASKI_READABLE);
    assert_int_equal(peer_host_reads(&peer, 5000), 1000);
    assert_int_equal(peer_host_writes(&peer, 3000), 3000);
    assert_int_equal(peer_hears_all(&peer), 3000);
    assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_SYN_RECEIVED);
    assert_int_equal(peer_info(&peer).tcpi_options & 32, 32);
    peer.next += 1001;
    peer_acknowledges(&peer);
    assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_ESTABLISHED);
    assert_int_equal(peer_info(&peer).tcpi_unacked, 0);
    peer_says(&peer, SEGMENT_ACK, 10);
    assert_int_equal(peer_host_reads(&peer, 5000), 10);
}

/* RFC 7413 MUST-11, SHLD-4 */
/* What follows the SYN+ACK does not keep it from going again when both are lost; and goes again
 * itself when the handshake is over. */
static void a_lost_answer_goes_again_with_data_behind_it(void **state)
{
    (void)state;
    make_server(FAST_OPEN_SERVER, 5);
    say_right_syn(10);
    peer_host_writes(&peer, 500);
    hear_synack(10);
    peer_hears_all(&peer);
    assert_in_range(peer_waits(&peer, 10 * WORLD_SECOND), 900 * WORLD_MILLISECOND,
                    1100 * WORLD_MILLISECOND);
    hear_synack(10);
    peer.next += 11;
    peer_acknowledges(&peer); /* of the SYN alone */
    peer_waits(&peer, 10 * WORLD_SECOND);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 500);
    peer_acknowledges(&peer);
}

static void a_wrong_cookie_gets_the_ordinary_handshake(void **state)
{
    (void)state;
    uint8_t options[40];
    struct fast_open_cookie cookie;
    make_server(FAST_OPEN_SERVER, 5);
    right_cookie(&cookie);
    cookie.bytes[3] ^= 1;
    uint8_t length = syn_options(options, cookie.bytes, 8, false);
    say_syn(options, length, 1000);
    struct segment synack = hear_synack(0);
    assert_non_null(segment_option(&synack, 34, &length)); /* a right one */
    assert_int_equal(peer.events, 0);
    peer.next++;
    peer_acknowledges(&peer);
    assert_true(peer.events & CHASKI_CONNECTED);
    assert_int_equal(peer_info(&peer).receive_queue, 0);
}

/* RFC 7413 SHLD-1 */
static void a_cookie_of_the_key_before_is_taken_and_replaced(void **state)
{
    (void)state;
    uint8_t options[40], keys[32], length;
    struct fast_open_cookie old, new;
    make_server(FAST_OPEN_SERVER, 5);
    right_cookie(&old);
    memset(keys, 7, 16);
    memcpy(keys + 16, key, 16);
    assert_int_equal(chaski_tcp_fast_open_keys(peer.host, keys, 32), 0);
    right_cookie(&new);
    assert_memory_not_equal(old.bytes, new.bytes, 8);
    length = syn_options(options, old.bytes, 8, false);
    say_syn(options, length, 100);
    struct segment synack = hear_synack(100);
    const uint8_t *given = segment_option(&synack, 34, &length);
    assert_non_null(given);
    assert_memory_equal(given, new.bytes, 8);
}

/* 5.1: no more than so many may wait for the end of the handshake; then it is the ordinary one. */
/* RFC 7413 MUST-15 */
static void the_queue_is_limited(void **state)
{
    (void)state;
    make_server(FAST_OPEN_SERVER, 1);
    say_right_syn(100);
    hear_synack(100);
    chaski_tcp first = peer.connection;
    peer.port++;
    say_right_syn(100);
    hear_synack(0);
    peer.port--;
    peer.connection = first;
    struct segment reset = peer_segment(&peer, SEGMENT_RST);
    reset.sequence = peer.next + 101;
    peer_injects(&peer, &reset);
    assert_int_equal(chaski_tcp_error(peer.host, first), CHASKI_RESET);
    chaski_tcp_close(peer.host, first);
    peer.port += 2;
    say_right_syn(100);
    hear_synack(0); /* its SYN may have been forged: resets free no place for a minute */
    peer_runs(&peer, 60 * WORLD_SECOND);
    peer_hears_all(&peer);
    peer.port++;
    say_right_syn(100);
    hear_synack(100);
}

/* RFC 7413 SHLD-7 */
static void without_the_knob_or_the_listener_nothing_is_fast(void **state)
{
    (void)state;
    static const uint32_t knobs[] = {FAST_OPEN_SERVER, FAST_OPEN_CLIENT, 0};
    static const uint32_t queues[] = {0, 5, 5};
    for (unsigned i = 0; i < 3; i++) {
        uint8_t length;
        if (i != 0)
            peer_free(&peer);
        make_server(knobs[i], queues[i]);
        say_right_syn(100);
        struct segment synack = hear_synack(0);
        assert_null(segment_option(&synack, 34, &length));
    }
}

/* Linux's 0x200 and 0x400. */
static void cookies_need_not_be_asked_for(void **state)
{
    (void)state;
    uint8_t options[40];
    make(FAST_OPEN_SERVER | FAST_OPEN_SERVER_NO_COOKIE | FAST_OPEN_ALL_LISTENERS);
    peer_host_listens(&peer);
    const uint8_t mss[4] = {2, 4, PEER_MSS >> 8, PEER_MSS & 0xff};
    memcpy(options, mss, 4);
    say_syn(options, 4, 100);
    hear_synack(100);
    assert_int_equal(peer_host_reads(&peer, 5000), 100);
}

/* The SYN+ACK is lost: the SYN comes again, and time passes. */
/* RFC 7413 MUST-16 */
static void the_answer_goes_again(void **state)
{
    (void)state;
    make_server(FAST_OPEN_SERVER, 5);
    say_right_syn(100);
    struct segment first = hear_synack(100);
    say_right_syn(100);
    struct segment second = hear_synack(100);
    assert_int_equal(first.sequence, second.sequence);
    peer_runs(&peer, 1100 * WORLD_MILLISECOND);
    assert_int_equal(hear_synack(100).sequence, first.sequence);
    assert_int_equal(peer_host_reads(&peer, 5000), 100); /* once */
    peer_runs(&peer, 200 * WORLD_SECOND);
    assert_true(peer.events & CHASKI_ENDED);
}

/* So does what the application answered at once, when the handshake's time-outs are over. */
static void a_lost_answer_with_text_goes_again(void **state)
{
    (void)state;
    make_server(FAST_OPEN_SERVER, 5);
    say_right_syn(100);
    struct segment first = hear_synack(100);
    assert_int_equal(peer_host_reads(&peer, 5000), 100);
    assert_int_equal(peer_host_writes(&peer, 500), 500);
    assert_int_equal(peer_hears_all(&peer), 500);
    for (uint64_t seconds = 1; seconds <= 4; seconds *= 2) {
        uint64_t waited = peer_waits(&peer, 10 * WORLD_SECOND);
        assert_in_range(waited, seconds * WORLD_SECOND * 9 / 10, seconds * WORLD_SECOND);
        assert_int_equal(hear_synack(100).sequence, first.sequence);
        peer_expects_nothing(&peer);
    }
    peer.next += 101;
    peer_acknowledges(&peer); /* the SYN alone */
    assert_int_equal(peer_info(&peer).tcpi_unacked, 1);
    peer_waits(&peer, 4 * WORLD_SECOND);
    struct segment again = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(again.sequence, first.sequence + 1);
    assert_int_equal(again.payload_length, 500);
}

/* The application answers and closes before the handshake is over. */
static void closing_before_the_handshake_is_over(void **state)
{
    (void)state;
    make_server(FAST_OPEN_SERVER, 5);
    say_right_syn(100);
    hear_synack(100);
    assert_int_equal(peer_host_reads(&peer, 5000), 100);
    assert_int_equal(peer_host_writes(&peer, 50), 50);
    peer_host_closes(&peer);
    assert_int_equal(peer_hears_all(&peer), 51); /* and FIN */
    peer.next += 101;
    struct segment fin = peer_segment(&peer, SEGMENT_ACK | SEGMENT_FIN);
    peer_injects(&peer, &fin);
    peer_runs(&peer, 100 * WORLD_SECOND);
    assert_int_equal(peer.host->tcp.connection_count, 0);
}

/* ---- The client (4.2.1) ---- */

static struct segment connect_fast(uint32_t n, bool without_cookie)
{
    struct chaski_tcp_connect connect = {
        .remote = {.address = peer_address(), .port = PEER_PORT},
        .fast_open = true,
        .fast_open_without_cookie = without_cookie,
    };
    assert_int_equal(chaski_tcp_connect(peer.host, &connect, &peer.connection), 0);
    if (n != 0)
        assert_int_equal(chaski_tcp_write(peer.host, peer.connection, text, n), n);
    world_settle(&peer.world);
    struct segment syn = world_last_segment(&peer.world, 0, 0);
    assert_int_equal(syn.flags & ~SEGMENT_PSH, SEGMENT_SYN);
    peer.port = PEER_PORT;
    peer.host_port = syn.source_port;
    peer.expected = syn.sequence + 1;
    peer.heard = peer.world.frame_count;
    return syn;
}

/* The peer's SYN+ACK for `acknowledgment`, with these options. */
static void answer(uint32_t acknowledgment, const uint8_t *options, uint8_t length)
{
    struct segment synack = peer_segment(&peer, SEGMENT_SYN | SEGMENT_ACK);
    synack.acknowledgment = acknowledgment;
    synack.options = options;
    synack.options_length = length;
    peer_injects(&peer, &synack);
    peer.next++;
}

static const uint8_t cookie_given[8] = {1, 2, 3, 4, 5, 6, 7, 8};

/* The first time a cookie is asked for; the data follows the handshake. */
static void learn(void)
{
    uint8_t options[40], length;
    world_introduce(&peer.world, 0);
    struct segment syn = connect_fast(500, false);
    assert_int_equal(syn.payload_length, 0);
    assert_non_null(segment_option(&syn, 34, &length));
    assert_int_equal(length, 0);
    length = syn_options(options, cookie_given, 8, false);
    answer(syn.sequence + 1, options, length);
    assert_int_equal(peer_hears_all(&peer), 500);
    peer_acknowledges(&peer);
    assert_int_equal(peer_info(&peer).tcpi_options & 32, 0);
    chaski_tcp_abort(peer.host, peer.connection);
    world_settle(&peer.world);
    peer.heard = peer.world.frame_count;
    peer.next = PEER_ISS;
}

static void make_client_with_cookie(void)
{
    make(FAST_OPEN_CLIENT);
    learn();
}

/* RFC 7413 MUST-4, MUST-5, MUST-6, SHLD-3 */
static void a_cookie_is_asked_for_and_used(void **state)
{
    (void)state;
    uint8_t length;
    make_client_with_cookie();
    struct segment syn = connect_fast(500, false);
    const uint8_t *cookie = segment_option(&syn, 34, &length);
    assert_non_null(cookie);
    assert_int_equal(length, 8);
    assert_memory_equal(cookie, cookie_given, 8);
    assert_int_equal(syn.payload_length, 500);
    answer(syn.sequence + 501, NULL, 0);
    peer.expected += 500;
    peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(peer_info(&peer).tcpi_options & 32, 32);
    assert_int_equal(peer_info(&peer).tcpi_bytes_acked, 500);
    assert_int_equal(peer_info(&peer).send_queue, 0);
    assert_int_equal(peer_host_writes(&peer, 100), 100);
    assert_int_equal(peer_hears_all(&peer), 100);
}

/* The server took the SYN only, or part of the data: the rest goes in the ordinary way. */
/* RFC 7413 MUST-8 */
static void what_was_not_taken_goes_again(void **state)
{
    (void)state;
    static const uint32_t takes[] = {0, 200};
    for (unsigned i = 0; i < 2; i++) {
        if (i != 0)
            peer_free(&peer);
        make_client_with_cookie();
        struct segment syn = connect_fast(500, false);
        assert_int_equal(syn.payload_length, 500);
        answer(syn.sequence + 1 + takes[i], NULL, 0);
        peer.expected += takes[i];
        assert_int_equal(peer_hears_all(&peer), 500 - takes[i]);
        peer_acknowledges(&peer);
        assert_int_equal(peer_info(&peer).tcpi_bytes_acked, 500);
    }
}

/* More than was sent cannot be acknowledged. */
static void too_much_acknowledged_is_refused(void **state)
{
    (void)state;
    make_client_with_cookie();
    struct segment syn = connect_fast(500, false);
    answer(syn.sequence + 502, NULL, 0);
    assert_int_equal(world_last_segment(&peer.world, 0, 0).flags, SEGMENT_RST);
    assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_SYN_SENT);
}

/* 4.1.3, 7.1: a SYN that goes again is a plain one. */
/* RFC 7413 SHLD-6 */
static void a_syn_that_goes_again_is_plain(void **state)
{
    (void)state;
    uint8_t length;
    make_client_with_cookie();
    connect_fast(500, false);
    peer_runs(&peer, 1100 * WORLD_MILLISECOND);
    struct segment again = peer_expects(&peer, SEGMENT_SYN);
    assert_int_equal(again.payload_length, 0);
    assert_null(segment_option(&again, 34, &length));
    answer(again.sequence + 1, NULL, 0);
    assert_int_equal(peer_hears_all(&peer), 500);
}

/* ---- Paths that lose it (4.1.3.1) ---- */

static void pause_for(const char *seconds)
{
    const char *knob = "tcp_fastopen_blackhole_timeout_sec";
    assert_int_equal(chaski_set_knob(peer.host, knob, seconds), 0);
}

/* Opens with data; what the SYN looks like. */
enum look { FAST, PLAIN };

enum { OPENING = 400 }; /* bytes: less than fits where nothing is announced */

static enum look look_of(const struct segment *syn)
{
    uint8_t length;
    bool option = segment_option(syn, 34, &length) != NULL;
    assert_int_equal(option, syn->payload_length != 0);
    return option ? FAST : PLAIN;
}

static enum look open_with_data(void)
{
    peer.next = PEER_ISS;
    struct segment syn = connect_fast(OPENING, false);
    return look_of(&syn);
}

static void give_up(void)
{
    chaski_tcp_abort(peer.host, peer.connection);
    world_settle(&peer.world);
    peer.heard = peer.world.frame_count;
}

/* The SYN with data gets lost; the plain one is answered. */
static enum look lose_one(void)
{
    enum look look = open_with_data();
    peer_runs(&peer, 1100 * WORLD_MILLISECOND);
    struct segment again = peer_expects(&peer, SEGMENT_SYN);
    answer(again.sequence + 1, NULL, 0);
    assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_ESTABLISHED);
    give_up();
    return look;
}

static enum look lose_none(void)
{
    enum look look = open_with_data();
    answer(peer.expected + (look == FAST ? OPENING : 0), NULL, 0);
    give_up();
    return look;
}

/* One loss may be chance; a second one in succession is not. The pauses grow. */
/* RFC 7413 SHLD-5 */
static void what_gets_lost_is_not_sent_for_a_while(void **state)
{
    (void)state;
    make(FAST_OPEN_CLIENT);
    pause_for("10");
    learn();
    assert_int_equal(lose_one(), FAST);
    assert_int_equal(lose_none(), FAST);
    assert_int_equal(lose_one(), FAST); /* the success before has made the first one good */
    assert_int_equal(lose_one(), FAST);
    assert_int_equal(lose_none(), PLAIN);
    struct chaski_address server = peer_address();
    assert_int_equal(chaski_tcp_fast_open_room(peer.host, &server, false), 0);
    assert_int_equal(chaski_tcp_fast_open_room(peer.host, &server, true), 0);
    peer_runs(&peer, 9 * WORLD_SECOND);
    assert_int_equal(lose_one(), PLAIN);
    peer_runs(&peer, WORLD_SECOND);
    assert_int_equal(lose_one(), FAST);
    assert_int_equal(lose_one(), FAST);
    peer_runs(&peer, 18 * WORLD_SECOND);
    assert_int_equal(lose_none(), PLAIN);
    peer_runs(&peer, 2 * WORLD_SECOND);
    assert_int_equal(lose_none(), FAST); /* from here on all is forgotten */
    assert_int_equal(lose_one(), FAST);
    assert_int_equal(lose_one(), FAST);
    peer_runs(&peer, 11 * WORLD_SECOND);
    assert_int_equal(lose_none(), FAST);
    assert_int_equal(chaski_counter_value(peer.host, CHASKI_TCP_FAST_OPEN_PAUSED), 3);
}

/* A new cookie is an answer, whatever became of the data. */
static void a_cookie_is_no_loss(void **state)
{
    (void)state;
    uint8_t options[40];
    make_client_with_cookie();
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(open_with_data(), FAST);
        peer_runs(&peer, 1100 * WORLD_MILLISECOND);
        struct segment again = peer_expects(&peer, SEGMENT_SYN);
        answer(again.sequence + 1, options, syn_options(options, cookie_given, 8, false));
        give_up();
    }
    assert_int_equal(chaski_counter_value(peer.host, CHASKI_TCP_FAST_OPEN_PAUSED), 0);
}

/* Nor is a server that takes the SYN and no more; nor a connection that opens in the usual way. */
static void other_troubles_are_no_loss(void **state)
{
    (void)state;
    make_client_with_cookie();
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(open_with_data(), FAST);
        answer(peer.expected, NULL, 0);
        give_up();
    }
    peer_host_connects(&peer);
    peer_runs(&peer, 20 * WORLD_SECOND);
    give_up();
    assert_int_equal(open_with_data(), FAST);
}

/* As Linux: three time-outs in a row, or the end of patience before, with nothing ever heard. */
static void a_black_hole_pauses_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        if (i != 0)
            peer_free(&peer);
        make(FAST_OPEN_CLIENT);
        pause_for("3600");
        learn();
        assert_int_equal(open_with_data(), FAST);
        if (i == 1)
            peer_host_sets(&peer, CHASKI_TCP_SYNCNT, 1);
        if (i >= 2) { /* the handshake gets through, and nothing after it */
            answer(peer.expected + OPENING, NULL, 0);
            peer_host_writes(&peer, 100);
        }
        if (i == 3) { /* but something was heard since */
            peer.expected += OPENING;
            peer_says(&peer, SEGMENT_ACK, 10);
        }
        peer_runs(&peer, 20 * WORLD_SECOND);
        give_up();
        assert_int_equal(chaski_counter_value(peer.host, CHASKI_TCP_FAST_OPEN_PAUSED), i != 3);
        assert_int_equal(open_with_data(), i != 3 ? PLAIN : FAST);
    }
}

static void without_a_pause_it_is_tried_for_ever(void **state)
{
    (void)state;
    make(FAST_OPEN_CLIENT); /* which is how it begins */
    learn();
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(lose_one(), FAST);
    assert_int_equal(open_with_data(), FAST);
    peer_runs(&peer, 60 * WORLD_SECOND);
    give_up();
    assert_int_equal(open_with_data(), FAST);
}

/* Where no cookie is needed, none has to be known for a pause. */
static void a_server_that_gave_nothing_is_remembered(void **state)
{
    (void)state;
    make(FAST_OPEN_CLIENT);
    pause_for("3600");
    world_introduce(&peer.world, 0);
    struct segment syn = connect_fast(300, true);
    assert_int_equal(syn.payload_length, 300);
    peer_runs(&peer, 20 * WORLD_SECOND);
    give_up();
    syn = connect_fast(300, true);
    assert_int_equal(look_of(&syn), PLAIN);
}

/* The first SYN had arrived, and only the answer was lost: the data is acknowledged with the second
 * answer. */
static void a_plain_syn_is_answered_for_the_data_before_it(void **state)
{
    (void)state;
    make_client_with_cookie();
    struct segment syn = connect_fast(500, false);
    peer_runs(&peer, 1100 * WORLD_MILLISECOND);
    assert_int_equal(peer_expects(&peer, SEGMENT_SYN).payload_length, 0);
    answer(syn.sequence + 501, NULL, 0);
    peer.expected += 500;
    peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(peer_info(&peer).tcpi_bytes_acked, 500);
    assert_int_equal(peer_info(&peer).send_queue, 0);
}

/* The SYN is no longer than the server's segments may be, whatever was written. */
/* RFC 7413 MUST-4, MUST-7 */
static void no_more_goes_with_the_syn_than_fits(void **state)
{
    (void)state;
    make_client_with_cookie();
    struct segment syn = connect_fast(4000, false);
    assert_in_range(syn.payload_length, PEER_MSS - 40, PEER_MSS);
    answer(syn.sequence + 1 + syn.payload_length, NULL, 0);
    peer.expected += syn.payload_length;
    assert_int_equal(peer_hears_all(&peer), 4000 - syn.payload_length);
}

static void where_no_cookie_is_needed_none_is_sent(void **state)
{
    (void)state;
    uint8_t length;
    make(FAST_OPEN_CLIENT);
    world_introduce(&peer.world, 0);
    struct segment syn = connect_fast(300, true);
    assert_int_equal(syn.payload_length, 300);
    assert_null(segment_option(&syn, 34, &length));
}

/* RFC 7413 SHLD-7 */
static void without_the_knob_the_client_opens_plainly(void **state)
{
    (void)state;
    uint8_t length;
    make(0);
    world_introduce(&peer.world, 0);
    struct segment syn = connect_fast(300, false);
    assert_int_equal(syn.payload_length, 0);
    assert_null(segment_option(&syn, 34, &length));
}

/* RFC 7413 SHLD-2 */
static void cookies_of_many_servers_are_bounded(void **state)
{
    (void)state;
    make(FAST_OPEN_CLIENT);
    struct tcp *tcp = &peer.host->tcp;
    struct fast_open_cookie cookie = {.length = 4};
    uint32_t limit = tcp->peers.sets * tcp->peers.ways, servers = 3 * limit, known = 0;
    for (uint32_t i = 0; i < servers; i++) {
        struct chaski_address server = chaski_ip4(10, 0, (uint8_t)(i >> 8), (uint8_t)i);
        fast_open_remember(tcp, &server, &cookie, 1000);
        assert_non_null(fast_open_recall(tcp, &server));
    }
    for (uint32_t i = 0; i < servers; i++) {
        struct chaski_address server = chaski_ip4(10, 0, (uint8_t)(i >> 8), (uint8_t)i);
        known += fast_open_recall(tcp, &server) != NULL;
    }
    assert_in_range(known, 1, limit);
}

int main(void)
{
#define test(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookies_are_those_of_linux),
        test(a_request_is_answered_with_a_cookie),
        test(the_experimental_option_is_answered_in_kind),
        test(a_listener_with_a_filter_gives_cookies_as_well),
        test(data_with_a_cookie_is_taken_at_once),
        test(a_lost_answer_goes_again_with_data_behind_it),
        test(a_wrong_cookie_gets_the_ordinary_handshake),
        test(a_cookie_of_the_key_before_is_taken_and_replaced),
        test(the_queue_is_limited),
        test(without_the_knob_or_the_listener_nothing_is_fast),
        test(cookies_need_not_be_asked_for),
        test(the_answer_goes_again),
        test(a_lost_answer_with_text_goes_again),
        test(closing_before_the_handshake_is_over),
        test(a_cookie_is_asked_for_and_used),
        test(what_was_not_taken_goes_again),
        test(too_much_acknowledged_is_refused),
        test(a_syn_that_goes_again_is_plain),
        test(what_gets_lost_is_not_sent_for_a_while),
        test(a_cookie_is_no_loss),
        test(other_troubles_are_no_loss),
        test(a_black_hole_pauses_at_once),
        test(without_a_pause_it_is_tried_for_ever),
        test(a_server_that_gave_nothing_is_remembered),
        test(a_plain_syn_is_answered_for_the_data_before_it),
        test(no_more_goes_with_the_syn_than_fits),
        test(where_no_cookie_is_needed_none_is_sent),
        test(without_the_knob_the_client_opens_plainly),
        test(cookies_of_many_servers_are_bounded),
    };
#undef test
    return cmocka_run_group_tests(tests, NULL, NULL);
}
