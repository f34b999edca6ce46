/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drivers/impair.h"

#define MS UINT64_C(1000000)

enum { MANY = 100000, FRAME = 1514 };

static struct impair impair;

static void begin(struct impairment impairment)
{
    impair_init(&impair, 7, 0);
    impair_set(&impair, &impairment);
}

static struct impair_fate judge(uint64_t now_ns)
{
    return impair_judge(&impair, FRAME, true, now_ns);
}

static void does_nothing_unless_told(void **state)
{
    (void)state;
    const struct impairment lone[] = {{.loss = 1},     {.duplicate = 1}, {.corrupt = 1},
                                      {.reorder = 1},  {.delay_ns = 1},  {.jitter_ns = 1},
                                      {.rate_bits = 1}};
    impair_init(&impair, 1, 2);
    assert_true(impair.plain);
    for (size_t i = 0; i < sizeof lone / sizeof *lone; i++) {
        begin(lone[i]);
        assert_false(impair.plain);
    }
    begin((struct impairment){.queue_bytes = 1, .mark_bytes = 1, .reorder_ns = 1});
    assert_true(impair.plain);
    struct impair_fate fate = judge(5);
    assert_int_equal(fate.end, IMPAIR_ARRIVES);
    assert_int_equal(fate.due_ns, 5);
}

/* Each chance holds within four standard deviations, and on its own. */
static void chances_hold(void **state)
{
    (void)state;
    uint32_t lost = 0, doubled = 0, corrupted = 0, reordered = 0, arrived = 0;
    begin(
        (struct impairment){.loss = 10000, .duplicate = 20000, .corrupt = 30000, .reorder = 40000});
    for (uint32_t i = 0; i < MANY; i++) {
        struct impair_fate fate = judge(i);
        lost += fate.end == IMPAIR_LOST;
        arrived += fate.end == IMPAIR_ARRIVES;
        doubled += fate.duplicate;
        corrupted += fate.corrupt;
        reordered += fate.reordered;
    }
    assert_int_equal(arrived + lost, MANY);
    assert_in_range(lost, 1000 - 126, 1000 + 126);
    assert_in_range(doubled, 1980 - 177, 1980 + 177);
    assert_in_range(corrupted, 2970 - 216, 2970 + 216);
    assert_in_range(reordered, 3960 - 248, 3960 + 248);
}

/* Losses do not come in clumps: a packet behind a lost one is as likely lost as any other. */
static void losses_are_independent(void **state)
{
    (void)state;
    uint32_t lost = 0, pairs = 0, before = 0;
    begin((struct impairment){.loss = 100000});
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t now = judge(i).end == IMPAIR_LOST;
        lost += now;
        pairs += now & before;
        before = now;
    }
    assert_in_range(lost, 10000 - 380, 10000 + 380);
    assert_in_range(pairs, 1000 - 126, 1000 + 126);
}

static void streams_of_a_seed_differ_and_repeat(void **state)
{
    (void)state;
    uint64_t pattern[3] = {0};
    const uint64_t streams[3] = {0, 1, 0};
    for (int run = 0; run < 3; run++) {
        impair_init(&impair, 9, streams[run]);
        impair_set(&impair, &(struct impairment){.loss = 500000});
        for (uint32_t i = 0; i < 64; i++)
            pattern[run] = pattern[run] << 1 | (judge(i).end == IMPAIR_LOST);
    }
    assert_true(pattern[0] == pattern[2]);
    assert_true(pattern[0] != pattern[1]);
}

static void jitter_is_even_when_packets_are_far_apart(void **state)
{
    (void)state;
    uint64_t sum = 0, least = UINT64_MAX, most = 0;
    begin((struct impairment){.delay_ns = 10 * MS, .jitter_ns = 2 * MS});
    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t now_ns = i * 20 * MS, took_ns = judge(now_ns).due_ns - now_ns;
        sum += took_ns;
        least = took_ns < least ? took_ns : least;
        most = took_ns > most ? took_ns : most;
    }
    assert_in_range(sum / 10000, 11 * MS - MS / 40, 11 * MS + MS / 40);
    assert_in_range(least, 10 * MS, 10 * MS + MS / 100);
    assert_in_range(most, 12 * MS - MS / 100, 12 * MS);
}

/* 12 Mbit/s are 1500 bytes a millisecond. */
static void the_line_is_busy_for_each_packet(void **state)
{
    (void)state;
    begin((struct impairment){.rate_bits = 12000000, .queue_bytes = 4500, .mark_bytes = 3000});
    for (uint64_t i = 1; i <= 3; i++) {
        struct impair_fate fate = impair_judge(&impair, 1500, true, 0);
        assert_int_equal(fate.end, IMPAIR_ARRIVES);
        assert_int_equal(fate.due_ns, i * MS);
        assert_int_equal(fate.mark, i == 3);
    }
    assert_int_equal(impair_judge(&impair, 1500, true, 0).end, IMPAIR_OVERFLOWED);
    assert_int_equal(impair_judge(&impair, 1500, true, MS).due_ns, 4 * MS);
    assert_int_equal(impair_judge(&impair, 1500, true, 50 * MS).due_ns, 51 * MS);
}

static void corruption_hits_every_byte_behind_ethernet(void **state)
{
    (void)state;
    bool hit[46] = {false};
    begin((struct impairment){.corrupt = IMPAIR_MILLION});
    for (uint32_t i = 0; i < 10000; i++) {
        struct impair_fate fate = impair_judge(&impair, 60, true, i);
        assert_true(fate.corrupt);
        assert_in_range(fate.corrupt_at, 0, 45);
        assert_int_not_equal(fate.corrupt_by, 0);
        hit[fate.corrupt_at] = true;
    }
    for (size_t i = 0; i < sizeof hit; i++)
        assert_true(hit[i]);
    assert_int_equal(impair_judge(&impair, 60, false, 0).end, IMPAIR_LOST);
    assert_int_equal(impair_judge(&impair, 14, true, 0).end, IMPAIR_LOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_nothing_unless_told),
        cmocka_unit_test(chances_hold),
        cmocka_unit_test(losses_are_independent),
        cmocka_unit_test(streams_of_a_seed_differ_and_repeat),
        cmocka_unit_test(jitter_is_even_when_packets_are_far_apart),
        cmocka_unit_test(the_line_is_busy_for_each_packet),
        cmocka_unit_test(corruption_hits_every_byte_behind_ethernet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
