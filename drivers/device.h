/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_DEVICE_H
#define CHASKI_DRIVERS_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/link.h"
#include "drivers/queues.h"

/*
 * What a program is told by `--link KIND:NAME[,queues=N]`, and how it becomes links: one a queue,
 * each of which may be another thread's, with that thread's memory.
 */
enum device_kind { DEVICE_NONE, DEVICE_TAP, DEVICE_PACKET, DEVICE_XDP, DEVICE_DPDK };

enum { DEVICE_NAME = 64, DEVICE_QUEUES = QUEUES_MAX };

/* For help and complaints. */
#define DEVICE_SYNTAX "KIND:NAME[,queues=N]"
#define DEVICE_KINDS_TEXT "tap, packet, xdp, dpdk"

struct device {
    enum device_kind kind;
    char name[DEVICE_NAME];
    uint32_t queues; /* 1 when not given */
};

/* "tap", ... */
const char *device_kind_name(enum device_kind kind);

/* Reads KIND:NAME[,queues=N]. False with a phrase in `error` that says what may stand there. */
bool device_parse(struct device *device, const char *text, char *error, size_t error_size);

struct device_options {
    uint8_t mac[6]; /* of our end; all zero: the driver's choice, which only one queue may have */
    uint16_t mtu;   /* 0: the device's own */
};

/* Opens one queue of a device that exists. The queues are opened in order, `first` being the link
 * of the first one, which is to be closed last; NULL for that itself. Each is used by
 * one thread at a time. `memory` and `counters` are those of the host that it will serve, and
 * no packet received by it may be used after it is closed. On failure NULL, nothing left
 * behind, and in `error` one line that names the device and the mend. */
struct link *device_open(const struct device *device, const struct device_options *options,
                         uint32_t queue, const struct link *first, struct packet_memory *memory,
                         struct counters *counters, char *error, size_t error_size);

/* Opens all queues as one link for one host. */
struct link *device_open_whole(const struct device *device, const struct device_options *options,
                               struct packet_memory *memory, struct counters *counters, char *error,
                               size_t error_size);

#endif
