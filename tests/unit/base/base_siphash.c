/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/bytes.h"
#include "core/base/siphash.h"

/* The key 00 01 .. 0f of the paper and its reference code. */
static const struct siphash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

static const uint8_t counting[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* Appendix A: fifteen bytes. */
static void answers_as_the_paper(void **state)
{
    (void)state;
    assert_true(siphash(&key, counting, 15) == 0xa129ca6149be45e5);
}

/* The reference vectors for 0 to 15 bytes, as the bytes that they are published as. */
static void answers_as_the_reference(void **state)
{
    (void)state;
    static const uint8_t expected[16][8] = {
        {0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72},
        {0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74},
        {0x5a, 0x4f, 0xa9, 0xd9, 0x09, 0x80, 0x6c, 0x0d},
        {0x2d, 0x7e, 0xfb, 0xd7, 0x96, 0x66, 0x67, 0x85},
        {0xb7, 0x87, 0x71, 0x27, 0xe0, 0x94, 0x27, 0xcf},
        {0x8d, 0xa6, 0x99, 0xcd, 0x64, 0x55, 0x76, 0x18},
        {0xce, 0xe3, 0xfe, 0x58, 0x6e, 0x46, 0xc9, 0xcb},
        {0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab},
        {0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93},
        {0xb0, 0xe4, 0xa9, 0x0b, 0xdf, 0x82, 0x00, 0x9e},
        {0xf3, 0xb9, 0xdd, 0x94, 0xc5, 0xbb, 0x5d, 0x7a},
        {0xa7, 0xad, 0x6b, 0x22, 0x46, 0x2f, 0xb3, 0xf4},
        {0xfb, 0xe5, 0x0e, 0x86, 0xbc, 0x8f, 0x1e, 0x75},
        {0x90, 0x3d, 0x84, 0xc0, 0x27, 0x56, 0xea, 0x14},
        {0xee, 0xf2, 0x7a, 0x8e, 0x90, 0xca, 0x23, 0xf7},
        {0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1},
    };
    for (size_t length = 0; length < 16; length++) {
        uint64_t hash = siphash(&key, counting, length);
        for (unsigned i = 0; i < 8; i++)
            assert_int_equal((uint8_t)(hash >> 8 * i), expected[length][i]);
    }
}

/* Words are read as little-endian whatever the machine. */
static void words_are_eight_bytes(void **state)
{
    (void)state;
    uint64_t words[40];
    uint8_t bytes[sizeof words];
    for (size_t i = 0; i < 40; i++) {
        words[i] = 0x0123456789abcdef * (i + 1);
        for (unsigned byte = 0; byte < 8; byte++)
            bytes[8 * i + byte] = (uint8_t)(words[i] >> 8 * byte);
    }
    for (size_t count = 0; count <= 40; count++) /* 32 and more: the length passes 255 bytes */
        assert_true(siphash_words(&key, words, count) == siphash(&key, bytes, 8 * count));
}

static void every_alignment_is_one(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 8; shift++) {
        uint8_t moved[32];
        memcpy(moved + shift, counting, sizeof counting);
        assert_true(siphash(&key, moved + shift, 15) == 0xa129ca6149be45e5);
    }
}

static void both_halves_of_the_key_count(void **state)
{
    (void)state;
    struct siphash_key first = {key.k0 ^ 1, key.k1}, second = {key.k0, key.k1 ^ 1};
    assert_true(siphash(&first, counting, 15) != siphash(&key, counting, 15));
    assert_true(siphash(&second, counting, 15) != siphash(&key, counting, 15));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_as_the_paper),         cmocka_unit_test(answers_as_the_reference),
        cmocka_unit_test(words_are_eight_bytes),        cmocka_unit_test(every_alignment_is_one),
        cmocka_unit_test(both_halves_of_the_key_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
