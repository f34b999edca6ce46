/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole host with services, through its public interface alone. The input is a program: raw
 * frames, datagrams and segments with right checksums, the passing of time, and the
 * application's calls. The host must survive it, send nothing malformed (tests/fuzz/peer.c), and
 * always come to rest: a deadline that never moves on would keep a core busy for ever.
 */
#include <string.h>

#include "chaski/chaski.h"
#include "core/wire/ethernet.h"
#include "tests/fuzz/peer.h"
#include "tests/fuzz/target.h"

enum {
    HANDLES = 8,
    POLLS_AT_A_TIME = 1000, /* more without time passing is a loop */
    MILLISECOND = 1000000,
};

struct world {
    struct chaski *host;
    int interface;
    uint64_t now;
    struct peer peer;
    chaski_tcp handles[HANDLES];
    unsigned handle_count;
    chaski_listener polled;
    chaski_udp udp;
};

struct input {
    const uint8_t *at, *end;
};

static uint8_t next(struct input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

static uint16_t next16(struct input *input)
{
    uint8_t high = next(input);
    return (uint16_t)(high << 8 | next(input));
}

/* Up to `length` bytes of the input; returns how many there were. */
static size_t take(struct input *input, uint8_t *to, size_t length)
{
    size_t left = (size_t)(input->end - input->at);
    size_t count = length < left ? length : left;
    memcpy(to, input->at, count);
    input->at += count;
    return count;
}

/* ---- The application ---- */

static void remember(struct world *world, chaski_tcp connection)
{
    world->handles[world->handle_count++ % HANDLES] = connection;
}

static void echo(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    uint8_t bytes[512];
    long got;
    if (events & CHASKI_CONNECTED)
        remember(context, connection);
    while ((got = chaski_tcp_read(host, connection, bytes, sizeof bytes)) > 0) {
        if (chaski_tcp_write(host, connection, bytes, (size_t)got) < got)
            break;
    }
    if (got == 0)
        chaski_tcp_shutdown(host, connection);
    if (events & CHASKI_ENDED)
        chaski_tcp_close(host, connection);
}

static void chargen(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    static const uint8_t bytes[3000];
    if (events & CHASKI_CONNECTED)
        remember(context, connection);
    if (events & CHASKI_ENDED)
        chaski_tcp_close(host, connection);
    else
        chaski_tcp_write(host, connection, bytes, sizeof bytes);
}

static void udp_echo(void *context, struct chaski *host, chaski_udp socket,
                     const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                     const void *bytes, size_t length)
{
    (void)context, (void)local;
    chaski_udp_send(host, socket, remote, bytes, length);
}

static void accept_and_look(struct world *world)
{
    chaski_tcp connection;
    struct chaski_piece pieces[4];
    while (chaski_tcp_accept(world->host, world->polled, &connection) == 0)
        remember(world, connection);
    for (unsigned i = 0; i < HANDLES; i++) {
        int count = chaski_tcp_look(world->host, world->handles[i], pieces, 4);
        unsigned sum = 0;
        for (int k = 0; k < count; k++)
            sum += touch(pieces[k].bytes, pieces[k].length);
        if (count > 0)
            chaski_tcp_consume(world->host, world->handles[i], pieces[0].length - (sum & 1));
    }
}

static void call(struct world *world, struct input *input)
{
    uint8_t what = next(input), value = next(input);
    chaski_tcp connection = world->handles[value % HANDLES];
    struct chaski_tcp_connect to = {
        .remote = {.address = chaski_ip4(10, 0, 0, 1), .port = (uint16_t)(PEER_PORT + value % 4)},
        .receive = echo,
        .context = world};
    static const uint8_t bytes[5000];
    switch (what % 9) {
    case 0:
        if (chaski_tcp_connect(world->host, &to, &connection) == 0)
            remember(world, connection);
        break;
    case 1:
        chaski_tcp_close(world->host, connection);
        break;
    case 2:
        chaski_tcp_abort(world->host, connection);
        break;
    case 3:
        chaski_tcp_shutdown(world->host, connection);
        break;
    case 4:
        chaski_tcp_write(world->host, connection, bytes, next16(input) % sizeof bytes);
        break;
    case 5:
        chaski_tcp_urgent(world->host, connection);
        break;
    case 6:
        chaski_tcp_set(world->host, connection,
                       (enum chaski_tcp_option)(next(input) % CHASKI_TCP_OPTION_COUNT),
                       next16(input));
        break;
    case 7:
        accept_and_look(world);
        break;
    case 8:
        chaski_udp_send(world->host, world->udp, &to.remote, bytes, next16(input) % sizeof bytes);
        break;
    }
}

/* ---- The link and time ---- */

static void output(void *context, const struct chaski_piece *pieces, unsigned count)
{
    struct world *world = context;
    uint8_t frame[PEER_FRAME_MAX];
    size_t length = 0;
    for (unsigned i = 0; i < count; i++) {
        must(pieces[i].length <= sizeof frame - length);
        memcpy(frame + length, pieces[i].bytes, pieces[i].length);
        length += pieces[i].length;
    }
    peer_see(&world->peer, frame, length);
}

static void give(struct world *world, const uint8_t *frame, size_t length)
{
    chaski_input(world->host, world->interface, frame, length, world->now);
}

/* Polls until the host has nothing more to do at this time. */
static void settle(struct world *world)
{
    uint8_t frame[PEER_FRAME_MAX];
    unsigned polls = 0;
    do {
        must(polls++ < POLLS_AT_A_TIME);
        chaski_poll(world->host, world->now);
        if (world->peer.arp_asked) {
            world->peer.arp_asked = false;
            give(world, frame, peer_arp_reply(frame));
        }
    } while (chaski_deadline(world->host) <= world->now);
}

/* Lets `span` nanoseconds pass, stopping where the host wants to run. */
static void pass(struct world *world, uint64_t span)
{
    uint64_t end = world->now + span;
    unsigned stops = 0;
    settle(world);
    for (uint64_t due; (due = chaski_deadline(world->host)) <= end;) {
        must(stops++ < 100000);
        world->now = due;
        settle(world);
    }
    world->now = end;
    settle(world);
}

/* ---- The program ---- */

static void raw_frame(struct world *world, struct input *input)
{
    uint8_t frame[PEER_FRAME_MAX];
    size_t length = take(input, frame, next16(input) % sizeof frame);
    if (length >= 12)
        memcpy(frame, host_mac, 6);
    give(world, frame, length);
}

static void datagram(struct world *world, struct input *input)
{
    static const uint8_t protocols[] = {1, 2, 6, 17, 17, 1, 99, 4};
    uint8_t frame[PEER_FRAME_MAX] = {0}, choice = next(input);
    uint16_t fragment = choice & 0x80 ? next16(input) & 0x3fff : 0;
    size_t length = take(input, frame + PEER_HEADERS, next16(input) % 1481);
    give(world, frame, peer_datagram(frame, protocols[choice % 8], fragment, length));
}

static void segment(struct world *world, struct input *input)
{
    static const uint16_t ports[] = {7, 19, 9, 4711};
    uint8_t frame[PEER_FRAME_MAX], options[40] = {0}, data[1400] = {0};
    uint8_t choice = next(input);
    struct peer_segment segment = {.flow = choice % PEER_FLOWS,
                                   .flags = next(input),
                                   .window = next16(input),
                                   .sequence_off = (int16_t)next16(input),
                                   .acknowledgment_off = (int16_t)next16(input),
                                   .options = options,
                                   .data = data};
    struct peer_flow *flow = &world->peer.flows[segment.flow];
    if (flow->host_port == 0)
        flow->host_port = ports[choice / PEER_FLOWS % 4];
    size_t option_bytes = take(input, options, next(input) % 41);
    segment.option_words = (uint8_t)((option_bytes + 3) / 4);
    segment.data_length = next16(input) % sizeof data;
    take(input, data, segment.data_length < 32 ? segment.data_length : 0);
    give(world, frame, peer_segment(&world->peer, frame, &segment));
}

static void step(struct world *world, struct input *input)
{
    switch (next(input) % 8) {
    case 0:
        raw_frame(world, input);
        break;
    case 1:
        datagram(world, input);
        break;
    case 2:
        call(world, input);
        break;
    case 3:
        pass(world, (uint64_t)MILLISECOND << next(input) % 18);
        break;
    case 4:
        settle(world);
        break;
    default:
        segment(world, input);
        break;
    }
}

/* ---- Before and after ---- */

static void start_services(struct world *world)
{
    chaski_listener ignored;
    struct chaski_tcp_bind bind = {
        .local.port = 7, .receive = echo, .context = world, .max_connections = 4};
    must(chaski_tcp_bind(world->host, &bind, &ignored) == 0);
    bind.local.port = 19;
    bind.receive = chargen;
    must(chaski_tcp_bind(world->host, &bind, &ignored) == 0);
    bind.local.port = 9;
    bind.receive = NULL;
    bind.backlog = 2;
    must(chaski_tcp_bind(world->host, &bind, &world->polled) == 0);
    struct chaski_udp_bind udp = {.local.port = 7, .receive = udp_echo};
    must(chaski_udp_bind(world->host, &udp, &world->udp) == 0);
    struct chaski_address group = chaski_ip4(239, 1, 2, 3);
    must(chaski_udp_join(world->host, world->udp, &group, 0) == 0);
}

static void start(struct world *world)
{
    static const struct chaski_limits limits = {.interfaces = 1,
                                                .addresses = 2,
                                                .routes = 4,
                                                .neighbours = 4,
                                                .groups = 4,
                                                .reassemblies = 2,
                                                .paths = 2,
                                                .listeners = 4,
                                                .connections = 8,
                                                .half_open = 2,
                                                .time_wait = 4,
                                                .udp_sockets = 2,
                                                .packets = 128,
                                                .small_buffers = 64,
                                                .large_buffers = 4,
                                                .receive_buffer_max = 32768,
                                                .send_buffer_max = 32768};
    static const uint8_t seed[32] = {1};
    static void *memory;
    size_t size = chaski_size(&limits);
    if (memory == NULL)
        memory = malloc(size);
    *world = (struct world){.now = 1};
    world->host = chaski_init(memory, size, &limits, seed, world->now);
    must(world->host != NULL);
    struct chaski_interface interface = {
        .name = "fuzz", .mtu = PEER_MTU, .output = output, .context = world};
    memcpy(interface.mac, host_mac, 6);
    world->interface = chaski_interface_add(world->host, &interface);
    struct chaski_address address = chaski_ip4(10, 0, 0, 2), gateway = chaski_ip4(10, 0, 0, 1),
                          any = chaski_ip4(0, 0, 0, 0);
    must(chaski_address_add(world->host, world->interface, &address, 24) == 0);
    must(chaski_route_add(world->host, &any, 0, &gateway, world->interface) == 0);
    for (unsigned i = 0; i < HANDLES; i++)
        world->handles[i] = (chaski_tcp){UINT32_MAX, UINT32_MAX};
    start_services(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct world world;
    struct input input = {bytes, bytes + size};
    start(&world);
    while (input.at < input.end)
        step(&world, &input);
    for (unsigned i = 0; i < HANDLES; i++)
        chaski_tcp_abort(world.host, world.handles[i]);
    pass(&world, 100 * (uint64_t)1000 * MILLISECOND);
    return 0;
}
