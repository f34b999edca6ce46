/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/shards/toeplitz.h"

const uint8_t toeplitz_microsoft_key[TOEPLITZ_KEY] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* The 32 bits of the key from bit `at` on. */
static uint32_t window(const uint8_t key[TOEPLITZ_KEY], size_t at)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < 5; i++)
        bits = bits << 8 | key[at / 8 + i];
    return (uint32_t)(bits >> (8 - at % 8));
}

void toeplitz_init(struct toeplitz *toeplitz, const uint8_t key[TOEPLITZ_KEY])
{
    for (size_t i = 0; i < TOEPLITZ_INPUT; i++) {
        toeplitz->table[i][0] = 0;
        for (unsigned value = 1; value < 256; value++) {
            /* that of the value without its lowest bit, and that bit's */
            unsigned bit = 7;
            while ((value >> (7 - bit) & 1) == 0)
                bit--;
            toeplitz->table[i][value] =
                toeplitz->table[i][value & (value - 1)] ^ window(key, 8 * i + bit);
        }
    }
}
