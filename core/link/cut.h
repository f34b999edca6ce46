/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_LINK_CUT_H
#define CHASKI_LINK_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/packet/burst.h"

/*
 * The edge: what a link cannot do itself is done here, just above it. Segments with a segment_size
 * are cut into frames, PARTIAL checksums are completed. A link that can do both is given
 * everything as it is.
 */
struct cut {
    struct hook request; /* the link */
    struct packet_memory *memory;
    struct counters *counters;
    bool link_completes; /* the link takes PARTIAL checksums */
    bool link_cuts;      /* the link takes segments to be cut, or carries them whole */
};

/* `features` are the link's, enum link_feature. */
void cut_setup(struct cut *cut, struct packet_memory *memory, struct counters *counters,
               unsigned features);

/* hook_function: frames with network and transport noted, their headers linear. */
void cut_transmit(void *cut, struct burst *burst, uint64_t now_ns);

#endif
