/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/channel.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

enum { CAPACITY = 15, PRODUCERS = 4, EACH = 20000 };

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
            assert_true(channel_push_spsc(channel, numbered(i)));
        assert_false(channel_push_spsc(channel, numbered(99)));
        assert_false(channel_is_empty(channel));
        for (uint64_t i = 0; i < CAPACITY; i++) {
            assert_true(channel_pop(channel, &item));
            assert_int_equal(item.about, i);
        }
        assert_false(channel_pop(channel, &item));
    }
    channel_destroy(channel);
}

static void limits_many_producers_too(void **state)
{
    struct channel *channel = channel_create(CAPACITY);
    struct channel_item item;
    (void)state;
    for (uint64_t i = 0; i < CAPACITY; i++)
        assert_true(channel_push_mpsc(channel, numbered(i)));
    assert_false(channel_push_mpsc(channel, numbered(99)));
    assert_true(channel_pop(channel, &item));
    assert_int_equal(item.about, 0);
    assert_true(channel_push_mpsc(channel, numbered(CAPACITY)));
    for (uint64_t i = 1; i <= CAPACITY; i++) {
        assert_true(channel_pop(channel, &item));
        assert_int_equal(item.about, i);
    }
    channel_destroy(channel);
}

/* What passes is memory that the producer wrote, plainly, and frees nothing of. */
struct message {
    unsigned producer, number;
};

struct producer {
    struct channel *channel;
    struct message *messages;
    bool alone;
};

static void *produce(void *context)
{
    struct producer *producer = context;
    for (unsigned i = 0; i < EACH; i++) {
        struct message *message = &producer->messages[i];
        struct channel_item item = {message, 0};
        message->number = i;
        while (producer->alone ? !channel_push_spsc(producer->channel, item)
                               : !channel_push_mpsc(producer->channel, item))
            sched_yield();
    }
    return NULL;
}

static void pass(unsigned producers)
{
    struct channel *channel = channel_create(CAPACITY);
    struct producer producer[PRODUCERS];
    pthread_t thread[PRODUCERS];
    unsigned next[PRODUCERS] = {0}, left = producers * EACH;
    struct channel_item item;
    for (unsigned i = 0; i < producers; i++) {
        producer[i] =
            (struct producer){channel, calloc(EACH, sizeof(struct message)), producers == 1};
        for (unsigned n = 0; n < EACH; n++)
            producer[i].messages[n].producer = i;
        assert_int_equal(pthread_create(&thread[i], NULL, produce, &producer[i]), 0);
    }
    while (left != 0) {
        if (!channel_pop(channel, &item)) {
            sched_yield();
            continue;
        }
        struct message *message = item.what;
        assert_int_equal(message->number, next[message->producer]++);
        message->number = UINT32_MAX; /* it is ours now */
        left--;
    }
    assert_true(channel_is_empty(channel));
    for (unsigned i = 0; i < producers; i++) {
        pthread_join(thread[i], NULL);
        free(producer[i].messages);
    }
    channel_destroy(channel);
}

static void passes_between_two_threads(void **state)
{
    (void)state;
    pass(1);
}

static void passes_from_many_threads_in_order(void **state)
{
    (void)state;
    pass(PRODUCERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_its_limit),
        cmocka_unit_test(limits_many_producers_too),
        cmocka_unit_test(passes_between_two_threads),
        cmocka_unit_test(passes_from_many_threads_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
