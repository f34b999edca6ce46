/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/address.h"

#include "core/base/checksum.h"

/* The prefix of an IPv4-mapped address adds 0xffff twice the machine over, which is nothing in
 * one's complement, and a length below 2^16 looks alike in both pseudo-headers: one sum serves
 * both. */
uint64_t address_pseudo_checksum(const struct chaski_address *source,
                                 const struct chaski_address *destination, uint8_t protocol,
                                 uint32_t length)
{
    struct address_words from = address_words(source), to = address_words(destination);
    uint8_t rest[4]; /* a byte that stands last in its word adds what it says */
    uint32_t rest_word;
    store_be32(rest, length + protocol);
    memcpy(&rest_word, rest, sizeof rest_word);
    uint64_t sum = checksum_add_words(checksum_add_words(from.high, from.low),
                                      checksum_add_words(to.high, to.low));
    return checksum_of_words(sum) + rest_word;
}
