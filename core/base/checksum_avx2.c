/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#include <immintrin.h>
#include <stdint.h>

/* As with SSE2, at twice the width. */
typedef __m256i vector;

#define KIND(name) name##_avx2

enum { VECTOR_BYTES = 32, LOWERED = 0x8000 };

static inline vector load(const uint8_t *at)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

static inline void store(uint8_t *at, vector value)
{
    _mm256_storeu_si256((__m256i *)(void *)at, value);
}

static inline vector zero(void)
{
    return _mm256_setzero_si256();
}

static inline vector add(vector a, vector b)
{
    return _mm256_add_epi32(a, b);
}

static inline vector add_words(vector sum, vector words)
{
    vector lowered = _mm256_xor_si256(words, _mm256_set1_epi16(INT16_MIN));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(lowered, _mm256_set1_epi16(1)));
}

static inline uint64_t across(vector sum)
{
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    half = _mm_add_epi32(half, _mm_unpackhi_epi64(half, half));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 1));
    return (uint64_t)(int64_t)_mm_cvtsi128_si32(half);
}

#include "core/base/checksum_unmasked.h"
#include "core/base/checksum_vector.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
