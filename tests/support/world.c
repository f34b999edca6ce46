/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ETHERNET = 14, SETTLE_ROUNDS = 100000 };

static const uint8_t link_addresses[WORLD_HOSTS][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};

struct chaski_address world_address(uint32_t host)
{
    return chaski_ip4(192, 0, 2, (uint8_t)(1 + host));
}

struct chaski_endpoint world_endpoint(uint32_t host, uint16_t port)
{
    return (struct chaski_endpoint){.address = world_address(host), .port = port};
}

/* ---- The cable ---- */

static struct frame *note_frame(struct world *world, uint32_t from, uint32_t length)
{
    if (world->frame_count == world->frame_room) {
        world->frame_room = world->frame_room * 2 + 64;
        world->frames = realloc(world->frames, world->frame_room * sizeof *world->frames);
        assert_non_null(world->frames);
    }
    struct frame *frame = &world->frames[world->frame_count++];
    *frame = (struct frame){.sent_ns = world->now_ns, .from = from, .length = length};
    frame->bytes = malloc(length);
    assert_non_null(frame->bytes);
    return frame;
}

static bool is_ip4(const uint8_t *frame, size_t length)
{
    return length > ETHERNET && frame[12] == 0x08 && frame[13] == 0x00;
}

/* What the host sends has to be what TCP allows. */
static void ask_model(struct world_station *station, const struct frame *frame)
{
    struct model_packet seen = {.bytes = frame->bytes + ETHERNET,
                                .length = frame->length - ETHERNET};
    if (!is_ip4(frame->bytes, frame->length) || station->world->unmodelled)
        return;
    const char *broken = model_out(station->model, &seen, station->world->now_ns);
    if (broken != NULL)
        fail_msg("host %u: %s", station->number, broken);
}

void world_input(struct world *world, uint32_t host, const void *frame, size_t length)
{
    const uint8_t *bytes = frame;
    struct model_packet seen = {.bytes = bytes + ETHERNET, .length = (uint32_t)length - ETHERNET};
    if (is_ip4(bytes, length))
        model_in(world->stations[host].model, &seen, world->now_ns);
    chaski_input(world->hosts[host], 0, frame, length, world->now_ns);
}

/* hook_function of a station: the frames go onto the cable. */
static void transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct world_station *station = block;
    struct world *world = station->world;
    (void)now_ns;
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        struct frame *frame = note_frame(world, station->number, packet->length);
        assert_int_not_equal(packet->checksum, CHECKSUM_PARTIAL);
        assert_int_equal(packet->segment_size, 0);
        packet_copy_out(packet, 0, frame->bytes, packet->length);
        packet_free(packet);
        ask_model(station, frame);
        frame->lost = world->loses != NULL && world->loses(world->context, frame);
    }
    burst->count = 0;
}

static bool frame_due(const struct world *world)
{
    return world->arrived < world->frame_count &&
           world->frames[world->arrived].sent_ns + world->delay_ns <= world->now_ns;
}

static void deliver(struct world *world)
{
    const struct frame frame = world->frames[world->arrived++];
    uint32_t to = 1 - frame.from;
    if (!frame.lost && to < world->host_count)
        world_input(world, to, frame.bytes, frame.length);
}

/* ---- Making ---- */

static const struct chaski_limits ample = {
    .interfaces = 4,
    .addresses = 8,
    .routes = 16,
    .neighbours = 64,
    .groups = 16,
    .reassemblies = 16,
    .paths = 16,
    .listeners = 16,
    .connections = 256,
    .half_open = 64,
    .time_wait = 256,
    .udp_sockets = 64,
    .packets = 4096,
    .small_buffers = 1024,
    .large_buffers = 256,
    .receive_buffer_max = 4 << 20,
    .send_buffer_max = 4 << 20,
};

static void give_address(struct chaski *host, uint32_t number, unsigned prefix_length)
{
    struct chaski_address address = world_address(number);
    assert_int_equal(chaski_address_add(host, 0, &address, prefix_length), 0);
    if (prefix_length == 32) {
        struct chaski_address network = chaski_ip4(192, 0, 2, 0), none = {{0}};
        assert_int_equal(chaski_route_add(host, &network, 24, &none, 0), 0);
    }
}

static void make_host(struct world *world, uint32_t number, const struct world_options *options)
{
    struct world_station *station = &world->stations[number];
    const struct chaski_limits *limits = options->limits != NULL ? options->limits : &ample;
    uint8_t seed[32] = {options->seed, (uint8_t)number};
    size_t size = chaski_size(limits);
    *station = (struct world_station){.world = world, .number = number, .memory = malloc(size)};
    static const struct model_options told = {.fast_open = true};
    station->model = model_make(&told);
    assert_non_null(station->model);
    struct chaski *host = chaski_init(station->memory, size, limits, seed, world->now_ns);
    assert_non_null(host);
    struct host_interface interface = {
        .mtu = options->mtu != 0 ? options->mtu : 1500,
        .output = {transmit, station},
    };
    memcpy(interface.mac, link_addresses[number], 6);
    assert_int_equal(host_interface_add(host, &interface), 0);
    world->hosts[number] = host;
    give_address(host, number, options->prefix_length != 0 ? options->prefix_length : 24);
}

void world_make(struct world *world, const struct world_options *options)
{
    static const struct world_options defaults;
    if (options == NULL)
        options = &defaults;
    *world = (struct world){
        .now_ns = options->start_ns != 0 ? options->start_ns : WORLD_SECOND,
        .delay_ns = options->delay_ns,
        .host_count = options->hosts != 0 ? options->hosts : 2,
    };
    assert_in_range(world->host_count, 1, WORLD_HOSTS);
    for (uint32_t i = 0; i < world->host_count; i++)
        make_host(world, i, options);
}

static void assert_full(const struct pool *pool)
{
    assert_int_equal(pool->free_count, pool->total);
}

void world_assert_no_leaks(struct world *world)
{
    for (uint32_t i = 0; i < world->host_count; i++) {
        const struct packet_memory *memory = host_memory(world->hosts[i]);
        assert_full(&memory->packets);
        assert_full(&memory->small);
        assert_full(&memory->large);
    }
}

void world_free(struct world *world)
{
    for (uint32_t i = 0; i < world->frame_count; i++)
        free(world->frames[i].bytes);
    free(world->frames);
    for (uint32_t i = 0; i < world->host_count; i++) {
        model_free(world->stations[i].model);
        free(world->stations[i].memory);
    }
    *world = (struct world){0};
}

/* ---- Time ---- */

static uint64_t next_event(struct world *world)
{
    uint64_t next = UINT64_MAX;
    if (world->arrived < world->frame_count)
        next = world->frames[world->arrived].sent_ns + world->delay_ns;
    for (uint32_t i = 0; i < world->host_count; i++) {
        uint64_t deadline = chaski_deadline(world->hosts[i]);
        next = deadline < next ? deadline : next;
    }
    return next;
}

/* One round of the loop that chaski/chaski.h describes. */
static void turn(struct world *world)
{
    while (frame_due(world))
        deliver(world);
    for (uint32_t i = 0; i < world->host_count; i++)
        chaski_poll(world->hosts[i], world->now_ns);
}

void world_settle(struct world *world)
{
    uint32_t rounds = 0;
    do {
        turn(world);
        assert_true(++rounds < SETTLE_ROUNDS); /* something asks to be run for ever */
    } while (next_event(world) <= world->now_ns);
}

static bool never(void *context)
{
    (void)context;
    return false;
}

bool world_run_until(struct world *world, bool (*done)(void *context), void *context, uint64_t ns)
{
    uint64_t end = world->now_ns + ns;
    for (;;) {
        world_settle(world);
        if (done(context))
            return true;
        uint64_t next = next_event(world);
        if (next > end) {
            world->now_ns = end;
            return false;
        }
        world->now_ns = next;
    }
}

void world_run(struct world *world, uint64_t ns)
{
    world_run_until(world, never, NULL, ns);
}

/* ---- Looking ---- */

uint32_t world_sent(const struct world *world, uint32_t host)
{
    uint32_t sent = 0;
    for (uint32_t i = 0; i < world->frame_count; i++)
        sent += world->frames[i].from == host;
    return sent;
}

const struct frame *world_last(const struct world *world, uint32_t host, uint32_t back)
{
    for (uint32_t i = world->frame_count; i > 0; i--)
        if (world->frames[i - 1].from == host && back-- == 0)
            return &world->frames[i - 1];
    fail_msg("host %u has not sent so many frames", host);
    return NULL;
}

void world_forget(struct world *world)
{
    for (uint32_t i = 0; i < world->arrived; i++)
        free(world->frames[i].bytes);
    world->frame_count -= world->arrived;
    if (world->frame_count != 0)
        memmove(world->frames, world->frames + world->arrived,
                world->frame_count * sizeof *world->frames);
    world->arrived = 0;
}

/* ---- Injecting ---- */

void world_inject(struct world *world, uint32_t host, const void *frame, size_t length)
{
    world_input(world, host, frame, length);
    world_settle(world);
}

void world_inject_ip4(struct world *world, uint32_t host, const void *packet, size_t length)
{
    uint8_t *frame = malloc(ETHERNET + length);
    assert_non_null(frame);
    memcpy(frame, link_addresses[host], 6);
    memcpy(frame + 6, link_addresses[1 - host], 6);
    frame[12] = 0x08;
    frame[13] = 0x00;
    memcpy(frame + ETHERNET, packet, length);
    ip4_make_right(frame + ETHERNET, length);
    world_inject(world, host, frame, ETHERNET + length);
    free(frame);
}

void world_introduce(struct world *world, uint32_t host)
{
    uint8_t frame[42] = {[12] = 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1};
    uint8_t other = (uint8_t)(1 + (1 - host)), self = (uint8_t)(1 + host);
    const uint8_t sender[4] = {192, 0, 2, other}, target[4] = {192, 0, 2, self};
    memcpy(frame, link_addresses[host], 6);
    memcpy(frame + 6, link_addresses[1 - host], 6);
    memcpy(frame + 22, link_addresses[1 - host], 6);
    memcpy(frame + 28, sender, 4);
    memcpy(frame + 38, target, 4);
    world_inject(world, host, frame, sizeof frame);
}
