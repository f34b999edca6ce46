/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/tcp/ecn/ecn.h"

/* Explicit congestion notification as RFC 3168 has it. */

/* The peer says data of `length` bytes that came with that ECN field. */
static void says_marked(struct peer *peer, uint8_t flags, unsigned ace, uint32_t length,
                        uint8_t field)
{
    struct segment segment = with_ace(peer, flags, ace, field);
    segment.payload_length = length;
    peer->next += length;
    peer_injects(peer, &segment);
}

static void is_opened_classic(struct peer *peer)
{
    struct segment ack = is_opened_with(peer, "1", 1, 0);
    assert_int_equal(ack.flags, ACK);
}

/* RFC 3168 MUST-2, MUST-4; RFC 9768 MUST-1 */
static void syn_asks_as_tcp_ecn_says(void **state)
{
    (void)state;
    static const struct {
        const char *ecn;
        unsigned ace;
    } cases[] = {{"0", 0}, {"1", 3}, {"2", 0}, {"3", 7}, {"4", 3}, {"5", 0}};
    for (unsigned i = 0; i < 6; i++) {
        struct peer peer;
        struct segment syn = host_connects(&peer, cases[i].ecn);
        assert_int_equal(ace_of(&syn), cases[i].ace);
        assert_int_equal(syn.traffic_class, 0); /* 6.1.1: a SYN is not ECT */
        peer_free(&peer);
    }
}

/* RFC 3168 MUST-3, MUST-4; RFC 9768 MUST-2, MUST-3 */
static void synack_answers_as_tcp_ecn_says(void **state)
{
    (void)state;
    static const struct {
        const char *ecn;
        unsigned asked, answered;
        uint8_t field;
    } cases[] = {
        {"0", 3, 0, 0},  {"1", 3, 1, 0},    {"2", 3, 1, 0}, {"2", 0, 0, 0},    {"2", 1, 0, 0},
        {"2", 2, 0, 0},  {"2", 3, 0, ECT0}, {"2", 7, 1, 0}, /* classic of accurate */
        {"0", 7, 0, 0},  {"5", 3, 1, 0},    {"3", 7, 2, 0}, {"4", 7, 3, ECT1}, {"5", 7, 4, ECT0},
        {"3", 7, 6, CE}, /* RFC 9768, 3.1.1, table 2 */
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct peer peer;
        make_peer(&peer, cases[i].ecn);
        struct segment answer = answer_to(&peer, cases[i].asked, cases[i].field);
        assert_int_equal(answer.flags & 0x3f, SYN | ACK);
        assert_int_equal(ace_of(&answer), cases[i].answered);
        assert_int_equal(answer.traffic_class, 0);
        peer_free(&peer);
    }
}

/* 6.1.1.1: a SYN that asks and is not answered is followed by one that does not. */
/* RFC 3168 SHLD-1; RFC 9768 SHLD-1 */
static void syn_falls_back(void **state)
{
    (void)state;
    static const unsigned aces[2][3] = {{3, 0, 0}, {7, 7, 0}};
    for (unsigned accurate = 0; accurate < 2; accurate++) {
        struct peer peer;
        make_peer(&peer, accurate ? "3" : "1");
        struct chaski_tcp_connect connect = {.remote = world_endpoint(1, PEER_PORT)};
        assert_int_equal(chaski_tcp_connect(peer.host, &connect, &peer.connection), 0);
        for (unsigned i = 0; i < 3; i++) {
            struct segment syn = {0};
            peer_waits(&peer, 10 * WORLD_SECOND);
            assert_true(peer_hears(&peer, &syn));
            assert_int_equal(ace_of(&syn), aces[accurate][i]);
        }
        peer_free(&peer);
    }
}

/* 6.1.1: both flags in a SYN+ACK are what a reflector sends. */
/* RFC 3168 MUST-5, MUST-6; RFC 9768 MUST-4, MUST-5 */
static void broken_answers_mean_no_ecn(void **state)
{
    (void)state;
    static const struct {
        const char *ecn;
        unsigned ace;
    } cases[] = {{"1", 3}, {"1", 0}, {"1", 2}, {"3", 0}, {"3", 7}};
    for (unsigned i = 0; i < 5; i++) {
        struct peer peer;
        struct segment data = is_opened_with(&peer, cases[i].ecn, cases[i].ace, 0);
        assert_int_equal(data.flags, ACK);
        assert_int_equal(data.traffic_class, 0);
        peer_host_writes(&peer, 100);
        assert_true(peer_hears(&peer, &data));
        assert_int_equal(data.traffic_class, 0);
        assert_int_equal(data.flags & ~SEGMENT_PSH, ACK);
        assert_int_equal(peer_info(&peer).tcpi_options & 8, 0);
        peer_free(&peer);
    }
}

/* 6.1.4, 6.1.5: data is ECT(0); acknowledgements and what goes again are not. */
/* RFC 3168 MUST-14, MUST-15 */
static void new_data_only_is_ect(void **state)
{
    (void)state;
    struct peer peer;
    is_opened_classic(&peer);
    assert_int_equal(peer_info(&peer).tcpi_options & 8, 8);
    peer_host_sets(&peer, CHASKI_TCP_TOS, 0xff);
    peer_says(&peer, ACK, 2 * MSS);
    struct segment segment = peer_expects(&peer, ACK);
    assert_int_equal(segment.traffic_class, 0xfc);
    peer_host_writes(&peer, 100);
    segment = peer_expects(&peer, ACK);
    assert_int_equal(segment.traffic_class, 0xfc | ECT0);
    peer_waits(&peer, 10 * WORLD_SECOND); /* again */
    segment = peer_expects(&peer, ACK);
    assert_int_equal(segment.payload_length, 100);
    assert_int_equal(segment.traffic_class, 0xfc);
    peer_free(&peer);
}

/* 6.1.3: from a mark on ECE stands on all acknowledgements, until CWR comes. */
/* RFC 3168 MUST-12, MUST-13 */
static void marks_are_echoed_until_cwr(void **state)
{
    (void)state;
    struct peer peer;
    is_opened_classic(&peer);
    says_marked(&peer, ACK, 0, 100, CE);
    peer_expects(&peer, ACK | ECE); /* at once */
    says_marked(&peer, ACK, 0, 2 * MSS, ECT0);
    peer_expects(&peer, ACK | ECE);
    peer_host_writes(&peer, 10);
    peer_expects(&peer, ACK | ECE);
    says_marked(&peer, ACK | CWR, 0, MSS, ECT0);
    peer_expects(&peer, ACK);
    says_marked(&peer, ACK | CWR, 0, MSS, CE); /* the mark is newer than what CWR answers */
    peer_expects(&peer, ACK | ECE);
    assert_int_equal(peer_info(&peer).tcpi_options & 16, 16);
    peer_free(&peer);
}

/* 6.1.2: the window shrinks once a window, and CWR stands on the next new data. */
/* RFC 3168 MUST-7, MUST-8, MUST-10 */
static void sender_responds_once_a_window(void **state)
{
    (void)state;
    struct peer peer;
    is_opened_classic(&peer);
    peer_host_writes(&peer, 20 * MSS);
    assert_int_equal(peer_hears_all(&peer), 10 * MSS);
    uint32_t before = peer_info(&peer).tcpi_snd_cwnd, begun = peer.expected - 10 * MSS;
    struct segment ack = peer_segment(&peer, ACK | ECE);
    for (uint32_t i = 1; i <= 10; i++) {
        ack.acknowledgment = begun + i * MSS;
        peer_injects(&peer, &ack);
        assert_int_equal(peer_info(&peer).tcpi_ca_state, 2); /* also at the end of the window */
    }
    struct chaski_tcp_info info = peer_info(&peer);
    assert_int_equal(info.tcpi_snd_ssthresh, before * 7 / 10); /* CUBIC; not twice */
    assert_int_equal(info.tcpi_total_retrans, 0);
    assert_int_equal(info.tcpi_delivered_ce, 10);
    struct segment segment = {0};
    unsigned told = 0, heard = 0;
    while (peer_hears(&peer, &segment)) {
        assert_int_equal(segment.traffic_class, ECT0);
        told += (segment.flags & CWR) != 0;
        assert_true(heard++ != 0 || (segment.flags & CWR)); /* the first new one */
    }
    assert_int_equal(told, 1);
    /* The window that was sent after CWR is another one. */
    ack.acknowledgment = peer.expected;
    peer_injects(&peer, &ack);
    peer_host_writes(&peer, 4 * MSS);
    peer_acknowledges(&peer);
    assert_true(peer_info(&peer).tcpi_snd_ssthresh < before * 7 / 10);
    peer_free(&peer);
}

/* An algorithm that rules the window itself tells of its response as well, once a window. */
/* RFC 3168 MUST-10 */
static void bbr_answers_marks_too(void **state)
{
    (void)state;
    struct peer peer;
    is_opened_classic(&peer);
    peer_host_sets(&peer, CHASKI_TCP_CONGESTION, CHASKI_BBR);
    peer_host_writes(&peer, 4 * MSS);
    peer_runs(&peer, WORLD_SECOND / 50);
    peer_hears_all(&peer);
    struct segment ack = peer_segment(&peer, ACK | ECE), segment = {0};
    peer_injects(&peer, &ack);
    peer_injects(&peer, &ack);
    peer_host_writes(&peer, 4 * MSS);
    peer_runs(&peer, WORLD_SECOND / 50);
    unsigned told = 0, heard = 0;
    while (peer_hears(&peer, &segment)) {
        told += (segment.flags & CWR) != 0;
        assert_true(heard++ != 0 || (segment.flags & CWR));
    }
    assert_int_equal(told, 1);
    peer_free(&peer);
}

/* 6.1.2: a loss in the window that was marked is not a second signal. */
/* RFC 3168 MUST-9 */
static void mark_and_loss_are_one_signal(void **state)
{
    (void)state;
    struct peer peer;
    is_opened_classic(&peer);
    peer_host_writes(&peer, 10 * MSS);
    peer_hears_all(&peer);
    struct segment ack = peer_segment(&peer, ACK | ECE);
    ack.acknowledgment = peer.expected - 9 * MSS;
    peer_injects(&peer, &ack);
    uint32_t threshold = peer_info(&peer).tcpi_snd_ssthresh;
    for (int i = 0; i < 3; i++)
        peer_injects(&peer, &ack); /* duplicates, without SACK */
    assert_int_equal(peer_info(&peer).tcpi_ca_state, 3);
    assert_int_equal(peer_info(&peer).tcpi_snd_ssthresh, threshold);
    peer_free(&peer);
}

/* The peer acknowledges up to `number` and reports one range. */
static void reports(struct peer *peer, uint8_t flags, uint32_t number, uint32_t left,
                    uint32_t right)
{
    uint8_t sack[] = {1, 1, 5, 10, 0, 0, 0, 0, 0, 0, 0, 0};
    store_be32(sack + 4, left);
    store_be32(sack + 8, right);
    struct segment ack = peer_segment(peer, flags);
    ack.acknowledgment = number;
    ack.options = sack;
    ack.options_length = sizeof sack;
    peer_injects(peer, &ack);
}

/* A loss that proves to be none is taken back, but not the mark that came since. */
static void a_mark_is_no_mistake(void **state)
{
    (void)state;
    static const uint8_t with_sack[] = {2, 4, MSS >> 8, MSS & 0xff, 4, 2, 1, 1};
    for (unsigned marked = 0; marked < 2; marked++) {
        struct peer peer;
        make_peer(&peer, "1");
        set_knob(peer.host, "tcp_early_retrans", "0");
        peer.syn_options = with_sack;
        peer.syn_options_length = sizeof with_sack;
        answer_to(&peer, 3, 0);
        peer_acknowledges(&peer);
        uint32_t una = peer.expected;
        peer_host_writes(&peer, 10 * MSS);
        peer_hears_all(&peer);
        peer_runs(&peer, 20 * WORLD_MILLISECOND);
        reports(&peer, ACK, una, una + MSS, una + 4 * MSS);
        assert_int_equal(peer_info(&peer).tcpi_ca_state, 3);
        peer_hears_all(&peer);
        peer_acknowledges(&peer);
        peer_host_writes(&peer, 4 * MSS);
        peer_hears_all(&peer);
        struct segment mark = peer_segment(&peer, (uint8_t)(ACK | (marked ? ECE : 0)));
        peer_injects(&peer, &mark);
        uint32_t threshold = peer_info(&peer).tcpi_snd_ssthresh;
        reports(&peer, ACK, peer.expected, una, una + MSS);
        assert_int_equal(chaski_counter_value(peer.host, CHASKI_TCP_UNDONE), !marked);
        assert_true(!marked || peer_info(&peer).tcpi_snd_ssthresh == threshold);
        peer_free(&peer);
    }
}

/* 6.1.5: what is outside of the window may come from anybody. */
/* RFC 3168 SHLD-2 */
static void marks_outside_of_the_window_count_for_nothing(void **state)
{
    (void)state;
    struct peer peer;
    is_opened_classic(&peer);
    struct segment beyond = peer_segment(&peer, ACK);
    beyond.sequence += 1 << 24;
    beyond.payload_length = 100;
    beyond.traffic_class = CE;
    peer_injects(&peer, &beyond);
    peer_expects(&peer, ACK);
    peer_runs(&peer, WORLD_SECOND);
    says_marked(&peer, ACK, 0, 2 * MSS, ECT0);
    peer_expects(&peer, ACK);
    struct segment before = beyond; /* of the last few bytes that came, say, and of any numbers */
    before.sequence = peer.next - 200;
    before.acknowledgment = peer.expected - 12345678;
    peer_injects(&peer, &before);
    peer_expects(&peer, ACK);
    peer_free(&peer);
}

/* 6.1.6 */
/* RFC 3168 MUST-16 */
static void probes_are_not_ect(void **state)
{
    (void)state;
    struct peer peer;
    is_opened_classic(&peer);
    peer.window = 0;
    peer_acknowledges(&peer);
    peer_host_writes(&peer, 100);
    peer_expects_nothing(&peer);
    peer_waits(&peer, 10 * WORLD_SECOND);
    assert_int_equal(peer_expects(&peer, ACK).traffic_class, 0);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syn_asks_as_tcp_ecn_says),
        cmocka_unit_test(synack_answers_as_tcp_ecn_says),
        cmocka_unit_test(syn_falls_back),
        cmocka_unit_test(broken_answers_mean_no_ecn),
        cmocka_unit_test(new_data_only_is_ect),
        cmocka_unit_test(marks_are_echoed_until_cwr),
        cmocka_unit_test(sender_responds_once_a_window),
        cmocka_unit_test(bbr_answers_marks_too),
        cmocka_unit_test(mark_and_loss_are_one_signal),
        cmocka_unit_test(a_mark_is_no_mistake),
        cmocka_unit_test(marks_outside_of_the_window_count_for_nothing),
        cmocka_unit_test(probes_are_not_ect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
