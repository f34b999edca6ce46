/* SPDX-License-Identifier: BSD-2-Clause */
#include <arm_neon.h>
#include <stdint.h>

/* AArch64 adds pairs of 16-bit words to 32-bit lanes in a single instruction. */
typedef uint32x4_t vector;

#define KIND(name) name##_neon

enum { VECTOR_BYTES = 16, LOWERED = 0 };

static inline vector load(const uint8_t *at)
{
    return vreinterpretq_u32_u8(vld1q_u8(at));
}

static inline void store(uint8_t *at, vector value)
{
    vst1q_u8(at, vreinterpretq_u8_u32(value));
}

static inline vector zero(void)
{
    return vdupq_n_u32(0);
}

static inline vector add(vector a, vector b)
{
    return vaddq_u32(a, b);
}

static inline vector add_words(vector sum, vector words)
{
    return vpadalq_u16(sum, vreinterpretq_u16_u32(words));
}

static inline uint64_t across(vector sum)
{
    return vaddlvq_u32(sum);
}

#include "core/base/checksum_unmasked.h"
#include "core/base/checksum_vector.h"
