/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "tests/support/peer.h"

/* Our window where knobs have it otherwise than RFC 9293: what ends beyond it. */

enum { BUFFER = 4096, LONG = 10000, SLACK = 65536 };

static const uint8_t with_sack[] = {2, 4, 0x05, 0xb4, 4, 2, 1, 1};

static const struct tcp_connection *connection_at(const struct peer *peer)
{
    return &peer->host->tcp.connections[peer->connection.index];
}

/* A connection whose buffer is of BUFFER bytes. */
static void open_small(struct peer *peer, const char *knob, const char *value)
{
    peer_make(peer, NULL);
    assert_int_equal(chaski_set_knob(peer->host, "tcp_rmem", "4096 8192 8192"), 0);
    assert_int_equal(chaski_set_knob(peer->host, knob, value), 0);
    peer->syn_options = with_sack;
    peer->syn_options_length = sizeof with_sack;
    peer_opens(peer);
    assert_int_equal(connection_at(peer)->receive.limit, BUFFER);
}

/* Text `offset` bytes behind what is next; returns the answer. */
static struct segment say_at(struct peer *peer, uint32_t offset, uint32_t length)
{
    struct segment segment = peer_segment(peer, SEGMENT_ACK), answer;
    segment.sequence += offset;
    segment.payload_length = length;
    peer_injects(peer, &segment);
    if (!peer_hears(peer, &answer)) {
        peer_waits(peer, WORLD_SECOND);
        answer = peer_expects(peer, SEGMENT_ACK);
    }
    peer->next = answer.acknowledgment;
    return answer;
}

/* ---- Text that ends beyond the window ---- */

static void strict_windows_cut(void **state)
{
    (void)state;
    struct peer peer;
    open_small(&peer, "tcp_lax_window", "0");
    uint32_t edge =
        peer.next + connection_at(&peer)->rcv_advertised - connection_at(&peer)->rcv_nxt;
    assert_int_equal(say_at(&peer, 0, LONG).acknowledgment, edge);
    peer_free(&peer);
}

static void lax_windows_take_all_or_nothing(void **state)
{
    (void)state;
    struct peer peer;
    open_small(&peer, "tcp_lax_window", "1");
    uint32_t first = peer.next;
    struct segment answer = say_at(&peer, 0, LONG);
    assert_int_equal(answer.acknowledgment, first + LONG);
    assert_int_equal(answer.window, 0);
    assert_int_equal(say_at(&peer, 0, LONG).acknowledgment, first + LONG); /* it is shut */
    assert_int_equal(peer_host_reads(&peer, LONG - 10), LONG - 10);
    peer_hears_all(&peer);
    assert_int_equal(say_at(&peer, 0, LONG).acknowledgment, first + LONG); /* not all is read */
    assert_int_equal(peer_host_reads(&peer, LONG), 10);
    peer_hears_all(&peer);
    assert_int_equal(say_at(&peer, 0, LONG).acknowledgment, first + 2 * LONG);
    peer_free(&peer);
}

static void queue_at(struct peer *peer, uint32_t offset, uint32_t length)
{
    struct segment segment = peer_segment(peer, SEGMENT_ACK);
    segment.sequence += offset;
    segment.payload_length = length;
    peer_queues(peer, &segment);
}

/* Before its acknowledgement goes, too. */
static void what_lax_windows_take_shuts_them(void **state)
{
    (void)state;
    struct peer peer;
    for (uint32_t gap = 0; gap < 2; gap++) {
        open_small(&peer, "tcp_lax_window", "1");
        uint32_t first = peer.next;
        queue_at(&peer, gap, LONG);
        queue_at(&peer, 0, gap);
        queue_at(&peer, gap + LONG, 100);
        assert_int_equal(say_at(&peer, gap + LONG, 0).acknowledgment, first + gap + LONG);
        peer_free(&peer);
    }
}

/* Behind gaps too, all that is kept busy has the queue's own limit. */
static void what_lax_windows_take_has_a_limit(void **state)
{
    (void)state;
    struct peer peer;
    open_small(&peer, "tcp_lax_window", "1");
    const struct tcp_connection *c = connection_at(&peer);
    uint32_t first = peer.next, window = c->rcv_advertised - c->rcv_nxt;
    for (uint32_t offset = 1; offset < window; offset += 97) {
        assert_int_equal(say_at(&peer, offset, 4 * LONG + offset).acknowledgment, first);
        assert_true(c->receive.charge <= 2 * c->receive.limit + SLACK);
    }
    assert_true(c->receive.charge > c->receive.limit);
    assert_int_equal(c->rcv_advertised, first + window);
    say_at(&peer, 0, 1);
    assert_true(c->rcv_nxt - first > window);
    assert_int_equal(c->rcv_advertised, c->rcv_nxt);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_windows_cut),
        cmocka_unit_test(lax_windows_take_all_or_nothing),
        cmocka_unit_test(what_lax_windows_take_shuts_them),
        cmocka_unit_test(what_lax_windows_take_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
