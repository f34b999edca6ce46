/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_RUNTIME_TOEPLITZ_H
#define CHASKI_RUNTIME_TOEPLITZ_H

#include <stddef.h>
#include <stdint.h>

/*
 * The Toeplitz hash, by which network adapters choose a receive queue (Microsoft's Receive Side
 * Scaling; no RFC says it): for each bit of the input that is set, most significant first, the 32
 * bits of the key that begin at that bit's number, all exclusive-ored. A table of 256 for each
 * byte of the input makes it one load a byte.
 */
enum {
    TOEPLITZ_KEY = 40,   /* bytes */
    TOEPLITZ_INPUT = 36, /* bytes at most: two IPv6 addresses and two ports */
};

struct toeplitz {
    uint32_t table[TOEPLITZ_INPUT][256];
};

/* The key of Microsoft's documentation, which adapters have when nobody sets another one. */
extern const uint8_t toeplitz_microsoft_key[TOEPLITZ_KEY];

void toeplitz_init(struct toeplitz *toeplitz, const uint8_t key[TOEPLITZ_KEY]);

/* Of `length` <= TOEPLITZ_INPUT bytes: source address, destination address, source port,
 * destination port, as they stand in the packet. */
static inline uint32_t toeplitz_hash(const struct toeplitz *toeplitz, const uint8_t *bytes,
                                     size_t length)
{
    uint32_t hash = 0;
    for (size_t i = 0; i < length; i++)
        hash ^= toeplitz->table[i][bytes[i]];
    return hash;
}

#endif
