/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/ip/ip4_identification.h"

#include "core/base/bytes.h"

void ip4_identification_init(struct ip4_identification *identification,
                             const struct siphash_key *key)
{
    memset(identification, 0, sizeof *identification);
    identification->key = *key;
}

uint16_t ip4_identification_take(struct ip4_identification *identification, uint32_t source,
                                 uint32_t destination, uint8_t protocol, uint16_t count)
{
    uint64_t words[2] = {(uint64_t)source << 32 | destination, protocol};
    uint64_t hash = siphash_words(&identification->key, words, 2);
    uint16_t *counter = &identification->counters[hash % IP4_IDENTIFICATION_COUNTERS];
    uint16_t first = (uint16_t)(*counter + (hash >> 48)); /* other bits than the index */
    *counter = (uint16_t)(*counter + count);
    return first;
}
