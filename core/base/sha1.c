/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/sha1.h"

#include "core/base/bytes.h"
#include "core/base/endian.h"

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value << bits | value >> (32 - bits);
}

/* RFC 3174, 5: what each quarter of the 80 steps mixes in. */
static uint32_t mix(unsigned step, const uint32_t s[5])
{
    switch (step / 20) {
    case 0:
        return ((s[1] & s[2]) | (~s[1] & s[3])) + 0x5a827999;
    case 1:
        return (s[1] ^ s[2] ^ s[3]) + 0x6ed9eba1;
    case 2:
        return ((s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3])) + 0x8f1bbcdc;
    default:
        return (s[1] ^ s[2] ^ s[3]) + 0xca62c1d6;
    }
}

/* RFC 3174, 6.2: the message schedule in a circle of 16 words. */
static void compress(uint32_t state[5], const uint8_t *block)
{
    uint32_t words[16], s[5];
    memcpy(s, state, sizeof s);
    for (unsigned i = 0; i < 16; i++)
        words[i] = load_be32(block + (size_t)4 * i);
    for (unsigned i = 0; i < 80; i++) {
        uint32_t *word = &words[i % 16];
        if (i >= 16)
            *word =
                rotate(words[(i - 3) % 16] ^ words[(i - 8) % 16] ^ words[(i - 14) % 16] ^ *word, 1);
        uint32_t next = rotate(s[0], 5) + mix(i, s) + s[4] + *word;
        s[4] = s[3];
        s[3] = s[2];
        s[2] = rotate(s[1], 30);
        s[1] = s[0];
        s[0] = next;
    }
    for (unsigned i = 0; i < 5; i++)
        state[i] += s[i];
}

void sha1_begin(struct sha1 *sha1)
{
    static const uint32_t first[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    memcpy(sha1->state, first, sizeof first);
    sha1->length = 0;
}

void sha1_add(struct sha1 *sha1, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    while (length != 0) {
        size_t used = sha1->length % SHA1_BLOCK, n = SHA1_BLOCK - used;
        n = n < length ? n : length;
        if (n == SHA1_BLOCK) {
            compress(sha1->state, from);
        } else {
            memcpy(sha1->block + used, from, n);
            if (used + n == SHA1_BLOCK)
                compress(sha1->state, sha1->block);
        }
        sha1->length += n;
        from += n;
        length -= n;
    }
}

void sha1_end(struct sha1 *sha1, uint8_t hash[SHA1_LENGTH])
{
    static const uint8_t padding[SHA1_BLOCK] = {0x80};
    uint64_t bits = sha1->length * 8;
    uint8_t tail[8];
    store_be32(tail, (uint32_t)(bits >> 32));
    store_be32(tail + 4, (uint32_t)bits);
    size_t used = sha1->length % SHA1_BLOCK;
    sha1_add(sha1, padding, (used < 56 ? 56 : 56 + SHA1_BLOCK) - used);
    sha1_add(sha1, tail, sizeof tail);
    for (unsigned i = 0; i < 5; i++)
        store_be32(hash + (size_t)4 * i, sha1->state[i]);
}

static void begin_with(struct sha1 *sha1, const uint8_t key[SHA1_BLOCK], uint8_t pad)
{
    uint8_t block[SHA1_BLOCK];
    for (unsigned i = 0; i < SHA1_BLOCK; i++)
        block[i] = key[i] ^ pad;
    sha1_begin(sha1);
    sha1_add(sha1, block, sizeof block);
}

void hmac_sha1_begin(struct hmac_sha1 *hmac, const void *key, size_t length)
{
    uint8_t block[SHA1_BLOCK] = {0};
    if (length <= SHA1_BLOCK) {
        memcpy(block, key, length);
    } else {
        sha1_begin(&hmac->inner);
        sha1_add(&hmac->inner, key, length);
        sha1_end(&hmac->inner, block);
    }
    begin_with(&hmac->inner, block, 0x36);
    begin_with(&hmac->outer, block, 0x5c);
}

void hmac_sha1_add(struct hmac_sha1 *hmac, const void *bytes, size_t length)
{
    sha1_add(&hmac->inner, bytes, length);
}

void hmac_sha1_end(struct hmac_sha1 *hmac, uint8_t code[SHA1_LENGTH])
{
    uint8_t hash[SHA1_LENGTH];
    sha1_end(&hmac->inner, hash);
    sha1_add(&hmac->outer, hash, sizeof hash);
    sha1_end(&hmac->outer, code);
}
