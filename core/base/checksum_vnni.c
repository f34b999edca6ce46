/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vnni"))),               \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vnni")
#endif
#include "core/base/checksum_avx512.h"

/* Multiplies, adds pairs and adds to the sum in a single instruction. */
#define KIND(name) name##_vnni

static inline vector add_words(vector sum, vector words)
{
    return _mm512_dpwssd_epi32(sum, lower(words), _mm512_set1_epi16(1));
}

#include "core/base/checksum_vector.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
