/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/authentication/tcp_ao_keys.h"

#include "core/base/bytes.h"
#include "core/tcp/tcp_internal.h"

/* Master key tuples (RFC 5925, 3.1) stand in an array: hosts have few. */

/* Bits of the address as we keep it, where IPv4 addresses have 96 before them. */
static unsigned prefix_bits(const struct chaski_tcp_ao_key *key)
{
    if (address_unspecified(&key->remote.address))
        return 0;
    if (key->remote_prefix == 0)
        return 128;
    return key->remote_prefix + (address_is_ip4(&key->remote.address) ? 96u : 0);
}

static bool same_prefix(const struct chaski_address *a, const struct chaski_address *b,
                        unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a->bytes, b->bytes, whole) != 0)
        return false;
    return rest == 0 || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest) == 0;
}

static bool same_or_any(const struct chaski_address *a, const struct chaski_address *b)
{
    return address_unspecified(a) || address_unspecified(b) || address_equal(a, b);
}

static bool port_same_or_any(uint16_t a, uint16_t b)
{
    return a == 0 || b == 0 || a == b;
}

static bool in_use(const struct chaski_tcp_ao_key *key)
{
    return key->secret_length != 0;
}

/* Whether some connection is meant by both. */
static bool overlap(const struct chaski_tcp_ao_key *a, const struct chaski_tcp_ao_key *b)
{
    return port_same_or_any(a->local.port, b->local.port) &&
           port_same_or_any(a->remote.port, b->remote.port) &&
           same_or_any(&a->local.address, &b->local.address) &&
           same_prefix(&a->remote.address, &b->remote.address,
                       minimum(prefix_bits(a), prefix_bits(b)));
}

bool ao_key_is_for(const struct chaski_tcp_ao_key *key, const struct tcp_key *connection)
{
    return in_use(key) && port_same_or_any(key->local.port, connection->local_port) &&
           port_same_or_any(key->remote.port, connection->remote_port) &&
           same_or_any(&key->local.address, &connection->local) &&
           same_prefix(&key->remote.address, &connection->remote, prefix_bits(key));
}

const struct chaski_tcp_ao_key *ao_find_key(const struct tcp *tcp, const struct tcp_key *connection,
                                            enum ao_id which, uint8_t id)
{
    for (uint32_t i = 0; i < tcp->ao.limit; i++) {
        const struct chaski_tcp_ao_key *key = &tcp->ao.keys[i];
        if (which != AO_ANY_ID && id != (which == AO_SEND_ID ? key->send_id : key->receive_id))
            continue;
        if (ao_key_is_for(key, connection))
            return key;
    }
    return NULL;
}

bool ao_wanted(const struct tcp *tcp, const struct tcp_key *key)
{
    return tcp->ao.limit != 0 && ao_find_key(tcp, key, AO_ANY_ID, 0) != NULL;
}

static bool makes_sense(const struct chaski_tcp_ao_key *key)
{
    unsigned most = address_is_ip4(&key->remote.address) ? 32 : 128;
    return key->algorithm <= CHASKI_AES_128_CMAC_96 && key->secret_length != 0 &&
           key->secret_length <= CHASKI_TCP_AO_SECRET_MAX && key->remote_prefix <= most;
}

int tcp_ao_add_key(struct tcp *tcp, const struct chaski_tcp_ao_key *key)
{
    struct chaski_tcp_ao_key *place = NULL;
    if (!makes_sense(key))
        return CHASKI_INVALID;
    for (uint32_t i = tcp->ao.limit; i-- > 0;) {
        struct chaski_tcp_ao_key *other = &tcp->ao.keys[i];
        if (!in_use(other))
            place = other;
        else if ((other->send_id == key->send_id || other->receive_id == key->receive_id) &&
                 overlap(other, key))
            return CHASKI_IN_USE;
    }
    if (place == NULL)
        return CHASKI_NO_MEMORY;
    *place = *key;
    return 0;
}

static bool same_key(const struct chaski_tcp_ao_key *a, const struct chaski_tcp_ao_key *b)
{
    return a->local.port == b->local.port && a->remote.port == b->remote.port &&
           address_equal(&a->local.address, &b->local.address) &&
           prefix_bits(a) == prefix_bits(b) &&
           same_prefix(&a->remote.address, &b->remote.address, prefix_bits(a)) &&
           a->send_id == b->send_id && a->receive_id == b->receive_id;
}

int tcp_ao_remove_key(struct tcp *tcp, const struct chaski_tcp_ao_key *key)
{
    for (uint32_t i = 0; i < tcp->ao.limit; i++) {
        if (in_use(&tcp->ao.keys[i]) && same_key(&tcp->ao.keys[i], key)) {
            memset(&tcp->ao.keys[i], 0, sizeof tcp->ao.keys[i]);
            return 0;
        }
    }
    return CHASKI_UNKNOWN;
}
