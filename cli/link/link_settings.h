/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_LINK_SETTINGS_H
#define CHASKI_CLI_LINK_SETTINGS_H

#include "cli/arguments.h"
#include "drivers/impair.h"

/*
 * What `chaski link` is told. Impairments hold for both directions, except those behind --there or
 * --back: they hold for that direction only, and win over what is said for both.
 */

enum { LINK_THERE, LINK_BACK, LINK_WAYS };

struct link_settings {
    const char *ends[LINK_WAYS];
    struct impairment ways[LINK_WAYS];
    unsigned way; /* that is spoken of now: LINK_WAYS for both */
    uint32_t seed;
    uint64_t lump_ns; /* see link_lane.h */
    uint64_t spin_ns; /* how long before a frame is due we stop sleeping */
    bool json;
};

/* Reads the command line; returns -1 to go on, otherwise the exit code. */
int link_settings_read(struct link_settings *settings, int count, char **words);

#endif
