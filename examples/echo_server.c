/* SPDX-License-Identifier: BSD-2-Clause */
/* echo_server [TAP]: sends back, on 10.0.0.2 port 7, whatever it is sent. */
#include <chaski/chaski.h>
#include <chaski/loop.h>
#include <stdio.h>

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
    struct chaski_tap tap = {.name = count > 1 ? words[1] : "chaski0"};
    struct chaski_tcp_bind bind = {.local.port = 7, .receive = echo};
    struct chaski_address address = chaski_ip4(10, 0, 0, 2);
    struct chaski_limits limits;
    chaski_listener listener;

    chaski_limits_for(&limits, 64 << 20, 1000); /* bytes, connections */
    struct chaski_loop *loop = chaski_loop_create(&limits);
    int interface = chaski_loop_tap(loop, &tap);
    if (interface >= 0) {
        chaski_address_add(chaski_loop_host(loop), interface, &address, 24);
        chaski_tcp_bind(chaski_loop_host(loop), &bind, &listener);
        chaski_loop_run(loop);
    }
    fprintf(stderr, "echo_server: %s\n", chaski_loop_error(loop));
    return 1;
}
