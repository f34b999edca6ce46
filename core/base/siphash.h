/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_SIPHASH_H
#define CHASKI_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * SipHash-2-4 (Aumasson, Bernstein): a keyed hash that stays unpredictable to someone who
 * chooses the input but does not know the key. Tables, initial sequence numbers, ports,
 * identifiers and cookies all come from it, each with a key of its own.
 */
struct siphash_key {
    uint64_t k0, k1;
};

/* Any number of bytes. */
uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t length);

/* The same function over whole 64-bit words (little-endian reading of them), for the hot paths:
 * siphash_words(key, w, n) == siphash(key, w, 8 * n) on a little-endian machine. */
uint64_t siphash_words(const struct siphash_key *key, const uint64_t *words, size_t count);

#endif
