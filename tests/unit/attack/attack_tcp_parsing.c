// SPDX-License-Identifier: BSD-2-Clause
/* Segments that are wrong in themselves: rows 13 to 17 of docs/attacks.md. */
#include "tests/unit/attack/attack.h"

/* ---- Literal segments to 192.0.2.1:7 from 192.0.2.2:5000; checksums are filled in ---- */

enum { IP = 20, TCP = 20, LITERAL = IP + TCP };

static const uint8_t literal[LITERAL] = {
    0x45, 0,    0,    40,   0,   0, 0x40, 0, 64, 6, 0, 0, /* don't fragment, TTL 64, TCP */
    192,  0,    2,    2,    192, 0, 2,    1,              /* from, to */
    0x13, 0x88, 0,    7,                                  /* ports 5000, 7 */
    0,    0,    0x27, 0x10, 0,   0, 0,    0,              /* sequence 10 000 */
    0x50, 0x02, 0xff, 0xff, 0,   0, 0,    0,              /* SYN, window 65 535 */
};

static void inject_literal(struct peer *peer, uint8_t data_offset, uint32_t length)
{
    uint8_t packet[IP + 60];
    memset(packet, 1, sizeof packet); /* NOPs, if they are taken for options */
    memcpy(packet, literal, sizeof literal);
    packet[3] = (uint8_t)(IP + length);
    packet[IP + 12] = (uint8_t)(data_offset << 4);
    world_inject_ip4(&peer->world, 0, packet, IP + length);
}

static void row_13_data_offset_under_five_or_past_the_segment(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    struct cost before = cost_now(&peer);
    uint32_t dropped = 0;
    for (uint8_t offset = 0; offset < 5; offset++, dropped++)
        inject_literal(&peer, offset, 60);
    for (uint8_t offset = 6; offset < 16; offset++, dropped++)
        inject_literal(&peer, offset, 4u * offset - 1);
    inject_literal(&peer, 15, TCP);
    assert_int_equal(counted(&peer, CHASKI_DROP_TCP_HEADER), dropped + 1);
    assert_cost_nothing(&peer, &before);
    inject_literal(&peer, 15, 60); /* the largest header that there is */
    peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK);
    peer_free(&peer);
}

static void row_13_header_cut_short(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    struct cost before = cost_now(&peer);
    for (uint32_t length = 0; length < TCP; length++)
        inject_literal(&peer, 5, length);
    assert_int_equal(counted(&peer, CHASKI_DROP_TCP_HEADER), TCP);
    assert_cost_nothing(&peer, &before);
    peer_free(&peer);
}

/* ---- Options ---- */

/* Opens with these options in the SYN, and shows what was made of them. */
static struct chaski_tcp_info info_after_syn(struct peer *peer, const uint8_t *options,
                                             uint8_t length)
{
    peer_make(peer, NULL);
    peer->syn_options = options;
    peer->syn_options_length = length;
    peer_opens(peer);
    return peer_info(peer);
}

static void row_14_option_of_length_0_or_1_or_past_the_end(void **state)
{
    (void)state;
    static const uint8_t lists[][8] = {
        {2, 0, 1000 >> 8, 1000 & 0xff, 0, 0, 0, 0},
        {2, 1, 1000 >> 8, 1000 & 0xff, 0, 0, 0, 0},
        {99, 0, 2, 4, 1000 >> 8, 1000 & 0xff, 0, 0},
        {99, 1, 2, 4, 1000 >> 8, 1000 & 0xff, 0, 0},
        {1, 1, 1, 1, 1, 1, 2, 4},
        {1, 1, 1, 1, 1, 1, 1, 2},
        {99, 255, 2, 4, 5, 6, 7, 8},
        {3, 0, 3, 0, 3, 0, 3, 0},
        {8, 10, 0, 0, 0, 0, 0, 0},
        {5, 0, 5, 1, 5, 2, 5, 3},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct peer peer;
        struct chaski_tcp_info info = info_after_syn(&peer, lists[i], sizeof lists[i]);
        assert_int_equal(info.tcpi_snd_mss, 536);
        assert_int_equal(info.tcpi_options, 0);
        peer_free(&peer);
    }
}

static void row_14_second_mss_counts_for_nothing(void **state)
{
    (void)state;
    static const uint8_t options[] = {2, 4, 1000 >> 8, 1000 & 0xff, 2, 4, 0, 1};
    struct peer peer;
    assert_int_equal(info_after_syn(&peer, options, sizeof options).tcpi_snd_mss, 1000);
    peer_free(&peer);
}

/* RFC 7323 MUST-5 */
static void row_14_window_shift_over_14_is_clamped_and_reported(void **state)
{
    (void)state;
    for (unsigned shift = 13; shift < 256; shift += 11) {
        uint8_t options[] = {3, 3, (uint8_t)shift, 0};
        struct peer peer;
        struct chaski_tcp_info info = info_after_syn(&peer, options, sizeof options);
        assert_int_equal(info.tcpi_snd_wscale, shift < 14 ? shift : 14);
        assert_int_equal(counted(&peer, CHASKI_TCP_SCALE_CLAMPED), shift > 14);
        assert_int_equal(info.tcpi_snd_wnd, 65535u << (shift < 14 ? shift : 14));
        peer_free(&peer);
    }
}

/* RFC 7323 MUST-5 */
static void row_14_window_shift_over_14_in_an_answer(void **state)
{
    (void)state;
    static const uint8_t options[] = {3, 3, 15, 0};
    struct peer peer;
    peer_make(&peer, NULL);
    peer.syn_options = options;
    peer.syn_options_length = sizeof options;
    peer_is_opened(&peer);
    assert_int_equal(peer_info(&peer).tcpi_snd_wscale, 14);
    assert_int_equal(counted(&peer, CHASKI_TCP_SCALE_CLAMPED), 1);
    peer_free(&peer);
}

/* A peer with SACK that has heard five segments of the host's, none acknowledged. */
static void make_in_flight(struct peer *peer)
{
    static const uint8_t options[] = {2, 4, PEER_MSS >> 8, PEER_MSS & 0xff, 4, 2, 1, 1};
    peer_make(peer, NULL);
    peer->syn_options = options;
    peer->syn_options_length = sizeof options;
    peer_opens(peer);
    peer_hears_all(peer);
    assert_int_equal(peer_host_writes(peer, 5 * PEER_MSS), 5 * PEER_MSS);
}

/* An acknowledgement of nothing new with one SACK block, whose option says that it is `length`
 * bytes long. */
static void say_sack(struct peer *peer, uint32_t una, uint32_t left, uint32_t right, uint8_t length)
{
    uint8_t options[40];
    memset(options, 0, sizeof options);
    options[0] = 5;
    options[1] = length;
    store_be32(options + 2, left);
    store_be32(options + 6, right);
    struct segment segment = peer_segment(peer, SEGMENT_ACK);
    segment.acknowledgment = una;
    segment.options = options;
    segment.options_length = 40;
    peer_injects(peer, &segment);
}

static void row_14_sack_of_wrong_length_or_outside_of_the_flight(void **state)
{
    (void)state;
    struct peer peer;
    make_in_flight(&peer);
    uint32_t una = peer.expected, nxt = una + 5 * PEER_MSS, mss = PEER_MSS;
    struct cost before = cost_now(&peer);
    for (unsigned length = 0; length < 256; length++) {
        if (length % 8 != 2 || length < 10 || length > 40)
            say_sack(&peer, una, una + mss, una + 2 * mss, (uint8_t)length);
    }
    const uint32_t blocks[][2] = {
        {una + 2 * mss, una + mss},
        {una + mss, una + mss}, /* the wrong way round, empty */
        {una - mss, una},
        {una - mss, una + mss}, /* before what is in flight */
        {una + mss, nxt + 1},
        {nxt, nxt + mss}, /* behind it */
        {una + 0x80000000u, una},
        {nxt, una},
        {una + mss, una + mss + 0x80000000u},
        {0, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        say_sack(&peer, una, blocks[i][0], blocks[i][1], 10);
    assert_cost_nothing(&peer, &before);
    assert_int_equal(peer_info(&peer).tcpi_sacked, 0);
    assert_int_equal(peer_info(&peer).tcpi_ca_state, 0);
    say_sack(&peer, una, una + mss, una + 2 * mss, 10);
    assert_int_equal(peer_info(&peer).tcpi_sacked, 1);
    peer_free(&peer);
}

/* RFC 2018 MUST-1, MUST-2 */
static void row_14_sack_that_was_not_agreed_on(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_writes(&peer, 5 * PEER_MSS);
    uint32_t una = peer.expected;
    struct cost before = cost_now(&peer);
    for (int i = 0; i < 2; i++)
        say_sack(&peer, una, una + PEER_MSS, una + 5 * PEER_MSS, 10);
    assert_int_equal(peer_info(&peer).tcpi_sacked, 2); /* duplicates, whatever they report */
    assert_cost_nothing(&peer, &before);
    peer_free(&peer);
}

/* ---- Urgent pointer ---- */

static void row_15_urgent_pointer_anywhere(void **state)
{
    (void)state;
    static const uint16_t pointers[] = {0, 1, 9, 10, 11, 100, 32767, 32768, 65534, 65535};
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    struct cost before = cost_now(&peer);
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        struct segment segment = peer_segment(&peer, SEGMENT_ACK | SEGMENT_URG);
        segment.urgent = pointers[i];
        segment.payload_length = 10;
        peer_injects(&peer, &segment);
        peer.next += 5; /* the next one overlaps this one by half */
        assert_int_equal(peer_host_reads(&peer, 100), i == 0 ? 10 : 5);
    }
    assert_kept_nothing(&peer, &before);
    assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_ESTABLISHED);
    peer_free(&peer);
}

/* The mark is told once, does not move back, and goes when what it marks has been read. */
static void row_15_urgent_mark_moves_forward_only(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    static const uint16_t pointers[] = {65535, 20, 0, 1};
    for (size_t i = 0; i < 4; i++) {
        struct segment segment = peer_segment(&peer, SEGMENT_ACK | SEGMENT_URG);
        segment.urgent = pointers[i];
        segment.payload_length = 10;
        peer_injects(&peer, &segment);
        peer.next += 10;
        assert_int_equal(peer_host_reads(&peer, 100), 10);
        assert_true(chaski_tcp_events(peer.host, peer.connection) & CHASKI_URGENT);
    }
    /* A byte short of the mark it stands; with it, it is gone. */
    peer_says(&peer, SEGMENT_ACK, 50000 - 40);
    assert_int_equal(peer_host_reads(&peer, 65535), 50000 - 40);
    peer_says(&peer, SEGMENT_ACK, 15534);
    assert_int_equal(peer_host_reads(&peer, 65535), 15534);
    assert_true(chaski_tcp_events(peer.host, peer.connection) & CHASKI_URGENT);
    peer_says(&peer, SEGMENT_ACK, 1);
    assert_int_equal(peer_host_reads(&peer, 65535), 1);
    assert_false(chaski_tcp_events(peer.host, peer.connection) & CHASKI_URGENT);
    peer_free(&peer);
}

/* ---- Flags ---- */

/* What the host is brought to before each set of flags. */
enum place {
    NOBODY_LISTENS,
    LISTENING,
    SYN_SENT,
    HALF_OPEN,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    CLOSE_WAIT,
    CLOSING,
    LAST_ACK,
    TIME_WAIT,
    PLACES,
};

/* Its FIN has been heard; `acknowledged` or not. */
static void close_host(struct peer *peer, bool acknowledged)
{
    peer_host_shuts_down(peer);
    uint32_t before = peer->expected;
    assert_int_equal(peer_hears_all(peer), 1);
    if (!acknowledged)
        peer->expected = before;
}

static void half_open(struct peer *peer)
{
    peer_host_listens(peer);
    struct segment syn = peer_segment(peer, SEGMENT_SYN);
    peer_injects(peer, &syn);
    peer->next++;
    peer->expected = peer_expects(peer, SEGMENT_SYN | SEGMENT_ACK).sequence + 1;
}

static void bring_to(struct peer *peer, enum place place)
{
    peer_make(peer, NULL);
    if (place == LISTENING)
        peer_host_listens(peer);
    else if (place == SYN_SENT)
        peer_host_connects(peer);
    else if (place == HALF_OPEN)
        half_open(peer);
    else if (place != NOBODY_LISTENS)
        peer_opens(peer);
    if (place == CLOSE_WAIT || place == LAST_ACK)
        peer_says(peer, SEGMENT_ACK | SEGMENT_FIN, 0);
    if (place == FIN_WAIT_1 || place == CLOSING || place == LAST_ACK)
        close_host(peer, false);
    if (place == FIN_WAIT_2 || place == TIME_WAIT) {
        close_host(peer, true);
        peer_acknowledges(peer);
    }
    if (place == CLOSING || place == TIME_WAIT)
        peer_says(peer, SEGMENT_ACK | SEGMENT_FIN, 0);
    peer_hears_all(peer);
}

/* The flags of the one answer, and 0 for silence: RFC 9293, 3.10.7, the segment being the next one
 * in order and acknowledging what was acknowledged before. */
static uint8_t answer_due(enum place place, uint8_t flags)
{
    enum { FIN = SEGMENT_FIN, SYN = SEGMENT_SYN, RST = SEGMENT_RST, ACK = SEGMENT_ACK };
    if (flags & RST)
        return 0;
    switch (place) {
    case NOBODY_LISTENS:
        return (flags & ACK) ? RST : RST | ACK;
    case LISTENING:
        if (flags & ACK)
            return RST;
        return (flags & (SYN | FIN)) == SYN ? SYN | ACK : 0;
    case SYN_SENT:
        if (flags & SYN)
            return (flags & ACK) ? ACK : SYN | ACK;
        return 0;
    case TIME_WAIT: /* a SYN at RCV.NXT is not beyond it, so it opens nothing anew */
        return (flags & (SYN | FIN)) ? ACK : 0;
    default:
        if (flags & SYN)
            return ACK;
        return (flags & ACK) && (flags & FIN) && place < CLOSE_WAIT ? ACK : 0;
    }
}

static void check_flags(enum place place, uint8_t flags)
{
    struct peer peer;
    bring_to(&peer, place);
    struct segment segment = peer_segment(&peer, flags);
    struct cost before = cost_now(&peer);
    peer_injects(&peer, &segment);
    uint8_t due = answer_due(place, flags);
    uint32_t sent = cost_now(&peer).frames - before.frames;
    if (sent != (due != 0))
        fail_msg("place %d, flags 0x%02x: %u answers", (int)place, flags, sent);
    if (due != 0)
        assert_int_equal(world_last_segment(&peer.world, 0, 0).flags, due);
    bool may_open = place == LISTENING && (due & SEGMENT_SYN);
    assert_int_equal(cost_now(&peer).half_open <= before.half_open + may_open, true);
    assert_int_equal(cost_now(&peer).packets, before.packets);
    peer_free(&peer);
}

/* Without flags, with all of them, SYN with FIN, SYN with RST: all 64 sets, everywhere. */
static void row_16_every_set_of_flags_in_every_state(void **state)
{
    (void)state;
    for (enum place place = NOBODY_LISTENS; place < PLACES; place++) {
        for (uint8_t flags = 0; flags < 64; flags++) {
            if (place == FIN_WAIT_2 && (flags & 23) == 17)
                continue; /* a lawful end: the answer is the last one */
            check_flags(place, flags);
        }
    }
}

/* The same with reserved flags set, which change nothing (RFC 9293, 3.1). */
static void row_16_flags_that_mean_nothing_to_us(void **state)
{
    (void)state;
    for (enum place place = NOBODY_LISTENS; place < PLACES; place++) {
        struct peer peer;
        bring_to(&peer, place);
        struct segment segment = peer_segment(&peer, SEGMENT_RST | SEGMENT_SYN | 0xc0);
        segment.sequence -= 0x40000000; /* far outside of any window */
        segment.acknowledgment -= 0x40000000;
        struct cost before = cost_now(&peer);
        peer_injects(&peer, &segment);
        assert_cost_nothing(&peer, &before);
        peer_free(&peer);
    }
}

/* Before and after are the same there: such a segment is neither, whatever its length. */
static void row_16_segment_half_the_sequence_space_away(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    struct cost before = cost_now(&peer);
    for (uint32_t i = 0; i < 1500; i++) {
        struct segment segment = peer_segment(&peer, SEGMENT_ACK);
        segment.sequence += 0x80000000u + 100 * (i - 750);
        segment.payload_length = 1 + i * 43;
        peer_injects(&peer, &segment);
    }
    assert_kept_nothing(&peer, &before);
    assert_int_equal(peer_info(&peer).receive_queue, 0);
    assert_int_equal(peer_info(&peer).tcpi_bytes_received, 0);
    peer_free(&peer);
}

/* ---- To oneself ---- */

static void row_17_source_equal_to_destination(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    struct cost before = cost_now(&peer);
    uint8_t packet[LITERAL];
    for (unsigned same_port = 0; same_port < 2; same_port++) {
        memcpy(packet, literal, sizeof literal);
        memcpy(packet + 12, packet + 16, 4);
        if (same_port)
            memcpy(packet + IP, packet + IP + 2, 2);
        world_inject_ip4(&peer.world, 0, packet, sizeof packet);
    }
    assert_int_equal(counted(&peer, CHASKI_DROP_IP4_SOURCE), 2);
    assert_cost_nothing(&peer, &before);
    peer_free(&peer);
}

/* A host may talk to itself, even from a port to the same port: it ends, like any connection. */
static void row_17_connecting_to_oneself_ends(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    chaski_tcp connection;
    struct chaski_tcp_connect connect = {
        .local.port = 9,
        .remote = world_endpoint(0, 9),
    };
    assert_int_equal(chaski_tcp_connect(peer.host, &connect, &connection), 0);
    world_run(&peer.world, 10 * WORLD_SECOND);
    assert_int_equal(chaski_tcp_events(peer.host, connection), CHASKI_CONNECTED | CHASKI_WRITABLE);
    assert_int_equal(chaski_tcp_write(peer.host, connection, "self", 4), 4);
    world_run(&peer.world, 10 * WORLD_SECOND);
    char bytes[8];
    assert_int_equal(chaski_tcp_read(peer.host, connection, bytes, sizeof bytes), 4);
    assert_memory_equal(bytes, "self", 4);
    uint64_t segments = counted(&peer, CHASKI_TCP_SEGMENTS_SENT);
    assert_true(segments < 20);
    assert_int_equal(chaski_tcp_close(peer.host, connection), 0);
    world_run(&peer.world, 300 * WORLD_SECOND);
    assert_true(counted(&peer, CHASKI_TCP_SEGMENTS_SENT) < segments + 20);
    assert_int_equal(cost_now(&peer).connections, 0);
    assert_int_equal(cost_now(&peer).time_wait, 0);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_13_data_offset_under_five_or_past_the_segment),
        cmocka_unit_test(row_13_header_cut_short),
        cmocka_unit_test(row_14_option_of_length_0_or_1_or_past_the_end),
        cmocka_unit_test(row_14_second_mss_counts_for_nothing),
        cmocka_unit_test(row_14_window_shift_over_14_is_clamped_and_reported),
        cmocka_unit_test(row_14_window_shift_over_14_in_an_answer),
        cmocka_unit_test(row_14_sack_of_wrong_length_or_outside_of_the_flight),
        cmocka_unit_test(row_14_sack_that_was_not_agreed_on),
        cmocka_unit_test(row_15_urgent_pointer_anywhere),
        cmocka_unit_test(row_15_urgent_mark_moves_forward_only),
        cmocka_unit_test(row_16_every_set_of_flags_in_every_state),
        cmocka_unit_test(row_16_flags_that_mean_nothing_to_us),
        cmocka_unit_test(row_16_segment_half_the_sequence_space_away),
        cmocka_unit_test(row_17_source_equal_to_destination),
        cmocka_unit_test(row_17_connecting_to_oneself_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
