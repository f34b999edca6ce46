/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/tcp/recovery/tcp_min_rtt.h"

/* The shortest round trip of the last second, the clock about to begin anew. */

enum { WINDOW_MS = 1000 };

static struct min_rtt under_test;
static uint32_t begun_ms;

static void begin(uint32_t rtt_us)
{
    begun_ms = UINT32_MAX - 500;
    min_rtt_begin(&under_test, rtt_us, begun_ms);
}

static uint32_t at(uint32_t ms, uint32_t rtt_us)
{
    return min_rtt_update(&under_test, WINDOW_MS, rtt_us, begun_ms + ms);
}

static void what_is_too_old_gives_way_to_the_best_behind_it(void **state)
{
    (void)state;
    begin(10);
    assert_int_equal(at(300, 20), 10);
    assert_int_equal(at(600, 30), 10);
    assert_int_equal(at(800, 30), 10); /* as short as the third: that one is younger now */
    assert_int_equal(at(1000, 50), 10);
    assert_int_equal(at(1001, 50), 20);
    assert_int_equal(at(1301, 60), 30);
    assert_int_equal(at(1700, 70), 30);
    assert_int_equal(at(1801, 80), 50);
}

static void a_shorter_one_is_all_that_counts(void **state)
{
    (void)state;
    begin(10);
    at(300, 20);
    assert_int_equal(at(600, 5), 5);
    assert_int_equal(at(1600, 30), 5);
    assert_int_equal(at(1601, 40), 30);
}

static void after_a_long_pause_the_latest_is_the_shortest(void **state)
{
    (void)state;
    begin(10);
    at(300, 20);
    at(600, 30);
    assert_int_equal(at(1601, 100), 100);
    begin(0); /* none is known */
    assert_int_equal(at(0, 100), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_too_old_gives_way_to_the_best_behind_it),
        cmocka_unit_test(a_shorter_one_is_all_that_counts),
        cmocka_unit_test(after_a_long_pause_the_latest_is_the_shortest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
