/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_LINK_DISPATCH_H
#define CHASKI_LINK_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/packet/burst.h"

/*
 * Hands packets to the block for their packet->protocol, an EtherType or an IP protocol: the same
 * block serves at every level. Order is kept; packets for the same block that stand next to
 * one another travel together.
 */
enum { DISPATCH_ENTRIES = 8 };

struct dispatch_entry {
    uint16_t protocol;
    struct hook inform;
};

struct dispatch {
    struct dispatch_entry entries[DISPATCH_ENTRIES];
    struct hook other; /* where packets of all other protocols go; at first they are dropped */
    struct counters *counters;
    uint32_t count;
};

void dispatch_setup(struct dispatch *dispatch, struct counters *counters);

/* At setup. False when the table is full; the same protocol again replaces its hook. */
bool dispatch_wire(struct dispatch *dispatch, uint16_t protocol, struct hook inform);

/* hook_function, from below. */
void dispatch_receive(void *dispatch, struct burst *burst, uint64_t now_ns);

#endif
