/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "tests/support/peer.h"

/* Our window where knobs have it otherwise than RFC 9293: what ends beyond it, when it shrinks, and
 * what is the application's. */

enum { BUFFER = 4096, LONG = 10000, SLACK = 65536 };

#define SMALL "4096 8192 8192"     /* no scale */
#define SCALED "4096 8192 1000000" /* by 16 */

static const uint8_t with_all[] = {2, 4, 0x05, 0xb4, 4, 2, 1, 1, 3, 3, 7, 1};

static const struct tcp_connection *connection_at(const struct peer *peer)
{
    return &peer->host->tcp.connections[peer->connection.index];
}

static void open_buffer(struct peer *peer, const char *sizes, const char *knob, const char *value)
{
    peer_make(peer, NULL);
    assert_int_equal(chaski_set_knob(peer->host, "tcp_rmem", sizes), 0);
    assert_int_equal(chaski_set_knob(peer->host, "tcp_moderate_rcvbuf", "0"), 0);
    assert_int_equal(chaski_set_knob(peer->host, knob, value), 0);
    peer->syn_options = with_all;
    peer->syn_options_length = sizeof with_all;
    peer_opens(peer);
}

/* A connection whose buffer is of BUFFER bytes. */
static void open_with(struct peer *peer, const char *sizes, const char *knob, const char *value)
{
    open_buffer(peer, sizes, knob, value);
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
    open_with(&peer, SMALL, "tcp_lax_window", "0");
    uint32_t edge =
        peer.next + connection_at(&peer)->rcv_advertised - connection_at(&peer)->rcv_nxt;
    assert_int_equal(say_at(&peer, 0, LONG).acknowledgment, edge);
    peer_free(&peer);
}

static void lax_windows_take_all_or_nothing(void **state)
{
    (void)state;
    struct peer peer;
    open_with(&peer, SMALL, "tcp_lax_window", "1");
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
        open_with(&peer, SMALL, "tcp_lax_window", "1");
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
    open_with(&peer, SMALL, "tcp_lax_window", "1");
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

/* ---- Windows that shrink ---- */

enum { SCALE = 4, SEGMENTS = 150 };

static uint32_t told(const struct segment *answer)
{
    return (uint32_t)answer->window << SCALE;
}

/* Segments of a byte keep much memory busy behind gaps. Returns how far the edge moved back. */
static uint32_t shrinkage(struct peer *peer)
{
    const struct tcp_connection *c = connection_at(peer);
    peer->world.unmodelled = true; /* who would complain of it */
    uint32_t largest = 0, back = 0;
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        struct segment answer = say_at(peer, 1 + 2 * i, 1);
        uint32_t edge = answer.acknowledgment + told(&answer);
        if (i == 0 || (int32_t)(edge - largest) > 0)
            largest = edge;
        if (largest - edge > back)
            back = largest - edge;
        uint32_t spare = told(&answer) - c->receive_mss;
        assert_true(told(&answer) >= c->receive_mss);
        if (back != 0 && spare > 1u << SCALE)
            assert_true(2 * told(&answer) + c->receive.charge <= 2 * c->receive.limit + SLACK);
    }
    assert_int_equal(c->rcv_advertised, largest);
    return back;
}

static void windows_stay_without_the_knob(void **state)
{
    (void)state;
    struct peer peer;
    open_with(&peer, SCALED, "tcp_shrink_window", "0");
    assert_int_equal(connection_at(&peer)->receive_scale, SCALE);
    assert_int_equal(shrinkage(&peer), 0);
    peer_free(&peer);
}

/* RFC 7323 MUST-18: down to a segment, which is what fills the gap; but what was promised before is
 * taken. */
static void windows_shrink_to_what_memory_allows(void **state)
{
    (void)state;
    struct peer peer;
    open_with(&peer, SCALED, "tcp_shrink_window", "1");
    const struct tcp_connection *c = connection_at(&peer);
    assert_true(shrinkage(&peer) > BUFFER / 2);
    uint32_t first = peer.next, edge = c->rcv_advertised;
    struct segment answer = say_at(&peer, 0, edge - first);
    assert_int_equal(answer.acknowledgment, edge);
    assert_int_equal(answer.window, 0);
    assert_int_equal(peer_info(&peer).tcpi_rcv_wnd, 0);
    assert_int_equal(peer_host_reads(&peer, BUFFER), edge - first);
    assert_true(peer_expects(&peer, SEGMENT_ACK).window > 0);
    peer_free(&peer);
}

/* Whose place then stands where the edge stood. */
static void windows_do_not_shrink_before_a_fin(void **state)
{
    (void)state;
    struct peer peer;
    open_with(&peer, SCALED, "tcp_shrink_window", "1");
    shrinkage(&peer);
    uint32_t first = peer.next, left = connection_at(&peer)->rcv_advertised - first - 1;
    struct segment fin = peer_segment(&peer, SEGMENT_ACK | SEGMENT_FIN);
    fin.sequence += left;
    peer_injects(&peer, &fin);
    struct segment answer = peer_expects(&peer, SEGMENT_ACK);
    assert_true(told(&answer) + (1u << SCALE) > left);
    assert_int_equal(say_at(&peer, 0, left).acknowledgment, first + left + 1);
    assert_int_equal(peer_host_reads(&peer, BUFFER), left);
    assert_int_equal(peer_host_reads(&peer, BUFFER), 0);
    peer_free(&peer);
}

/* ---- What is the application's ---- */

/* Of few segments not as much as it says. */
static void the_application_has_its_part(void **state)
{
    (void)state;
    struct peer peer;
    open_with(&peer, SMALL, "tcp_app_win", "1");
    assert_int_equal(say_at(&peer, 0, 500).window, 2 * PEER_MSS - 500);
    assert_int_equal(say_at(&peer, 0, 500).window, 2 * PEER_MSS - 1000);
    assert_int_equal(peer_host_reads(&peer, 1000), 1000);
    assert_int_equal(say_at(&peer, 0, 500).window, 2 * PEER_MSS - 500);
    assert_int_equal(say_at(&peer, 0, 537).window, BUFFER - 1037);
    peer_free(&peer);

    open_buffer(&peer, "4096 4096 4096", "tcp_app_win", "1"); /* less than two segments */
    assert_int_equal(say_at(&peer, 0, 500).window, 2048 - 500);
    peer_free(&peer);

    open_buffer(&peer, "4096 14000 14000", "tcp_app_win", "1");
    for (uint32_t i = 1; i <= 2; i++)
        assert_int_equal(say_at(&peer, 0, 500).window, 4 * PEER_MSS - i * 500);
    assert_int_equal(peer_host_reads(&peer, 1000), 1000);
    assert_int_equal(say_at(&peer, 0, 500).window, 7000 - PEER_MSS - 500);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_windows_cut),
        cmocka_unit_test(lax_windows_take_all_or_nothing),
        cmocka_unit_test(what_lax_windows_take_shuts_them),
        cmocka_unit_test(what_lax_windows_take_has_a_limit),
        cmocka_unit_test(windows_stay_without_the_knob),
        cmocka_unit_test(windows_shrink_to_what_memory_allows),
        cmocka_unit_test(windows_do_not_shrink_before_a_fin),
        cmocka_unit_test(the_application_has_its_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
