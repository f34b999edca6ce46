/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/threads/bell.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "runtime/threads/channel.h"

enum { ROUNDS = 30000, LITMUS_ROUNDS = 100000, PATIENCE_MS = 20000 };

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
        if (!channel_push(end->out, (struct channel_item){0}))
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

/* The two steps of each against the other's, as close together as can be, with neither step of
 * waiting in between: at least one has to see the other. */
struct litmus {
    struct bell bell;
    struct channel *channel;
    _Atomic unsigned began, ended;
};

static void await(_Atomic unsigned *count, unsigned value)
{
    for (unsigned spins = 0; atomic_load_explicit(count, memory_order_acquire) != value; spins++) {
        if (spins > 20000)
            sched_yield(); /* there may be one processor for both */
    }
}

static void *give(void *context)
{
    struct litmus *litmus = context;
    for (unsigned i = 1; i <= LITMUS_ROUNDS; i++) {
        await(&litmus->began, i);
        channel_push(litmus->channel, (struct channel_item){0});
        bell_ring(&litmus->bell);
        atomic_store_explicit(&litmus->ended, i, memory_order_release);
    }
    return NULL;
}

/* To processors of their own, where there are two. */
static void part(pthread_t first, pthread_t second)
{
    const pthread_t threads[2] = {first, second};
    cpu_set_t usable, one;
    unsigned next = 0;
    sched_getaffinity(0, sizeof usable, &usable);
    for (int i = 0; i < CPU_SETSIZE && next < 2 && CPU_COUNT(&usable) > 1; i++) {
        if (!CPU_ISSET(i, &usable))
            continue;
        CPU_ZERO(&one);
        CPU_SET(i, &one);
        pthread_setaffinity_np(threads[next++], sizeof one, &one);
    }
}

static void wait_a_little(unsigned turns)
{
    for (volatile unsigned i = 0; i < turns; i++) {
    }
}

static void one_of_two_sees_the_other(void **state)
{
    static struct litmus litmus;
    struct channel_item item;
    pthread_t thread;
    unsigned blind = 0, saw = 0, rung = 0, delay = 0;
    (void)state;
    litmus.channel = channel_create(3);
    assert_true(bell_init(&litmus.bell));
    assert_int_equal(pthread_create(&thread, NULL, give, &litmus), 0);
    part(pthread_self(), thread);
    for (unsigned i = 1; i <= LITMUS_ROUNDS; i++) {
        uint64_t before = litmus.bell.rings;
        atomic_store_explicit(&litmus.began, i, memory_order_release);
        wait_a_little(delay);
        bell_will_sleep(&litmus.bell);
        bool sees = !channel_is_empty(litmus.channel);
        await(&litmus.ended, i);
        bool rang = litmus.bell.rings != before;
        blind += !sees && !rang;
        saw += sees;
        rung += rang;
        delay = sees ? delay - (delay != 0) : delay + (delay < 2000); /* stay where it is close */
        bell_awake(&litmus.bell);
        bell_hush(&litmus.bell);
        assert_true(channel_pop(litmus.channel, &item));
    }
    pthread_join(thread, NULL);
    print_message("saw %u, rung %u\n", saw, rung);
    assert_int_equal(blind, 0);
    bell_close(&litmus.bell);
    channel_destroy(litmus.channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_no_call_for_who_is_awake),
        cmocka_unit_test(makes_one_call_for_who_sleeps),
        cmocka_unit_test(loses_no_wake_up),
        cmocka_unit_test(one_of_two_sees_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
