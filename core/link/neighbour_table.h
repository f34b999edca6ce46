/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_LINK_NEIGHBOUR_TABLE_H
#define CHASKI_LINK_NEIGHBOUR_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/memory.h"
#include "core/base/siphash.h"

/*
 * The resolved neighbours of one host, written down for others that stand for the same host: read
 * only, and replaced as a whole. A keyed hash with open addressing, at most half full.
 */
struct neighbour_entry {
    uint64_t reachable_until_ns; /* confirmed until then; 0: known, but not confirmed lately */
    uint32_t address;
    uint8_t interface;
    uint8_t used;
    uint8_t mac[6];
};

struct neighbour_table {
    const struct neighbour_entry *entries;
    uint32_t mask;
    struct siphash_key key;
};

/* What those who read a table tell its writer. */
enum neighbour_news {
    NEIGHBOUR_USED,      /* sent to, though the table did not say that it is confirmed */
    NEIGHBOUR_CONFIRMED, /* an upper layer made progress (RFC 4861, 7.3.1) */
    NEIGHBOUR_DOUBTED,   /* an upper layer hears nothing (RFC 1122, 3.3.1.4) */
};

static inline uint32_t neighbour_table_hash(const struct neighbour_table *table, uint8_t interface,
                                            uint32_t address)
{
    uint64_t word = (uint64_t)interface << 32 | address;
    return (uint32_t)siphash_words(&table->key, &word, 1);
}

/* NULL when the table does not have it. */
static inline const struct neighbour_entry *
neighbour_table_find(const struct neighbour_table *table, uint8_t interface, uint32_t address)
{
    uint32_t at = neighbour_table_hash(table, interface, address) & table->mask;
    while (table->entries[at].used) {
        const struct neighbour_entry *entry = &table->entries[at];
        if (entry->address == address && entry->interface == interface)
            return entry;
        at = (at + 1) & table->mask;
    }
    return NULL;
}

#endif
