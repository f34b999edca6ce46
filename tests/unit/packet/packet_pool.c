/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/packet/buffer.h"
#include "core/packet/pool.h"

enum { SIZE = 1 << 20 };

static struct memory memory;

static int get_memory(void **state)
{
    (void)state;
    memory = (struct memory){.base = aligned_alloc(MEMORY_ALIGN, SIZE), .size = SIZE};
    if (memory.base != NULL)
        memset(memory.base, 0xa5, SIZE);
    return memory.base == NULL;
}

static int free_memory(void **state)
{
    (void)state;
    free(memory.base);
    return 0;
}

/* ---- Memory ---- */

static void memory_is_zero_and_on_a_line(void **state)
{
    (void)state;
    static const uint8_t zeros[200] = {0};
    uint8_t *first = memory_take(&memory, 1), *second = memory_take(&memory, 200);
    assert_non_null(first);
    assert_int_equal((uintptr_t)first % MEMORY_ALIGN, 0);
    assert_ptr_equal(second, first + MEMORY_ALIGN);
    assert_memory_equal(second, zeros, sizeof zeros);
    assert_int_equal(memory.used, 64 + 256);
}

static void memory_counts_before_there_is_any(void **state)
{
    (void)state;
    struct memory none = {0};
    assert_null(memory_take(&none, 100));
    assert_null(memory_take(&none, 64));
    assert_int_equal(none.used, 128 + 64);
}

static void memory_ends(void **state)
{
    (void)state;
    assert_non_null(memory_take(&memory, SIZE));
    assert_null(memory_take(&memory, 1));
    assert_true(memory.used > memory.size);
}

/* Limits that come to more than there are addresses must not come out small. */
static void memory_does_not_wrap(void **state)
{
    (void)state;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 63, SIZE_MAX - 64, SIZE_MAX - 200};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct memory few = {.base = memory.base, .size = SIZE, .used = 128};
        assert_null(memory_take(&few, sizes[i]));
        assert_true(few.used > few.size);
        assert_null(memory_take(&few, 1));
        assert_true(few.used > few.size);
    }
}

/* ---- Pools ---- */

static void a_pool_gives_each_object_once(void **state)
{
    (void)state;
    enum { TOTAL = 100, OBJECT = 600 };
    struct pool pool;
    uint8_t *taken[TOTAL];
    pool_init(&pool, &memory, OBJECT, TOTAL);
    assert_int_equal(pool.object_size, 640);
    for (int i = 0; i < TOTAL; i++) {
        taken[i] = pool_take(&pool, FOR_SEND);
        assert_non_null(taken[i]);
        assert_int_equal((uintptr_t)taken[i] % MEMORY_ALIGN, 0);
        assert_true(taken[i] >= memory.base && taken[i] + 640 <= memory.base + memory.used);
        memset(taken[i], i, 640);
    }
    assert_null(pool_take(&pool, FOR_CONTROL));
    for (int i = 0; i < TOTAL; i++) {
        for (int at = 0; at < 640; at++)
            assert_int_equal(taken[i][at], i); /* nobody else wrote there */
        pool_give(&pool, taken[i]);
    }
    assert_int_equal(pool.free_count, TOTAL);
    assert_int_equal(pool.lowest_free, 0);
}

static void the_last_returned_comes_first(void **state)
{
    (void)state;
    struct pool pool;
    pool_init(&pool, &memory, 64, 8);
    void *first = pool_take(&pool, FOR_SEND), *second = pool_take(&pool, FOR_SEND);
    pool_give(&pool, first);
    pool_give(&pool, second);
    assert_ptr_equal(pool_take(&pool, FOR_SEND), second);
    assert_ptr_equal(pool_take(&pool, FOR_SEND), first);
    assert_int_equal(pool.lowest_free, 6);
}

/* Were they a power of two apart, their first lines would share a few sets of the cache. */
static void large_objects_lie_an_odd_number_of_lines_apart(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {512, 576, 2048, 32768};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct pool pool;
        pool_init(&pool, &memory, sizes[i], 2);
        uint8_t *first = pool_take(&pool, FOR_SEND), *second = pool_take(&pool, FOR_SEND);
        assert_true(second >= first + sizes[i]);
        assert_int_equal((second - first) / 64 % 2, 1);
    }
}

static unsigned takes_until_refused(struct pool *pool, enum purpose purpose)
{
    unsigned count = 0;
    while (pool_take(pool, purpose) != NULL)
        count++;
    return count;
}

static void each_purpose_leaves_its_reserve(void **state)
{
    (void)state;
    struct pool pool;
    pool_init(&pool, &memory, 64, 20);
    pool_reserve(&pool, 3, 5);
    assert_int_equal(takes_until_refused(&pool, FOR_SEND), 12);
    assert_int_equal(takes_until_refused(&pool, FOR_RECEIVE), 5);
    assert_int_equal(takes_until_refused(&pool, FOR_CONTROL), 3);
    assert_int_equal(pool.free_count, 0);
}

static void any_one_take_can_be_made_to_fail(void **state)
{
    (void)state;
    struct pool pool;
    pool_init(&pool, &memory, 64, 8);
    pool.fail_at = 3;
    assert_non_null(pool_take(&pool, FOR_SEND));
    assert_non_null(pool_take(&pool, FOR_SEND));
    assert_null(pool_take(&pool, FOR_CONTROL));
    assert_non_null(pool_take(&pool, FOR_SEND));
    assert_int_equal(pool.takes, 4);
    assert_int_equal(pool.free_count, 5);
}

static void a_pool_without_memory_is_empty(void **state)
{
    (void)state;
    struct memory none = {0}, same = memory;
    struct pool pool;
    pool_init(&pool, &none, 1000, 1000);
    assert_null(pool_take(&pool, FOR_CONTROL));
    assert_int_equal(pool.total, 0);
    pool_init(&pool, &memory, 1000, 1000);
    assert_int_equal(memory.used - same.used, none.used); /* counted as it is laid out */
    pool_init(&pool, &memory, 1000, 1000);
    assert_null(pool_take(&pool, FOR_CONTROL));
    pool_init(&pool, &none, UINT32_MAX - 63, UINT32_MAX);
    assert_true(none.used >= (UINT64_MAX >> 1 < SIZE_MAX ? (size_t)UINT32_MAX << 31 : SIZE_MAX));
}

/* ---- Buffers ---- */

static void a_buffer_lives_as_long_as_somebody_holds_it(void **state)
{
    (void)state;
    struct pool pool;
    pool_init(&pool, &memory, BUFFER_HEADER + 1984, 2);
    struct buffer *buffer = buffer_take(&pool, FOR_SEND);
    assert_int_equal(buffer->size, 1984);
    assert_int_equal((uintptr_t)buffer->data % 64, 0);
    memset(buffer->data, 0x77, buffer->size);
    assert_ptr_equal(buffer_hold(buffer), buffer);
    buffer_drop(buffer);
    assert_int_equal(pool.free_count, 1);
    assert_int_equal(buffer->references, 1);
    buffer_drop(buffer);
    assert_int_equal(pool.free_count, 2);
}

static void there_is_no_buffer_beyond_the_reserve(void **state)
{
    (void)state;
    struct pool pool;
    pool_init(&pool, &memory, BUFFER_HEADER + 64, 1);
    pool_reserve(&pool, 1, 0);
    assert_null(buffer_take(&pool, FOR_RECEIVE));
    assert_non_null(buffer_take(&pool, FOR_CONTROL));
}

static void note_release(struct buffer *buffer)
{
    ++*(unsigned *)buffer->owner;
}

static void foreign_memory_is_released_once(void **state)
{
    (void)state;
    unsigned released = 0;
    uint8_t bytes[10];
    struct buffer buffer = {1, sizeof bytes, bytes, note_release, &released, NULL};
    buffer_hold(&buffer);
    buffer_drop(&buffer);
    assert_int_equal(released, 0);
    buffer_drop(&buffer);
    assert_int_equal(released, 1);
}

#define WITH_MEMORY(test) cmocka_unit_test_setup_teardown(test, get_memory, free_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MEMORY(memory_is_zero_and_on_a_line),
        WITH_MEMORY(memory_counts_before_there_is_any),
        WITH_MEMORY(memory_ends),
        WITH_MEMORY(memory_does_not_wrap),
        WITH_MEMORY(a_pool_gives_each_object_once),
        WITH_MEMORY(the_last_returned_comes_first),
        WITH_MEMORY(large_objects_lie_an_odd_number_of_lines_apart),
        WITH_MEMORY(each_purpose_leaves_its_reserve),
        WITH_MEMORY(any_one_take_can_be_made_to_fail),
        WITH_MEMORY(a_pool_without_memory_is_empty),
        WITH_MEMORY(a_buffer_lives_as_long_as_somebody_holds_it),
        WITH_MEMORY(there_is_no_buffer_beyond_the_reserve),
        WITH_MEMORY(foreign_memory_is_released_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
