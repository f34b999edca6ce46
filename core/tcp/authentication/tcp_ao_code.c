/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/authentication/tcp_ao_code.h"

#include "chaski/chaski.h"
#include "core/base/address.h"
#include "core/base/bytes.h"
#include "core/wire/tcp.h"

/* ---- Traffic keys -------------------------------------------------------------------------- */

enum { DERIVATION_MAX = 1 + 6 + 2 * 16 + 2 * 2 + 2 * 4 + 2 };

/* As on the wire: 4 bytes of an IPv4 address, 16 of another. */
static size_t put_address(uint8_t *at, const struct chaski_address *address)
{
    size_t length = address_is_ip4(address) ? 4 : sizeof address->bytes;
    memcpy(at, address->bytes + sizeof address->bytes - length, length);
    return length;
}

/* RFC 5926, 3.1.1: which block (there is only one), label, context, length of the key in bits. */
static size_t put_derivation(uint8_t *at, const struct ao_ends *ends, uint16_t bits)
{
    static const uint8_t counted_label[] = {1, 'T', 'C', 'P', '-', 'A', 'O'};
    uint8_t *to = at;
    memcpy(to, counted_label, sizeof counted_label);
    to += sizeof counted_label;
    to += put_address(to, ends->from);
    to += put_address(to, ends->to);
    store_be16(to, ends->from_port);
    store_be16(to + 2, ends->to_port);
    store_be32(to + 4, ends->from_isn);
    store_be32(to + 8, ends->to_isn);
    store_be16(to + 12, bits);
    return (size_t)(to + 14 - at);
}

static void hmac_derive(const uint8_t *secret, size_t length, const struct ao_ends *ends,
                        uint8_t key[AO_TRAFFIC_KEY])
{
    uint8_t derivation[DERIVATION_MAX];
    struct hmac_sha1 hmac;
    hmac_sha1_begin(&hmac, secret, length);
    hmac_sha1_add(&hmac, derivation, put_derivation(derivation, ends, 8 * SHA1_LENGTH));
    hmac_sha1_end(&hmac, key);
}

/* RFC 5926, 3.1.1.2: a secret that is not as long as a key is made one first. */
static void cmac_derive(const uint8_t *secret, size_t length, const struct ao_ends *ends,
                        uint8_t key[AO_TRAFFIC_KEY])
{
    uint8_t derivation[DERIVATION_MAX], master[AES128_LENGTH] = {0};
    struct aes128_cmac cmac;
    if (length == AES128_LENGTH) {
        memcpy(master, secret, length);
    } else {
        aes128_cmac_begin(&cmac, master);
        aes128_cmac_add(&cmac, secret, length);
        aes128_cmac_end(&cmac, master);
    }
    aes128_cmac_begin(&cmac, master);
    aes128_cmac_add(&cmac, derivation, put_derivation(derivation, ends, 8 * AES128_LENGTH));
    aes128_cmac_end(&cmac, key);
}

void ao_derive(uint8_t algorithm, const uint8_t *secret, size_t length, const struct ao_ends *ends,
               uint8_t key[AO_TRAFFIC_KEY])
{
    memset(key, 0, AO_TRAFFIC_KEY);
    if (algorithm == CHASKI_AES_128_CMAC_96)
        cmac_derive(secret, length, ends, key);
    else
        hmac_derive(secret, length, ends, key);
}

/* ---- Codes --------------------------------------------------------------------------------- */

void ao_code_begin(struct ao_code *code, uint8_t algorithm, const uint8_t key[AO_TRAFFIC_KEY])
{
    code->algorithm = algorithm;
    if (algorithm == CHASKI_AES_128_CMAC_96)
        aes128_cmac_begin(&code->cmac, key);
    else
        hmac_sha1_begin(&code->hmac, key, SHA1_LENGTH);
}

void ao_code_add(struct ao_code *code, const void *bytes, size_t length)
{
    if (code->algorithm == CHASKI_AES_128_CMAC_96)
        aes128_cmac_add(&code->cmac, bytes, length);
    else
        hmac_sha1_add(&code->hmac, bytes, length);
}

/* RFC 9293, 3.1; RFC 8200, 8.1. */
static size_t put_pseudo_header(uint8_t *at, const struct ao_ends *ends, uint32_t length)
{
    uint8_t *to = at;
    to += put_address(to, ends->from);
    to += put_address(to, ends->to);
    if (address_is_ip4(ends->from)) {
        store_be16(to, WIRE_TCP_PROTOCOL);
        store_be16(to + 2, (uint16_t)length);
        return (size_t)(to + 4 - at);
    }
    store_be32(to, length);
    store_be32(to + 4, WIRE_TCP_PROTOCOL);
    return (size_t)(to + 8 - at);
}

void ao_code_add_header(struct ao_code *code, uint32_t extension, const struct ao_ends *ends,
                        uint32_t length, const uint8_t *header, uint8_t option, bool bare)
{
    uint8_t bytes[4 + 40 + WIRE_TCP_HEADER_MAX];
    size_t header_length = wire_tcp_header_length(header);
    store_be32(bytes, extension);
    uint8_t *copy = bytes + 4 + put_pseudo_header(bytes + 4, ends, length);
    memcpy(copy, header, header_length);
    wire_tcp_set_checksum(copy, 0);
    memset(copy + option + WIRE_TCP_AO_CODE, 0, AO_CODE_LENGTH);
    if (bare) {
        memmove(copy + WIRE_TCP_HEADER, copy + option, WIRE_TCP_AO_SIZE);
        header_length = WIRE_TCP_HEADER + WIRE_TCP_AO_SIZE;
    }
    ao_code_add(code, bytes, (size_t)(copy - bytes) + header_length);
}

void ao_code_end(struct ao_code *code, uint8_t bytes[AO_CODE_LENGTH])
{
    uint8_t whole[SHA1_LENGTH];
    if (code->algorithm == CHASKI_AES_128_CMAC_96)
        aes128_cmac_end(&code->cmac, whole);
    else
        hmac_sha1_end(&code->hmac, whole);
    memcpy(bytes, whole, AO_CODE_LENGTH);
}
