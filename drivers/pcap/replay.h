/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_REPLAY_H
#define CHASKI_DRIVERS_REPLAY_H

#include "drivers/link.h"

/*
 * A link that receives what a capture file holds, and forgets what it is given to send.
 */
struct replay_options {
    const char *path;
    uint8_t mac[6];
    uint16_t mtu; /* 0: 1500 */
    bool at_once; /* as fast as it is asked; else at the file's intervals from the first call on */
};

/* NULL with one line in `error` when the file cannot be opened or is no capture. */
struct link *replay_open(const struct replay_options *options, struct packet_memory *memory,
                         struct counters *counters, char *error, size_t error_size);

enum replay_state {
    REPLAY_RUNNING,
    REPLAY_ENDED,
    REPLAY_DAMAGED, /* ended early: replay_error() says where and why */
};

enum replay_state replay_state(const struct link *link);
const char *replay_error(const struct link *link);

/* Frames of the file that were longer than FRAME_MAX or that there was no memory for. */
uint64_t replay_skipped(const struct link *link);

#endif
