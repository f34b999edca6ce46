/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/checksum.h"

#include "core/base/bytes.h"
#include "core/base/checksum_blocks.h"

/*
 * One's complement addition does not care how the bytes are grouped (RFC 1071, 2): summing 32-bit
 * words, in the machine's order, into 64 bits gives a sum that folds to the same 16 bits. Whole
 * blocks are summed by what is best on the processor; here are the ends.
 */

static inline uint64_t load_halves(const uint8_t *at)
{
    uint32_t halves[2];
    memcpy(halves, at, sizeof halves);
    return (uint64_t)halves[0] + halves[1];
}

static inline uint64_t sum_tail(const uint8_t *at, size_t length)
{
    uint64_t sum = 0;
    for (; length >= 8; length -= 8, at += 8)
        sum += load_halves(at);
    for (; length >= 2; length -= 2, at += 2)
        sum += checksum_load(at);
    return length == 0 ? sum : sum + checksum_load((const uint8_t[]){*at, 0});
}

uint64_t checksum_partial(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    size_t whole = length / CHECKSUM_BLOCK;
    uint64_t sum = 0;
    if (whole != 0) {
        sum = checksum_blocks(at, whole);
        at += whole * CHECKSUM_BLOCK;
    }
    return sum + sum_tail(at, length % CHECKSUM_BLOCK);
}

uint64_t checksum_copy(void *to, const void *from, size_t length)
{
    size_t whole = length / CHECKSUM_BLOCK;
    size_t done = whole * CHECKSUM_BLOCK;
    uint64_t sum = whole != 0 ? checksum_copy_blocks(to, from, whole) : 0;
    const uint8_t *at = (const uint8_t *)from + done;
    memcpy((uint8_t *)to + done, at, length - done);
    return sum + sum_tail(at, length - done);
}

uint16_t checksum_fold(uint64_t partial)
{
    partial = (partial >> 32) + (partial & 0xffffffff);                        /* 33 bits */
    partial = (partial >> 32) + (partial >> 16 & 0xffff) + (partial & 0xffff); /* <= 0x1fffe */
    return (uint16_t)((partial >> 16) + partial);
}

uint64_t checksum_shift_odd(uint64_t partial)
{
    uint16_t sum = checksum_fold(partial);
    return (uint16_t)(sum << 8 | sum >> 8);
}

uint16_t checksum_update(uint16_t checksum, uint16_t old, uint16_t new_value)
{
    uint64_t sum = (uint16_t)~checksum;
    return checksum_finish(sum + (uint16_t)~old + new_value);
}
