/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/interface.h"
#include "drivers/xdp/xdp_socket.h"

/* In place of xdp_socket.c where libxdp was missing when this was built. */
struct link *xdp_socket_open(const struct queue_options *options, struct packet_memory *memory,
                             struct counters *counters, char *error, size_t error_size)
{
    const struct interface_error errors = {"xdp", options->name, error, error_size};
    (void)memory;
    (void)counters;
    interface_complain(&errors, "this program was built without AF_XDP; install libxdp-dev and "
                                "libbpf-dev, and build it again");
    return NULL;
}
