/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_LINK_COALESCE_H
#define CHASKI_LINK_COALESCE_H

#include "core/packet/burst.h"

/*
 * The counterpart of the cutting block: TCP segments of one connection that follow each other
 * within a burst go up as one segment of up to 64 kB, so that everything above is paid once for all
 * of them. Nothing is held back: what a burst brings goes up in the same call, in the same order.
 */
struct coalesce {
    struct hook inform;
    struct counters *counters;
    uint32_t link_header; /* bytes in front of the IP header: 14, or 0 for bare links */
};

void coalesce_setup(struct coalesce *coalesce, struct counters *counters, uint32_t link_header);

/* hook_function, from below. */
void coalesce_receive(void *coalesce, struct burst *burst, uint64_t now_ns);

#endif
