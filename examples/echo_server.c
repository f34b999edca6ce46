/* SPDX-License-Identifier: BSD-2-Clause */
/* echo_server [TAP]: sends back, on 10.0.0.2 port 7, whatever it is sent. */
#include <stdio.h>
#include "core/host/host.h"
#include "drivers/tap.h"
#include "runtime/loop.h"
#include "runtime/system.h"

static void echo(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct chaski_piece piece;
    long status;
    (void)context, (void)events;
    do {
        status = chaski_tcp_look(host, connection, &piece, 1);
        if (status > 0)
            status = chaski_tcp_write(host, connection, piece.bytes, piece.length);
        if (status > 0)
            chaski_tcp_consume(host, connection, (size_t)status);
    } while (status > 0);
    if (status != CHASKI_AGAIN) /* else there will be more to read, or room to write */
        chaski_tcp_close(host, connection);
}

int main(int count, char **words)
{
    struct tap_options tap = {.name = count > 1 ? words[1] : "chaski0"};
    struct chaski_address address = chaski_ip4(10, 0, 0, 2);
    struct chaski_limits limits;
    struct system_memory memory;
    struct loop loop;
    chaski_listener listener;
    char error[256] = "no memory";
    chaski_limits_for(&limits, 64 << 20, 1000); /* bytes, connections */
    struct chaski *host = system_host_create(&memory, &limits, false);
    struct link *link =
        host ? tap_open(&tap, host_memory(host), host_counters(host), error, sizeof error) : NULL;
    if (link == NULL)
        return fprintf(stderr, "echo_server: %s\n", error), 2;
    loop_init(&loop);
    chaski_address_add(host, loop_add_link(&loop, host, link), &address, 24);
    chaski_tcp_bind(host, &(struct chaski_tcp_bind){.local.port = 7, .receive = echo}, &listener);
    return loop_run(&loop);
}
