/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_SEQUENCE_H
#define CHASKI_BASE_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Sequence numbers compare modulo 2^32 (RFC 9293, 3.4): a is before b when the signed
 * distance from a to b is positive. True as long as the two are less than 2^31 apart.
 */

static inline int32_t seq_distance(uint32_t from, uint32_t to)
{
    return (int32_t)(to - from);
}

static inline bool seq_lt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) <= 0;
}

static inline bool seq_gt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static inline bool seq_ge(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) >= 0;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
    return seq_gt(a, b) ? a : b;
}

static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
    return seq_lt(a, b) ? a : b;
}

#endif
