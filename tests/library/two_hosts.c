/* SPDX-License-Identifier: BSD-2-Clause */
#include <chaski/chaski.h>

#include <stdio.h>
#include <string.h>

/*
 * Two hosts in virtual time, by the public interface and printf() alone: what shows on a new system
 * that the core does there what it should. A stream goes there and back over a wire that loses
 * frames; a datagram goes in fragments.
 */

enum {
    FRAME_MAX = 1514,
    WIRE_FRAMES = 256,
    STREAM_BYTES = 200000,
    DATAGRAM_BYTES = 4000,
    LOSE_EVERY = 50,
    MEMORY_BYTES = 512 << 10,
};

static const uint64_t ms = 1000000;
static const uint64_t patience_ns = 600000000000;

static struct {
    size_t length;
    int to;
    uint8_t bytes[FRAME_MAX];
} wire[WIRE_FRAMES];
static unsigned sent_frames, delivered_frames, lose_every;

static struct chaski *hosts[2];
static uint64_t memory[2][MEMORY_BYTES / 8];
static size_t written, echoed;
static int wrong, pongs, ended, datagrams;

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 7 + at / 251);
}

static const char *verdict(bool good)
{
    wrong += !good;
    return good ? "ok" : "WRONG";
}

/* ---- The wire ---- */

static void send_frame(void *context, const struct chaski_piece *pieces, unsigned count)
{
    unsigned at = sent_frames % WIRE_FRAMES;

    if (sent_frames - delivered_frames == WIRE_FRAMES)
        return; /* full: lost */
    wire[at].to = context == &hosts[0] ? 1 : 0;
    wire[at].length = 0;
    for (unsigned i = 0; i < count; i++) {
        if (wire[at].length + pieces[i].length > FRAME_MAX) {
            wrong++;
            return;
        }
        memcpy(wire[at].bytes + wire[at].length, pieces[i].bytes, pieces[i].length);
        wire[at].length += pieces[i].length;
    }
    sent_frames++;
}

static void deliver(uint64_t now_ns)
{
    for (unsigned waiting = sent_frames - delivered_frames; waiting > 0; waiting--) {
        unsigned at = delivered_frames++ % WIRE_FRAMES;
        if (lose_every == 0 || delivered_frames % lose_every != 0)
            chaski_input(hosts[wire[at].to], 0, wire[at].bytes, wire[at].length, now_ns);
    }
}

/* ---- The applications ---- */

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

static void write_more(struct chaski *host, chaski_tcp connection)
{
    uint8_t bytes[1000];
    long n = 1;
    while (n > 0 && written < STREAM_BYTES) {
        size_t length = STREAM_BYTES - written;
        length = length < sizeof bytes ? length : sizeof bytes;
        for (size_t i = 0; i < length; i++)
            bytes[i] = pattern(written + i);
        n = chaski_tcp_write(host, connection, bytes, length);
        written += n > 0 ? (size_t)n : 0;
    }
    if (written == STREAM_BYTES)
        chaski_tcp_shutdown(host, connection);
}

static void use_echo(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    uint8_t bytes[1000];
    long n;
    (void)context, (void)events;
    write_more(host, connection);
    while ((n = chaski_tcp_read(host, connection, bytes, sizeof bytes)) > 0) {
        for (long i = 0; i < n; i++)
            wrong += bytes[i] != pattern(echoed++);
    }
    if (n == CHASKI_AGAIN)
        return;
    wrong += n != 0; /* else it is the end of the stream */
    ended = 1;
    chaski_tcp_close(host, connection);
}

static void take_datagram(void *context, struct chaski *host, chaski_udp socket,
                          const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                          const void *bytes, size_t length)
{
    const uint8_t *received = bytes;
    (void)context, (void)host, (void)socket, (void)local, (void)remote;
    wrong += length != DATAGRAM_BYTES;
    for (size_t i = 0; i < length; i++)
        wrong += received[i] != pattern(i);
    datagrams++;
}

static void take_pong(void *context, struct chaski *host, const struct chaski_address *from,
                      uint16_t sequence, uint8_t ttl, const void *bytes, size_t length, int error)
{
    (void)context, (void)host, (void)from, (void)ttl;
    pongs += error == 0 && sequence == 1 && length == 4 && memcmp(bytes, "ping", 4) == 0;
}

/* ---- The run ---- */

static struct chaski *make_host(int number, const struct chaski_limits *limits, uint64_t now_ns)
{
    uint8_t seed[32] = {(uint8_t)number}; /* a test may be guessed */
    struct chaski_interface interface = {.mac = {2, 0, 0, 0, 0, (uint8_t)(number + 1)},
                                         .mtu = FRAME_MAX - 14,
                                         .output = send_frame,
                                         .context = &hosts[number]};
    struct chaski_address address = chaski_ip4(192, 0, 2, (uint8_t)(number + 1));
    struct chaski *host = chaski_init(memory[number], sizeof memory[number], limits, seed, now_ns);
    if (host != NULL) {
        chaski_interface_add(host, &interface);
        chaski_address_add(host, 0, &address, 24);
    }
    return host;
}

/* Begins everything but the datagram; false when a call fails. */
static bool start(void)
{
    struct chaski_tcp_bind bind = {.local.port = 7, .receive = echo};
    struct chaski_tcp_connect connect = {
        .remote = {chaski_ip4(192, 0, 2, 2), 7, 0},
        .receive = use_echo,
    };
    struct chaski_address peer = chaski_ip4(192, 0, 2, 2);
    chaski_listener listener;
    chaski_tcp connection;
    return chaski_tcp_bind(hosts[1], &bind, &listener) == 0 &&
           chaski_tcp_connect(hosts[0], &connect, &connection) == 0 &&
           chaski_ping_on(hosts[0], 1, take_pong, NULL) == 0 &&
           chaski_ping(hosts[0], &peer, 1, 1, "ping", 4) == 0;
}

static bool send_datagram(void)
{
    static uint8_t bytes[DATAGRAM_BYTES];
    struct chaski_udp_bind from = {.local.port = 9},
                           to = {.local.port = 9, .receive = take_datagram};
    struct chaski_endpoint peer = {chaski_ip4(192, 0, 2, 2), 9, 0};
    chaski_udp sockets[2];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = pattern(i);
    return chaski_udp_bind(hosts[0], &from, &sockets[0]) == 0 &&
           chaski_udp_bind(hosts[1], &to, &sockets[1]) == 0 &&
           chaski_udp_send(hosts[0], sockets[0], &peer, bytes, sizeof bytes) == 0;
}

/* Runs until *what is not 0, or patience ends; the time goes from one deadline to the next. */
static uint64_t run_until(const int *what, uint64_t now_ns)
{
    uint64_t end_ns = now_ns + patience_ns;
    while (*what == 0 && now_ns < end_ns) {
        now_ns += ms;
        deliver(now_ns);
        chaski_poll(hosts[0], now_ns);
        chaski_poll(hosts[1], now_ns);
        uint64_t first = chaski_deadline(hosts[0]), second = chaski_deadline(hosts[1]);
        uint64_t next = first < second ? first : second;
        if (sent_frames == delivered_frames && next > now_ns && next < end_ns)
            now_ns = next;
    }
    return now_ns;
}

int main(void)
{
    struct chaski_limits limits;
    uint64_t start_ns = 1000 * ms;

    chaski_limits_for(&limits, MEMORY_BYTES, 4);
    for (int i = 0; i < 2; i++)
        hosts[i] = make_host(i, &limits, start_ns);
    printf("a host of %lu bytes: %s\n", (unsigned long)chaski_size(&limits),
           verdict(hosts[0] != NULL && hosts[1] != NULL));
    if (wrong != 0 || !start())
        return 1;
    uint64_t now_ns = run_until(&pongs, start_ns);
    printf("ping: %s\n", verdict(pongs == 1));
    lose_every = LOSE_EVERY;
    now_ns = run_until(&ended, now_ns);
    printf("%lu of %d bytes there and back in %lu frames: %s\n", (unsigned long)echoed,
           STREAM_BYTES, (unsigned long)sent_frames, verdict(echoed == STREAM_BYTES && ended));
    lose_every = 0;
    if (!send_datagram())
        return 1;
    run_until(&datagrams, now_ns);
    printf("a datagram of %d bytes in fragments: %s\n", DATAGRAM_BYTES, verdict(datagrams == 1));
    return wrong == 0 ? 0 : 1;
}
