/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_internal.h"

enum { SEQUENCE_TICK_SHIFT = 12 };

static struct siphash_key derive(const struct siphash_key *key, uint64_t which)
{
    uint64_t first = 2 * which, second = 2 * which + 1;
    return (struct siphash_key){siphash_words(key, &first, 1), siphash_words(key, &second, 1)};
}

void secrets_derive(struct tcp_secrets *secrets, const struct siphash_key *key)
{
    secrets->sequence = derive(key, 1);
    secrets->port = derive(key, 2);
    secrets->cookie = derive(key, 3);
    secrets->fast_open = derive(key, 4);
    secrets->challenge = derive(key, 5);
}

uint32_t secret_sequence(const struct tcp *tcp, const struct tcp_key *key, uint64_t now_ns)
{
    return (uint32_t)tcp_key_hash(&tcp->secrets.sequence, key) +
           (uint32_t)(now_ns >> SEQUENCE_TICK_SHIFT);
}

uint32_t secret_new_sequence(struct tcp *tcp, const struct tcp_key *key, uint64_t now_ns)
{
    uint64_t tick = now_ns >> SEQUENCE_TICK_SHIFT;
    tcp->sequence_tick = tick > tcp->sequence_tick ? tick : tcp->sequence_tick + 1;
    return secret_sequence(tcp, key, tcp->sequence_tick << SEQUENCE_TICK_SHIFT);
}

/* RFC 7323, 5.4: without it the timestamps of a host tell how long it has been up. */
uint32_t secret_timestamp_offset(const struct tcp *tcp, const struct tcp_key *key)
{
    if (tcp->knobs.timestamps == 2)
        return 0;
    return (uint32_t)(tcp_table_hash(&tcp->table, key) >> 32);
}

uint32_t secret_port_offset(const struct tcp *tcp, const struct tcp_key *key)
{
    return (uint32_t)tcp_key_hash(&tcp->secrets.port, key);
}
