/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/tcp/recovery/tcp_rate.h"
#include "core/tcp/tcp_internal.h"

/* Delivery-rate samples (draft-ietf-ccwg-bbr, 4.1), transmission by transmission. */

enum { MSS = 1000, RTT_US = 10000 };

#define MS UINT64_C(1000000)

static struct rate rate;

struct transmission {
    struct rate_mark mark;
    uint64_t sent_ns;
};

static struct transmission send(uint64_t now_ns, uint32_t in_flight)
{
    return (struct transmission){rate_sent(&rate, in_flight, MSS, now_ns), now_ns};
}

/* It arrives with so many bytes in all. */
static struct rate_sample arrives(const struct transmission *sent, uint64_t now_ns, uint32_t bytes,
                                  uint32_t min_rtt_us)
{
    struct sent_news news = {
        .now_ns = now_ns,
        .delivered = bytes,
        .segments = (bytes + MSS - 1) / MSS,
        .mark_sent_ns = sent->sent_ns,
        .mark = sent->mark,
    };
    return rate_acknowledged(&rate, &news, min_rtt_us);
}

/* A segment a millisecond, each acknowledged 10 ms after it was sent: 1 MB/s. */
/* draft-ietf-ccwg-bbr MUST-9 */
static void the_rate_is_what_arrived_while_a_segment_was_on_its_way(void **state)
{
    (void)state;
    struct transmission sent[40];
    rate_init(&rate, 5 * MS);
    for (unsigned i = 0; i < 40; i++) {
        uint64_t now_ns = (100 + i) * MS;
        if (i >= 10) {
            struct rate_sample sample = arrives(&sent[i - 10], now_ns, MSS, RTT_US);
            assert_true(sample.arrived);
            if (i >= 20) {
                assert_int_equal(sample.bytes_per_s, 1000000);
                assert_int_equal(sample.delivered, 10 * MSS);
                assert_int_equal(sample.prior_delivered, rate.delivered - 10 * MSS);
            }
        }
        sent[i] = send(now_ns, i < 10 ? i * MSS : 9 * MSS);
        assert_int_equal(sent[i].mark.in_flight, (i < 10 ? i + 1 : 10) * MSS);
    }
    assert_int_equal(rate.last_bytes_per_s, 1000000);
    assert_int_equal(rate.segments, 30);
}

/* Acknowledgements that were held up come all at once: the rate is no higher than that of sending.
 */
/* draft-ietf-ccwg-bbr MUST-9 */
static void no_rate_is_higher_than_that_of_sending(void **state)
{
    (void)state;
    struct transmission sent[40];
    struct rate_sample sample = {0};
    rate_init(&rate, 5 * MS);
    for (unsigned i = 0; i < 20; i++)
        sent[i] = send((100 + i) * MS, i * MSS);
    for (unsigned i = 0; i < 10; i++)
        arrives(&sent[i], 130 * MS, MSS, RTT_US);
    for (unsigned i = 10; i < 20; i++)
        sample = arrives(&sent[i], 131 * MS, MSS, RTT_US);
    assert_in_range(sample.bytes_per_s, 600000, 1050000);
    for (unsigned i = 20; i < 30; i++) /* what follows is sent in 21 ms, */
        sent[i] = send((111 + i) * MS, 0 + 1);
    for (unsigned i = 20; i < 30; i++) /* and arrives in 14, as far as is seen */
        sample = arrives(&sent[i], 145 * MS + i, MSS, RTT_US);
    assert_int_equal(sample.bytes_per_s, 10 * MSS * UINT64_C(1000000) / 21000);
}

/* draft-ietf-ccwg-bbr MUST-9 */
static void what_arrives_too_soon_tells_nothing(void **state)
{
    (void)state;
    rate_init(&rate, 5 * MS);
    struct transmission sent = send(100 * MS, 0);
    struct rate_sample sample = arrives(&sent, 110 * MS - 1000, MSS, RTT_US);
    assert_true(sample.arrived);
    assert_int_equal(sample.bytes_per_s, 0);
    sent = send(120 * MS, 0);
    assert_int_equal(arrives(&sent, 130 * MS, MSS, RTT_US).bytes_per_s, 100000);
}

/* As in memory: a low rate of earlier must not be the last that is known. */
static void what_takes_no_time_takes_a_microsecond(void **state)
{
    (void)state;
    rate_init(&rate, 5 * MS);
    struct transmission sent = send(100 * MS, 0);
    assert_int_equal(arrives(&sent, 100 * MS, MSS, 1).bytes_per_s, MSS * UINT64_C(1000000));
    sent = send(100 * MS, 0);
    assert_int_equal(arrives(&sent, 100 * MS, 1 << 30, 1).bytes_per_s, UINT64_C(1) << 37);
}

/* draft-ietf-ccwg-bbr MUST-9 */
static void a_pause_does_not_count(void **state)
{
    (void)state;
    rate_init(&rate, 5 * MS);
    struct transmission sent = send(100 * MS, 0);
    arrives(&sent, 110 * MS, MSS, RTT_US);
    sent = send(5000 * MS, 0); /* nothing was in flight */
    assert_int_equal(arrives(&sent, 5010 * MS, MSS, RTT_US).bytes_per_s, 100000);
}

/* draft-ietf-ccwg-bbr MUST-10 */
static void samples_with_a_bubble_are_marked(void **state)
{
    (void)state;
    rate_init(&rate, 5 * MS);
    struct transmission first = send(100 * MS, 0), second = send(100 * MS, MSS);
    assert_false(first.mark.app_limited);
    rate_out_of_data(&rate, 2 * MSS);
    struct transmission third = send(105 * MS, 2 * MSS);
    assert_false(arrives(&first, 110 * MS, MSS, RTT_US).app_limited);
    struct transmission fourth = send(110 * MS, 2 * MSS);
    assert_false(arrives(&second, 110 * MS, MSS, RTT_US).app_limited);
    struct transmission fifth = send(111 * MS, 2 * MSS);
    assert_true(arrives(&third, 115 * MS, MSS, RTT_US).app_limited);
    struct transmission sixth = send(116 * MS, 2 * MSS); /* the bubble has left the path */
    assert_true(arrives(&fourth, 120 * MS, MSS, RTT_US).app_limited);
    assert_true(arrives(&fifth, 121 * MS, MSS, RTT_US).app_limited);
    assert_false(arrives(&sixth, 126 * MS, MSS, RTT_US).app_limited);
}

/* draft-ietf-ccwg-bbr MUST-9 */
static void losses_and_marks_since_it_was_sent_are_told(void **state)
{
    (void)state;
    rate_init(&rate, 5 * MS);
    rate.lost = 7 * MSS;
    struct transmission sent = send(100 * MS, 0);
    rate.lost += 3 * MSS;
    struct sent_news news = {.now_ns = 110 * MS,
                             .delivered = MSS,
                             .sacked = MSS,
                             .marked = 2 * MSS,
                             .mark_sent_ns = sent.sent_ns,
                             .mark = sent.mark};
    struct rate_sample sample = rate_acknowledged(&rate, &news, RTT_US);
    assert_int_equal(sample.lost, 5 * MSS);
    assert_int_equal(sample.delivered, 2 * MSS);
    assert_int_equal(sample.in_flight, MSS);
}

/* Counters and times wrap. */
/* draft-ietf-ccwg-bbr MUST-9 */
static void wrapping_does_no_harm(void **state)
{
    (void)state;
    uint64_t wrap_ns = (UINT64_C(1) << 32) * 1000;
    rate_init(&rate, 5 * MS);
    rate.delivered = 0u - 4 * MSS;
    struct transmission first = send(wrap_ns - 5 * MS, 0), second = send(wrap_ns - 3 * MS, MSS);
    rate_out_of_data(&rate, 8 * MSS);
    assert_int_equal(arrives(&first, wrap_ns + 5 * MS, MSS, RTT_US).bytes_per_s, 100000);
    assert_int_equal(arrives(&second, wrap_ns + 7 * MS, MSS, RTT_US).bytes_per_s,
                     2 * MSS * UINT64_C(1000000) / 12000);
    assert_true(rate.app_limited);
    struct transmission third = send(wrap_ns + 8 * MS, 0);
    arrives(&third, wrap_ns + 20 * MS, 7 * MSS, RTT_US);
    assert_false(rate.app_limited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rate_is_what_arrived_while_a_segment_was_on_its_way),
        cmocka_unit_test(no_rate_is_higher_than_that_of_sending),
        cmocka_unit_test(what_arrives_too_soon_tells_nothing),
        cmocka_unit_test(what_takes_no_time_takes_a_microsecond),
        cmocka_unit_test(a_pause_does_not_count),
        cmocka_unit_test(samples_with_a_bubble_are_marked),
        cmocka_unit_test(losses_and_marks_since_it_was_sent_are_told),
        cmocka_unit_test(wrapping_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
