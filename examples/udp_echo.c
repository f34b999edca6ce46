/* SPDX-License-Identifier: BSD-2-Clause */
/* udp_echo [TAP]: sends back every datagram that arrives on 10.0.0.2 port 7. */
#include <stdio.h>

#include "core/host/host.h"
#include "drivers/tap.h"
#include "runtime/loop.h"
#include "runtime/system.h"

/* A datagram from a port below 1024 could be another service's answer, and two echo services would
 * never end. */
static bool is_client(void *context, const struct chaski_endpoint *local,
                      const struct chaski_endpoint *remote)
{
    (void)context, (void)local;
    return remote->port >= 1024;
}

static void echo(void *context, struct chaski *host, chaski_udp socket,
                 const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                 const void *bytes, size_t length)
{
    (void)context, (void)local;
    chaski_udp_send(host, socket, remote, bytes, length);
}

int main(int count, char **words)
{
    struct tap_options tap = {.name = count > 1 ? words[1] : "chaski0"};
    struct chaski_udp_bind bind = {.local.port = 7, .filter = is_client, .receive = echo};
    struct chaski_address address = chaski_ip4(10, 0, 0, 2);
    struct chaski_limits limits;
    struct system_memory memory;
    struct loop loop;
    chaski_udp socket;
    char error[256] = "no memory";

    chaski_limits_for(&limits, 16 << 20, 16);
    struct chaski *host = system_host_create(&memory, &limits, false);
    struct link *link =
        host ? tap_open(&tap, host_memory(host), host_counters(host), error, sizeof error) : NULL;
    if (link == NULL)
        return fprintf(stderr, "udp_echo: %s\n", error), 2;
    loop_init(&loop);
    chaski_address_add(host, loop_add_link(&loop, host, link), &address, 24);
    chaski_udp_bind(host, &bind, &socket);
    return loop_run(&loop);
}
