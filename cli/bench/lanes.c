/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/bench/lanes.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/bench/cycles.h"
#include "core/base/address.h"
#include "core/host/host.h"
#include "core/wire/arp.h"
#include "core/wire/ethernet.h"

#define SECOND UINT64_C(1000000000)

enum { SHARD_END, PEER_END };

struct chaski_address lanes_shard_address(void)
{
    return chaski_ip4(10, 0, 0, 1);
}

struct chaski_address lanes_peer_address(void)
{
    return chaski_ip4(10, 0, 0, 2);
}

static void set_mac(uint8_t mac[6], unsigned end)
{
    memcpy(mac, (const uint8_t[]){2, 0, 0, 0, 0, (uint8_t)(end + 1)}, 6);
}

static struct link *join(struct lane *lane, unsigned end, struct chaski *host, uint32_t mtu)
{
    struct memory_wire_station station = {
        .name = end == SHARD_END ? "shard" : "peer",
        .memory = host_memory(host),
        .counters = host_counters(host),
        .mtu = (uint16_t)mtu,
    };
    set_mac(station.mac, end);
    return memory_wire_join(lane->wire, &station);
}

/* Tells a host who is at the other end, by that one's request for the host's address. They could
 * not all ask: ARP is the leader's, who answers by its own wire. What they learn so holds some
 * seconds, and after that as long as connections make progress. */
static void introduce(struct chaski *host, unsigned end)
{
    uint8_t frame[WIRE_ETHERNET_HEADER + WIRE_ARP_SIZE];
    const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct chaski_address shard = lanes_shard_address(), peer = lanes_peer_address();
    struct wire_arp_fields fields = {
        .operation = WIRE_ARP_REQUEST,
        .sender_ip = address_ip4(end == SHARD_END ? &shard : &peer),
        .target_ip = address_ip4(end == SHARD_END ? &peer : &shard),
    };
    set_mac(fields.sender_mac, end);
    wire_ethernet_build(frame, everybody, fields.sender_mac, WIRE_ETHERNET_ARP);
    wire_arp_build(frame + WIRE_ETHERNET_HEADER, &fields);
    chaski_input(host, 0, frame, sizeof frame, system_now());
}

/* ---- Making -------------------------------------------------------------------------------- */

static bool listen_on(struct lane *lane, const struct lanes_options *options)
{
    struct chaski_tcp_bind bind = {.backlog = 4096, .receive = options->on_peer, .context = lane};
    chaski_listener listener;
    for (unsigned i = 0; i < options->ports; i++) {
        bind.local.port = (uint16_t)(LANES_FIRST_PORT + i);
        if (chaski_tcp_bind(lane->peer, &bind, &listener) != 0)
            return false;
    }
    return true;
}

/* The peer lives in the shard's loop. */
static bool add_peer(struct lane *lane, const struct lanes_options *options)
{
    struct chaski_address address = lanes_peer_address();
    lane->peer = system_host_create(&lane->memory, &options->limits, true);
    if (lane->peer == NULL)
        return false;
    struct link *link = join(lane, PEER_END, lane->peer, options->mtu);
    struct loop *loop = &lane->shards->shards[lane->number].loop;
    if (loop_add_link(loop, lane->peer, link) != 0 ||
        chaski_address_add(lane->peer, 0, &address, 32) != 0 || !listen_on(lane, options))
        return false;
    introduce(lane->peer, SHARD_END);
    return true;
}

static bool open_wires(struct lanes *lanes, const struct lanes_options *options)
{
    struct memory_wire_options wire = {.seed = 1, .stations = 2, .queue_packets = 65536};
    struct link *links[CHASKI_SHARDS_MAX];
    for (unsigned i = 0; i < lanes->count; i++) {
        struct lane *lane = &lanes->lanes[i];
        lane->shards = lanes->shards;
        lane->number = i;
        lane->context = (char *)options->contexts + i * options->context_size;
        lane->wire = memory_wire_create(&wire);
        if (lane->wire == NULL)
            return false;
        links[i] = join(lane, SHARD_END, chaski_shards_host(lanes->shards, i), options->mtu);
    }
    return shards_add_link(lanes->shards, links, lanes->count) == 0;
}

static bool add_route(struct chaski *host)
{
    struct chaski_address network = chaski_ip4(10, 0, 0, 0), none = {{0}};
    return chaski_route_add(host, &network, 8, &none, 0) == 0;
}

bool lanes_open(struct lanes *lanes, const struct lanes_options *options)
{
    struct chaski_shards_options shards = {
        .count = options->count, .busy_poll = true, .limits = options->limits};
    struct chaski_address address = lanes_shard_address();
    *lanes = (struct lanes){
        .shards = chaski_shards_create(&shards),
        .lanes = calloc(options->count, sizeof(struct lane)),
        .count = options->count,
    };
    if (lanes->shards == NULL || lanes->lanes == NULL || !open_wires(lanes, options))
        return false;
    struct chaski *leader = chaski_shards_host(lanes->shards, SHARDS_LEADER);
    if (chaski_address_add(leader, 0, &address, 32) != 0 || !add_route(leader))
        return false;
    introduce(leader, PEER_END);
    for (unsigned i = 0; i < lanes->count; i++) {
        if (!add_peer(&lanes->lanes[i], options) || !add_route(lanes->lanes[i].peer))
            return false;
    }
    return chaski_shards_start(lanes->shards) == 0;
}

/* ---- Ending -------------------------------------------------------------------------------- */

/* Frames that one shard has for another lie in the wire that they came by. */
static void take_back_frames(struct chaski_shards *shards)
{
    for (unsigned i = 0; i < shards->count * shards->count; i++)
        handover_close(&shards->handovers[i]);
}

/* A wire may only go while no host holds what came by it: so hosts are not asked any more. */
void lanes_close(struct lanes *lanes)
{
    if (lanes->shards != NULL && lanes->shards->running)
        chaski_shards_stop(lanes->shards);
    if (lanes->shards != NULL)
        take_back_frames(lanes->shards);
    for (unsigned i = 0; i < lanes->count && lanes->lanes != NULL; i++) {
        struct lane *lane = &lanes->lanes[i];
        if (lane->wire != NULL)
            memory_wire_destroy(lane->wire); /* and with it the shard's link */
        if (lanes->shards != NULL)
            lanes->shards->shards[i].links[0] = NULL;
        system_memory_unmap(&lane->memory);
    }
    chaski_shards_free(lanes->shards);
    free(lanes->lanes);
    *lanes = (struct lanes){0};
}

/* ---- Measuring ----------------------------------------------------------------------------- */

static uint64_t processor_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

void lane_note(const struct lane *lane, struct lane_usage *usage)
{
    struct memory_wire_statistics wire =
        memory_wire_statistics(lane->wire, MEMORY_WIRE_EVERY, MEMORY_WIRE_EVERY);
    *usage = (struct lane_usage){
        .wall_ns = system_now() - usage->wall_ns,
        .processor_ns = processor_ns() - usage->processor_ns,
        .cycles = cycles_now() - usage->cycles,
        .frames = wire.frames - usage->frames,
        .bytes = wire.bytes - usage->bytes,
    };
}

void lanes_sleep(uint64_t duration_ns)
{
    const struct timespec time = {(time_t)(duration_ns / SECOND), (long)(duration_ns % SECOND)};
    nanosleep(&time, NULL);
}
