/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_AES128_H
#define CHASKI_BASE_AES128_H

#include <stddef.h>
#include <stdint.h>

/*
 * AES with keys of 128 bits (FIPS 197), encryption only, and CMAC with it (RFC 4493), for TCP-AO
 * (RFC 5926). Small and without processor features; its one table has 256 bytes, so what is looked
 * up there can be seen by who shares the processor's cache.
 */
enum { AES128_LENGTH = 16, AES128_ROUNDS = 10 };

struct aes128 {
    uint8_t round_keys[AES128_ROUNDS + 1][AES128_LENGTH];
};

void aes128_set_key(struct aes128 *aes, const uint8_t key[AES128_LENGTH]);
/* In place. */
void aes128_encrypt(const struct aes128 *aes, uint8_t block[AES128_LENGTH]);

/* Bytes are given in any number of pieces. */
struct aes128_cmac {
    struct aes128 aes;
    uint8_t chain[AES128_LENGTH];
    uint8_t block[AES128_LENGTH]; /* the last bytes given: what they are depends on whether more
                                   * follow */
    size_t used;
};

void aes128_cmac_begin(struct aes128_cmac *cmac, const uint8_t key[AES128_LENGTH]);
void aes128_cmac_add(struct aes128_cmac *cmac, const void *bytes, size_t length);
void aes128_cmac_end(struct aes128_cmac *cmac, uint8_t code[AES128_LENGTH]);

#endif
