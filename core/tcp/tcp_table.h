/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_TABLE_H
#define CHASKI_TCP_TCP_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "chaski/address.h"
#include "core/base/address.h"
#include "core/base/memory.h"
#include "core/base/siphash.h"

/*
 * Which entry a segment belongs to: one table for connections, half-open and TIME-WAIT entries, so
 * that a segment costs one lookup. A bucket is a cache line of seven references with 32 bits of
 * the keyed hash each; a hit reads that line and the entry itself. The table is laid out
 * for its limits at setup and never grows.
 */
struct tcp_key {
    struct chaski_address local, remote;
    uint16_t local_port, remote_port;
};

enum tcp_kind {
    TCP_KIND_NONE,
    TCP_KIND_CONNECTION,
    TCP_KIND_HALF_OPEN,
    TCP_KIND_TIME_WAIT,
};

/* Kind in the two upper bits, index in the array of that kind below; 0 is none. */
typedef uint32_t tcp_reference;

static inline tcp_reference tcp_refer(enum tcp_kind kind, uint32_t index)
{
    return (uint32_t)kind << 30 | index;
}

static inline enum tcp_kind tcp_reference_kind(tcp_reference reference)
{
    return (enum tcp_kind)(reference >> 30);
}

static inline uint32_t tcp_reference_index(tcp_reference reference)
{
    return reference & 0x3fffffff;
}

static inline bool tcp_key_equal(const struct tcp_key *a, const struct tcp_key *b)
{
    return a->local_port == b->local_port && a->remote_port == b->remote_port &&
           address_equal(&a->remote, &b->remote) && address_equal(&a->local, &b->local);
}

/* Who does not know the secret learns nothing of one key's hash from another's. */
uint64_t tcp_key_hash(const struct siphash_key *secret, const struct tcp_key *key);

enum { TCP_BUCKET_SLOTS = 7 };

struct tcp_bucket {
    uint32_t passed_by; /* keys that belong here and were put into a later bucket */
    uint32_t spare;
    uint32_t hash[TCP_BUCKET_SLOTS];
    tcp_reference reference[TCP_BUCKET_SLOTS];
};

/* Where the entries of one kind are: their key is their first member. */
struct tcp_entries {
    const uint8_t *base;
    uint32_t size;
};

struct tcp_table {
    struct tcp_bucket *buckets;
    uint32_t bucket_count;
    struct siphash_key key;
    struct tcp_key last; /* that was looked for, and its hash: what is not found is put in next, */
    uint64_t last_hash;  /* and what ends by a segment had been looked for */
    struct tcp_entries entries[4]; /* by enum tcp_kind */
};

void tcp_table_setup(struct tcp_table *table, struct memory *memory, uint32_t limit,
                     const struct siphash_key *key);

/* The entries of one kind stand at `base`, `size` bytes apart. */
void tcp_table_add_kind(struct tcp_table *table, enum tcp_kind kind, const void *base,
                        uint32_t size);

/* Of its two halves the table uses the lower one; nothing of that can be told from the upper one,
 * which is anybody's who needs such a number. */
uint64_t tcp_table_hash(const struct tcp_table *table, const struct tcp_key *key);

/* 0 when there is none. */
tcp_reference tcp_table_find(struct tcp_table *table, const struct tcp_key *key);

/* The same for who knows the key's hash. */
tcp_reference tcp_table_find_hashed(struct tcp_table *table, const struct tcp_key *key,
                                    uint64_t hash);

/* Before a search: asks for the memory where it will begin. */
void tcp_table_prefetch(const struct tcp_table *table, uint64_t hash);

/* When that has come: where the search will probably end, without touching the entry; or 0. */
tcp_reference tcp_table_guess(const struct tcp_table *table, uint64_t hash);

/* The key must not be in the table; there is always room within the limit given at setup. */
void tcp_table_insert(struct tcp_table *table, const struct tcp_key *key, tcp_reference reference);

/* The key must be in the table with that reference. */
void tcp_table_remove(struct tcp_table *table, const struct tcp_key *key, tcp_reference reference);

/* Lets the entry of `key` be another one. */
void tcp_table_replace(struct tcp_table *table, const struct tcp_key *key, tcp_reference old,
                       tcp_reference reference);

#endif
