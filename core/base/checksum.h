/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_CHECKSUM_H
#define CHASKI_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * The Internet checksum (RFC 1071). A partial sum is a uint64_t in the machine's byte order, not
 * yet folded; partial sums of pieces that start at even offsets add up with plain `+` (each is less
 * than 2^30 times its length).
 */

/* Sum of the bytes at `bytes`, any alignment. An odd last byte counts as if a zero followed. */
uint64_t checksum_partial(const void *bytes, size_t length);

/* The same sum, for headers and short segments: without vectors, the widest of which slow the
 * processor down by more than they gain with so few bytes. */
uint64_t checksum_few(const void *bytes, size_t length);

/* The same sum, copying the bytes to `to` on the way (no overlap). */
uint64_t checksum_copy(void *to, const void *from, size_t length);

/* A partial sum of a piece that stands at an odd offset of the whole. */
uint64_t checksum_shift_odd(uint64_t partial);

/* Words of 64 bits can be added first, in one's complement: the carry comes in again at the other
 * end. Their sum becomes a partial one by checksum_of_words(). */
static inline uint64_t checksum_add_words(uint64_t a, uint64_t b)
{
    uint64_t sum = a + b;
    return sum + (sum < b);
}

static inline uint64_t checksum_of_words(uint64_t sum)
{
    return (sum & UINT32_MAX) + (sum >> 32);
}

/* The one's complement sum, 16 bits, machine order, not inverted; 0 only when every byte was. */
static inline uint16_t checksum_fold(uint64_t partial)
{
    /* Both halves added to each other in both halves: the lower one's carry goes into the upper. */
    partial += partial << 32 | partial >> 32;
    uint32_t half = (uint32_t)(partial >> 32);
    half += half << 16 | half >> 16;
    return (uint16_t)(half >> 16);
}

/* The value for a checksum field, as the two bytes that go on the wire when stored with
 * checksum_store(). Over data that includes a correct checksum field it is 0. */
static inline uint16_t checksum_finish(uint64_t partial)
{
    return (uint16_t)~checksum_fold(partial);
}

/* Checksum fields travel in machine order between these two, so no swap is ever needed. */
static inline void checksum_store(uint8_t *field, uint16_t checksum)
{
    __builtin_memcpy(field, &checksum, 2);
}

static inline uint16_t checksum_load(const uint8_t *field)
{
    uint16_t checksum;
    __builtin_memcpy(&checksum, field, 2);
    return checksum;
}

/* RFC 1624, equation 3: `checksum` after one 16-bit field (machine order, as loaded with
 * checksum_load) changed from `old` to `new`. */
uint16_t checksum_update(uint16_t checksum, uint16_t old, uint16_t new_value);

#endif
