/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/bell.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "runtime/channel.h"

enum { ROUNDS = 30000, PATIENCE_MS = 20000 };

static bool is_readable(const struct bell *bell)
{
    struct pollfd poll_fd = {.fd = bell->fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

static void makes_no_call_for_who_is_awake(void **state)
{
    struct bell bell;
    (void)state;
    assert_true(bell_init(&bell));
    bell_ring(&bell);
    assert_int_equal(bell.rings, 0);
    assert_false(is_readable(&bell));
    bell_will_sleep(&bell);
    bell_awake(&bell);
    bell_ring(&bell);
    assert_int_equal(bell.rings, 0);
    bell_close(&bell);
}

static void makes_one_call_for_who_sleeps(void **state)
{
    struct bell bell;
    (void)state;
    assert_true(bell_init(&bell));
    bell_will_sleep(&bell);
    bell_ring(&bell);
    bell_ring(&bell);
    assert_int_equal(bell.rings, 1);
    assert_true(is_readable(&bell));
    bell_awake(&bell);
    bell_hush(&bell);
    assert_false(is_readable(&bell));
    bell_close(&bell);
}

/* Two threads that each wait for the other's item and go to sleep as soon as there is none: a
 * wake-up that is lost once leaves both asleep for good. */
struct end {
    struct bell *mine, *others;
    struct channel *in, *out;
    unsigned lost, done;
};

static bool wait_for_item(struct end *end)
{
    struct pollfd poll_fd = {.fd = end->mine->fd, .events = POLLIN};
    struct channel_item item;
    bool woken = true;
    while (!channel_pop(end->in, &item)) {
        if (!woken)
            return false;
        bell_will_sleep(end->mine);
        if (channel_is_empty(end->in)) {
            woken = poll(&poll_fd, 1, PATIENCE_MS) == 1;
            bell_hush(end->mine);
        }
        bell_awake(end->mine);
    }
    return true;
}

static void *play(void *context)
{
    struct end *end = context;
    for (; end->done < ROUNDS; end->done++) {
        if (!channel_push_spsc(end->out, (struct channel_item){0}))
            break;
        bell_ring(end->others);
        if (!wait_for_item(end)) {
            end->lost++;
            break;
        }
    }
    return NULL;
}

static void loses_no_wake_up(void **state)
{
    struct bell bells[2];
    struct channel *channels[2] = {channel_create(3), channel_create(3)};
    struct end ends[2];
    pthread_t threads[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(bell_init(&bells[i]));
        ends[i] = (struct end){&bells[i], &bells[1 - i], channels[i], channels[1 - i], 0, 0};
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, play, &ends[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ends[i].lost, 0);
        assert_int_equal(ends[i].done, ROUNDS);
        bell_close(&bells[i]);
        channel_destroy(channels[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_no_call_for_who_is_awake),
        cmocka_unit_test(makes_one_call_for_who_sleeps),
        cmocka_unit_test(loses_no_wake_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
