/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_table.h"

#include "core/base/bytes.h"
#include "core/base/prefetch.h"

/*
 * Open addressing over buckets. A key whose own bucket is full goes to the next one that is not,
 * and every full bucket that it passes counts it in `passed_by`; a search goes on to the
 * next bucket only while that count says that somebody went there. So nothing is ever moved, and
 * nothing is left behind by a removal.
 */

_Static_assert(sizeof(struct tcp_bucket) == 64, "a bucket is one cache line");

void tcp_table_setup(struct tcp_table *table, struct memory *memory, uint32_t limit,
                     const struct siphash_key *key)
{
    /* Filled to three quarters at the limit. */
    uint32_t buckets = limit / 5 + 4;
    struct tcp_bucket *memory_for_buckets =
        memory_take(memory, (size_t)buckets * sizeof(struct tcp_bucket));
    if (memory_for_buckets == NULL)
        return;
    table->buckets = memory_for_buckets;
    table->bucket_count = buckets;
    table->key = *key;
    table->last_hash = tcp_key_hash(key, &table->last);
}

void tcp_table_add_kind(struct tcp_table *table, enum tcp_kind kind, const void *base,
                        uint32_t size)
{
    table->entries[kind] = (struct tcp_entries){base, size};
}

uint64_t tcp_key_hash(const struct siphash_key *secret, const struct tcp_key *key)
{
    uint64_t words[5];
    struct address_words local = address_words(&key->local), remote = address_words(&key->remote);
    words[0] = remote.low;
    words[1] = (uint64_t)key->local_port << 16 | key->remote_port;
    /* IPv4 addresses differ in their last 32 bits only: fold them into two words. */
    if (address_is_ip4(&key->remote) && address_is_ip4(&key->local)) {
        words[1] |= (uint64_t)address_ip4(&key->local) << 32;
        return siphash_words(secret, words, 2);
    }
    words[2] = remote.high;
    words[3] = local.low;
    words[4] = local.high;
    return siphash_words(secret, words, 5);
}

uint64_t tcp_table_hash(const struct tcp_table *table, const struct tcp_key *key)
{
    if (tcp_key_equal(key, &table->last))
        return table->last_hash;
    return tcp_key_hash(&table->key, key);
}

/* The bucket where the search for a hash begins, and the one behind a bucket. */
static uint32_t home_of(const struct tcp_table *table, uint64_t hash)
{
    return (uint32_t)((hash & UINT32_MAX) * table->bucket_count >> 32);
}

static uint32_t after(const struct tcp_table *table, uint32_t bucket)
{
    return bucket + 1 < table->bucket_count ? bucket + 1 : 0;
}

static const struct tcp_key *entry_key(const struct tcp_table *table, tcp_reference reference)
{
    const struct tcp_entries *entries = &table->entries[tcp_reference_kind(reference)];
    return (const struct tcp_key *)(const void *)(entries->base +
                                                  (size_t)tcp_reference_index(reference) *
                                                      entries->size);
}

tcp_reference tcp_table_find_hashed(struct tcp_table *table, const struct tcp_key *key,
                                    uint64_t hash)
{
    table->last = *key;
    table->last_hash = hash;
    for (uint32_t at = home_of(table, hash);; at = after(table, at)) {
        const struct tcp_bucket *bucket = &table->buckets[at];
        for (unsigned i = 0; i < TCP_BUCKET_SLOTS; i++) {
            if (bucket->hash[i] == (uint32_t)hash && bucket->reference[i] != 0 &&
                tcp_key_equal(entry_key(table, bucket->reference[i]), key))
                return bucket->reference[i];
        }
        if (bucket->passed_by == 0)
            return 0;
    }
}

tcp_reference tcp_table_find(struct tcp_table *table, const struct tcp_key *key)
{
    return tcp_table_find_hashed(table, key, tcp_table_hash(table, key));
}

void tcp_table_prefetch(const struct tcp_table *table, uint64_t hash)
{
    prefetch(&table->buckets[home_of(table, hash)], sizeof(struct tcp_bucket));
}

tcp_reference tcp_table_guess(const struct tcp_table *table, uint64_t hash)
{
    const struct tcp_bucket *bucket = &table->buckets[home_of(table, hash)];
    for (unsigned i = 0; i < TCP_BUCKET_SLOTS; i++) {
        if (bucket->hash[i] == (uint32_t)hash)
            return bucket->reference[i];
    }
    return 0;
}

static int slot_of(const struct tcp_bucket *bucket, tcp_reference reference)
{
    for (int i = 0; i < TCP_BUCKET_SLOTS; i++) {
        if (bucket->reference[i] == reference)
            return i;
    }
    return -1;
}

void tcp_table_insert(struct tcp_table *table, const struct tcp_key *key, tcp_reference reference)
{
    uint64_t hash = tcp_table_hash(table, key);
    uint32_t at = home_of(table, hash);
    int slot;
    while ((slot = slot_of(&table->buckets[at], 0)) < 0) {
        table->buckets[at].passed_by++;
        at = after(table, at);
    }
    table->buckets[at].hash[slot] = (uint32_t)hash;
    table->buckets[at].reference[slot] = reference;
}

void tcp_table_remove(struct tcp_table *table, const struct tcp_key *key, tcp_reference reference)
{
    uint32_t at = home_of(table, tcp_table_hash(table, key));
    int slot;
    while ((slot = slot_of(&table->buckets[at], reference)) < 0) {
        table->buckets[at].passed_by--;
        at = after(table, at);
    }
    table->buckets[at].reference[slot] = 0;
}

void tcp_table_replace(struct tcp_table *table, const struct tcp_key *key, tcp_reference old,
                       tcp_reference reference)
{
    uint32_t at = home_of(table, tcp_table_hash(table, key));
    int slot;
    while ((slot = slot_of(&table->buckets[at], old)) < 0)
        at = after(table, at);
    table->buckets[at].reference[slot] = reference;
}
