/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "tests/support/peer.h"

/* Explicit congestion notification as RFC 3168 has it, and what accurate ECN (RFC 9768) adds. */

enum {
    SYN = SEGMENT_SYN,
    ACK = SEGMENT_ACK,
    ECE = SEGMENT_ECE,
    CWR = SEGMENT_CWR,
    ECT1 = 1,
    ECT0 = 2,
    CE = 3,
    MSS = PEER_MSS,
    ACE_SHIFT = 6,
};

static void make(struct peer *peer, const char *ecn)
{
    peer_make(peer, NULL);
    assert_int_equal(chaski_set_knob(peer->host, "tcp_ecn", ecn), 0);
}

static struct segment with_ace(struct peer *peer, uint8_t flags, unsigned ace)
{
    struct segment segment = peer_segment(peer, (uint8_t)(flags | (ace & 3) << ACE_SHIFT));
    segment.ae = (ace & 4) != 0;
    return segment;
}

static unsigned ace_of(const struct segment *segment)
{
    return (unsigned)segment->ae << 2 | segment->flags >> ACE_SHIFT;
}

/* The peer says data of `length` bytes that came with that ECN field. */
static void says_marked(struct peer *peer, uint8_t flags, unsigned ace, uint32_t length,
                        uint8_t field)
{
    struct segment segment = with_ace(peer, flags, ace);
    segment.payload_length = length;
    segment.traffic_class = field;
    peer->next += length;
    peer_injects(peer, &segment);
}

/* The host connects; the peer's answer has these flags and comes with that field. */
static struct segment is_opened_with(struct peer *peer, const char *ecn, unsigned synack_ace,
                                     uint8_t field)
{
    struct segment ack = {0};
    make(peer, ecn);
    struct chaski_tcp_connect connect = {
        .local.port = PEER_HOST_PORT,
        .remote = world_endpoint(1, PEER_PORT),
    };
    assert_int_equal(chaski_tcp_connect(peer->host, &connect, &peer->connection), 0);
    peer_settles(peer);
    assert_true(peer_hears(peer, &ack));
    peer->expected = ack.sequence + 1;
    struct segment answer = with_ace(peer, SYN | ACK, synack_ace);
    answer.options = peer->syn_options;
    answer.options_length = peer->syn_options_length;
    answer.traffic_class = field;
    peer_injects(peer, &answer);
    peer->next++;
    assert_true(peer_hears(peer, &ack));
    return ack;
}

static struct segment is_opened(struct peer *peer, const char *ecn, unsigned synack_ace)
{
    return is_opened_with(peer, ecn, synack_ace, 0);
}

static void is_opened_classic(struct peer *peer)
{
    struct segment ack = is_opened(peer, "1", 1);
    assert_int_equal(ack.flags, ACK);
}

/* The peer's SYN has these flags; returns the answer. */
static struct segment answer_to(struct peer *peer, unsigned ace, uint8_t field)
{
    struct segment answer = {0};
    peer_host_listens(peer);
    struct segment syn = with_ace(peer, SYN, ace);
    syn.options = peer->syn_options;
    syn.options_length = peer->syn_options_length;
    syn.traffic_class = field;
    peer->next++;
    peer_injects(peer, &syn);
    assert_true(peer_hears(peer, &answer));
    peer->expected = answer.sequence + 1;
    return answer;
}

/* ---- RFC 3168 ---- */

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
        make(&peer, cases[i].ecn);
        struct chaski_tcp_connect connect = {.remote = world_endpoint(1, PEER_PORT)};
        assert_int_equal(chaski_tcp_connect(peer.host, &connect, &peer.connection), 0);
        peer_settles(&peer);
        struct segment syn = {0};
        assert_true(peer_hears(&peer, &syn));
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
        make(&peer, cases[i].ecn);
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
        make(&peer, accurate ? "3" : "1");
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
        struct segment data = is_opened(&peer, cases[i].ecn, cases[i].ace);
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
    for (int i = 0; i < 4; i++) {
        sack[4 + i] = (uint8_t)(left >> (24 - 8 * i));
        sack[8 + i] = (uint8_t)(right >> (24 - 8 * i));
    }
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
        make(&peer, "1");
        assert_int_equal(chaski_set_knob(peer.host, "tcp_early_retrans", "0"), 0);
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

/* ---- RFC 9768 ---- */

static const uint8_t accecn_0[] = {172, 11, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1};

static void says_option(struct peer *peer, unsigned ace, uint32_t length, uint8_t field,
                        const uint8_t *option)
{
    struct segment segment = with_ace(peer, ACK, ace);
    segment.payload_length = length;
    segment.traffic_class = field;
    segment.options = option;
    segment.options_length = 12;
    peer->next += length;
    peer_injects(peer, &segment);
}

/* The peer opens with accurate ECN; its third segment says how the SYN+ACK came. */
static void opens_with_option(struct peer *peer, unsigned third, const char *knob)
{
    static const uint8_t syn[] = {2, 4, 5, 180, 4, 2};
    make(peer, "3");
    assert_int_equal(chaski_set_knob(peer->host, "tcp_ecn_option", knob), 0);
    peer->syn_options = syn;
    peer->syn_options_length = sizeof syn;
    struct segment answer = answer_to(peer, 7, 0);
    uint8_t length;
    const uint8_t *option = segment_option(&answer, 174, &length);
    static const uint8_t begun[] = {0, 0, 1, 0, 0, 0, 0, 0, 1};
    assert_non_null(option);
    assert_int_equal(length, 9);
    assert_memory_equal(option, begun, 9);
    says_option(peer, third, 0, ECT0, accecn_0);
    assert_true(peer->events & CHASKI_CONNECTED);
}

static void opens_accurately(struct peer *peer, unsigned third)
{
    opens_with_option(peer, third, "2");
}

static void expect_counts(struct peer *peer, unsigned ace, uint32_t e1, uint32_t ce, uint32_t e0)
{
    struct segment segment = {0};
    uint8_t length;
    assert_true(peer_hears(peer, &segment));
    assert_int_equal(ace_of(&segment), ace);
    assert_int_equal(segment.traffic_class, ECT0);
    const uint8_t *at = segment_option(&segment, 174, &length);
    assert_non_null(at);
    assert_int_equal(length, 9);
    uint32_t values[3] = {e1, ce, e0};
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal((uint32_t)at[3 * i] << 16 | at[3 * i + 1] << 8 | at[3 * i + 2], values[i]);
}

/* 3.2.2.1: the client's acknowledgement tells how the SYN+ACK came, also when that comes again. */
/* RFC 9768 MUST-9, MUST-10, MUST-11 */
static void third_segment_tells_how_the_second_came(void **state)
{
    (void)state;
    static const unsigned aces[4] = {2, 3, 4, 6};
    for (uint8_t field = 0; field < 4; field++) {
        struct peer peer;
        struct segment ack = is_opened_with(&peer, "3", 2, field);
        assert_int_equal(ace_of(&ack), aces[field]);
        assert_int_equal(ack.traffic_class, ECT0);
        peer_runs(&peer, WORLD_SECOND);
        peer.next--;
        struct segment again = with_ace(&peer, SYN | ACK, 2);
        again.traffic_class = field;
        peer_injects(&peer, &again);
        peer.next++;
        assert_true(peer_hears(&peer, &ack));
        assert_int_equal(ace_of(&ack), aces[field]);
        peer_host_writes(&peer, 10); /* from then on it counts */
        assert_true(peer_hears(&peer, &ack));
        assert_int_equal(ace_of(&ack), field == CE ? 6 : 5);
        peer_free(&peer);
    }
}

/* RFC 9768 MUST-9, MUST-12, MUST-16, MUST-18 */
static void marks_are_counted(void **state)
{
    (void)state;
    struct peer peer;
    opens_accurately(&peer, 2);
    says_option(&peer, 5, 1000, CE, accecn_0);
    expect_counts(&peer, 6, 1, 1000, 1);
    says_option(&peer, 5, 1000, ECT0, accecn_0); /* 3.2.2.5.1: the change is told at once */
    expect_counts(&peer, 6, 1, 1000, 1001);
    says_option(&peer, 5, 1000, CE, accecn_0);
    expect_counts(&peer, 7, 1, 2000, 1001);
    says_option(&peer, 5, 2 * MSS, CE, accecn_0); /* one packet, whatever its size */
    peer_runs(&peer, WORLD_SECOND);
    expect_counts(&peer, 0, 1, 2000 + 2 * MSS, 1001);
    says_option(&peer, 5, 2 * MSS, ECT1, accecn_0);
    expect_counts(&peer, 0, 1 + 2 * MSS, 2000 + 2 * MSS, 1001);
    struct chaski_tcp_info info = peer_info(&peer);
    assert_true(info.accurate_ecn);
    assert_int_equal(info.tcpi_received_ce, 3);
    assert_int_equal(info.tcpi_received_ce_bytes, 2000 + 2 * MSS);
    assert_int_equal(info.tcpi_received_e0_bytes, 1000);
    assert_int_equal(info.tcpi_received_e1_bytes, 2 * MSS);
    peer_free(&peer);
}

/* 3.2.2.4: flags that somebody clears; 3.2.2.3: a field that somebody changes. */
/* RFC 9768 MUST-11, MUST-14, MUST-15 */
static void mangled_handshakes_mean_not_ect(void **state)
{
    (void)state;
    for (unsigned third = 0; third < 8; third++) {
        struct peer peer;
        bool mangled = third == 0 || third == 3 || third == 4 || third == 6;
        opens_accurately(&peer, third);
        peer_host_writes(&peer, 100);
        struct segment data = {0};
        assert_true(peer_hears(&peer, &data));
        assert_int_equal(data.traffic_class, mangled ? 0 : ECT0);
        assert_int_equal(ace_of(&data), 5);
        assert_int_equal(peer_info(&peer).tcpi_delivered_ce, third == 6);
        peer_free(&peer);
    }
}

static void store_24(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 16);
    at[1] = (uint8_t)(value >> 8);
    at[2] = (uint8_t)value;
}

/* 3.2.2.2: what the peer counts is taken in, once it tells of progress. */
/* RFC 9768 MUST-13 */
static void feedback_is_counted(void **state)
{
    (void)state;
    struct peer peer;
    uint8_t option[12];
    memcpy(option, accecn_0, 12);
    opens_accurately(&peer, 2);
    peer_host_writes(&peer, 1000);
    struct segment ack = with_ace(&peer, ACK, 6);
    store_24(option + 5, 1000);
    ack.options = option;
    ack.options_length = 12;
    peer_injects(&peer, &ack); /* acknowledges nothing */
    assert_int_equal(peer_info(&peer).tcpi_delivered_ce, 0);
    peer_hears_all(&peer);
    ack.acknowledgment = peer.expected;
    peer_injects(&peer, &ack);
    struct chaski_tcp_info info = peer_info(&peer);
    assert_int_equal(info.tcpi_delivered_ce, 1);
    assert_int_equal(info.tcpi_delivered_ce_bytes, 1000);
    assert_true(info.tcpi_snd_ssthresh <= 10); /* it has responded */
    peer_free(&peer);
}

/* Ten segments acknowledged at once, ACE at 6 and perhaps the option's bytes. */
static uint32_t delivered_of_ten(bool option_there, uint32_t marked_bytes)
{
    struct peer peer;
    uint8_t option[12];
    memcpy(option, accecn_0, 12);
    opens_accurately(&peer, 2);
    peer_host_writes(&peer, MSS); /* acknowledgements cover little as a rule */
    peer_hears_all(&peer);
    struct segment ack = with_ace(&peer, ACK, 5);
    peer_injects(&peer, &ack);
    peer_host_writes(&peer, 10 * MSS);
    assert_int_equal(peer_hears_all(&peer), 10 * MSS);
    ack = with_ace(&peer, ACK, 6);
    store_24(option + 5, marked_bytes);
    if (option_there) {
        ack.options = option;
        ack.options_length = 12;
    }
    peer_injects(&peer, &ack);
    uint32_t delivered = peer_info(&peer).tcpi_delivered_ce;
    peer_free(&peer);
    return delivered;
}

/* 3.2.2.5.2: ACE may have gone round; caution says so, the option knows. */
/* RFC 9768 MUST-17 */
static void ace_may_go_round(void **state)
{
    (void)state;
    assert_int_equal(delivered_of_ten(false, 0), 9);
    assert_int_equal(delivered_of_ten(true, MSS - 12), 1); /* the option takes twelve */
    assert_int_equal(delivered_of_ten(true, 9 * (MSS - 12)), 9);
}

/* 3.2.3.2.3: who sends the same again and again does not hear what carries the option. */
/* RFC 9768 SHLD-3, SHLD-4 */
static void option_is_given_up(void **state)
{
    (void)state;
    struct peer peer;
    uint8_t length;
    opens_accurately(&peer, 2);
    static const bool there[] = {true, true, false, false};
    for (unsigned i = 0; i < 4; i++) {
        struct segment ack = {0};
        if (i == 1 || i == 2)
            peer.next -= 1000;
        says_option(&peer, 5, 1000, ECT0, accecn_0);
        peer_runs(&peer, WORLD_SECOND);
        assert_true(peer_hears(&peer, &ack));
        assert_int_equal(segment_option(&ack, 174, &length) != NULL, there[i]);
    }
    peer_free(&peer);
}

/* 3.1.4.2: what was agreed on stays when the SYN comes again without a word of it. */
/* RFC 9768 MUST-6 */
static void syn_that_asks_no_more_means_not_ect(void **state)
{
    (void)state;
    static const unsigned asked[2] = {7, 0};
    for (unsigned i = 0; i < 2; i++) {
        struct peer peer;
        struct segment segment = {0};
        make(&peer, "3");
        segment = answer_to(&peer, asked[i], ECT0);
        assert_int_equal(ace_of(&segment), i == 0 ? 4 : 0);
        peer.next--;
        struct segment again = with_ace(&peer, SYN, asked[1 - i]);
        peer.next++;
        peer_injects(&peer, &again);
        assert_true(peer_hears(&peer, &segment));
        assert_int_equal(ace_of(&segment), i == 0 ? 2 : 0);
        segment = with_ace(&peer, ACK, i == 0 ? 2 : 0);
        peer_injects(&peer, &segment);
        peer_host_writes(&peer, 100);
        assert_true(peer_hears(&peer, &segment));
        assert_int_equal(segment.traffic_class, 0);
        assert_int_equal(ace_of(&segment), i == 0 ? 5 : 0);
        peer_free(&peer);
    }
}

/* 3.1.4.2: the SYN+ACK that goes again has no option, and then no flags either. */
/* RFC 9768 SHLD-2 */
static void synack_that_goes_again_asks_for_less(void **state)
{
    (void)state;
    static const unsigned aces[] = {2, 0};
    struct peer peer;
    uint8_t length;
    make(&peer, "3");
    struct segment answer = answer_to(&peer, 7, 0);
    assert_non_null(segment_option(&answer, 174, &length));
    for (unsigned i = 0; i < 2; i++) {
        peer_waits(&peer, 10 * WORLD_SECOND);
        answer = peer_expects(&peer, (uint8_t)(SYN | ACK | (aces[i] & 3) << ACE_SHIFT));
        assert_int_equal(ace_of(&answer), aces[i]);
        assert_null(segment_option(&answer, 174, &length));
    }
    peer_free(&peer);
}

/* 3.1.5: also when nothing of ours is left to be marked. */
/* RFC 9768 MUST-7 */
static void feedback_goes_on_to_the_end(void **state)
{
    (void)state;
    struct peer peer;
    opens_accurately(&peer, 2);
    assert_int_equal(chaski_tcp_shutdown(peer.host, peer.connection), 0);
    peer_settles(&peer);
    peer_hears_all(&peer);
    says_option(&peer, 5, 0, ECT0, accecn_0);
    assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_FIN_WAIT_2);
    says_option(&peer, 5, 1000, CE, accecn_0);
    expect_counts(&peer, 6, 1, 1000, 1);
    peer_free(&peer);
}

/* 3.2.3: kind 172 begins with ECT(0), 174 with ECT(1). */
/* RFC 9768 MUST-18 */
static void both_orders_of_the_option_are_read(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        struct peer peer;
        uint8_t option[12] = {order == 0 ? 172 : 174, 11, [11] = 1};
        opens_accurately(&peer, 2);
        peer_host_writes(&peer, 1000);
        peer_hears_all(&peer);
        store_24(option + (order == 0 ? 2 : 8), 1 + 400);
        store_24(option + 5, 600);
        store_24(option + (order == 0 ? 8 : 2), 1);
        struct segment ack = with_ace(&peer, ACK, 6);
        ack.options = option;
        ack.options_length = 12;
        peer_injects(&peer, &ack);
        struct chaski_tcp_info info = peer_info(&peer);
        assert_int_equal(info.tcpi_delivered_e0_bytes, 400);
        assert_int_equal(info.tcpi_delivered_ce_bytes, 600);
        assert_int_equal(info.tcpi_delivered_e1_bytes, 0);
        peer_free(&peer);
    }
}

/* The option yields to what SACK needs: two blocks stay. */
/* RFC 9768 SHLD-6 */
static void option_shares_room_with_sack(void **state)
{
    (void)state;
    struct peer peer;
    uint8_t length = 0;
    static const uint8_t syn[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0};
    make(&peer, "3");
    peer.syn_options = syn;
    peer.syn_options_length = sizeof syn;
    answer_to(&peer, 7, 0);
    uint8_t stamped[24] = {1, 1, 8, 10, 0, 0, 0, 2, 0, 0, 0, 0};
    memcpy(stamped + 12, accecn_0, 12);
    struct segment segment = with_ace(&peer, ACK, 2);
    segment.options = stamped;
    segment.options_length = 24;
    peer_injects(&peer, &segment);
    static const uint8_t fields[] = {ECT1, ECT1, CE, CE, ECT0};
    static const uint8_t blocks[] = {1, 2, 2, 2, 3}, lengths[] = {9, 6, 6, 6, 0};
    for (uint32_t i = 0; i < 5; i++) {
        segment = with_ace(&peer, ACK, 5);
        segment.sequence += 1000 + 2000 * i;
        segment.payload_length = 1000;
        segment.traffic_class = fields[i];
        segment.options = stamped;
        segment.options_length = 12;
        peer_injects(&peer, &segment);
        struct segment ack = {0};
        assert_true(peer_hears(&peer, &ack));
        assert_non_null(segment_option(&ack, 5, &length));
        assert_int_equal(length, 8 * blocks[i]);
        const uint8_t *option = segment_option(&ack, 174, &length);
        assert_int_equal(option == NULL ? 0 : length, lengths[i]);
    }
    peer_free(&peer);
}

/* Data goes both ways, all of the host's in full segments, which have no room for it: an
 * acknowledgement goes before them, but not more often than the beacon says. */
/* 3.2.3.3, and Linux's tcp_ecn_option 2: every segment has it, full ones are shorter by it. */
/* RFC 9768 SHLD-5 */
static void segments_carry_the_option(void **state)
{
    (void)state;
    struct peer peer;
    struct segment segment = {0};
    uint8_t length;
    opens_accurately(&peer, 2);
    assert_int_equal(peer_host_writes(&peer, 2 * MSS), 2 * MSS);
    uint32_t expected[] = {MSS - 12, MSS - 12, 24};
    for (unsigned i = 0; i < 3; i++) {
        assert_true(peer_hears(&peer, &segment));
        assert_int_equal(segment.payload_length, expected[i]);
        assert_non_null(segment_option(&segment, 174, &length));
        assert_int_equal(length, 9);
    }
    peer_free(&peer);
}

static void expect_full(struct peer *peer, uint32_t payload, bool option)
{
    struct segment segment = {0};
    uint8_t length;
    for (unsigned i = 0; i < 2; i++) {
        assert_true(peer_hears(peer, &segment));
        assert_int_equal(segment.payload_length, payload);
        assert_int_equal(segment_option(&segment, 174, &length) != NULL, option);
    }
    peer_hears_all(peer);
}

/* A connection that began without the option's room has it from the peer's next option on, if every
 * segment is to carry it by then, and keeps it when no longer. */
static void room_for_the_option_follows_the_knob(void **state)
{
    (void)state;
    struct peer peer;
    uint8_t option[12];
    memcpy(option, accecn_0, 12);
    opens_with_option(&peer, 2, "1");
    assert_int_equal(chaski_set_knob(peer.host, "tcp_ecn_option", "2"), 0);
    peer_host_writes(&peer, 2 * MSS);
    expect_full(&peer, MSS, false);
    store_24(option + 2, 1 + 2 * MSS);
    says_option(&peer, 5, 0, ECT0, option);
    peer_host_writes(&peer, 2 * (MSS - 12));
    expect_full(&peer, MSS - 12, true);
    assert_int_equal(chaski_set_knob(peer.host, "tcp_ecn_option", "0"), 0);
    store_24(option + 2, 1 + 2 * MSS + 2 * (MSS - 12));
    says_option(&peer, 5, 0, ECT0, option);
    peer_host_writes(&peer, 2 * (MSS - 12));
    expect_full(&peer, MSS - 12, false);
    peer_free(&peer);
}

/* RFC 9768 SHLD-5 */
static void full_segments_let_the_option_go_first(void **state)
{
    (void)state;
    static const struct {
        uint64_t wait_ns;
        uint8_t field;
        bool goes_first;
    } cases[] = {{0, CE, true},
                 {0, CE, false},
                 {2 * WORLD_MILLISECOND, CE, true},
                 {2 * WORLD_MILLISECOND, 0, false}}; /* which changes nothing */
    struct peer peer;
    uint8_t length, option[12];
    memcpy(option, accecn_0, 12);
    opens_with_option(&peer, 2, "1");
    peer.window = 10 * MSS; /* there is more to send all the time */
    peer_host_writes(&peer, 60 * MSS);
    assert_int_equal(peer_hears_all(&peer), 10 * MSS);
    for (unsigned i = 0; i < 4; i++) {
        struct segment segment = {0};
        peer_runs(&peer, cases[i].wait_ns);
        peer_hears_all(&peer);
        store_24(option + 2, 1 + 10 * MSS); /* all of ours came as it was sent */
        says_option(&peer, 5, 1000, cases[i].field, option);
        assert_true(peer_hears(&peer, &segment));
        bool first = segment.payload_length == 0;
        assert_int_equal(first, cases[i].goes_first);
        assert_int_equal(segment_option(&segment, 174, &length) != NULL, first);
        assert_int_equal(segment.acknowledgment, peer.next);
        if (first)
            assert_true(peer_hears(&peer, &segment));
        assert_int_equal(segment.payload_length, MSS);
        assert_null(segment_option(&segment, 174, &length));
        peer_hears_all(&peer);
    }
    peer_free(&peer);
}

/* A segment that has room for it brings it itself; who does not know it, hears nothing of it. */
static void other_segments_are_alone(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct peer peer;
        struct segment segment = {0};
        uint8_t length;
        if (i == 0) {
            opens_accurately(&peer, 2);
        } else {
            make(&peer, "3");
            answer_to(&peer, 7, 0);
            segment = with_ace(&peer, ACK, 2);
            peer_injects(&peer, &segment);
        }
        segment = with_ace(&peer, ACK, 5);
        segment.traffic_class = CE;
        segment.payload_length = 1000;
        peer.next += 1000;
        peer_queues(&peer, &segment);
        uint32_t n = i == 0 ? 100 : 3 * MSS;
        assert_int_equal(peer_host_writes(&peer, n), n);
        assert_true(peer_hears(&peer, &segment));
        assert_int_equal(segment.payload_length, i == 0 ? 100 : MSS);
        assert_int_equal(segment_option(&segment, 174, &length) != NULL, i == 0);
        peer_free(&peer);
    }
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
        cmocka_unit_test(third_segment_tells_how_the_second_came),
        cmocka_unit_test(marks_are_counted),
        cmocka_unit_test(mangled_handshakes_mean_not_ect),
        cmocka_unit_test(feedback_is_counted),
        cmocka_unit_test(ace_may_go_round),
        cmocka_unit_test(option_is_given_up),
        cmocka_unit_test(syn_that_asks_no_more_means_not_ect),
        cmocka_unit_test(synack_that_goes_again_asks_for_less),
        cmocka_unit_test(feedback_goes_on_to_the_end),
        cmocka_unit_test(both_orders_of_the_option_are_read),
        cmocka_unit_test(option_shares_room_with_sack),
        cmocka_unit_test(segments_carry_the_option),
        cmocka_unit_test(full_segments_let_the_option_go_first),
        cmocka_unit_test(room_for_the_option_follows_the_knob),
        cmocka_unit_test(other_segments_are_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
