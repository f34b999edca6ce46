/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/checksum_blocks.h"

#include "core/base/bytes.h"

/* Whatever the processor: 64-bit loads, the halves added apart so that no carry is lost. Plain
 * enough that a compiler with vectors at hand uses them. */

static inline uint64_t sum_block(const uint8_t *at)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < CHECKSUM_BLOCK; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, at + i, sizeof word);
        sum += (word & 0xffffffff) + (word >> 32);
    }
    return sum;
}

uint64_t checksum_blocks_portable(const uint8_t *bytes, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += sum_block(bytes + i * CHECKSUM_BLOCK);
    return sum;
}

uint64_t checksum_copy_blocks_portable(uint8_t *to, const uint8_t *from, size_t count)
{
    memcpy(to, from, count * CHECKSUM_BLOCK);
    return checksum_blocks_portable(from, count);
}
