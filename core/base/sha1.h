/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_SHA1_H
#define CHASKI_BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

/*
 * SHA-1 (RFC 3174), and HMAC with it (RFC 2104), for TCP-AO (RFC 5926): what it is still good for.
 * Bytes are given in any number of pieces.
 */
enum { SHA1_LENGTH = 20, SHA1_BLOCK = 64 };

struct sha1 {
    uint32_t state[5];
    uint64_t length; /* bytes taken so far */
    uint8_t block[SHA1_BLOCK];
};

void sha1_begin(struct sha1 *sha1);
void sha1_add(struct sha1 *sha1, const void *bytes, size_t length);
void sha1_end(struct sha1 *sha1, uint8_t hash[SHA1_LENGTH]);

struct hmac_sha1 {
    struct sha1 inner, outer;
};

/* A key of any length. */
void hmac_sha1_begin(struct hmac_sha1 *hmac, const void *key, size_t length);
void hmac_sha1_add(struct hmac_sha1 *hmac, const void *bytes, size_t length);
void hmac_sha1_end(struct hmac_sha1 *hmac, uint8_t code[SHA1_LENGTH]);

#endif
