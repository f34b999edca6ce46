/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw")
#endif
#include "core/base/checksum_avx512.h"

/* As with SSE2, at four times the width. */
#define KIND(name) name##_avx512

static inline vector add_words(vector sum, vector words)
{
    return _mm512_add_epi32(sum, _mm512_madd_epi16(lower(words), _mm512_set1_epi16(1)));
}

#include "core/base/checksum_vector.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
