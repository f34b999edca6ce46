/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/checksum_kinds.h"
#include "core/base/checksum_rest.h"

/* Whatever the processor: 64-bit loads, the halves added apart so that no carry is lost. Plain
 * enough that a compiler with vectors at hand uses them. */

enum { BLOCK = 64 };

static inline uint64_t sum_block(const uint8_t *at)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < BLOCK; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, at + i, sizeof word);
        sum += (word & 0xffffffff) + (word >> 32);
    }
    return sum;
}

uint64_t checksum_partial_portable(const uint8_t *bytes, size_t length)
{
    uint64_t sum = 0;
    for (; length >= BLOCK; length -= BLOCK, bytes += BLOCK)
        sum += sum_block(bytes);
    return sum + sum_rest(bytes, length);
}

uint64_t checksum_copy_portable(uint8_t *to, const uint8_t *from, size_t length)
{
    memcpy(to, from, length);
    return checksum_partial_portable(to, length); /* of what is kept, whatever writes to `from` */
}
