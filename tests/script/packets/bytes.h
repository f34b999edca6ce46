/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_BYTES_H
#define CHASKI_TESTS_SCRIPT_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* Numbers in network byte order. Written apart from the stack's own, which is what is tested. */

static inline void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

static inline uint32_t get16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static inline uint32_t get24(const uint8_t *at)
{
    return get16(at) << 8 | at[2];
}

static inline uint32_t get32(const uint8_t *at)
{
    return get16(at) << 16 | get16(at + 2);
}

/* Adds up for the Internet checksum (RFC 1071): the one's complement of the folded sum is it. */
static inline uint64_t sum_bytes(const uint8_t *bytes, size_t length, uint64_t sum)
{
    size_t i = 0;
    for (; i + 1 < length; i += 2)
        sum += (uint64_t)bytes[i] << 8 | bytes[i + 1];
    return i < length ? sum + ((uint64_t)bytes[i] << 8) : sum;
}

static inline uint16_t sum_fold(uint64_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

#endif
