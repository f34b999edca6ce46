/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/pcap/pcap.h"
#include "drivers/vnet/tap.h"
#include "runtime/shards/shards.h"

/* Shards on a TAP device, as programs get them, in a network namespace of the test's own; the
 * kernel's sockets are the clients. */

enum { SHARDS = 2, CLIENTS = 24, PORT = 7 };

static unsigned connected[SHARDS]; /* each its shard's */

static void echo(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    char bytes[100];
    unsigned *count = context;
    long got = chaski_tcp_read(host, connection, bytes, sizeof bytes);
    *count += (events & CHASKI_CONNECTED) != 0;
    if (got > 0)
        chaski_tcp_write(host, connection, bytes, (size_t)got);
    else if (got != CHASKI_AGAIN)
        chaski_tcp_close(host, connection);
}

static int listen_here(void *context, struct chaski *host, unsigned shard)
{
    struct chaski_tcp_bind bind = {
        .local.port = PORT, .receive = echo, .context = &connected[shard]};
    chaski_listener listener;
    (void)context;
    return chaski_tcp_bind(host, &bind, &listener);
}

static void talk(void)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int clients[CLIENTS];
    inet_pton(AF_INET, "10.9.0.2", &server.sin_addr);
    for (int i = 0; i < CLIENTS; i++) {
        char sent = (char)i;
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(clients[i], (struct sockaddr *)&server, sizeof server), 0);
        assert_int_equal(write(clients[i], &sent, 1), 1);
    }
    for (int i = 0; i < CLIENTS; i++) {
        char back = -1;
        assert_int_equal(read(clients[i], &back, 1), 1);
        assert_int_equal(back, i);
        /* With its FIN the server has said all: nothing is under way between shards any more. */
        assert_int_equal(shutdown(clients[i], SHUT_WR), 0);
        assert_int_equal(read(clients[i], &back, 1), 0);
        close(clients[i]);
    }
}

static const char captured[] = "shards_tap.pcap";

/* The frames of a capture, which it has in order of time. */
static uint64_t frames_in_order(void)
{
    static struct pcap_record record;
    struct pcap_reader reader;
    char error[256];
    uint64_t last_ns = 0;
    FILE *file = fopen(captured, "rb");
    assert_non_null(file);
    assert_true(pcap_reader_init(&reader, file, error, sizeof error));
    while (pcap_read(&reader, &record, error, sizeof error) == 1) {
        assert_true(record.time_ns >= last_ns);
        last_ns = record.time_ns;
    }
    assert_int_equal(feof(file), 1);
    fclose(file);
    remove(captured);
    return reader.frames;
}

static uint64_t frames_of_all(struct chaski_shards *shards)
{
    uint64_t frames = 0;
    for (unsigned i = 0; i < SHARDS; i++) {
        const struct chaski *host = chaski_shards_host(shards, i);
        frames += chaski_counter_value(host, CHASKI_LINK_FRAMES_RECEIVED) +
                  chaski_counter_value(host, CHASKI_LINK_FRAMES_SENT);
    }
    return frames;
}

static void serve(unsigned queues)
{
    struct chaski_shards_options options = {.count = SHARDS, .no_pinning = true};
    struct chaski_tap tap = {.name = "chaski0", .capture = "/nonexistent/x.pcap"};
    struct chaski_address ours = chaski_ip4(10, 9, 0, 2), kernel = chaski_ip4(10, 9, 0, 1);
    char error[256];
    chaski_limits_for(&options.limits, 16 << 20, 256);
    struct chaski_shards *shards = chaski_shards_create(&options);
    assert_non_null(shards);
    assert_int_equal(chaski_shards_tap(shards, &tap, SHARDS + 1), CHASKI_INVALID);
    assert_non_null(strstr(chaski_shards_error(shards), "queues"));
    assert_int_equal(chaski_shards_tap(shards, &tap, queues), CHASKI_INVALID);
    assert_non_null(strstr(chaski_shards_error(shards), "/nonexistent/x.pcap"));
    tap.capture = captured;
    assert_int_equal(chaski_shards_tap(shards, &tap, queues), 0);
    for (unsigned i = 0; i < SHARDS; i++)
        assert_int_equal(shards->shards[i].links[0] != NULL, i == 0 || i < queues);
    assert_int_equal(tap_configure(shards->shards[0].links[0], &kernel, 24, error, sizeof error),
                     0);
    assert_int_equal(chaski_address_add(chaski_shards_host(shards, 0), 0, &ours, 24), 0);
    assert_int_equal(chaski_shards_each(shards, listen_here, NULL), 0);
    assert_int_equal(chaski_shards_start(shards), 0);
    memset(connected, 0, sizeof connected);
    talk();
    chaski_shards_stop(shards);
    assert_true(connected[0] > 0 && connected[1] > 0);
    assert_int_equal(connected[0] + connected[1], CLIENTS);
    uint64_t frames = frames_of_all(shards);
    assert_true(chaski_shards_free(shards));
    assert_true(frames_in_order() >= frames); /* more: what had not reached its home yet */
}

static void by_one_queue(void **state)
{
    (void)state;
    serve(0);
}

static void by_a_queue_each(void **state)
{
    (void)state;
    serve(SHARDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_one_queue),
        cmocka_unit_test(by_a_queue_each),
    };
    if ((unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) ||
        access("/dev/net/tun", R_OK | W_OK) != 0) {
        print_message("1..0 # SKIP no network namespace or TAP device can be had\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
