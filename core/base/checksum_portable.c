/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/checksum_kinds.h"
#include "core/base/checksum_rest.h"

/* Whatever the processor: 64-bit words, of which a block's are added in chains that do not wait for
 * each other. */

enum { BLOCK = 64 };

static inline uint64_t sum_block(const uint8_t *at)
{
    return checksum_of_words(checksum_add_words(sum_32(at), sum_32(at + 32)));
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
