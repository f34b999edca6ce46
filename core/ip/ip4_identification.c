/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/ip/ip4_identification.h"

#include "core/base/bytes.h"

enum { ALL = 65536 };

void ip4_identification_init(struct ip4_identification *identification,
                             const struct siphash_key *key)
{
    memset(identification, 0, sizeof *identification);
    identification->key = *key;
    identification->numbers = ALL;
}

void ip4_identification_share(struct ip4_identification *identification, uint32_t part,
                              uint32_t parts)
{
    identification->numbers = ALL / parts;
    identification->from = part * identification->numbers;
}

uint16_t ip4_identification_take(struct ip4_identification *identification, uint32_t source,
                                 uint32_t destination, uint8_t protocol, uint16_t count)
{
    uint64_t words[2] = {(uint64_t)source << 32 | destination, protocol};
    uint64_t hash = siphash_words(&identification->key, words, 2);
    uint16_t *counter = &identification->counters[hash % IP4_IDENTIFICATION_COUNTERS];
    uint32_t start = (uint32_t)(hash >> 48); /* other bits than the index */
    uint32_t first = (start + *counter) % identification->numbers;
    uint32_t skipped = 0;
    if (identification->numbers != ALL && first + count > identification->numbers)
        skipped = identification->numbers - first; /* all of them in our part */
    first = (first + skipped) % identification->numbers;
    *counter = (uint16_t)((*counter + skipped + count) % identification->numbers);
    return (uint16_t)(identification->from + first);
}
