/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_CHECKSUM_VECTOR_H
#define CHASKI_BASE_CHECKSUM_VECTOR_H

#include <stdbool.h>

#include "core/base/checksum_kinds.h"
#include "core/base/checksum_rest.h"

/*
 * The loops over vectors, the same for every kind. The file that includes this one has defined
 *
 *   vector                 the type, VECTOR_BYTES of it
 *   load(), store()        at any alignment
 *   zero(), add()          in 32-bit lanes
 *   add_words(sum, words)  with the 16-bit words of `words` added to the lanes, each word lowered
 *                          by LOWERED, so that signed lanes do as well
 *   across(sum)            the sum of all lanes
 *   MASKED                 whether it has
 *   load_some(), store_some()  of the first n bytes, which are fewer than a vector's
 *   KIND(name)             the name with the kind behind it
 *
 * Four sums at a time keep the processor from waiting for one addition after another. A chunk is so
 * short that even their total fits a lane: 2^15 words, each less than 2^16, or within 2^15 of zero
 * where lanes are signed.
 *
 * With wide vectors nearly every store at an odd place would touch two cache lines, so copying
 * begins with what leads up to a vector's place.
 */
enum {
    SUMS = 4,
    STEP = SUMS * VECTOR_BYTES,
    CHUNK_BYTES = 65536,
    ALIGN_FROM = 256, /* bytes that are worth it */
};

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

static inline uint8_t *ahead(uint8_t *to, size_t n)
{
    return to != NULL ? to + n : NULL;
}

/* The last ones, fewer than a vector has. The sum is of what is kept, whatever writes to `from`. */
static inline uint64_t rest_by_words(uint8_t *to, const uint8_t *from, size_t n)
{
    if (to == NULL)
        return sum_rest(from, n);
    memcpy(to, from, n);
    return sum_rest(to, n);
}

/* At most CHUNK_BYTES. */
static inline uint64_t chunk(uint8_t *to, const uint8_t *from, size_t length)
{
    struct sums s = {{zero(), zero(), zero(), zero()}};
    size_t at = 0;
    for (; length - at >= STEP; at += STEP) {
        for (size_t i = 0; i < SUMS; i++) {
            size_t here = at + i * VECTOR_BYTES;
            s.sum[i] = take(s.sum[i], ahead(to, here), from + here);
        }
    }
    for (; length - at >= VECTOR_BYTES; at += VECTOR_BYTES)
        s.sum[0] = take(s.sum[0], ahead(to, at), from + at);
    uint64_t apart = 0;
    if (MASKED) {
        vector words = load_some(from + at, length - at);
        if (to != NULL)
            store_some(to + at, words, length - at);
        s.sum[1] = add_words(s.sum[1], words);
        at += VECTOR_BYTES;
    } else {
        apart = rest_by_words(ahead(to, at), from + at, length - at);
    }
    return across(total(&s)) + (uint64_t)LOWERED * (at / 2) + apart;
}

uint64_t KIND(checksum_partial)(const uint8_t *bytes, size_t length)
{
    uint64_t sum = 0;
    for (; length > CHUNK_BYTES - VECTOR_BYTES; length -= CHUNK_BYTES - VECTOR_BYTES) {
        sum += chunk(NULL, bytes, CHUNK_BYTES - VECTOR_BYTES);
        bytes += CHUNK_BYTES - VECTOR_BYTES;
    }
    return sum + chunk(NULL, bytes, length);
}

static inline uint64_t copy(uint8_t *to, const uint8_t *from, size_t length)
{
    uint64_t sum = 0;
    for (; length > CHUNK_BYTES - VECTOR_BYTES; length -= CHUNK_BYTES - VECTOR_BYTES) {
        sum += chunk(to, from, CHUNK_BYTES - VECTOR_BYTES);
        to += CHUNK_BYTES - VECTOR_BYTES;
        from += CHUNK_BYTES - VECTOR_BYTES;
    }
    return sum + chunk(to, from, length);
}

uint64_t KIND(checksum_copy)(uint8_t *to, const uint8_t *from, size_t length)
{
    size_t head = MASKED && length >= ALIGN_FROM ? -(uintptr_t)to % VECTOR_BYTES : 0;
    if (head == 0)
        return copy(to, from, length);
    vector words = load_some(from, head);
    store_some(to, words, head);
    uint64_t sum = across(add_words(zero(), words)) + (uint64_t)LOWERED * (VECTOR_BYTES / 2);
    uint64_t main = copy(to + head, from + head, length - head);
    return sum + (head % 2 == 0 ? main : checksum_shift_odd(main));
}

#endif
