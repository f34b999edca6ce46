/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_IP_IP4_PATH_H
#define CHASKI_IP_IP4_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/memory.h"
#include "core/base/siphash.h"

/*
 * Path MTUs that routers told us (RFC 1191), by destination and protocol: a cache of sets of four,
 * in which the entry that expires first gives way. Values only fall while an entry lives; ten
 * minutes after the last time it fell the entry is forgotten and larger packets are tried again.
 *
 * Each transport has a value of its own, because each believes as much as it can check (RFC 8899,
 * 4.6): a report about a datagram has but to guess ports, and must not narrow the path of
 * connections, which want their sequence numbers quoted.
 */
enum { IP4_PATH_WAYS = 4, IP4_PATH_MTU_MIN = 552 };

struct ip4_path {
    uint64_t expires_ns; /* 0: free */
    uint32_t destination;
    uint16_t mtu;
    uint8_t protocol; /* whose packets */
    bool fragment;    /* a router asked for less than the minimum: send without "don't fragment" */
};

struct ip4_paths {
    struct ip4_path *paths;
    uint32_t set_mask;
    bool used;        /* at least once: else there is nothing to search */
    uint16_t minimum; /* no lower value is believed; IP4_PATH_MTU_MIN unless set otherwise */
    struct siphash_key key;
};

void ip4_paths_init(struct ip4_paths *paths, struct memory *memory, uint32_t limit,
                    const struct siphash_key *key);

/* As ip4_paths_find(), where there are any. */
const struct ip4_path *ip4_paths_search(const struct ip4_paths *paths, uint32_t destination,
                                        uint8_t protocol, uint64_t now_ns);

/* The living entry, or NULL. */
static inline const struct ip4_path *ip4_paths_find(const struct ip4_paths *paths,
                                                    uint32_t destination, uint8_t protocol,
                                                    uint64_t now_ns)
{
    return paths->used ? ip4_paths_search(paths, destination, protocol, now_ns) : NULL;
}

/* What a reported MTU amounts to: at least the minimum. `reported` 0 comes from routers older
 * than RFC 1191; then the next lower plateau than `quoted_length` (RFC 1191, 7.1) is meant. */
uint16_t ip4_paths_clamp(const struct ip4_paths *paths, uint16_t reported, uint16_t quoted_length);

/* Records a clamped MTU, `current` being what is used so far. False when it would not lower
 * anything; `fragment` as in struct ip4_path. */
bool ip4_paths_lower(struct ip4_paths *paths, uint32_t destination, uint8_t protocol, uint16_t mtu,
                     uint16_t current, bool fragment, uint64_t now_ns);

#endif
