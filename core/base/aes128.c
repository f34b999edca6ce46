/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/aes128.h"

#include "core/base/bytes.h"
#include "core/base/endian.h"

/* FIPS 197, figure 7. */
static const uint8_t substitute[256] = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76,
    0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0,
    0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
    0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75,
    0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84,
    0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
    0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8,
    0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2,
    0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
    0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb,
    0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79,
    0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
    0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a,
    0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
    0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
    0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
};

/* Times x in the field of 256 elements (FIPS 197, 4.2.1). */
static uint8_t twice(uint8_t value)
{
    return (uint8_t)(value << 1 ^ (value >> 7) * 0x1b);
}

static void add_key(uint8_t block[AES128_LENGTH], const uint8_t key[AES128_LENGTH])
{
    for (unsigned i = 0; i < AES128_LENGTH; i++)
        block[i] ^= key[i];
}

void aes128_set_key(struct aes128 *aes, const uint8_t key[AES128_LENGTH])
{
    uint8_t constant = 1;
    memcpy(aes->round_keys[0], key, AES128_LENGTH);
    for (unsigned round = 1; round <= AES128_ROUNDS; round++) {
        const uint8_t *before = aes->round_keys[round - 1];
        uint8_t *now = aes->round_keys[round];
        for (unsigned i = 0; i < 4; i++)
            now[i] = before[i] ^ substitute[before[12 + (i + 1) % 4]];
        now[0] ^= constant;
        for (unsigned i = 4; i < AES128_LENGTH; i++)
            now[i] = before[i] ^ now[i - 4];
        constant = twice(constant);
    }
}

/* The same for the four bytes of a column at once. */
static uint32_t twice_each(uint32_t column)
{
    return (column << 1 & 0xfefefefe) ^ (column >> 7 & 0x01010101) * 0x1b;
}

static uint32_t rotate(uint32_t column, unsigned bits)
{
    return column << bits | column >> (32 - bits);
}

/* SubBytes and ShiftRows: what comes into column `i` of a block that stands in columns of four. */
static uint32_t substituted_column(const uint8_t from[AES128_LENGTH], unsigned i)
{
    return (uint32_t)substitute[from[4 * i]] << 24 |
           (uint32_t)substitute[from[(4 * i + 5) % 16]] << 16 |
           (uint32_t)substitute[from[(4 * i + 10) % 16]] << 8 | substitute[from[(4 * i + 15) % 16]];
}

/* MixColumns: 2, 3, 1, 1 times the bytes from each one on. */
static uint32_t mixed(uint32_t column)
{
    uint32_t next = rotate(column, 8);
    return twice_each(column ^ next) ^ next ^ rotate(column, 16) ^ rotate(column, 24);
}

void aes128_encrypt(const struct aes128 *aes, uint8_t block[AES128_LENGTH])
{
    add_key(block, aes->round_keys[0]);
    for (unsigned round = 1; round <= AES128_ROUNDS; round++) {
        uint8_t from[AES128_LENGTH];
        memcpy(from, block, sizeof from);
        for (unsigned i = 0; i < 4; i++) {
            uint32_t column = substituted_column(from, i);
            uint32_t key = load_be32(aes->round_keys[round] + (size_t)4 * i);
            store_be32(block + (size_t)4 * i,
                       (round != AES128_ROUNDS ? mixed(column) : column) ^ key);
        }
    }
}

void aes128_cmac_begin(struct aes128_cmac *cmac, const uint8_t key[AES128_LENGTH])
{
    aes128_set_key(&cmac->aes, key);
    memset(cmac->chain, 0, sizeof cmac->chain);
    cmac->used = 0;
}

static void chain_block(struct aes128_cmac *cmac)
{
    add_key(cmac->chain, cmac->block);
    aes128_encrypt(&cmac->aes, cmac->chain);
    cmac->used = 0;
}

void aes128_cmac_add(struct aes128_cmac *cmac, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    while (length != 0) {
        if (cmac->used == AES128_LENGTH)
            chain_block(cmac);
        size_t n = AES128_LENGTH - cmac->used;
        n = n < length ? n : length;
        memcpy(cmac->block + cmac->used, from, n);
        cmac->used += n;
        from += n;
        length -= n;
    }
}

/* RFC 4493, 2.3: times x in the field of 2^128 elements. */
static void double_block(uint8_t block[AES128_LENGTH])
{
    uint8_t carry = block[0] >> 7;
    for (unsigned i = 0; i < AES128_LENGTH; i++) {
        uint8_t next = i + 1 < AES128_LENGTH ? block[i + 1] : 0;
        block[i] = (uint8_t)(block[i] << 1 | next >> 7);
    }
    block[AES128_LENGTH - 1] ^= (uint8_t)(carry * 0x87);
}

void aes128_cmac_end(struct aes128_cmac *cmac, uint8_t code[AES128_LENGTH])
{
    uint8_t subkey[AES128_LENGTH] = {0};
    aes128_encrypt(&cmac->aes, subkey);
    double_block(subkey);
    if (cmac->used != AES128_LENGTH) {
        double_block(subkey);
        memset(cmac->block + cmac->used, 0, AES128_LENGTH - cmac->used);
        cmac->block[cmac->used] = 0x80;
    }
    add_key(cmac->block, subkey);
    chain_block(cmac);
    memcpy(code, cmac->chain, AES128_LENGTH);
}
