/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/timer_wheel.h"
#include "tests/random.h"

#define SECOND_NS UINT64_C(1000000000)

static struct timer_wheel wheel;

static int start_at_zero(void **state)
{
    (void)state;
    memset(&wheel, 0xa5, sizeof wheel); /* nothing may be taken for granted of the memory */
    timer_wheel_init(&wheel, 0);
    return 0;
}

static struct timer unarmed(void)
{
    struct timer timer;
    timer_init(&timer, 0);
    return timer;
}

/* ---- One thing at a time ---- */

static void an_empty_wheel_wants_nothing(void **state)
{
    (void)state;
    assert_true(timer_wheel_deadline(&wheel) == TIMER_NEVER);
    assert_null(timer_wheel_expire(&wheel, 100 * SECOND_NS));
    assert_true(timer_wheel_deadline(&wheel) == TIMER_NEVER);
}

static void fires_at_its_nanosecond(void **state)
{
    (void)state;
    static const uint64_t deadlines[] = {
        1, 63, 64, 65, 4095, 4096, 200 * SECOND_NS + 7, (uint64_t)1 << 60, UINT64_MAX - 1};
    for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++) {
        struct timer timer = unarmed();
        timer_arm(&wheel, &timer, deadlines[i]);
        assert_true(timer_armed(&timer));
        assert_true(timer_wheel_deadline(&wheel) == deadlines[i]);
        assert_null(timer_wheel_expire(&wheel, deadlines[i] - 1));
        assert_ptr_equal(timer_wheel_expire(&wheel, deadlines[i]), &timer);
        assert_false(timer_armed(&timer));
        assert_null(timer_wheel_expire(&wheel, deadlines[i]));
    }
}

static void fires_late_in_order(void **state)
{
    (void)state;
    struct timer timers[4] = {unarmed(), unarmed(), unarmed(), unarmed()};
    timer_arm(&wheel, &timers[0], 5000);
    timer_arm(&wheel, &timers[1], 3);
    timer_arm(&wheel, &timers[2], 5000);
    timer_arm(&wheel, &timers[3], 70 * SECOND_NS);
    uint64_t late = 100 * SECOND_NS;
    assert_ptr_equal(timer_wheel_expire(&wheel, late), &timers[1]);
    assert_ptr_equal(timer_wheel_expire(&wheel, late), &timers[0]); /* armed before its equal */
    assert_ptr_equal(timer_wheel_expire(&wheel, late), &timers[2]);
    assert_ptr_equal(timer_wheel_expire(&wheel, late), &timers[3]);
    assert_null(timer_wheel_expire(&wheel, late));
}

static void the_past_is_due_at_once(void **state)
{
    (void)state;
    struct timer first = unarmed(), second = unarmed(), later = unarmed();
    assert_null(timer_wheel_expire(&wheel, 1000));
    timer_arm(&wheel, &later, 1001);
    timer_arm(&wheel, &first, 900);
    timer_arm(&wheel, &second, 0);
    assert_true(timer_wheel_deadline(&wheel) == 1000);
    assert_ptr_equal(timer_wheel_expire(&wheel, 1000), &first);
    assert_ptr_equal(timer_wheel_expire(&wheel, 1000), &second);
    assert_null(timer_wheel_expire(&wheel, 1000));
    assert_true(timer_wheel_deadline(&wheel) == 1001);
}

static void a_cancelled_timer_is_forgotten(void **state)
{
    (void)state;
    struct timer near = unarmed(), far = unarmed(), due = unarmed();
    timer_arm(&wheel, &far, 9 * SECOND_NS);
    timer_arm(&wheel, &near, 8 * SECOND_NS);
    timer_arm(&wheel, &due, 0);
    timer_cancel(&wheel, &due);
    timer_cancel(&wheel, &due); /* harmless */
    assert_true(timer_wheel_deadline(&wheel) == 8 * SECOND_NS);
    timer_cancel(&wheel, &near);
    assert_true(timer_wheel_deadline(&wheel) == 9 * SECOND_NS);
    timer_arm(&wheel, &far, TIMER_NEVER);
    assert_false(timer_armed(&far));
    assert_true(timer_wheel_deadline(&wheel) == TIMER_NEVER);
    assert_null(timer_wheel_expire(&wheel, 10 * SECOND_NS));
}

static void arming_again_moves(void **state)
{
    (void)state;
    struct timer timer = unarmed();
    timer_arm(&wheel, &timer, 50);
    timer_arm(&wheel, &timer, 5000);
    assert_true(timer_wheel_deadline(&wheel) == 5000);
    timer_arm(&wheel, &timer, 20);
    assert_true(timer_wheel_deadline(&wheel) == 20);
    assert_ptr_equal(timer_wheel_expire(&wheel, 6000), &timer);
    assert_null(timer_wheel_expire(&wheel, 6000));
}

static void one_that_is_alone_in_its_slot_moves_within_it(void **state)
{
    (void)state;
    static const uint64_t within[] = {200000000, 200000500, 199999000, 199999001};
    struct timer timer = unarmed(), other = unarmed();
    for (size_t i = 0; i < sizeof within / sizeof within[0]; i++) {
        timer_arm(&wheel, &timer, within[i]);
        assert_true(timer_wheel_deadline(&wheel) == within[i]);
    }
    timer_arm(&wheel, &other, 199999999);
    timer_arm(&wheel, &timer, 200000001); /* alone no more */
    assert_true(timer_wheel_deadline(&wheel) == 199999999);
    assert_ptr_equal(timer_wheel_expire(&wheel, 200000001), &other);
    assert_ptr_equal(timer_wheel_expire(&wheel, 200000001), &timer);
    assert_null(timer_wheel_expire(&wheel, 200000001));
}

/* ---- Firing ---- */

struct scene {
    struct timer timers[4];
    unsigned fired[4];
    uint64_t now_ns;
};

static unsigned number_of(const struct scene *scene, const struct timer *timer)
{
    return (unsigned)(timer - scene->timers);
}

/* The first one cancels the second, puts the third off and arms itself for a time long past. */
static void act(void *block, struct timer *timer, uint64_t now_ns)
{
    struct scene *scene = block;
    scene->fired[number_of(scene, timer)]++;
    scene->now_ns = now_ns;
    assert_false(timer_armed(timer));
    if (number_of(scene, timer) != 0)
        return;
    timer_cancel(&wheel, &scene->timers[1]);
    timer_arm(&wheel, &scene->timers[2], now_ns + 10);
    timer_arm(&wheel, timer, 1);
}

static void timers_may_arm_and_cancel_while_firing(void **state)
{
    (void)state;
    struct scene scene = {.now_ns = 0};
    uint8_t owner = timer_wheel_own(&wheel, act, &scene);
    for (unsigned i = 0; i < 4; i++) {
        timer_init(&scene.timers[i], owner);
        timer_arm(&wheel, &scene.timers[i], 100 + i);
    }
    timer_wheel_run(&wheel, 99);
    assert_int_equal(scene.fired[0], 0);
    timer_wheel_run(&wheel, 200);
    assert_true(scene.now_ns == 200);
    assert_int_equal(scene.fired[0], 1); /* and not without end */
    assert_int_equal(scene.fired[1], 0);
    assert_int_equal(scene.fired[2], 0);
    assert_int_equal(scene.fired[3], 1);
    assert_true(timer_wheel_deadline(&wheel) == 201);
    timer_wheel_run(&wheel, 210);
    assert_int_equal(scene.fired[0], 2);
    assert_int_equal(scene.fired[2], 0); /* put off once more */
    timer_arm(&wheel, &scene.timers[3], 210);
    assert_true(timer_wheel_deadline(&wheel) == 210); /* outside a run, nothing is put off */
}

static void mark(void *block, struct timer *timer, uint64_t now_ns)
{
    (void)now_ns;
    *(struct timer **)block = timer;
}

static void each_owner_fires_its_own(void **state)
{
    (void)state;
    struct timer *fired[TIMER_OWNERS] = {NULL}, timers[TIMER_OWNERS];
    for (unsigned i = 0; i < TIMER_OWNERS; i++) {
        timer_init(&timers[i], timer_wheel_own(&wheel, mark, &fired[i]));
        timer_arm(&wheel, &timers[i], 1000 - i);
    }
    timer_wheel_run(&wheel, 1000);
    for (unsigned i = 0; i < TIMER_OWNERS; i++)
        assert_ptr_equal(fired[i], &timers[i]);
}

/* ---- Against a plain array ---- */

enum { TIMERS = 300 };

struct model {
    struct timer timers[TIMERS];
    uint64_t deadlines[TIMERS]; /* TIMER_NEVER: not armed */
    uint64_t armed_at[TIMERS];  /* counts arms: equal deadlines fire in this order */
    uint64_t arms;
    uint64_t now_ns;
    uint64_t seed;
};

static unsigned model_earliest(const struct model *model)
{
    unsigned earliest = 0;
    for (unsigned i = 1; i < TIMERS; i++) {
        if (model->deadlines[i] < model->deadlines[earliest] ||
            (model->deadlines[i] == model->deadlines[earliest] &&
             model->armed_at[i] < model->armed_at[earliest]))
            earliest = i;
    }
    return earliest;
}

/* From a nanosecond to centuries, near ones as likely as far ones. */
static uint64_t any_distance(struct model *model)
{
    return random_next(&model->seed) >> (4 + random_below(&model->seed, 60));
}

static uint64_t any_deadline(struct model *model)
{
    switch (random_below(&model->seed, 8)) {
    case 0:
        return model->now_ns - any_distance(model) % (model->now_ns + 1);
    case 1:
        return model->now_ns + random_below(&model->seed, 4);
    case 2:
        return TIMER_NEVER;
    case 3: /* of one kind: in order, but for a few */
        return model->now_ns + 200000000 - random_below(&model->seed, 2) * 50;
    default:
        return model->now_ns + any_distance(model);
    }
}

static void arm_any(struct model *model)
{
    unsigned i = random_below(&model->seed, TIMERS);
    uint64_t deadline = any_deadline(model);
    timer_arm(&wheel, &model->timers[i], deadline);
    model->deadlines[i] = deadline < model->now_ns ? model->now_ns : deadline;
    model->armed_at[i] = model->arms++;
}

static void cancel_any(struct model *model)
{
    unsigned i = random_below(&model->seed, 3) == 0 ? model_earliest(model)
                                                    : random_below(&model->seed, TIMERS);
    timer_cancel(&wheel, &model->timers[i]);
    model->deadlines[i] = TIMER_NEVER;
}

static void expire_some(struct model *model, unsigned limit)
{
    for (unsigned i = 0; i < limit; i++) {
        struct timer *timer = timer_wheel_expire(&wheel, model->now_ns);
        unsigned earliest = model_earliest(model);
        if (model->deadlines[earliest] > model->now_ns) {
            assert_null(timer);
            return;
        }
        assert_ptr_equal(timer, &model->timers[earliest]);
        model->deadlines[earliest] = TIMER_NEVER;
    }
}

/* Mostly a little ahead, at times to the deadline or right before it, rarely far. All that is due
 * fires first, so that the model knows what "the past" is. */
static void pass_time(struct model *model)
{
    uint64_t deadline = model->deadlines[model_earliest(model)];
    uint64_t now = model->now_ns + any_distance(model) % 100000;
    if (deadline != TIMER_NEVER && random_below(&model->seed, 2) == 0)
        now = deadline - random_below(&model->seed, 2);
    else if (random_below(&model->seed, 50) == 0)
        now = model->now_ns + any_distance(model) % ((uint64_t)1 << 50);
    if (now > model->now_ns)
        model->now_ns = now;
    expire_some(model, TIMERS + 1);
}

static void live(uint64_t seed, uint64_t start_ns)
{
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    model->seed = seed;
    model->now_ns = start_ns;
    timer_wheel_init(&wheel, start_ns);
    for (unsigned i = 0; i < TIMERS; i++) {
        timer_init(&model->timers[i], 0);
        model->deadlines[i] = TIMER_NEVER;
    }
    for (unsigned step = 0; step < 8000; step++) {
        uint32_t what = random_below(&model->seed, 8);
        if (what < 4)
            arm_any(model);
        else if (what < 5)
            cancel_any(model);
        else if (what < 7)
            pass_time(model);
        else
            assert_true(timer_wheel_deadline(&wheel) == model->deadlines[model_earliest(model)]);
    }
    free(model);
}

static void agrees_with_an_array(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++)
        live(seed * 0x1234567, seed % 3 == 0 ? 0 : seed * 977 * SECOND_NS);
}

/* A deadline that is the wheel's, unlike others' in its slot, is found after it was cancelled,
 * whether they were armed in order or not. */
static void the_deadline_stays_exact_as_timers_go(void **state)
{
    (void)state;
    enum { MANY = 64 };
    struct timer timers[MANY];
    for (unsigned stride = 1; stride < MANY; stride += 2) { /* odd: a permutation */
        for (unsigned i = 0; i < MANY; i++) {
            timers[i] = unarmed();
            timer_arm(&wheel, &timers[i], 5 * SECOND_NS + i * stride % MANY);
        }
        for (unsigned left = 0; left < MANY; left++) {
            assert_true(timer_wheel_deadline(&wheel) == 5 * SECOND_NS + left);
            for (unsigned i = 0; i < MANY; i++) {
                if (timers[i].deadline_ns == 5 * SECOND_NS + left)
                    timer_cancel(&wheel, &timers[i]);
            }
        }
        assert_true(timer_wheel_deadline(&wheel) == TIMER_NEVER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_wheel_wants_nothing, start_at_zero),
        cmocka_unit_test_setup(fires_at_its_nanosecond, start_at_zero),
        cmocka_unit_test_setup(fires_late_in_order, start_at_zero),
        cmocka_unit_test_setup(the_past_is_due_at_once, start_at_zero),
        cmocka_unit_test_setup(a_cancelled_timer_is_forgotten, start_at_zero),
        cmocka_unit_test_setup(arming_again_moves, start_at_zero),
        cmocka_unit_test_setup(one_that_is_alone_in_its_slot_moves_within_it, start_at_zero),
        cmocka_unit_test_setup(timers_may_arm_and_cancel_while_firing, start_at_zero),
        cmocka_unit_test_setup(each_owner_fires_its_own, start_at_zero),
        cmocka_unit_test_setup(agrees_with_an_array, start_at_zero),
        cmocka_unit_test_setup(the_deadline_stays_exact_as_timers_go, start_at_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
