/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/threads/channel.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

enum { CAPACITY = 15, ALL = 50000 };

static struct channel_item numbered(uint64_t number)
{
    return (struct channel_item){NULL, number};
}

static void keeps_order_and_its_limit(void **state)
{
    struct channel *channel = channel_create(CAPACITY);
    struct channel_item item;
    (void)state;
    assert_true(channel_is_empty(channel));
    assert_false(channel_pop(channel, &item));
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < CAPACITY; i++)
            assert_true(channel_push(channel, numbered(i)));
        assert_false(channel_push(channel, numbered(99)));
        assert_false(channel_is_empty(channel));
        for (uint64_t i = 0; i < CAPACITY; i++) {
            assert_true(channel_pop(channel, &item));
            assert_int_equal(item.about, i);
        }
        assert_false(channel_pop(channel, &item));
    }
    channel_destroy(channel);
}

/* What passes is memory that the producer wrote, plainly, and is the consumer's afterwards. */
static void *produce(void *context)
{
    struct channel *channel = context;
    static unsigned numbers[ALL];
    for (unsigned i = 0; i < ALL; i++) {
        numbers[i] = i;
        while (!channel_push(channel, (struct channel_item){&numbers[i], 0}))
            sched_yield();
    }
    return NULL;
}

static void passes_between_two_threads(void **state)
{
    struct channel *channel = channel_create(CAPACITY);
    struct channel_item item;
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, produce, channel), 0);
    for (unsigned next = 0; next < ALL;) {
        if (!channel_pop(channel, &item)) {
            sched_yield();
            continue;
        }
        assert_int_equal(*(unsigned *)item.what, next++);
        *(unsigned *)item.what = UINT32_MAX;
    }
    pthread_join(thread, NULL);
    assert_true(channel_is_empty(channel));
    channel_destroy(channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_its_limit),
        cmocka_unit_test(passes_between_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
