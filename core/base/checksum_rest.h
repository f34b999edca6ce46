/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_CHECKSUM_REST_H
#define CHASKI_BASE_CHECKSUM_REST_H

#include "core/base/bytes.h"
#include "core/base/checksum.h"

/* What is less than a block, or a vector, by words and without a loop. */

static inline uint64_t load_8(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint32_t load_4(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint64_t sum_16(const uint8_t *at)
{
    return checksum_add_words(load_8(at), load_8(at + 8));
}

static inline uint64_t sum_32(const uint8_t *at)
{
    return checksum_add_words(sum_16(at), sum_16(at + 16));
}

/* Less than 64 bytes. */
static inline uint64_t sum_rest(const uint8_t *at, size_t length)
{
    const uint8_t *rest = at + (length & ~(size_t)7), *last = rest + (length & 6);
    uint64_t sum = 0;
    if ((length & 32) != 0)
        sum = sum_32(at);
    if ((length & 16) != 0)
        sum = checksum_add_words(sum, sum_16(at + (length & 32)));
    if ((length & 8) != 0)
        sum = checksum_add_words(sum, load_8(rest - 8));
    sum = checksum_of_words(sum);
    if ((length & 4) != 0)
        sum += load_4(rest);
    if ((length & 2) != 0)
        sum += checksum_load(last - 2);
    return (length & 1) == 0 ? sum : sum + checksum_load((const uint8_t[]){*last, 0});
}

#endif
