/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest of HTTP servers on chaski's library, answering from memory as the other peers do:
 * `chaski services` opens and reads a file for each request, which hides what the stack costs. With
 * --busy-poll it never sleeps.
 */
#include <arpa/inet.h>
#include <chaski/chaski.h>
#include <chaski/loop.h>
#include <string.h>

#include "sockets.h"

enum { CONNECTIONS = 1000, MEMORY = 64 << 20, REQUEST_ROOM = 4096 };

/* wrk sends a request in one segment, and the next one when it has the answer. */
static void answer(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    char request[REQUEST_ROOM];
    (void)context, (void)events;
    long length = chaski_tcp_read(host, connection, request, sizeof request);
    if (length > 0 && http_request_ends(request, (size_t)length) &&
        chaski_tcp_write(host, connection, http_answer, http_answer_length) ==
            (long)http_answer_length)
        return;
    if (length != CHASKI_AGAIN)
        chaski_tcp_close(host, connection);
}

static struct chaski_loop *loop_on(const char *tap_name, const char *text)
{
    struct chaski_tap tap = {.name = tap_name};
    struct chaski_address address;
    struct chaski_limits limits;
    uint8_t bytes[4];
    if (inet_pton(AF_INET, text, bytes) != 1)
        fail("not an address", text);
    address = chaski_ip4(bytes[0], bytes[1], bytes[2], bytes[3]);
    chaski_limits_for(&limits, MEMORY, CONNECTIONS);
    struct chaski_loop *loop = chaski_loop_create(&limits);
    int interface = chaski_loop_tap(loop, &tap);
    if (interface < 0)
        fail("no link", chaski_loop_error(loop));
    if (chaski_address_add(chaski_loop_host(loop), interface, &address, 24) != 0)
        fail("not an address for a host", text);
    return loop;
}

int main(int argc, char **argv)
{
    struct chaski_tcp_bind bind = {.local.port = SERVICE_HTTP, .receive = answer};
    chaski_listener listener;
    bool spins = argc == 4 && strcmp(argv[3], "--busy-poll") == 0;
    if (argc != 3 && !spins)
        fail("usage: peer-chaski TAP ADDRESS [--busy-poll]", NULL);
    struct chaski_loop *loop = loop_on(argv[1], argv[2]);
    if (spins)
        chaski_loop_busy_poll(loop, UINT64_MAX);
    if (chaski_tcp_bind(chaski_loop_host(loop), &bind, &listener) != 0)
        fail("cannot listen", NULL);
    chaski_loop_run(loop);
    fail("the link is gone", chaski_loop_error(loop));
}
