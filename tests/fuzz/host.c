/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole host with services, through its public interface alone. The input is a program: two bytes
 * of knobs, then frames, datagrams and segments with right checksums, the passing of time, and the
 * application's calls.
 * The host must survive it, send nothing malformed (peer.c), keep its sums true (host_truth.c),
 * always come to rest (a deadline that never moves on would keep a core busy for ever), and hold
 * nothing when all is over.
 */
#include "core/host/host.h"
#include "core/wire/ethernet.h"
#include "drivers/frame.h"
#include "tests/fuzz/host.h"

enum {
    POLLS_AT_A_TIME = 1000, /* more without time passing is a loop */
    STOPS = 100000,         /* likewise, of times to stop at */
    IDLE_SECONDS = 4000,    /* longer than anything is waited for: IGMP takes up to 3175 */
};

/* ---- The link and time ---- */

static size_t gather(uint8_t *frame, size_t room, const struct chaski_piece *pieces, unsigned count)
{
    size_t length = 0;
    for (unsigned i = 0; i < count; i++) {
        must(pieces[i].length <= room - length);
        memcpy(frame + length, pieces[i].bytes, pieces[i].length);
        length += pieces[i].length;
    }
    return length;
}

static void output_ethernet(void *context, const struct chaski_piece *pieces, unsigned count)
{
    struct world *world = context;
    uint8_t frame[PEER_FRAME_MAX];
    peer_see(&world->peer, frame, gather(frame, sizeof frame, pieces, count));
}

static void output_bare(void *context, const struct chaski_piece *pieces, unsigned count)
{
    struct world *world = context;
    uint8_t packet[PEER_MTU];
    peer_see_packet(&world->peer, packet, gather(packet, sizeof packet, pieces, count));
}

void host_gather(struct world *world)
{
    world->gathering = true;
}

void host_let_in(struct world *world)
{
    world->gathering = false;
    if (world->burst.count != 0)
        host_receive(world->host, HOST_ETHERNET, &world->burst, world->now);
}

void host_give(struct world *world, int interface, const uint8_t *frame, size_t length)
{
    if (world->gathering && interface == HOST_ETHERNET) {
        struct packet *packet = frame_of_bytes(host_memory(world->host), frame, length);
        if (packet != NULL)
            world->burst.packets[world->burst.count++] = packet;
        return;
    }
    size_t skip = interface == HOST_BARE ? WIRE_ETHERNET_HEADER : 0;
    if (length >= skip)
        chaski_input(world->host, interface, frame + skip, length - skip, world->now);
}

void host_settle(struct world *world)
{
    uint8_t frame[PEER_FRAME_MAX];
    unsigned polls = 0;
    do {
        must(polls++ < POLLS_AT_A_TIME);
        chaski_poll(world->host, world->now);
        if (world->peer.arp_asked) {
            world->peer.arp_asked = false;
            host_give(world, HOST_ETHERNET, frame, peer_arp_reply(frame));
        }
    } while (chaski_deadline(world->host) <= world->now);
    host_check(world);
}

void host_pass(struct world *world, uint64_t span)
{
    uint64_t end = world->now + span;
    unsigned stops = 0;
    host_settle(world);
    for (uint64_t due; (due = chaski_deadline(world->host)) <= end;) {
        must(stops++ < STOPS);
        world->now = due;
        host_settle(world);
    }
    world->now = end;
    host_settle(world);
}

/* ---- The program ---- */

static void step(struct world *world, struct input *input)
{
    switch (next(input) % 16) {
    case 0:
        host_raw_frame(world, input);
        break;
    case 1:
        host_datagram(world, input);
        break;
    case 2:
        host_arp(world, input);
        break;
    case 3:
    case 9:
        host_call(world, input);
        break;
    case 4:
    case 5:
        host_pass(world, HOST_MILLISECOND << next(input) % 18);
        break;
    case 6:
        host_settle(world);
        break;
    case 7:
        host_handshake(world, input);
        break;
    case 8:
        host_error(world, input);
        break;
    case 10:
    case 11:
        host_converse(world, input);
        break;
    case 12:
        host_train(world, input);
        break;
    default:
        host_segment(world, input);
        break;
    }
}

/* ---- Before and after ---- */

static void add_interfaces(struct world *world)
{
    struct chaski_interface interface = {
        .mtu = PEER_MTU, .output = output_ethernet, .context = world};
    const struct chaski_address address = chaski_ip4(10, 0, 0, 2),
                                gateway = chaski_ip4(10, 0, 0, 1), any = chaski_ip4(0, 0, 0, 0);
    memcpy(interface.mac, host_mac, 6);
    must(chaski_interface_add(world->host, &interface) == HOST_ETHERNET);
    interface.kind = CHASKI_BARE;
    interface.output = output_bare;
    must(chaski_interface_add(world->host, &interface) == HOST_BARE);
    must(chaski_address_add(world->host, HOST_ETHERNET, &address, 24) == 0);
    must(chaski_route_add(world->host, &any, 0, &gateway, HOST_ETHERNET) == 0);
}

static void start(struct world *world)
{
    static const struct chaski_limits limits = {.interfaces = 2,
                                                .addresses = 3,
                                                .routes = 5,
                                                .neighbours = 4,
                                                .groups = 4,
                                                .reassemblies = 2,
                                                .paths = 2,
                                                .listeners = HOST_LISTENERS,
                                                .connections = 8,
                                                .half_open = 2,
                                                .time_wait = 4,
                                                .udp_sockets = HOST_SOCKETS,
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
    add_interfaces(world);
    host_start_services(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct world world;
    struct input input = {bytes, bytes + size};
    start(&world);
    host_turn_knobs(&world, next16(&input));
    while (input.at < input.end)
        step(&world, &input);
    host_let_go(&world);
    host_pass(&world, IDLE_SECONDS * 1000 * HOST_MILLISECOND);
    host_check_rest(&world);
    return 0;
}
