/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/checksum.h"
#include "core/base/checksum_blocks.h"
#include "tests/random.h"

/* Each kind that this processor can run gives the sum of the plain one, and copies. */

enum { BLOCKS_MAX = 3000, ODD = 17 };

typedef uint64_t sum_blocks(const uint8_t *bytes, size_t count);
typedef uint64_t copy_blocks(uint8_t *to, const uint8_t *from, size_t count);

static uint16_t plain(const uint8_t *bytes, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count * CHECKSUM_BLOCK; i += 2)
        sum += checksum_load(bytes + i);
    return checksum_fold(sum);
}

static void check(sum_blocks *sum, copy_blocks *copy)
{
    static const size_t counts[] = {1, 2, 3, 4, 5, 7, 8, 22, 1023, 1024, 1025, 2048, BLOCKS_MAX};
    size_t room = BLOCKS_MAX * CHECKSUM_BLOCK + ODD;
    uint8_t *from = malloc(room), *to = malloc(room);
    assert_non_null(from);
    assert_non_null(to);
    for (unsigned fill = 0; fill < 3; fill++) {
        uint64_t random = fill;
        for (size_t i = 0; i < room; i++)
            from[i] = fill == 0 ? 0xff : fill == 1 ? 0x80 : (uint8_t)random_next(&random);
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            size_t skip = i % ODD, length = counts[i] * CHECKSUM_BLOCK;
            assert_int_equal(checksum_fold(sum(from + skip, counts[i])),
                             plain(from + skip, counts[i]));
            memset(to, 0, room);
            assert_int_equal(checksum_fold(copy(to + ODD - skip, from + skip, counts[i])),
                             plain(from + skip, counts[i]));
            assert_memory_equal(to + ODD - skip, from + skip, length);
        }
    }
    free(from);
    free(to);
}

static void sse2(void **state)
{
    (void)state;
    check(checksum_blocks_sse2, checksum_copy_blocks_sse2);
}

static void avx2(void **state)
{
    (void)state;
    if (!__builtin_cpu_supports("avx2"))
        skip();
    check(checksum_blocks_avx2, checksum_copy_blocks_avx2);
}

static void avx512(void **state)
{
    (void)state;
    if (!__builtin_cpu_supports("avx512bw"))
        skip();
    check(checksum_blocks_avx512, checksum_copy_blocks_avx512);
}

static void detected(void **state)
{
    (void)state;
    check(checksum_blocks_detected, checksum_copy_blocks_detected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sse2), cmocka_unit_test(avx2),
                                       cmocka_unit_test(avx512), cmocka_unit_test(detected)};
    return cmocka_run_group_tests_name("checksum_kinds", tests, NULL, NULL);
}
