/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/peer.h"

/* Receive buffers that begin where they were told to, and grow by themselves, as a listener says.
 */

enum { SIZE = 20000, SEGMENT = 1000, TEXT = 15000 };

static struct peer peer;

static int64_t option(enum chaski_tcp_option name)
{
    int64_t value = -1;
    assert_int_equal(chaski_tcp_get(peer.host, peer.connection, name, &value), 0);
    return value;
}

static void listener_sets(enum chaski_tcp_option name, int64_t value)
{
    assert_int_equal(chaski_tcp_listener_set(peer.host, peer.listener, name, value), 0);
}

/* The handshake, the host listening already. */
static void opens(void)
{
    struct segment syn = peer_segment(&peer, SEGMENT_SYN);
    peer.next++;
    peer_injects(&peer, &syn);
    peer.expected = peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK).sequence + 1;
    peer_acknowledges(&peer);
}

static void text_comes_and_is_read(void)
{
    for (int i = 0; i < TEXT / SEGMENT; i++) {
        peer_says(&peer, SEGMENT_ACK, SEGMENT);
        peer_hears_all(&peer);
    }
    assert_int_equal(peer_host_reads(&peer, TEXT), TEXT);
}

static void a_listener_says_where_it_begins(void **state)
{
    (void)state;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    listener_sets(CHASKI_TCP_RCVBUF, SIZE);
    listener_sets(CHASKI_TCP_RCVBUF_TUNES, 1);
    opens();
    assert_int_equal(option(CHASKI_TCP_RCVBUF), SIZE);
    assert_int_equal(option(CHASKI_TCP_RCVBUF_TUNES), 1);
    text_comes_and_is_read();
    assert_true(option(CHASKI_TCP_RCVBUF) > SIZE);
    peer_free(&peer);
}

static void its_size_fixes_it_again(void **state)
{
    (void)state;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    listener_sets(CHASKI_TCP_RCVBUF_TUNES, 1);
    listener_sets(CHASKI_TCP_RCVBUF, SIZE);
    opens();
    assert_int_equal(option(CHASKI_TCP_RCVBUF_TUNES), 0);
    text_comes_and_is_read();
    assert_int_equal(option(CHASKI_TCP_RCVBUF), SIZE);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_says_where_it_begins),
        cmocka_unit_test(its_size_fixes_it_again),
    };
    return cmocka_run_group_tests_name("tcp_buffer_tunes", tests, NULL, NULL);
}
