/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/threads/inbox.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { LIMIT = 15, PRODUCERS = 4, EACH = 20000 };

struct message {
    ck_stack_entry_t link; /* first */
    unsigned producer, number;
};

static struct message *pop(struct inbox *inbox)
{
    return (struct message *)(void *)inbox_pop(inbox);
}

static void keeps_order_and_its_limit(void **state)
{
    struct inbox inbox;
    struct message messages[LIMIT + 1];
    (void)state;
    inbox_init(&inbox, LIMIT);
    assert_true(inbox_is_empty(&inbox));
    assert_null(pop(&inbox));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < LIMIT; i++)
            assert_true(inbox_push(&inbox, &messages[i].link));
        assert_false(inbox_push(&inbox, &messages[LIMIT].link));
        for (int i = 0; i < LIMIT / 2; i++)
            assert_ptr_equal(pop(&inbox), &messages[i]);
        assert_false(inbox_is_empty(&inbox));
        assert_true(inbox_push(&inbox, &messages[LIMIT].link)); /* behind those that wait */
        for (int i = LIMIT / 2; i <= LIMIT; i++)
            assert_ptr_equal(pop(&inbox), &messages[i]);
        assert_null(pop(&inbox));
        assert_true(inbox_is_empty(&inbox));
    }
}

struct producer {
    struct inbox *inbox;
    unsigned number;
    struct message messages[EACH];
};

static void *produce(void *context)
{
    struct producer *producer = context;
    for (unsigned i = 0; i < EACH; i++) {
        struct message *message = &producer->messages[i];
        message->producer = producer->number;
        message->number = i;
        while (!inbox_push(producer->inbox, &message->link))
            sched_yield();
    }
    return NULL;
}

static void passes_from_many_threads_in_order(void **state)
{
    static struct producer producers[PRODUCERS];
    struct inbox inbox;
    pthread_t threads[PRODUCERS];
    unsigned next[PRODUCERS] = {0}, left = PRODUCERS * EACH;
    (void)state;
    inbox_init(&inbox, LIMIT);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i].inbox = &inbox;
        producers[i].number = i;
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
    }
    while (left != 0) {
        struct message *message = pop(&inbox);
        if (message == NULL) {
            sched_yield();
            continue;
        }
        assert_int_equal(message->number, next[message->producer]++);
        message->number = UINT32_MAX; /* it is ours now */
        left--;
    }
    for (unsigned i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    assert_true(inbox_is_empty(&inbox));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_its_limit),
        cmocka_unit_test(passes_from_many_threads_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
