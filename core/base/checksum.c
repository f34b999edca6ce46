/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/checksum.h"

#include "core/base/bytes.h"
#include "core/base/checksum_blocks.h"

#ifndef CHECKSUM_KIND
#define CHECKSUM_KIND portable
#endif
#define JOIN(a, b) a##_##b
#define OF_KIND(name, kind) JOIN(name, kind)

/*
 * One's complement addition does not care how the bytes are grouped (RFC 1071, 2): summing 32-bit
 * words, in the machine's order, into 64 bits gives a sum that folds to the same 16 bits. Whole
 * blocks are summed by what is best on the processor; here are the ends.
 */

static inline uint64_t load_4(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint64_t sum_8(const uint8_t *at)
{
    return load_4(at) + load_4(at + 4);
}

static inline uint64_t sum_16(const uint8_t *at)
{
    return sum_8(at) + sum_8(at + 8);
}

/* Fewer bytes than a block has, without a loop. */
static inline uint64_t sum_tail(const uint8_t *at, size_t length)
{
    const uint8_t *rest = at + (length & ~(size_t)7), *last = rest + (length & 6);
    uint64_t sum = 0;
    if ((length & 32) != 0)
        sum += sum_16(at) + sum_16(at + 16);
    if ((length & 16) != 0)
        sum += sum_16(at + (length & 32));
    if ((length & 8) != 0)
        sum += sum_8(rest - 8);
    if ((length & 4) != 0)
        sum += load_4(rest);
    if ((length & 2) != 0)
        sum += checksum_load(last - 2);
    return (length & 1) == 0 ? sum : sum + checksum_load((const uint8_t[]){*last, 0});
}

uint64_t checksum_partial(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    size_t whole = length / CHECKSUM_BLOCK;
    uint64_t sum = 0;
    if (whole != 0) {
        sum = OF_KIND(checksum_blocks, CHECKSUM_KIND)(at, whole);
        at += whole * CHECKSUM_BLOCK;
    }
    return sum + sum_tail(at, length % CHECKSUM_BLOCK);
}

uint64_t checksum_copy(void *to, const void *from, size_t length)
{
    size_t whole = length / CHECKSUM_BLOCK;
    size_t done = whole * CHECKSUM_BLOCK;
    uint64_t sum = whole != 0 ? OF_KIND(checksum_copy_blocks, CHECKSUM_KIND)(to, from, whole) : 0;
    const uint8_t *at = (const uint8_t *)from + done;
    memcpy((uint8_t *)to + done, at, length - done);
    return sum + sum_tail(at, length - done);
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
