/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_QUEUES_H
#define CHASKI_DRIVERS_QUEUES_H

#include "drivers/link.h"

enum { QUEUES_MAX = 64 };

/* Several queues of one device as one link, for a single host: receives from each in turn, sends by
 * the first. Takes over the `count` <= QUEUES_MAX links, which must be of the same kind; NULL, with
 * the links still the caller's, when there is no memory or file descriptor left. */
struct link *queues_join(struct link *const *links, uint32_t count);

#endif
