/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_ENDIAN_H
#define CHASKI_BASE_ENDIAN_H

#include <stdint.h>

/*
 * Loads and stores of big-endian fields at any alignment. Compilers turn each into one
 * instruction, so the wire files need neither casts nor packed structs.
 */

static inline uint16_t load_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void store_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

#endif
