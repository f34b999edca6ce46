/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/checksum_kinds.h"

/* What the processor has is asked of the compiler's library, which found out at the program's
 * start: a load and a branch that goes the same way each time. */

uint64_t checksum_partial_detected(const uint8_t *bytes, size_t length)
{
    if (__builtin_cpu_supports("avx512vnni"))
        return checksum_partial_vnni(bytes, length);
    if (__builtin_cpu_supports("avx512bw"))
        return checksum_partial_avx512(bytes, length);
    if (__builtin_cpu_supports("avx2"))
        return checksum_partial_avx2(bytes, length);
    return checksum_partial_sse2(bytes, length);
}

uint64_t checksum_copy_detected(uint8_t *to, const uint8_t *from, size_t length)
{
    if (__builtin_cpu_supports("avx512vnni"))
        return checksum_copy_vnni(to, from, length);
    if (__builtin_cpu_supports("avx512bw"))
        return checksum_copy_avx512(to, from, length);
    if (__builtin_cpu_supports("avx2"))
        return checksum_copy_avx2(to, from, length);
    return checksum_copy_sse2(to, from, length);
}
