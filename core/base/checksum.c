/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/checksum.h"

#include "core/base/checksum_kinds.h"

#ifndef CHECKSUM_KIND
#define CHECKSUM_KIND portable
#endif
#define JOIN(a, b) a##_##b
#define OF_KIND(name, kind) JOIN(name, kind)

/*
 * One's complement addition does not care how the bytes are grouped (RFC 1071, 2): summing 32-bit
 * words, in the machine's order, into 64 bits gives a sum that folds to the same 16 bits. What is
 * best for that depends on the processor.
 */

uint64_t checksum_partial(const void *bytes, size_t length)
{
    return OF_KIND(checksum_partial, CHECKSUM_KIND)(bytes, length);
}

uint64_t checksum_few(const void *bytes, size_t length)
{
    return checksum_partial_portable(bytes, length);
}

uint64_t checksum_copy(void *to, const void *from, size_t length)
{
    return OF_KIND(checksum_copy, CHECKSUM_KIND)(to, from, length);
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
