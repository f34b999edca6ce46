/* SPDX-License-Identifier: BSD-2-Clause */
/* udp_echo [TAP]: sends back every datagram that arrives on 10.0.0.2 port 7. */
#include <chaski/chaski.h>
#include <chaski/loop.h>
#include <stdio.h>

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
    struct chaski_tap tap = {.name = count > 1 ? words[1] : "chaski0"};
    struct chaski_udp_bind bind = {.local.port = 7, .filter = is_client, .receive = echo};
    struct chaski_address address = chaski_ip4(10, 0, 0, 2);
    struct chaski_limits limits;
    chaski_udp socket;

    chaski_limits_for(&limits, 16 << 20, 16); /* bytes, connections */
    struct chaski_loop *loop = chaski_loop_create(&limits);
    int interface = chaski_loop_tap(loop, &tap);
    if (interface >= 0) {
        chaski_address_add(chaski_loop_host(loop), interface, &address, 24);
        chaski_udp_bind(chaski_loop_host(loop), &bind, &socket);
        chaski_loop_run(loop);
    }
    fprintf(stderr, "udp_echo: %s\n", chaski_loop_error(loop));
    return 1;
}
