/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/checksum.h"
#include "core/base/bytes.h"
#include "core/base/endian.h"
#include "tests/exact.h"
#include "tests/random.h"

/* RFC 1071 word for word: 16-bit big-endian numbers, every carry brought round at once. */
static uint16_t slow_sum(const uint8_t *bytes, size_t length)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < length; i++) {
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

/* A sum in machine order as the number on the wire. */
static uint16_t wire_order(uint16_t sum)
{
    uint8_t bytes[2];
    checksum_store(bytes, sum);
    return load_be16(bytes);
}

static uint16_t fast_sum(const uint8_t *bytes, size_t length)
{
    return wire_order(checksum_fold(checksum_partial(bytes, length)));
}

/* RFC 1071, section 3. */
static void sums_the_example(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    assert_int_equal(fast_sum(bytes, sizeof bytes), 0xddf2);
    assert_int_equal(wire_order(checksum_finish(checksum_partial(bytes, sizeof bytes))), 0x220d);
}

/* An IPv4 header whose checksum, bytes 10 and 11, is right. */
static void accepts_a_correct_header(void **state)
{
    (void)state;
    static const uint8_t header[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                                     0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
    assert_int_equal(checksum_finish(checksum_partial(header, sizeof header)), 0);
    uint8_t blank[sizeof header];
    memcpy(blank, header, sizeof blank);
    memset(blank + 10, 0, 2);
    checksum_store(blank + 10, checksum_finish(checksum_partial(blank, sizeof blank)));
    assert_memory_equal(blank, header, sizeof header);
}

enum { LONGEST = 2000, ALIGNMENTS = 64 };

static void fill(uint8_t *bytes, size_t length, uint64_t seed)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)random_next(&seed);
}

static void agrees_with_the_slow_sum(const uint8_t *bytes)
{
    for (size_t shift = 0; shift < ALIGNMENTS; shift++) {
        for (size_t length = 0; length <= LONGEST; length += shift == 0 ? 1 : 1 + shift % 7)
            assert_int_equal(fast_sum(bytes + shift, length), slow_sum(bytes + shift, length));
    }
}

static void sums_any_length_at_any_alignment(void **state)
{
    (void)state;
    uint8_t bytes[LONGEST + ALIGNMENTS];
    fill(bytes, sizeof bytes, 1);
    agrees_with_the_slow_sum(bytes);
    memset(bytes, 0xff, sizeof bytes); /* carries everywhere */
    agrees_with_the_slow_sum(bytes);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(fast_sum(bytes, LONGEST), 0);
}

/* Halves that are large in turn: whoever takes words for signed goes wrong here. */
static void sums_every_sign(void **state)
{
    (void)state;
    static const uint8_t patterns[][4] = {{0x80, 0x00, 0x80, 0x00}, {0x00, 0x80, 0x00, 0x80},
                                          {0x7f, 0xff, 0x80, 0x00}, {0xff, 0x7f, 0x00, 0x80},
                                          {0xff, 0xff, 0x00, 0x00}, {0x00, 0x00, 0xff, 0xff}};
    for (size_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++) {
        uint8_t bytes[LONGEST];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = patterns[p][i % 4];
        for (size_t length = 0; length <= LONGEST; length += 3)
            assert_int_equal(fast_sum(bytes, length), slow_sum(bytes, length));
    }
}

static void sums_megabytes(void **state)
{
    (void)state;
    size_t length = 5000003;
    uint8_t *bytes = malloc(length), *copy = malloc(length);
    assert_non_null(bytes);
    assert_non_null(copy);
    memset(bytes, 0xff, length);
    assert_int_equal(fast_sum(bytes, length), slow_sum(bytes, length));
    fill(bytes, length, 2);
    assert_int_equal(fast_sum(bytes, length), slow_sum(bytes, length));
    uint64_t sum = checksum_copy(copy, bytes, length);
    assert_int_equal(wire_order(checksum_fold(sum)), slow_sum(bytes, length));
    assert_memory_equal(copy, bytes, length);
    free(bytes);
    free(copy);
}

/* Not a byte before or behind is read or written. */
static void copies_exactly(void **state)
{
    (void)state;
    uint8_t bytes[LONGEST];
    fill(bytes, sizeof bytes, 3);
    for (size_t length = 0; length <= LONGEST; length++) {
        uint8_t *from = exact_copy(bytes, length);
        uint8_t to[LONGEST + 2];
        memset(to, 0xa5, sizeof to);
        uint64_t sum = checksum_copy(to + 1, from, length);
        assert_true(checksum_fold(sum) == checksum_fold(checksum_partial(from, length)));
        assert_true(checksum_fold(sum) == checksum_fold(checksum_few(from, length)));
        assert_int_equal(wire_order(checksum_fold(sum)), slow_sum(bytes, length));
        assert_memory_equal(to + 1, bytes, length);
        assert_int_equal(to[0], 0xa5);
        assert_int_equal(to[length + 1], 0xa5);
        exact_free(from, length);
    }
}

static void copies_at_any_alignment(void **state)
{
    (void)state;
    uint8_t bytes[512 + 16], to[512 + 16];
    fill(bytes, sizeof bytes, 4);
    for (size_t shift = 0; shift < 256; shift++) {
        size_t from = shift / 16, at = shift % 16, length = 500 - shift;
        uint64_t sum = checksum_copy(to + at, bytes + from, length);
        assert_memory_equal(to + at, bytes + from, length);
        assert_int_equal(wire_order(checksum_fold(sum)), slow_sum(bytes + from, length));
    }
}

static void adds_pieces(void **state)
{
    (void)state;
    uint8_t bytes[301];
    fill(bytes, sizeof bytes, 5);
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        uint64_t first = checksum_partial(bytes, cut);
        uint64_t second = checksum_partial(bytes + cut, sizeof bytes - cut);
        uint64_t whole = first + (cut % 2 == 0 ? second : checksum_shift_odd(second));
        assert_int_equal(wire_order(checksum_fold(whole)), slow_sum(bytes, sizeof bytes));
    }
}

static void folds_every_carry(void **state)
{
    (void)state;
    assert_int_equal(checksum_fold(0), 0);
    assert_int_equal(checksum_fold(0xffff), 0xffff);
    assert_int_equal(checksum_fold(0x10000), 1);
    assert_int_equal(checksum_fold(0x1fffe), 0xffff);
    assert_int_equal(checksum_fold(0x1ffff), 1);
    assert_int_equal(checksum_fold(0x0001ffffffffffff), 1);
    assert_int_equal(checksum_fold(0xfffffffffffffffe), 0xfffe);
    assert_int_equal(checksum_fold(UINT64_MAX), 0xffff);
    uint64_t seed = 6;
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t sum = random_next(&seed) >> (i % 64);
        uint64_t modulo = sum % 0xffff;
        assert_int_equal(checksum_fold(sum), modulo == 0 && sum != 0 ? 0xffff : modulo);
    }
}

/* RFC 1624, section 4: equation 3 gives 0 where equation 2 went wrong with 0xffff. */
static void updates_the_example(void **state)
{
    (void)state;
    assert_int_equal(checksum_update(0xdd2f, 0x5555, 0x3285), 0x0000);
    assert_int_equal(checksum_update(0x0000, 0x3285, 0x5555), 0xdd2f);
}

static void updates_as_if_made_anew(void **state)
{
    (void)state;
    static const uint16_t corners[] = {0x0000, 0x0001, 0x7fff, 0x8000, 0xfffe, 0xffff};
    uint64_t seed = 7;
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t header[20];
        fill(header, sizeof header, random_next(&seed));
        uint8_t *field = header + 2 * random_below(&seed, 10);
        uint16_t other = (uint16_t)random_next(&seed);
        if (i % 2 == 0)
            other = corners[random_below(&seed, 6)];
        if (i % 3 == 0)
            checksum_store(field, corners[random_below(&seed, 6)]);
        uint16_t before = checksum_finish(checksum_partial(header, sizeof header));
        uint16_t updated = checksum_update(before, checksum_load(field), other);
        checksum_store(field, other);
        assert_int_equal(updated, checksum_finish(checksum_partial(header, sizeof header)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_the_example),
        cmocka_unit_test(accepts_a_correct_header),
        cmocka_unit_test(sums_any_length_at_any_alignment),
        cmocka_unit_test(sums_every_sign),
        cmocka_unit_test(sums_megabytes),
        cmocka_unit_test(copies_exactly),
        cmocka_unit_test(copies_at_any_alignment),
        cmocka_unit_test(adds_pieces),
        cmocka_unit_test(folds_every_carry),
        cmocka_unit_test(updates_the_example),
        cmocka_unit_test(updates_as_if_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
