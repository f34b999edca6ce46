/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_ENDIAN_H
#define CHASKI_BASE_ENDIAN_H

#include <stdint.h>

/*
 * Loads and stores of big-endian fields at any alignment, so that the wire files need neither casts
 * nor packed structs. Each is one or two instructions: put together from bytes, they would be so
 * only where the compiler sees it.
 */

static inline uint16_t big_endian_16(uint16_t v)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(v) : v;
}

static inline uint32_t big_endian_32(uint32_t v)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(v) : v;
}

static inline uint16_t load_be16(const uint8_t *p)
{
    uint16_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return big_endian_16(v);
}

static inline uint32_t load_be32(const uint8_t *p)
{
    uint32_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return big_endian_32(v);
}

static inline void store_be16(uint8_t *p, uint16_t v)
{
    v = big_endian_16(v);
    __builtin_memcpy(p, &v, sizeof v);
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
    v = big_endian_32(v);
    __builtin_memcpy(p, &v, sizeof v);
}

#endif
