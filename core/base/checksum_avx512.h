/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_CHECKSUM_AVX512_H
#define CHASKI_BASE_CHECKSUM_AVX512_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Vectors of 64 bytes, for the kinds that have them. */
typedef __m512i vector;

enum { VECTOR_BYTES = 64, LOWERED = 0x8000, MASKED = true };

static inline vector load(const uint8_t *at)
{
    return _mm512_loadu_si512(at);
}

static inline void store(uint8_t *at, vector value)
{
    _mm512_storeu_si512(at, value);
}

static inline __mmask64 first(size_t n)
{
    return ((__mmask64)1 << n) - 1;
}

static inline vector load_some(const uint8_t *at, size_t n)
{
    return _mm512_maskz_loadu_epi8(first(n), at);
}

static inline void store_some(uint8_t *at, vector value, size_t n)
{
    _mm512_mask_storeu_epi8(at, first(n), value);
}

static inline vector zero(void)
{
    return _mm512_setzero_si512();
}

static inline vector add(vector a, vector b)
{
    return _mm512_add_epi32(a, b);
}

static inline vector lower(vector words)
{
    return _mm512_xor_si512(words, _mm512_set1_epi16(INT16_MIN));
}

static inline uint64_t across(vector sum)
{
    return (uint64_t)(int64_t)_mm512_reduce_add_epi32(sum);
}

#endif
