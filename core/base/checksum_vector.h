/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_CHECKSUM_VECTOR_H
#define CHASKI_BASE_CHECKSUM_VECTOR_H

#include "core/base/checksum_blocks.h"

/*
 * The loops over vectors, the same for every kind. The file that includes this one has defined
 *
 *   vector                 the type, VECTOR_BYTES of it
 *   load(), store()        at any alignment
 *   zero(), add()          in 32-bit lanes
 *   add_words(sum, words)  with the 16-bit words of `words` added to the lanes, each word lowered
 *                          by LOWERED, so that signed lanes do as well
 *   across(sum)            the sum of all lanes
 *   KIND(name)             the name with the kind behind it
 *
 * Four sums at a time keep the processor from waiting for one addition after another. A chunk is so
 * short that even their total fits a lane: 2^15 words, each less than 2^16, or within 2^15 of zero
 * where lanes are signed.
 */
enum {
    SUMS = 4,
    STEP = SUMS * VECTOR_BYTES,
    CHUNK = 1024, /* blocks */
};

_Static_assert(CHECKSUM_BLOCK % VECTOR_BYTES == 0, "a block is made of whole vectors");

struct sums {
    vector sum[SUMS];
};

/* One vector more; `to` NULL when nothing is to be copied. */
static inline vector take(vector sum, uint8_t *to, const uint8_t *from)
{
    vector words = load(from);
    if (to != NULL)
        store(to, words);
    return add_words(sum, words);
}

static inline vector total(const struct sums *sums)
{
    return add(add(sums->sum[0], sums->sum[1]), add(sums->sum[2], sums->sum[3]));
}

/* At most CHUNK blocks. */
static inline uint64_t chunk(uint8_t *to, const uint8_t *from, size_t count)
{
    struct sums s = {{zero(), zero(), zero(), zero()}};
    size_t length = count * CHECKSUM_BLOCK, at = 0;
    for (; length - at >= STEP; at += STEP) {
        for (size_t i = 0; i < SUMS; i++) {
            size_t here = at + i * VECTOR_BYTES;
            s.sum[i] = take(s.sum[i], to != NULL ? to + here : NULL, from + here);
        }
    }
    for (; at < length; at += VECTOR_BYTES)
        s.sum[0] = take(s.sum[0], to != NULL ? to + at : NULL, from + at);
    return across(total(&s)) + (uint64_t)LOWERED * (length / 2);
}

uint64_t KIND(checksum_blocks)(const uint8_t *bytes, size_t count)
{
    uint64_t sum = 0;
    for (; count > CHUNK; count -= CHUNK, bytes += CHUNK * CHECKSUM_BLOCK)
        sum += chunk(NULL, bytes, CHUNK);
    return sum + chunk(NULL, bytes, count);
}

uint64_t KIND(checksum_copy_blocks)(uint8_t *to, const uint8_t *from, size_t count)
{
    uint64_t sum = 0;
    for (; count > CHUNK; count -= CHUNK) {
        sum += chunk(to, from, CHUNK);
        to += CHUNK * CHECKSUM_BLOCK;
        from += CHUNK * CHECKSUM_BLOCK;
    }
    return sum + chunk(to, from, count);
}

#endif
