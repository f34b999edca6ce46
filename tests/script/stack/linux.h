/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_LINUX_H
#define CHASKI_TESTS_SCRIPT_LINUX_H

#include "tests/script/stack/beside.h"
#include "tests/script/stack/stack.h"

enum { LINUX_ROUTE_TEXT = 256 };

/* The machine's kernel in a network namespace, at the end of a TUN device. */
struct linux_stack {
    struct beside beside;
    const struct ip_version *version;
    int tun;
    uint64_t begun_ns;            /* of CLOCK_MONOTONIC, at the script's beginning */
    int64_t begun_of_day_ns;      /* of CLOCK_REALTIME, then */
    char route[LINUX_ROUTE_TEXT]; /* what the script has set of the route to the peer */
};

/* What stands for the other stack's descriptors. */
struct sockets {
    const struct linux_stack *kernel;
    const struct stack *stack;
};

/* A TUN device that is up, has the script's address and the way to its peer; -1: there is none. */
int linux_device_open(const struct settings *settings);

/* Gives the way to the peer these attributes of `ip route`. */
bool linux_device_route(const struct ip_version *version, const char *attributes);

#endif
