/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/checksum_blocks.h"

/* What the processor has is asked of the compiler's library, which found out at the program's
 * start: a load and a branch that goes the same way each time. */

uint64_t checksum_blocks_detected(const uint8_t *bytes, size_t count)
{
    if (__builtin_cpu_supports("avx512bw"))
        return checksum_blocks_avx512(bytes, count);
    if (__builtin_cpu_supports("avx2"))
        return checksum_blocks_avx2(bytes, count);
    return checksum_blocks_sse2(bytes, count);
}

uint64_t checksum_copy_blocks_detected(uint8_t *to, const uint8_t *from, size_t count)
{
    if (__builtin_cpu_supports("avx512bw"))
        return checksum_copy_blocks_avx512(to, from, count);
    if (__builtin_cpu_supports("avx2"))
        return checksum_copy_blocks_avx2(to, from, count);
    return checksum_copy_blocks_sse2(to, from, count);
}
