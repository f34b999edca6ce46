/* SPDX-License-Identifier: BSD-2-Clause */
/* counter_server [TAP]: tells everybody on its own link who connects to 10.0.0.2 port 24 how many
 * have done so before. */
#include <chaski/chaski.h>
#include <chaski/loop.h>
#include <stdio.h>

/* Only 10.0.0.0/24: the others see a closed port. */
static bool is_neighbour(void *context, const struct chaski_endpoint *local,
                         const struct chaski_endpoint *remote)
{
    const uint8_t *ip4 = remote->address.bytes + 12;
    (void)context, (void)local;
    return ip4[0] == 10 && ip4[1] == 0 && ip4[2] == 0;
}

static void answer(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    unsigned *counter = context;
    char text[16];

    if ((events & CHASKI_CONNECTED) != 0) {
        int length = snprintf(text, sizeof text, "%u\n", (*counter)++);
        chaski_tcp_write(host, connection, text, (size_t)length);
    }
    chaski_tcp_close(host, connection); /* what was written is still delivered */
}

int main(int count, char **words)
{
    unsigned counter = 0;
    struct chaski_tap tap = {.name = count > 1 ? words[1] : "chaski0"};
    struct chaski_tcp_bind bind = {.local.port = 24,
                                   .max_connections = 10,
                                   .filter = is_neighbour,
                                   .receive = answer,
                                   .context = &counter};
    struct chaski_address address = chaski_ip4(10, 0, 0, 2);
    struct chaski_limits limits;
    chaski_listener listener;

    chaski_limits_for(&limits, 16 << 20, 16); /* bytes, connections */
    struct chaski_loop *loop = chaski_loop_create(&limits);
    int interface = chaski_loop_tap(loop, &tap);
    if (interface >= 0) {
        chaski_address_add(chaski_loop_host(loop), interface, &address, 24);
        chaski_tcp_bind(chaski_loop_host(loop), &bind, &listener);
        chaski_loop_run(loop);
    }
    fprintf(stderr, "counter_server: %s\n", chaski_loop_error(loop));
    return 1;
}
