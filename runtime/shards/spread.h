/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_RUNTIME_SPREAD_H
#define CHASKI_RUNTIME_SPREAD_H

#include "chaski/address.h"
#include "core/packet/packet.h"
#include "runtime/shards/toeplitz.h"

/*
 * Which shard is whose home. A flow's is in a table of 128 under the low bits of the Toeplitz hash
 * of what its peer sends, as adapters do it; what belongs to no flow is shard 0's. IPv6 too is
 * spread by its ports (those behind a few extension headers too) and, in fragments, by its
 * addresses. Constant once it is set up, so any thread may ask.
 */
enum { SPREAD_TABLE = 128 };

struct spread {
    struct toeplitz toeplitz;
    uint8_t home[SPREAD_TABLE]; /* by the hash's low bits */
};

/* Entries go round the shards, as adapters have it when nobody sets them. */
void spread_init(struct spread *spread, unsigned shards);

/* The home of what `remote` sends to `local`. */
unsigned spread_flow(const struct spread *spread, const struct chaski_endpoint *local,
                     const struct chaski_endpoint *remote);

/* The shard that a received frame, data at its Ethernet header, concerns; `here` when that is
 * whichever it arrived at. Fragments concern the home of their addresses without ports. */
unsigned spread_frame(const struct spread *spread, const struct packet *packet, unsigned here);

/* The shard that a whole datagram concerns, data at its IP header, though it came in fragments. */
unsigned spread_datagram(const struct spread *spread, const struct packet *packet, unsigned here);

/* The home of the flow that a datagram of ours belongs to, data at its IP header. */
unsigned spread_sent(const struct spread *spread, const struct packet *packet);

#endif
