/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 9293: windows that shrink, that are shut, that move in small steps. Each test bears the
 * number that appendix B gives to what it shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/peer.h"

#define HOUR (3600 * WORLD_SECOND)

/* Says what the window is now, and acknowledges all that was heard. */
static void offer(struct peer *peer, uint16_t window)
{
    peer->window = window;
    peer_acknowledges(peer);
}

static bool over(const struct peer *peer)
{
    return (peer->events & CHASKI_ENDED) != 0;
}

/* ---- Shrinking (3.8.6) ---- */

/* 10 segments are in flight, of which the peer has got the first; then it takes its window back
 * to `window` bytes from there. */
static uint32_t shrink_to(struct peer *peer, uint16_t window)
{
    peer_make(peer, NULL);
    peer_opens(peer);
    uint32_t first = peer->expected;
    peer_host_writes(peer, 50000);
    assert_int_equal(peer_hears_all(peer), 10 * PEER_MSS);
    peer->expected = first + PEER_MSS;
    offer(peer, window);
    return peer->expected;
}

/* The usable window is negative: neither new data nor harm. */
static void must_34_shrunk_windows_do_no_harm(void **state)
{
    (void)state;
    struct peer peer;
    shrink_to(&peer, 2 * PEER_MSS);
    peer_expects_nothing(&peer);
    assert_int_equal(peer_info(&peer).tcpi_snd_wnd, 2 * PEER_MSS);
    /* What is in the new window arrives, and everything else after it opens again. */
    struct segment segment;
    uint32_t got = 0;
    for (int i = 0; got < 49000 && i < 1000; i++) {
        peer_runs(&peer, 100 * WORLD_MILLISECOND);
        uint32_t edge = peer.expected + peer.window, before = peer.expected;
        while (peer_hears(&peer, &segment))
            ;
        if ((int32_t)(peer.expected - edge) > 0)
            peer.expected = edge;
        got += peer.expected - before;
        if (i == 50)
            peer.window = 60000;
        peer_acknowledges(&peer);
    }
    assert_int_equal(got, 50000 - PEER_MSS);
    peer_free(&peer);
}

/* What lies beyond the window would be ignored, the end of the connection included. */
static void a_reset_lies_within_a_shrunk_window(void **state)
{
    (void)state;
    struct peer peer;
    struct segment segment;
    uint32_t una = shrink_to(&peer, 2 * PEER_MSS);
    while (peer_hears(&peer, &segment))
        ;
    assert_int_equal(chaski_tcp_abort(peer.host, peer.connection), 0);
    world_settle(&peer.world);
    assert_true(peer_hears(&peer, &segment));
    assert_true(segment.flags & SEGMENT_RST);
    assert_int_equal(segment.sequence, una + 2 * PEER_MSS);
    peer_free(&peer);
}

/* A FIN may stand where the window ends; acknowledgements stand behind it. */
static void a_fin_at_the_edge_is_no_shrinking(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer.window = 1000;
    peer_opens(&peer);
    peer_host_writes(&peer, 1000);
    peer_host_shuts_down(&peer);
    peer_hears_all(&peer);
    uint32_t behind = peer.expected;
    peer.expected -= 1000; /* nothing has arrived yet */
    peer_says(&peer, SEGMENT_ACK, 1);
    peer_waits(&peer, 100 * WORLD_MILLISECOND);
    struct segment ack = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(ack.acknowledgment, peer.next);
    assert_int_equal(ack.sequence, behind);
    peer_free(&peer);
}

static void shld_15_nothing_new_beyond_a_shrunk_window(void **state)
{
    (void)state;
    struct peer peer;
    struct segment segment;
    uint32_t una = shrink_to(&peer, 2 * PEER_MSS);
    peer_runs(&peer, 60 * WORLD_SECOND);
    while (peer_hears(&peer, &segment))
        assert_true(segment.sequence - una < 9 * PEER_MSS);
    peer_free(&peer);
}

static void shld_16_what_is_inside_goes_again(void **state)
{
    (void)state;
    struct peer peer;
    uint32_t una = shrink_to(&peer, 2 * PEER_MSS);
    peer_waits(&peer, 10 * WORLD_SECOND);
    struct segment segment = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(segment.sequence, una);
    assert_int_equal(segment.payload_length, PEER_MSS);
    peer_free(&peer);
}

/* As long as the peer answers, and however long it leaves the rest outside of its window. */
static void shld_17_a_shrunk_window_times_nothing_out(void **state)
{
    (void)state;
    struct peer peer;
    shrink_to(&peer, PEER_MSS);
    struct segment segment;
    peer_waits(&peer, 10 * WORLD_SECOND);
    peer_expects(&peer, SEGMENT_ACK); /* the one segment that fits */
    offer(&peer, 0);
    uint32_t edge = peer.expected;
    for (int i = 0; i < 100; i++) {
        peer_waits(&peer, 200 * WORLD_SECOND);
        while (peer_hears(&peer, &segment))
            ;
        peer.expected = edge;
        offer(&peer, 0);
    }
    assert_false(over(&peer));
    assert_true(peer.world.now_ns > 2 * HOUR);
    peer_free(&peer);
}

static void must_35_a_window_shrunk_to_zero_is_probed(void **state)
{
    (void)state;
    struct peer peer;
    uint32_t una = shrink_to(&peer, 0);
    struct segment segment;
    assert_int_equal(chaski_set_knob(peer.host, "tcp_frto", "0"),
                     0); /* this peer does not tell of what it cannot take */
    for (int i = 0; i < 50; i++) {
        peer_waits(&peer, 121 * WORLD_SECOND);
        while (peer_hears(&peer, &segment))
            ;
        peer.expected = una; /* none of it was let in */
        peer_acknowledges(&peer);
    }
    assert_false(over(&peer));
    offer(&peer, 60000);
    for (int i = 0; i < 20; i++) {
        peer_runs(&peer, 10 * WORLD_SECOND);
        peer_hears_all(&peer);
        peer_acknowledges(&peer);
    }
    assert_int_equal(peer.expected - una, 50000 - PEER_MSS);
    peer_free(&peer);
}

/* The host itself: the right edge that it told never moves left, whatever its buffers become. */
/* RFC 7323 MUST-6 */
static void shld_14_our_window_does_not_shrink(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    uint32_t edge = peer.next + 65535 / PEER_MSS * PEER_MSS;
    peer_host_sets(&peer, CHASKI_TCP_RCVBUF, 4096);
    for (int i = 0; i < 200; i++) {
        struct segment segment;
        peer_says(&peer, SEGMENT_ACK, 1 + (uint32_t)i * 7 % 1400);
        peer_runs(&peer, 50 * WORLD_MILLISECOND);
        while (peer_hears(&peer, &segment)) {
            uint32_t now = segment.acknowledgment + segment.window;
            assert_true((int32_t)(now - edge) >= 0);
            edge = now;
        }
        if (i % 10 == 0)
            peer_host_reads(&peer, 1000);
    }
    peer_free(&peer);
}

/* ---- Zero-window probes (3.8.6.1) ---- */

/* The peer shuts its window; 100 bytes wait. */
/* Opened by a cookie, so that no round trip is known. */
static void shut(struct peer *peer)
{
    peer_make(peer, NULL);
    assert_int_equal(chaski_set_knob(peer->host, "tcp_syncookies", "2"), 0);
    peer_opens(peer);
    offer(peer, 0);
    peer_host_writes(peer, 100);
    peer_expects_nothing(peer);
}

static struct segment probe_after(struct peer *peer, uint64_t *ns)
{
    *ns = peer_waits(peer, 300 * WORLD_SECOND);
    struct segment probe = peer_expects(peer, SEGMENT_ACK);
    peer_expects_nothing(peer);
    return probe;
}

/* A probe is a segment that the peer has to answer: it lies before its window. */
static void must_36_shut_windows_are_probed(void **state)
{
    (void)state;
    struct peer peer;
    uint64_t ns;
    shut(&peer);
    for (int i = 0; i < 20; i++) {
        struct segment probe = probe_after(&peer, &ns);
        assert_int_equal(probe.payload_length, 0);
        assert_int_equal(probe.sequence, peer.expected - 1);
        peer_acknowledges(&peer);
    }
    offer(&peer, 1000);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 100);
    peer_free(&peer);
}

static void must_37_who_answers_may_stay_shut(void **state)
{
    (void)state;
    struct peer peer;
    uint64_t ns;
    shut(&peer);
    while (peer.world.now_ns < 48 * HOUR) {
        probe_after(&peer, &ns);
        peer_acknowledges(&peer);
    }
    assert_false(over(&peer));
    offer(&peer, 1000);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 100);
    peer_acknowledges(&peer);
    peer_free(&peer);

    shut(&peer); /* and who does not answer is given up */
    peer_runs(&peer, HOUR);
    assert_true(over(&peer));
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_TIMED_OUT);
    peer_free(&peer);
}

static void shld_29_the_first_probe_comes_after_a_time_out(void **state)
{
    (void)state;
    struct peer peer;
    uint64_t ns;
    shut(&peer);
    probe_after(&peer, &ns);
    assert_int_equal(ns, WORLD_SECOND); /* no round trip was measured */
    peer_free(&peer);
}

static void shld_30_probes_become_rarer(void **state)
{
    (void)state;
    struct peer peer;
    uint64_t ns, expected = WORLD_SECOND;
    shut(&peer);
    for (int i = 0; i < 10; i++) {
        probe_after(&peer, &ns);
        assert_int_equal(ns, expected);
        expected = expected < 64 * WORLD_SECOND ? 2 * expected : 120 * WORLD_SECOND;
        peer_acknowledges(&peer);
    }
    peer_free(&peer);
}

/* The machine slept, or its clock leapt: nobody is given up who was not asked. */
static void a_leap_of_the_clock_ends_in_a_probe(void **state)
{
    (void)state;
    struct peer peer;
    shut(&peer);
    peer.world.now_ns += HOUR;
    peer_settles(&peer);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).sequence, peer.expected - 1);
    assert_false(over(&peer));
    peer_free(&peer);
}

/* Who has let go waits for a window for so long and no longer, though the machine slept when the
 * time was over and the peer, whose window stays shut, does not stop talking. */
static void an_orphan_is_not_kept_by_acknowledgements(void **state)
{
    (void)state;
    struct peer peer;
    struct chaski_tcp_info info;
    uint32_t cursor = 0;
    shut(&peer);
    assert_int_equal(chaski_tcp_close(peer.host, peer.connection), 0);
    peer.world.now_ns += HOUR;
    for (int i = 0; i < 30; i++) {
        peer_acknowledges(&peer);
        peer_runs(&peer, WORLD_SECOND / 10);
    }
    while (chaski_tcp_list(peer.host, &cursor, &info) == 1)
        assert_int_equal(info.tcpi_state, CHASKI_TCP_LISTEN);
    peer_free(&peer);
}

/* Probes were no losses: what goes when the window opens has the time-out of anything else. */
static void an_opened_window_ends_the_backing_off(void **state)
{
    (void)state;
    struct peer peer;
    uint64_t ns;
    shut(&peer);
    for (int i = 0; i < 4; i++) {
        probe_after(&peer, &ns);
        peer_acknowledges(&peer);
    }
    uint32_t una = peer.expected;
    offer(&peer, 1000);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 100);
    assert_int_equal(peer_waits(&peer, HOUR), WORLD_SECOND);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).sequence, una);
    peer_free(&peer);
}

/* ---- Small steps (3.8.6.2) ---- */

/* The largest window was 8000 bytes. A window that opens by little is used when a full segment
 * fits, or half of the largest window; or when nothing better has come for a time-out. */
static void must_38_senders_avoid_silly_windows(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer.window = 8000;
    peer_opens(&peer);
    offer(&peer, 0);
    peer_host_writes(&peer, 20000);
    offer(&peer, 100);
    peer_expects_nothing(&peer);
    offer(&peer, 1459);
    peer_expects_nothing(&peer);
    offer(&peer, 1460);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 1460);
    offer(&peer, 300);
    peer_expects_nothing(&peer);
    assert_true(peer_waits(&peer, 10 * WORLD_SECOND) <= WORLD_SECOND);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 300);
    peer_free(&peer);

    peer_make(&peer, NULL); /* a peer whose whole buffer is smaller than a segment */
    peer.window = 400;
    peer_opens(&peer);
    peer_host_writes(&peer, 5000);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 400);
    offer(&peer, 199);
    peer_expects_nothing(&peer);
    offer(&peer, 200);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 200);
    peer_free(&peer);
}

/* One byte for ever, after a large window: slow, but it goes on. */
static void must_38_the_override_prevents_deadlock(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    offer(&peer, 0);
    peer_host_writes(&peer, 20);
    for (int i = 0; i < 19; i++) {
        offer(&peer, 1);
        peer_expects_nothing(&peer);
        assert_true(peer_waits(&peer, 10 * WORLD_SECOND) <= 2 * WORLD_SECOND);
        assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 1);
        peer_expects_nothing(&peer);
    }
    offer(&peer, 1); /* the last one is all there is */
    peer_runs(&peer, 2 * WORLD_SECOND);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 1);
    peer_free(&peer);
}

/* However the application reads, the edge moves by a full segment, or half of a small buffer. */
static void must_39_receivers_avoid_silly_windows(void **state)
{
    (void)state;
    struct peer peer;
    struct segment segment;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    uint32_t edge = peer.next + 65535, moves = 0;
    while (peer.next + PEER_MSS <= edge) { /* as fast as it may */
        peer_says(&peer, SEGMENT_ACK, PEER_MSS);
        while (peer_hears(&peer, &segment))
            edge = segment.acknowledgment + segment.window;
    }
    for (int i = 0; i < 30000; i++) {
        peer_host_reads(&peer, 1 + (uint32_t)i % 9);
        if (i % 100 == 0 && peer.next != edge)
            peer_says(&peer, SEGMENT_ACK, 1);
        if (i % 100 == 50)
            peer_runs(&peer, 50 * WORLD_MILLISECOND);
        while (peer_hears(&peer, &segment)) {
            uint32_t step = segment.acknowledgment + segment.window - edge;
            assert_true(step == 0 || step >= PEER_MSS);
            moves += step != 0;
            edge += step;
        }
    }
    assert_true(moves > 20);
    peer_free(&peer);
}

/* ---- What a shut window lets in (3.10.7.4) ---- */

/* Our own window is shut. */
static void fill(struct peer *peer)
{
    struct segment segment = {0};
    peer_make(peer, NULL);
    peer_opens(peer);
    uint32_t edge = peer->next + 65535;
    while (peer->next != edge) {
        uint32_t left = edge - peer->next;
        peer_says(peer, SEGMENT_ACK, left < PEER_MSS ? left : PEER_MSS);
        peer_runs(peer, 50 * WORLD_MILLISECOND);
        while (peer_hears(peer, &segment))
            edge = segment.acknowledgment + segment.window;
    }
    assert_int_equal(segment.window, 0);
    assert_int_equal(segment.acknowledgment, peer->next);
    peer->events = 0;
}

static void must_66_resets_pass_a_shut_window(void **state)
{
    (void)state;
    struct peer peer;
    fill(&peer);
    peer_says(&peer, SEGMENT_RST, 0);
    assert_true(over(&peer));
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_RESET);
    peer_free(&peer);
}

static void must_66_urgency_passes_a_shut_window(void **state)
{
    (void)state;
    struct peer peer;
    fill(&peer);
    struct segment segment = peer_segment(&peer, SEGMENT_ACK | SEGMENT_URG);
    segment.urgent = 3;
    segment.payload_length = 3; /* which is not let in */
    peer_injects(&peer, &segment);
    assert_int_equal(peer.events & CHASKI_URGENT, CHASKI_URGENT);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
    peer.events = 0;
    segment.urgent = 9;
    segment.payload_length = 0;
    peer_injects(&peer, &segment);
    assert_int_equal(peer.events & CHASKI_URGENT, CHASKI_URGENT);
    peer_free(&peer);
}

/* And acknowledgements: what they say counts, though the text beside them does not. */
static void must_66_acknowledgements_pass_a_shut_window(void **state)
{
    (void)state;
    struct peer peer;
    fill(&peer);
    peer_host_writes(&peer, 500);
    assert_int_equal(peer_hears_all(&peer), 500);
    struct segment segment = peer_segment(&peer, SEGMENT_ACK);
    segment.payload_length = 1;
    peer_injects(&peer, &segment);
    assert_int_equal(peer_info(&peer).tcpi_unacked, 0);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
    peer_free(&peer);
}

/* The window is SND.UNA plus what the peer last told, and must not run ahead of any edge that it
 * told: a segment with old text and a new acknowledgement tells a window as well. */
static void the_edge_is_where_the_peer_put_it(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer.window = 14600;
    peer_opens(&peer);
    peer_says(&peer, SEGMENT_ACK, 100);
    peer_host_reads(&peer, 100);
    peer_hears_all(&peer);
    peer_host_writes(&peer, 40000);
    assert_int_equal(peer_hears_all(&peer), 10 * PEER_MSS);
    struct segment old = peer_segment(&peer, SEGMENT_ACK);
    old.sequence -= 100; /* its text again, and a little more */
    old.payload_length = 150;
    static const uint8_t text[150];
    old.payload = text;
    old.window = 0; /* all is in its buffer */
    peer_injects(&peer, &old);
    peer.next += 50;
    assert_int_equal(peer_info(&peer).tcpi_snd_wnd, 0);
    assert_int_equal(peer_hears_all(&peer), 0);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(must_34_shrunk_windows_do_no_harm),
        cmocka_unit_test(the_edge_is_where_the_peer_put_it),
        cmocka_unit_test(a_reset_lies_within_a_shrunk_window),
        cmocka_unit_test(a_fin_at_the_edge_is_no_shrinking),
        cmocka_unit_test(shld_15_nothing_new_beyond_a_shrunk_window),
        cmocka_unit_test(shld_16_what_is_inside_goes_again),
        cmocka_unit_test(shld_17_a_shrunk_window_times_nothing_out),
        cmocka_unit_test(must_35_a_window_shrunk_to_zero_is_probed),
        cmocka_unit_test(shld_14_our_window_does_not_shrink),
        cmocka_unit_test(must_36_shut_windows_are_probed),
        cmocka_unit_test(must_37_who_answers_may_stay_shut),
        cmocka_unit_test(shld_29_the_first_probe_comes_after_a_time_out),
        cmocka_unit_test(shld_30_probes_become_rarer),
        cmocka_unit_test(a_leap_of_the_clock_ends_in_a_probe),
        cmocka_unit_test(an_orphan_is_not_kept_by_acknowledgements),
        cmocka_unit_test(an_opened_window_ends_the_backing_off),
        cmocka_unit_test(must_38_senders_avoid_silly_windows),
        cmocka_unit_test(must_38_the_override_prevents_deadlock),
        cmocka_unit_test(must_39_receivers_avoid_silly_windows),
        cmocka_unit_test(must_66_resets_pass_a_shut_window),
        cmocka_unit_test(must_66_urgency_passes_a_shut_window),
        cmocka_unit_test(must_66_acknowledgements_pass_a_shut_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
