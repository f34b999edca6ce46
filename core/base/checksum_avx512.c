/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw")
#endif
#include <immintrin.h>
#include <stdint.h>

/* As with SSE2, at four times the width. */
typedef __m512i vector;

#define KIND(name) name##_avx512

enum { VECTOR_BYTES = 64, LOWERED = 0x8000 };

static inline vector load(const uint8_t *at)
{
    return _mm512_loadu_si512(at);
}

static inline void store(uint8_t *at, vector value)
{
    _mm512_storeu_si512(at, value);
}

static inline vector zero(void)
{
    return _mm512_setzero_si512();
}

static inline vector add(vector a, vector b)
{
    return _mm512_add_epi32(a, b);
}

static inline vector add_words(vector sum, vector words)
{
    vector lowered = _mm512_xor_si512(words, _mm512_set1_epi16(INT16_MIN));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(lowered, _mm512_set1_epi16(1)));
}

static inline uint64_t across(vector sum)
{
    return (uint64_t)(int64_t)_mm512_reduce_add_epi32(sum);
}

#include "core/base/checksum_vector.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
