/* SPDX-License-Identifier: BSD-2-Clause */
#include <emmintrin.h>
#include <stdint.h>

/*
 * x86-64 always has SSE2. Its quickest way to add 16-bit words into 32-bit lanes is pmaddwd by
 * one, three instructions for 16 bytes; but that takes words for signed, so they are lowered first.
 */
typedef __m128i vector;

#define KIND(name) name##_sse2

enum { VECTOR_BYTES = 16, LOWERED = 0x8000 };

static inline vector load(const uint8_t *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static inline void store(uint8_t *at, vector value)
{
    _mm_storeu_si128((__m128i *)(void *)at, value);
}

static inline vector zero(void)
{
    return _mm_setzero_si128();
}

static inline vector add(vector a, vector b)
{
    return _mm_add_epi32(a, b);
}

static inline vector add_words(vector sum, vector words)
{
    vector lowered = _mm_xor_si128(words, _mm_set1_epi16(INT16_MIN));
    return _mm_add_epi32(sum, _mm_madd_epi16(lowered, _mm_set1_epi16(1)));
}

static inline uint64_t across(vector sum)
{
    sum = _mm_add_epi32(sum, _mm_unpackhi_epi64(sum, sum));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 1));
    return (uint64_t)(int64_t)_mm_cvtsi128_si32(sum);
}

#include "core/base/checksum_unmasked.h"
#include "core/base/checksum_vector.h"
