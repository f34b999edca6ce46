/* SPDX-License-Identifier: BSD-2-Clause */
/* shards [TAP]: echoes on 10.0.0.2 port 7 by all processors, and says each second how many
 * connections each of them has. The main thread is no shard: what it wants to know it has them say.
 */
#include <chaski/shards.h>
#include <stdio.h>
#include <unistd.h>

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
    if (status != CHASKI_AGAIN)
        chaski_tcp_close(host, connection);
}

static int listen_here(void *context, struct chaski *host, unsigned shard)
{
    struct chaski_tcp_bind bind = {.local.port = 7, .receive = echo};
    chaski_listener listener;
    (void)context, (void)shard;
    return chaski_tcp_bind(host, &bind, &listener);
}

/* Runs in a shard's thread, and may look at everything of its host. */
static void count_connections(struct chaski_closure *closure, struct chaski *host, unsigned shard)
{
    unsigned *count = closure->context;
    struct chaski_tcp_info info;
    uint32_t cursor = 0;
    (void)shard;
    for (*count = 0; chaski_tcp_list(host, &cursor, &info) == 1;)
        *count += info.tcpi_state == CHASKI_TCP_ESTABLISHED;
}

static void report(struct chaski_shards *shards)
{
    unsigned count = 0;
    struct chaski_closure closure = {.run = count_connections, .context = &count};
    for (unsigned shard = 0; shard < chaski_shards_count(shards); shard++) {
        chaski_call(shards, shard, &closure);
        printf("%u%s", count, shard + 1 < chaski_shards_count(shards) ? " + " : " connections\n");
    }
    fflush(stdout);
}

int main(int count, char **words)
{
    struct chaski_tap tap = {.name = count > 1 ? words[1] : "chaski0"};
    struct chaski_address address = chaski_ip4(10, 0, 0, 2);
    struct chaski_shards_options options = {.count = 0}; /* as many as processors */

    chaski_limits_for(&options.limits, 64 << 20, 1000); /* of each: bytes, connections */
    struct chaski_shards *shards = chaski_shards_create(&options);
    int interface = chaski_shards_tap(shards, &tap, 0);
    if (interface >= 0) {
        chaski_address_add(chaski_shards_host(shards, 0), interface, &address, 24);
        chaski_shards_each(shards, listen_here, NULL);
        if (chaski_shards_start(shards) == 0) {
            for (;;) {
                sleep(1);
                report(shards);
            }
        }
    }
    fprintf(stderr, "shards: %s\n", chaski_shards_error(shards));
    chaski_shards_free(shards);
    return 1;
}
