/* SPDX-License-Identifier: BSD-2-Clause */
/* What both ends agree on with their SYNs, and what follows from it: window scale and timestamps
 * (RFC 7323), and selective acknowledgement as the receiver says it (RFC 2018). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/endian.h"
#include "tests/support/peer.h"

static const uint8_t all_options[] = {2, 4,   5, 180, 4, 2, 8, 10, 0, 0,
                                      3, 233, 0, 0,   0, 0, 1, 3,  3, 7};
static const uint8_t scale_only[] = {2, 4, 5, 180, 1, 3, 3, 7};

static struct peer peer;

static int tear_down(void **state)
{
    (void)state;
    peer_free(&peer);
    return 0;
}

static bool has(const struct segment *segment, uint8_t kind)
{
    uint8_t length;
    return segment_option(segment, kind, &length) != NULL;
}

/* The peer's SYN with these options; returns the answer. */
static struct segment answer_to(const uint8_t *options, uint8_t length)
{
    peer_host_listens(&peer);
    struct segment syn = peer_segment(&peer, SEGMENT_SYN);
    syn.options = options;
    syn.options_length = length;
    syn.window = 1000;
    peer_injects(&peer, &syn);
    peer.next++;
    struct segment answer = peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK);
    peer.expected = answer.sequence + 1;
    return answer;
}

/* What was announced is what counts as a full segment: on a link of small packets each second one
 * is acknowledged at once, whoever opened (RFC 9293, 3.8.6.3). */
static void small_segments_count_as_full(void **state)
{
    (void)state;
    static const uint8_t mss_60[] = {2, 4, 0, 60};
    struct world_options options = {.mtu = 100};
    for (unsigned opened = 0; opened < 2; opened++) {
        if (opened)
            peer_free(&peer);
        peer_make(&peer, &options);
        peer.syn_options = mss_60;
        if (opened)
            peer_is_opened(&peer);
        else
            peer_opens(&peer);
        assert_int_equal(peer_info(&peer).tcpi_advmss, 60);
        peer_hears_all(&peer);
        chaski_tcp_set(peer.host, peer.connection, CHASKI_TCP_QUICKACK, 0); /* as if it answered */
        for (unsigned i = 0; i < 8; i++) {
            peer_says(&peer, SEGMENT_ACK, 60);
            if (i % 2 == 0)
                peer_expects_nothing(&peer);
            else
                assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
        }
    }
}

/* ---- RFC 7323 ---- */

/* RFC 7323 MUST-2, MUST-3, MUST-8, SHLD-1 */
static void what_was_not_offered_is_not_answered(void **state)
{
    (void)state;
    for (unsigned offered = 0; offered < 2; offered++) {
        if (offered)
            peer_free(&peer);
        peer_make(&peer, NULL);
        struct segment answer = answer_to(all_options, offered ? sizeof all_options : 4);
        assert_int_equal(has(&answer, 3), offered);
        assert_int_equal(has(&answer, 4), offered);
        assert_int_equal(has(&answer, 8), offered);
        static const uint8_t stamp[] = {8, 10, 0, 0, 3, 234, 0, 0, 0, 0};
        struct segment ack = peer_segment(&peer, SEGMENT_ACK);
        ack.options = stamp; /* perhaps nobody asked for it */
        ack.options_length = sizeof stamp;
        ack.window = 10;
        peer_injects(&peer, &ack);
        ack.payload_length = 100;
        peer_injects(&peer, &ack);
        assert_int_equal(peer_host_reads(&peer, 1000), 100);
        assert_int_equal(peer_info(&peer).tcpi_snd_wnd, offered ? 10 << 7 : 10);
        peer_host_writes(&peer, 5);
        struct segment data = {0};
        while (peer_hears(&peer, &data) && data.payload_length == 0)
            continue;
        assert_int_equal(data.payload_length, 5);
        assert_int_equal(has(&data, 8), offered);
    }
}

/* RFC 7323 MUST-4 */
static void windows_of_syns_are_not_scaled(void **state)
{
    (void)state;
    peer_make(&peer, NULL);
    struct segment answer = answer_to(all_options, sizeof all_options);
    assert_true(answer.window >= 60000); /* all that there is, though scaled it would be little */
    peer_free(&peer);

    peer_make(&peer, NULL);
    peer_host_connects(&peer);
    struct segment synack = peer_segment(&peer, SEGMENT_SYN | SEGMENT_ACK);
    synack.options = all_options;
    synack.options_length = sizeof all_options;
    synack.window = 1000;
    peer_injects(&peer, &synack);
    peer.next++;
    assert_int_equal(peer_info(&peer).tcpi_snd_wnd, 1000);
}

/* What is no SYN is scaled from the first segment on: here from a connection that is half open. */
/* RFC 7323 MUST-4 */
static void windows_of_challenges_are_scaled(void **state)
{
    (void)state;
    peer_make(&peer, NULL);
    struct segment answer = answer_to(scale_only, sizeof scale_only);
    struct segment syn = peer_segment(&peer, SEGMENT_SYN);
    syn.sequence += 1000; /* another one */
    peer_injects(&peer, &syn);
    struct segment challenge = peer_expects(&peer, SEGMENT_ACK);
    uint8_t length;
    const uint8_t *scale = segment_option(&answer, 3, &length);
    assert_non_null(scale);
    assert_true(*scale != 0);
    assert_int_equal(challenge.window, answer.window >> *scale);
}

/* Hears all there is: what is told of the window never leaves the farthest edge so far by a whole
 * unit. Returns the last window. */
static uint32_t hear_windows(uint32_t *edge, uint32_t scale)
{
    struct segment segment = {0};
    while (peer_hears(&peer, &segment)) {
        uint32_t told = segment.acknowledgment + ((uint32_t)segment.window << scale);
        assert_true((int32_t)(*edge - told) < 1 << scale);
        *edge = (int32_t)(told - *edge) > 0 ? told : *edge;
    }
    assert_int_equal(segment.acknowledgment, peer.next);
    return segment.window;
}

/* What is told in units of 2^scale may move to and fro by less than one, but never to where text
 * that the peer may send because of it would be beyond what is taken in; and when there is room, it
 * is not zero. */
/* RFC 7323 MUST-6 */
static void scaled_windows_keep_their_promise(void **state)
{
    (void)state;
    struct chaski_limits limits;
    chaski_limits_for(&limits, 1 << 20, 4);
    limits.receive_buffer_max = 1 << 26;
    struct world_options options = {.limits = &limits};
    peer_make(&peer, &options);
    assert_int_equal(chaski_set_knob(peer.host, "tcp_rmem", "4096 5000 67108864"), 0);
    struct segment answer = answer_to(scale_only, sizeof scale_only);
    uint8_t length;
    uint32_t scale = *segment_option(&answer, 3, &length), edge = peer.next + answer.window;
    assert_in_range(scale, 8, 14);
    peer_acknowledges(&peer);
    peer_host_sets(&peer, CHASKI_TCP_RCVBUF, 5000);
    for (uint32_t i = 1; i <= 300; i++) {
        uint32_t room = edge - peer.next, n = 1 + i * 7 % 150;
        peer_says(&peer, SEGMENT_ACK, n < room ? n : room); /* up to the very edge, at last */
        peer_runs(&peer, 50 * WORLD_MILLISECOND);
        if (room != 0)
            hear_windows(&edge, scale);
        if (i % 100 != 0)
            continue;
        assert_true(room < 1u << scale);
        while (peer_host_reads(&peer, 1000) > 0)
            ;
        assert_true(hear_windows(&edge, scale) != 0);
    }
}

/* The sender's side of it: a window that is smaller by less than a unit has not shrunk. */
/* RFC 7323 MUST-6 */
static void rounded_windows_have_not_shrunk(void **state)
{
    (void)state;
    struct segment segment;
    peer_make(&peer, NULL);
    answer_to(scale_only, sizeof scale_only); /* the peer's scale is 7 */
    peer.window = 10;
    peer_acknowledges(&peer);
    peer_host_writes(&peer, 1280);
    peer_hears_all(&peer);
    uint32_t sent = peer.expected;
    segment = peer_segment(&peer, SEGMENT_ACK);
    segment.acknowledgment = sent - 1280 + 200;
    segment.window = 8; /* 56 bytes less than before */
    segment.payload_length = 1;
    peer_injects(&peer, &segment);
    peer.next++;
    peer_waits(&peer, WORLD_SECOND);
    assert_true(peer_hears(&peer, &segment));
    assert_int_equal(segment.payload_length, 0);
    assert_int_equal(segment.sequence, sent);
}

/* Data, acknowledgements, what goes again, FIN: each has one, and echoes the latest in order. */
/* RFC 7323 MUST-7 */
static void timestamps_stand_on_every_segment(void **state)
{
    (void)state;
    uint8_t length, stamp[] = {8, 10, 0, 0, 4, 0, 0, 0, 0, 0};
    peer_make(&peer, NULL);
    struct segment segment = answer_to(all_options, sizeof all_options);
    assert_int_equal(load_be32(segment_option(&segment, 8, &length) + 4), 1001);
    segment = peer_segment(&peer, SEGMENT_ACK);
    segment.options = stamp;
    segment.options_length = sizeof stamp;
    segment.payload_length = 100;
    peer_injects(&peer, &segment);
    peer.next += 100;
    peer_host_reads(&peer, 100);
    peer_host_writes(&peer, 3000);
    peer_runs(&peer, 3 * WORLD_SECOND);
    peer_host_shuts_down(&peer);
    unsigned heard = 0;
    for (; peer_hears(&peer, &segment); heard++) {
        const uint8_t *at = segment_option(&segment, 8, &length);
        assert_non_null(at);
        assert_int_equal(length, 8);
        assert_int_equal(load_be32(at + 4), 1024);
    }
    assert_in_range(heard, 4, 20);
}

/* What went again tells a round trip too, since the echo tells which of the two is answered; what
 * acknowledges nothing new tells none. */
/* RFC 6298 MUST-5; RFC 7323 MUST-11 */
static void timestamps_tell_round_trips(void **state)
{
    (void)state;
    uint8_t length, stamp[] = {8, 10, 0, 0, 4, 0, 0, 0, 0, 0};
    peer_make(&peer, NULL);
    answer_to(all_options, sizeof all_options);
    struct segment ack = peer_segment(&peer, SEGMENT_ACK), data = {0};
    ack.options = stamp;
    ack.options_length = sizeof stamp;
    peer_runs(&peer, 50 * WORLD_MILLISECOND);
    peer_injects(&peer, &ack);
    assert_in_range(peer_info(&peer).tcpi_rtt, 49000, 52000); /* of the handshake */
    for (unsigned i = 0; i < 2; i++) {
        peer_host_writes(&peer, 100);
        peer_hears_all(&peer);
        peer_waits(&peer, 10 * WORLD_SECOND);
        assert_true(peer_hears(&peer, &data));
        const uint8_t *at = segment_option(&data, 8, &length);
        for (unsigned j = 0; j < 4; j++)
            stamp[6 + j] = at[j];
        peer_runs(&peer, 50 * WORLD_MILLISECOND);
        ack.acknowledgment = peer.expected;
        peer_injects(&peer, &ack);
        assert_in_range(peer_info(&peer).tcpi_rtt, 49000, 52000);
        peer_runs(&peer, WORLD_SECOND);
        peer_injects(&peer, &ack); /* nothing new */
        assert_in_range(peer_info(&peer).tcpi_rtt, 49000, 52000);
    }
}

/* The clock of a pair of ends goes on from one connection to the next. */
/* RFC 6191 MUST-1; RFC 7323 MUST-15 */
static void timestamps_of_later_incarnations_go_on(void **state)
{
    (void)state;
    uint32_t last = 0;
    uint8_t length;
    peer_make(&peer, NULL);
    for (unsigned i = 0; i < 5; i++) {
        struct segment syn = peer_host_connects(&peer);
        uint32_t now = load_be32(segment_option(&syn, 8, &length));
        assert_true(i == 0 || (int32_t)(now - last) > 0);
        last = now;
        chaski_tcp_abort(peer.host, peer.connection);
        peer_runs(&peer, (10 + i) * WORLD_MILLISECOND);
        peer.heard = peer.world.frame_count;
    }
}

/* ---- RFC 2018 ---- */

static void text_at(uint32_t sequence, uint32_t length)
{
    struct segment segment = peer_segment(&peer, SEGMENT_ACK);
    segment.sequence = sequence;
    segment.payload_length = length;
    peer_injects(&peer, &segment);
}

/* The host's last acknowledgement reports these ranges: the first one first, the others in whatever
 * order. */
static void assert_reports(const uint32_t *ranges, unsigned count)
{
    struct segment ack = world_last_segment(&peer.world, 0, 0);
    uint8_t length = 0;
    const uint8_t *blocks = segment_option(&ack, 5, &length);
    assert_int_equal(blocks != NULL, count != 0);
    assert_int_equal(length, 8 * count);
    for (unsigned i = 0; i < count; i++) {
        unsigned k = 0, end = i == 0 ? 1 : count;
        while (k < end && load_be32(blocks + 8 * k) != ranges[2 * i])
            k++;
        assert_in_range(k, 0, end - 1);
        assert_int_equal(load_be32(blocks + 8 * k + 4), ranges[2 * i + 1]);
    }
}

/* RFC 2018 MUST-3, MUST-4, SHLD-1, SHLD-2 */
static void every_gap_is_reported_the_latest_first(void **state)
{
    (void)state;
    static const uint8_t options[] = {2, 4, 5, 180, 4, 2};
    peer_make(&peer, NULL);
    answer_to(options, sizeof options);
    uint32_t at = peer.next;
#define REPORTS(...)                                                                               \
    assert_reports((const uint32_t[]){__VA_ARGS__},                                                \
                   sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t) / 2)
    text_at(at, 100);
    assert_reports(NULL, 0);
    text_at(at + 200, 100);
    REPORTS(at + 200, at + 300);
    text_at(at + 400, 100);
    REPORTS(at + 400, at + 500, at + 200, at + 300);
    text_at(at + 600, 100);
    REPORTS(at + 600, at + 700, at + 200, at + 300, at + 400, at + 500);
    text_at(at + 300, 50); /* a run that was there, longer now, comes first again */
    REPORTS(at + 200, at + 350, at + 400, at + 500, at + 600, at + 700);
    text_at(at + 800, 100);
    REPORTS(at + 800, at + 900, at + 200, at + 350, at + 400, at + 500, at + 600, at + 700);
    text_at(at + 500, 50);
    REPORTS(at + 400, at + 550, at + 200, at + 350, at + 600, at + 700, at + 800, at + 900);
    text_at(at + 100, 100); /* it fills a gap: that run is in order now */
    text_at(at + 700, 50);
    REPORTS(at + 600, at + 750, at + 400, at + 550, at + 800, at + 900);
#undef REPORTS
}

int main(void)
{
#define test(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        test(small_segments_count_as_full),           test(what_was_not_offered_is_not_answered),
        test(windows_of_syns_are_not_scaled),         test(windows_of_challenges_are_scaled),
        test(scaled_windows_keep_their_promise),      test(rounded_windows_have_not_shrunk),
        test(timestamps_stand_on_every_segment),      test(timestamps_tell_round_trips),
        test(timestamps_of_later_incarnations_go_on), test(every_gap_is_reported_the_latest_first),
    };
#undef test
    return cmocka_run_group_tests(tests, NULL, NULL);
}
