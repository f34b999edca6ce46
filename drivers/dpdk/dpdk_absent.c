/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/dpdk/dpdk.h"
#include "drivers/interface.h"

/* In place of dpdk.c where -Ddpdk=enabled was not given. */
struct link *dpdk_open(const struct queue_options *options, struct packet_memory *memory,
                       struct counters *counters, char *error, size_t error_size)
{
    const struct interface_error errors = {"dpdk", options->name, error, error_size};
    (void)memory;
    (void)counters;
    interface_complain(&errors, "this program was built without DPDK; install libdpdk-dev, and "
                                "build it again with -Ddpdk=enabled");
    return NULL;
}
