/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_IP_IP4_IDENTIFICATION_H
#define CHASKI_IP_IP4_IDENTIFICATION_H

#include <stdint.h>

#include "core/base/siphash.h"

/*
 * Identifications for datagrams that may be fragmented (RFC 6864; RFC 7739, 5.3 in spirit): each
 * (source, destination, protocol) counts from a start of its own, which only the key tells. The
 * counters are shared by hash, so a peer sees the numbers of its own flow rise and learns
 * nothing of others; for one flow none comes back before 65 536 have been used. Hosts that stand
 * for one have a part of the numbers each, so that no two choose the same.
 */
enum { IP4_IDENTIFICATION_COUNTERS = 256 };

struct ip4_identification {
    struct siphash_key key;
    uint32_t from, numbers; /* ours: so many from there on */
    uint16_t counters[IP4_IDENTIFICATION_COUNTERS];
};

void ip4_identification_init(struct ip4_identification *identification,
                             const struct siphash_key *key);

/* Only the numbers of part `part` of `parts` from now on. */
void ip4_identification_share(struct ip4_identification *identification, uint32_t part,
                              uint32_t parts);

/* The first of `count` consecutive ones, which are fewer than a part has. */
uint16_t ip4_identification_take(struct ip4_identification *identification, uint32_t source,
                                 uint32_t destination, uint8_t protocol, uint16_t count);

#endif
