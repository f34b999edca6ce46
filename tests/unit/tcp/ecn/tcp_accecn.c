/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/tcp/ecn/accecn.h"

/* Accurate ECN (RFC 9768): what is told of marks, and what is made of it. */

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
    for (uint8_t field = 0; field < 4; field++) {
        struct peer peer;
        struct segment ack = is_opened_with(&peer, "3", 2, field);
        assert_int_equal(ace_of(&ack), ace_for(field));
        assert_int_equal(ack.traffic_class, ECT0);
        peer_runs(&peer, WORLD_SECOND);
        peer.next--;
        struct segment again = with_ace(&peer, SYN | ACK, 2, field);
        peer_injects(&peer, &again);
        peer.next++;
        assert_true(peer_hears(&peer, &ack));
        assert_int_equal(ace_of(&ack), ace_for(field));
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
    struct segment ack = with_ace(&peer, ACK, 6, 0);
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
    struct segment ack = with_ace(&peer, ACK, 5, 0);
    peer_injects(&peer, &ack);
    uint32_t length = 10 * (MSS - (uint32_t)sizeof option); /* beside the host's own */
    peer_host_writes(&peer, length);
    assert_int_equal(peer_hears_all(&peer), length);
    ack = with_ace(&peer, ACK, 6, 0);
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

/* 3.1.4.2: what was agreed on stays when the SYN comes again without a word of it. */
/* RFC 9768 MUST-6 */
static void syn_that_asks_no_more_means_not_ect(void **state)
{
    (void)state;
    static const unsigned asked[2] = {7, 0};
    for (unsigned i = 0; i < 2; i++) {
        struct peer peer;
        struct segment segment = {0};
        make_peer(&peer, "3");
        segment = answer_to(&peer, asked[i], ECT0);
        assert_int_equal(ace_of(&segment), i == 0 ? 4 : 0);
        peer.next--;
        struct segment again = with_ace(&peer, SYN, asked[1 - i], 0);
        peer.next++;
        peer_injects(&peer, &again);
        assert_true(peer_hears(&peer, &segment));
        assert_int_equal(ace_of(&segment), i == 0 ? 2 : 0);
        segment = with_ace(&peer, ACK, i == 0 ? 2 : 0, 0);
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
    struct peer peer;
    uint8_t length;
    make_peer(&peer, "3");
    struct segment answer = answer_to(&peer, 7, 0);
    assert_non_null(segment_option(&answer, 174, &length));
    asks_for_less(&peer);
    peer_free(&peer);
}

/* 3.1.5: also when nothing of ours is left to be marked. */
/* RFC 9768 MUST-7 */
static void feedback_goes_on_to_the_end(void **state)
{
    (void)state;
    struct peer peer;
    opens_accurately(&peer, 2);
    peer_host_shuts_down(&peer);
    peer_hears_all(&peer);
    says_option(&peer, 5, 0, ECT0, accecn_0);
    assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_FIN_WAIT_2);
    says_option(&peer, 5, 1000, CE, accecn_0);
    expect_counts(&peer, 6, 1, 1000, 1);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(third_segment_tells_how_the_second_came),
        cmocka_unit_test(marks_are_counted),
        cmocka_unit_test(mangled_handshakes_mean_not_ect),
        cmocka_unit_test(feedback_is_counted),
        cmocka_unit_test(ace_may_go_round),
        cmocka_unit_test(syn_that_asks_no_more_means_not_ect),
        cmocka_unit_test(synack_that_goes_again_asks_for_less),
        cmocka_unit_test(feedback_goes_on_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
