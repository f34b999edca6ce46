/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/checksum.h"
#include "core/base/checksum_kinds.h"
#include "tests/random.h"

/* Each kind that this processor can run gives the sum of the plain one, and copies. */

enum { LONGEST = 200000, ODD = 67 };

typedef uint64_t sum_bytes(const uint8_t *bytes, size_t length);
typedef uint64_t copy_bytes(uint8_t *to, const uint8_t *from, size_t length);

static uint16_t plain(const uint8_t *bytes, size_t length)
{
    uint64_t sum = 0;
    for (size_t i = 0; i + 2 <= length; i += 2)
        sum += checksum_load(bytes + i);
    if (length % 2 != 0)
        sum += checksum_load((const uint8_t[]){bytes[length - 1], 0});
    return checksum_fold(sum);
}

static void check_one(sum_bytes *sum, copy_bytes *copy, const uint8_t *from, uint8_t *to,
                      size_t length)
{
    assert_int_equal(checksum_fold(sum(from, length)), plain(from, length));
    to[-1] = to[length] = 0xa5;
    memset(to, 0, length);
    assert_int_equal(checksum_fold(copy(to, from, length)), plain(from, length));
    assert_memory_equal(to, from, length);
    assert_int_equal(to[-1], 0xa5);
    assert_int_equal(to[length], 0xa5);
}

static void check(sum_bytes *sum, copy_bytes *copy)
{
    static const size_t more[] = {1447,  1448,  9000,  65407,  65471,       65472,  65473,
                                  65535, 65536, 65537, 131071, LONGEST - 1, LONGEST};
    size_t room = LONGEST + 2 * ODD;
    uint8_t *from = malloc(room), *to = malloc(room);
    assert_non_null(from);
    assert_non_null(to);
    for (unsigned fill = 0; fill < 3; fill++) {
        uint64_t random = fill;
        for (size_t i = 0; i < room; i++)
            from[i] = fill == 0 ? 0xff : fill == 1 ? 0x80 : (uint8_t)random_next(&random);
        for (size_t length = 0; length < 700; length++)
            check_one(sum, copy, from + length % 5, to + 1 + length * 7 % ODD, length);
        for (size_t shift = 0; shift < ODD; shift++)
            check_one(sum, copy, from + shift, to + 1 + ODD - shift, 300);
        for (size_t i = 0; i < sizeof more / sizeof *more; i++)
            check_one(sum, copy, from + i, to + ODD - i, more[i]);
    }
    free(from);
    free(to);
}

static void portable(void **state)
{
    (void)state;
    check(checksum_partial_portable, checksum_copy_portable);
}

static void sse2(void **state)
{
    (void)state;
    check(checksum_partial_sse2, checksum_copy_sse2);
}

static void avx2(void **state)
{
    (void)state;
    if (!__builtin_cpu_supports("avx2"))
        skip();
    check(checksum_partial_avx2, checksum_copy_avx2);
}

static void avx512(void **state)
{
    (void)state;
    if (!__builtin_cpu_supports("avx512bw"))
        skip();
    check(checksum_partial_avx512, checksum_copy_avx512);
}

static void vnni(void **state)
{
    (void)state;
    if (!__builtin_cpu_supports("avx512vnni"))
        skip();
    check(checksum_partial_vnni, checksum_copy_vnni);
}

static void detected(void **state)
{
    (void)state;
    check(checksum_partial_detected, checksum_copy_detected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(portable), cmocka_unit_test(sse2),
                                       cmocka_unit_test(avx2),     cmocka_unit_test(avx512),
                                       cmocka_unit_test(vnni),     cmocka_unit_test(detected)};
    return cmocka_run_group_tests_name("checksum_kinds", tests, NULL, NULL);
}
