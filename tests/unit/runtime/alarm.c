/* SPDX-License-Identifier: BSD-2-Clause */
/* What wakes a loop at its deadlines. */
#include "runtime/alarm.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/timerfd.h>
#include <cmocka.h>

#include "runtime/system.h"

static const uint64_t ms = 1000000, never = UINT64_MAX;

static struct alarm under_test;

static int set_up(void **state)
{
    (void)state;
    assert_true(alarm_init(&under_test));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    alarm_close(&under_test);
    return 0;
}

static bool rings_within(int milliseconds)
{
    struct pollfd poll_it = {.fd = under_test.fd, .events = POLLIN};
    return poll(&poll_it, 1, milliseconds) == 1;
}

/* How long the kernel has it wait still; 0: it is not set. */
static uint64_t left_ns(void)
{
    struct itimerspec at = {0}; /* for MemorySanitizer, which does not know the call */
    assert_int_equal(timerfd_gettime(under_test.fd, &at), 0);
    return (uint64_t)at.it_value.tv_sec * 1000000000u + (uint64_t)at.it_value.tv_nsec;
}

static void rings_at_its_deadline(void **state)
{
    (void)state;
    uint64_t now_ns = system_now(), deadline_ns = now_ns + 20 * ms;
    alarm_by(&under_test, deadline_ns, now_ns);
    assert_true(rings_within(5000));
    assert_true(system_now() >= deadline_ns);
}

static void rings_at_once_for_what_is_past(void **state)
{
    (void)state;
    uint64_t now_ns = system_now();
    alarm_by(&under_test, now_ns - 1, now_ns);
    assert_true(rings_within(5000));
}

static void is_left_alone_when_nothing_is_due(void **state)
{
    (void)state;
    alarm_by(&under_test, never, system_now());
    assert_int_equal(left_ns(), 0);
}

static void stays_set_when_the_deadline_moves_on(void **state)
{
    (void)state;
    uint64_t now_ns = system_now();
    alarm_by(&under_test, now_ns + 30000 * ms, now_ns);
    alarm_by(&under_test, now_ns + 90000 * ms, now_ns);
    alarm_by(&under_test, never, now_ns);
    assert_in_range(left_ns(), 1, 30000 * ms);
}

static void is_brought_forward(void **state)
{
    (void)state;
    uint64_t now_ns = system_now();
    alarm_by(&under_test, now_ns + 90000 * ms, now_ns);
    alarm_by(&under_test, now_ns + 30000 * ms, now_ns);
    assert_in_range(left_ns(), 1, 30000 * ms);
}

static void is_set_again_once_it_has_rung(void **state)
{
    (void)state;
    uint64_t now_ns = system_now();
    alarm_by(&under_test, now_ns + ms, now_ns);
    assert_true(rings_within(5000));
    now_ns = system_now();
    alarm_by(&under_test, now_ns + 30000 * ms, now_ns);
    assert_false(rings_within(0));
    assert_in_range(left_ns(), 1, 30000 * ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rings_at_its_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rings_at_once_for_what_is_past, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_left_alone_when_nothing_is_due, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stays_set_when_the_deadline_moves_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_brought_forward, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_set_again_once_it_has_rung, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
