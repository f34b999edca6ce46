/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_ADDRESS_H
#define CHASKI_BASE_ADDRESS_H

#include "chaski/address.h"

#include <stdbool.h>
#include <stdint.h>
#include "core/base/bytes.h"

#include "core/base/endian.h"

/* What the stack asks of addresses of either family. IPv4 ones are IPv4-mapped. */

enum family {
    FAMILY_IP4,
    FAMILY_IP6,
    FAMILY_COUNT,
};

struct address_words {
    uint64_t high, low;
};

static inline struct address_words address_words(const struct chaski_address *a)
{
    struct address_words w;
    memcpy(&w, a->bytes, sizeof w);
    return w;
}

static inline bool address_equal(const struct chaski_address *a, const struct chaski_address *b)
{
    struct address_words x = address_words(a), y = address_words(b);
    return ((x.high ^ y.high) | (x.low ^ y.low)) == 0;
}

static inline bool address_unspecified(const struct chaski_address *a)
{
    struct address_words w = address_words(a);
    return (w.high | w.low) == 0;
}

static inline bool address_is_ip4(const struct chaski_address *a)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(a->bytes, mapped, sizeof mapped) == 0;
}

/* The unspecified address belongs to no family; it is taken for IPv6 as on the wire (::). */
static inline enum family address_family(const struct chaski_address *a)
{
    return address_is_ip4(a) ? FAMILY_IP4 : FAMILY_IP6;
}

/* The IPv4 address as a number: 192.0.2.1 is 0xc0000201. */
static inline uint32_t address_ip4(const struct chaski_address *a)
{
    return load_be32(a->bytes + 12);
}

static inline struct chaski_address address_from_ip4(uint32_t ip4)
{
    struct chaski_address a = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};
    store_be32(a.bytes + 12, ip4);
    return a;
}

static inline bool ip4_is_multicast(uint32_t ip4)
{
    return ip4 >> 28 == 0xe;
}

static inline bool ip4_is_loopback(uint32_t ip4)
{
    return ip4 >> 24 == 127;
}

static inline uint32_t ip4_mask(unsigned prefix_length)
{
    return prefix_length == 0 ? 0 : UINT32_MAX << (32 - prefix_length);
}

/* 224.0.0.0/4 or ff00::/8. */
static inline bool address_is_multicast(const struct chaski_address *a)
{
    return address_is_ip4(a) ? ip4_is_multicast(address_ip4(a)) : a->bytes[0] == 0xff;
}

/* The partial checksum of the pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1): addresses, protocol
 * and length of what follows. */
uint64_t address_pseudo_checksum(const struct chaski_address *source,
                                 const struct chaski_address *destination, uint8_t protocol,
                                 uint32_t length);

#endif
