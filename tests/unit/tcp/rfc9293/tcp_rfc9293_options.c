/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 9293: header fields, checksums, options, segment sizes. Each test bears the number that
 * appendix B gives to what it shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "tests/support/peer.h"

enum { IP = 20, TCP = 20 };

/* ---- Header (3.1) ---- */

/* 65 535 is 65 535 and not -1: with a congestion window that large, so much is in flight. */
/* RFC 7323 MUST-1 */
static void must_1_windows_are_unsigned(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    assert_int_equal(peer_info(&peer).tcpi_snd_wnd, 65535);
    for (int i = 0; i < 10; i++) {
        peer_host_writes(&peer, 60000);
        peer_hears_all(&peer);
        peer_acknowledges(&peer);
    }
    peer_hears_all(&peer);
    peer_acknowledges(&peer);
    peer_hears_all(&peer);
    assert_true(peer_host_writes(&peer, 100000) > 65535);
    assert_in_range(peer_hears_all(&peer), 65535 - PEER_MSS, 65535);
    peer_free(&peer);
}

/* Every helper that reads a frame asserts that its checksum is right; here byte by byte, with odd
 * lengths too. */
static void must_2_checksums_are_sent(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_NODELAY, 1);
    for (uint32_t n = 1; n <= 8; n++) {
        peer_host_writes(&peer, n);
        const struct frame *frame = world_last(&peer.world, 0, 0);
        const uint8_t *ip = frame->bytes + 14, *tcp = ip + IP;
        uint32_t sum = 6 + TCP + n;
        for (uint32_t i = 12; i < IP; i += 2)
            sum += (uint32_t)ip[i] << 8 | ip[i + 1];
        for (uint32_t i = 0; i < TCP + n; i++)
            sum += i % 2 == 0 ? (uint32_t)tcp[i] << 8 : tcp[i];
        while (sum >> 16)
            sum = (sum & 0xffff) + (sum >> 16);
        assert_int_equal(sum, 0xffff);
    }
    peer_free(&peer);
}

static void must_3_checksums_are_checked(void **state)
{
    (void)state;
    struct peer peer;
    uint8_t packet[IP + TCP + 4];
    peer_make(&peer, NULL);
    peer_opens(&peer);
    struct chaski_address from = world_address(1), to = world_address(0);
    struct segment segment = peer_segment(&peer, SEGMENT_ACK);
    segment.payload_length = 4;
    uint8_t frame[14 + sizeof packet] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00};
    segment_packet(&segment, &from, &to, packet);
    ip4_make_right(packet, sizeof packet);
    packet[IP + TCP + 3] ^= 1;
    memcpy(frame + 14, packet, sizeof packet);
    world_inject(&peer.world, 0, frame, sizeof frame);
    peer_runs(&peer, WORLD_SECOND);
    peer_expects_nothing(&peer);
    assert_int_equal(chaski_counter_value(peer.host, CHASKI_DROP_TCP_CHECKSUM), 1);
    assert_int_equal(peer_host_reads(&peer, 4), CHASKI_AGAIN);
    peer_free(&peer);
}

/* ---- Options (3.1, 3.2) ---- */

/* The segment size that the host adopts after a SYN with these options: what a long write is cut
 * into. */
static uint32_t size_after_syn(const uint8_t *options, uint8_t length)
{
    struct peer peer;
    struct segment segment;
    peer_make(&peer, NULL);
    peer.syn_options = options;
    peer.syn_options_length = length;
    peer_opens(&peer);
    peer_hears_all(&peer);
    peer_host_writes(&peer, 5000);
    segment = peer_expects(&peer, SEGMENT_ACK);
    uint32_t size = segment.payload_length;
    peer_free(&peer);
    return size;
}

static void must_4_end_nop_and_mss_are_supported(void **state)
{
    (void)state;
    static const uint8_t mss[] = {2, 4, 1000 >> 8, 1000 & 0xff};
    static const uint8_t nops[] = {1, 1, 1, 1, 2, 4, 1000 >> 8, 1000 & 0xff};
    static const uint8_t after_end[] = {0, 0, 0, 0, 2, 4, 1000 >> 8, 1000 & 0xff};
    assert_int_equal(size_after_syn(mss, sizeof mss), 1000);
    assert_int_equal(size_after_syn(nops, sizeof nops), 1000);
    assert_int_equal(size_after_syn(after_end, sizeof after_end), 536);
}

static void must_5_options_may_be_on_any_segment(void **state)
{
    (void)state;
    static const uint8_t options[] = {1, 2, 4, 1, 0, 3, 3, 7, 254, 4, 1, 2};
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    struct segment segment = peer_segment(&peer, SEGMENT_ACK);
    segment.options = options;
    segment.options_length = sizeof options;
    segment.payload_length = 10;
    peer_injects(&peer, &segment);
    peer.next += 10;
    assert_int_equal(peer_host_reads(&peer, 100), 10);
    /* MSS and window scale mean nothing there: 256 and 7 are not taken over. */
    assert_int_equal(peer_info(&peer).tcpi_snd_mss, PEER_MSS);
    assert_int_equal(peer_info(&peer).tcpi_snd_wnd, 65535);
    struct segment fin = peer_segment(&peer, SEGMENT_ACK | SEGMENT_FIN);
    fin.options = options;
    fin.options_length = sizeof options;
    peer_injects(&peer, &fin);
    assert_int_equal(peer_host_reads(&peer, 100), 0);
    struct segment reset = peer_segment(&peer, SEGMENT_RST);
    reset.sequence++;
    reset.options = options;
    reset.options_length = sizeof options;
    peer_injects(&peer, &reset);
    assert_true(peer.events & CHASKI_ENDED);
    peer_free(&peer);
}

static void must_6_unknown_options_are_ignored(void **state)
{
    (void)state;
    static const uint8_t options[] = {253, 6, 1, 2, 3, 4, 2, 4, 1000 >> 8, 1000 & 0xff, 77, 2};
    assert_int_equal(size_after_syn(options, sizeof options), 1000);
}

static void must_7_illegal_option_lengths_are_survived(void **state)
{
    (void)state;
    static const uint8_t zero[] = {2, 0, 3, 232}, one[] = {2, 1, 3, 232};
    static const uint8_t past[] = {2, 5, 3, 232}, huge[] = {2, 255, 3, 232};
    static const uint8_t cut[] = {1, 1, 1, 2}, wrong[] = {2, 3, 3, 1};
    static const uint8_t good_first[] = {2, 4, 3, 232, 8, 0, 0, 0};
    assert_int_equal(size_after_syn(zero, sizeof zero), 536);
    assert_int_equal(size_after_syn(one, sizeof one), 536);
    assert_int_equal(size_after_syn(past, sizeof past), 536);
    assert_int_equal(size_after_syn(huge, sizeof huge), 536);
    assert_int_equal(size_after_syn(cut, sizeof cut), 536);
    assert_int_equal(size_after_syn(wrong, sizeof wrong), 536);
    assert_int_equal(size_after_syn(good_first, sizeof good_first), 1000);
}

static void must_64_options_need_no_alignment(void **state)
{
    (void)state;
    static const uint8_t one[] = {1, 2, 4, 1000 >> 8, 1000 & 0xff};
    static const uint8_t two[] = {1, 1, 2, 4, 1000 >> 8, 1000 & 0xff};
    static const uint8_t three[] = {3, 3, 0, 2, 4, 1000 >> 8, 1000 & 0xff};
    assert_int_equal(size_after_syn(one, sizeof one), 1000);
    assert_int_equal(size_after_syn(two, sizeof two), 1000);
    assert_int_equal(size_after_syn(three, sizeof three), 1000);
}

/* A session in which the host sends every kind of segment, with all options negotiated. */
static const uint8_t everything[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 2};

static void talk(struct peer *peer)
{
    static uint8_t timestamp[12] = {1, 1, 8, 10, 0, 0, 0, 10, 0, 0, 0, 0};
    peer_make(peer, NULL);
    peer->syn_options = everything;
    peer->syn_options_length = sizeof everything;
    peer_host_connects(peer);
    struct segment syn = peer_segment(peer, SEGMENT_SYN | SEGMENT_ACK);
    syn.options = everything;
    syn.options_length = sizeof everything;
    peer_injects(peer, &syn);
    peer->next++;
    struct segment ahead = peer_segment(peer, SEGMENT_ACK);
    ahead.options = timestamp;
    ahead.options_length = sizeof timestamp;
    ahead.sequence += 100;
    ahead.payload_length = 100;
    peer_injects(peer, &ahead); /* answered with a SACK block */
    peer_host_writes(peer, 3000);
    peer_runs(peer, 5 * WORLD_SECOND); /* retransmissions */
    chaski_tcp_abort(peer->host, peer->connection);
    world_settle(&peer->world);
}

/* Whether options end where the header does, each with its length, up to an end of list. */
static bool well_formed(const struct segment *segment, bool *zeros)
{
    uint32_t i = 0;
    while (i < segment->options_length && segment->options[i] != 0) {
        if (segment->options[i] == 1) {
            i++;
            continue;
        }
        if (i + 1 >= segment->options_length || segment->options[i + 1] < 2)
            return false;
        i += segment->options[i + 1];
    }
    *zeros = true;
    for (uint32_t j = i; j < segment->options_length; j++)
        *zeros &= segment->options[j] == 0;
    return i <= segment->options_length;
}

static void must_65_mss_is_on_syns_only(void **state)
{
    (void)state;
    struct peer peer;
    struct segment segment;
    uint8_t length;
    uint32_t syns = 0, others = 0;
    talk(&peer);
    peer.heard = 0;
    while (peer_hears(&peer, &segment)) {
        bool syn = (segment.flags & SEGMENT_SYN) != 0;
        assert_int_equal(segment_option(&segment, 2, &length) != NULL, syn);
        syns += syn;
        others += !syn;
    }
    assert_int_equal(syns, 1);
    assert_true(others > 4);
    peer_free(&peer);
}

static void must_68_options_have_lengths(void **state)
{
    (void)state;
    struct peer peer;
    struct segment segment;
    uint32_t with_options = 0;
    bool zeros;
    talk(&peer);
    peer.heard = 0;
    while (peer_hears(&peer, &segment)) {
        assert_true(well_formed(&segment, &zeros));
        with_options += segment.options_length != 0;
    }
    assert_true(with_options > 4);
    peer_free(&peer);
}

static void must_69_padding_is_zero(void **state)
{
    (void)state;
    struct peer peer;
    struct segment segment;
    bool zeros;
    talk(&peer);
    peer.heard = 0;
    while (peer_hears(&peer, &segment)) {
        assert_true(well_formed(&segment, &zeros));
        assert_true(zeros);
    }
    peer_free(&peer);
}

/* ---- Segment sizes (3.7.1) ---- */

static uint32_t announced(const struct segment *segment)
{
    uint8_t length;
    const uint8_t *mss = segment_option(segment, 2, &length);
    assert_non_null(mss);
    assert_int_equal(length, 2);
    return (uint32_t)mss[0] << 8 | mss[1];
}

static void must_14_mss_is_sent_and_received(void **state)
{
    (void)state;
    struct peer peer;
    static const uint8_t mss[] = {2, 4, 1200 >> 8, 1200 & 0xff};
    peer_make(&peer, NULL);
    peer.syn_options = mss;
    peer.syn_options_length = sizeof mss;
    struct segment syn = peer_host_connects(&peer);
    assert_int_equal(announced(&syn), 1460);
    peer_answers(&peer);
    peer_host_writes(&peer, 5000);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 1200);
    peer_free(&peer);

    peer_make(&peer, NULL);
    peer_opens(&peer);
    struct segment syn_ack = world_last_segment(&peer.world, 0, 0);
    assert_int_equal(syn_ack.flags, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(announced(&syn_ack), 1460);
    peer_free(&peer);
}

static void must_15_without_mss_536_is_assumed(void **state)
{
    (void)state;
    assert_int_equal(size_after_syn(NULL, 0), 536);
    struct peer peer;
    peer_make(&peer, NULL);
    peer.syn_options_length = 0;
    peer_is_opened(&peer);
    peer_host_writes(&peer, 5000);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 536);
    peer_free(&peer);
}

/* The smaller of what the peer takes and what the path carries, less the options. */
static void must_16_segments_fit_the_peer_and_the_path(void **state)
{
    (void)state;
    static const uint8_t large[] = {2, 4, 0xff, 0xff}, small[] = {2, 4, 0, 100};
    static const uint8_t stamped[] = {2, 4, 4, 76, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0};
    assert_int_equal(size_after_syn(large, sizeof large), 1460);
    assert_int_equal(size_after_syn(small, sizeof small), 100);
    struct peer peer;
    struct world_options options = {.mtu = 600};
    peer_make(&peer, &options);
    peer_opens(&peer);
    peer_host_writes(&peer, 5000);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 560);
    peer_free(&peer);

    peer_make(&peer, NULL);
    peer.syn_options = stamped; /* MSS 1100 and timestamps */
    peer.syn_options_length = sizeof stamped;
    peer_host_connects(&peer);
    struct segment syn = peer_segment(&peer, SEGMENT_SYN | SEGMENT_ACK);
    syn.options = stamped;
    syn.options_length = sizeof stamped;
    peer_injects(&peer, &syn);
    peer_expects(&peer, SEGMENT_ACK);
    peer_host_writes(&peer, 5000);
    struct segment segment = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(segment.options_length, 12);
    assert_int_equal(segment.payload_length, 1100 - 12);
    peer_free(&peer);
}

/* What is announced, with both headers, can be received. */
/* RFC 1122 MUST-35; RFC 1191 MUST-5 */
static void must_67_mss_is_what_ip_can_receive(void **state)
{
    (void)state;
    static const uint16_t mtus[] = {576, 1500, 9000, 65535};
    for (unsigned i = 0; i < 4; i++) {
        struct peer peer;
        struct world_options options = {.mtu = mtus[i]};
        peer_make(&peer, &options);
        struct segment syn = peer_host_connects(&peer);
        assert_int_equal(announced(&syn), mtus[i] - 40);
        peer_answers(&peer);
        peer_says(&peer, SEGMENT_ACK, mtus[i] - 40);
        assert_int_equal(peer_host_reads(&peer, 70000), mtus[i] - 40);
        peer_free(&peer);
    }
}

static void shld_5_mss_is_on_every_syn(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    struct segment syn = peer_host_connects(&peer);
    assert_int_equal(announced(&syn), 1460);
    peer_waits(&peer, 2 * WORLD_SECOND);
    struct segment again = peer_expects(&peer, SEGMENT_SYN);
    assert_int_equal(announced(&again), 1460);
    peer_free(&peer);
}

static void shld_28_segments_are_as_large_as_can_be(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    for (int i = 0; i < 100; i++)
        chaski_tcp_write(peer.host, peer.connection, "0123456789012345678901234567890123456789",
                         40);
    world_settle(&peer.world);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 1460);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).payload_length, 1460);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(must_1_windows_are_unsigned),
        cmocka_unit_test(must_2_checksums_are_sent),
        cmocka_unit_test(must_3_checksums_are_checked),
        cmocka_unit_test(must_4_end_nop_and_mss_are_supported),
        cmocka_unit_test(must_5_options_may_be_on_any_segment),
        cmocka_unit_test(must_6_unknown_options_are_ignored),
        cmocka_unit_test(must_7_illegal_option_lengths_are_survived),
        cmocka_unit_test(must_64_options_need_no_alignment),
        cmocka_unit_test(must_65_mss_is_on_syns_only),
        cmocka_unit_test(must_68_options_have_lengths),
        cmocka_unit_test(must_69_padding_is_zero),
        cmocka_unit_test(must_14_mss_is_sent_and_received),
        cmocka_unit_test(must_15_without_mss_536_is_assumed),
        cmocka_unit_test(must_16_segments_fit_the_peer_and_the_path),
        cmocka_unit_test(must_67_mss_is_what_ip_can_receive),
        cmocka_unit_test(shld_5_mss_is_on_every_syn),
        cmocka_unit_test(shld_28_segments_are_as_large_as_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
