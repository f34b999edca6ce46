/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_internal.h"
#include "core/wire/ethernet.h"
#include "core/wire/icmp4.h"
#include "core/wire/ip4.h"
#include "drivers/frame.h"
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

/*
 * Hosts stand on one Ethernet. What a host sends passes sim_output() before it reaches the wire:
 * there it is recorded, and there a router stands whose next link may be narrower than the wire.
 * Its complaints (RFC 1191) come back to the host in that host's next turn.
 */

enum { ROUNDS_MOST = 1000000, HEADER = 14, IP = 20, ICMP = 8, QUOTE = 28 };

struct chaski_address sim_address(uint32_t host)
{
    return chaski_ip4(198, 51, 100, (uint8_t)(host + 1));
}

/* ---- The router ---- */

static void note_too_big(struct sim_host *at, const struct packet *packet)
{
    if (at->icmp_count == SIM_ICMP_WAITING)
        return;
    uint32_t n = at->icmp_count++;
    at->icmp_mtu[n] = at->path_mtu;
    packet_copy_out(packet, HEADER, at->icmp_quote[n], QUOTE);
}

static void tell_too_big(struct sim_host *at, uint32_t n)
{
    uint8_t frame[HEADER + IP + ICMP + QUOTE] = {0};
    static const uint8_t router_mac[6] = {2, 0, 0, 0, 0, 0xfe}, router[4] = {203, 0, 113, 1};
    static const uint8_t header[IP] = {0x45, 0, 0, IP + ICMP + QUOTE, 0, 0, 0, 0, 64, 1};
    uint8_t *ip = frame + HEADER, *icmp = ip + IP;
    memcpy(frame, at->link->mac, 6);
    memcpy(frame + 6, router_mac, 6);
    frame[12] = 0x08;
    memcpy(ip, header, IP);
    memcpy(ip + 12, router, 4);
    memcpy(ip + 16, at->icmp_quote[n] + 12, 4);
    wire_ip4_finish_checksum(ip);
    wire_icmp4_build(icmp, WIRE_ICMP4_UNREACHABLE, WIRE_ICMP4_FRAGMENTATION_NEEDED,
                     at->icmp_mtu[n]);
    memcpy(icmp + ICMP, at->icmp_quote[n], QUOTE);
    wire_icmp4_set_checksum(icmp, 0);
    uint64_t sum = checksum_partial(icmp, ICMP + QUOTE);
    wire_icmp4_set_checksum(icmp, checksum_finish(sum));
    chaski_input(at->host, 0, frame, sizeof frame, at->sim->now_ns);
}

/* Whether the packet is longer than the way it would go; then its sender is told, mostly. */
static bool too_big(struct sim_host *at, const struct packet *packet)
{
    uint8_t head[HEADER + QUOTE];
    if (packet->length <= HEADER + at->path_mtu || packet->length < sizeof head)
        return false;
    packet_copy_out(packet, 0, head, sizeof head);
    if (load_be16(head + 12) != WIRE_ETHERNET_IP4)
        return false;
    if (wire_ip4_dont_fragment(head + HEADER) && !sim_one_in(&at->sim->weather_random, 8))
        note_too_big(at, packet);
    return true;
}

/* ---- What hosts send ---- */

/* hook_function */
static void sim_output(void *block, struct burst *burst, uint64_t now_ns)
{
    struct sim_host *at = block;
    struct sim *sim = at->sim;
    struct burst fitting = {.count = 0};
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        sim->frames++;
        if (sim->trace != NULL)
            pcap_write(sim->trace, packet, now_ns);
        sim_model_out(at, packet);
        if (too_big(at, packet))
            packet_free(packet);
        else
            fitting.packets[fitting.count++] = packet;
    }
    burst->count = 0;
    if (fitting.count != 0)
        at->link->transmit(at->link, &fitting, now_ns);
}

/* ---- Making ---- */

static void set_recovery_knobs(struct tcp_knobs *knobs, uint64_t *random)
{
    knobs->dsack = !sim_one_in(random, 4);
    knobs->frto = sim_one_in(random, 4) ? 0 : 2;
    knobs->tail_probes = sim_one_in(random, 4) ? 0 : 3;
    knobs->reordering = (uint8_t)(1 + random_below(random, 6));
    knobs->slow_start_after_idle = !sim_one_in(random, 4);
    knobs->ecn = (uint8_t)random_below(random, 6);
    knobs->cwnd_validation = sim_one_in(random, 4);
    knobs->mtu_probing = (uint8_t)random_below(random, 3);
}

/* With cookies, sometimes without. */
static void set_fast_open(struct sim_host *at, uint64_t *random)
{
    bool trusts = sim_one_in(random, 4);
    at->opens_fast = sim_one_in(random, 3);
    if (at->opens_fast)
        at->host->tcp.knobs.fast_open =
            (uint16_t)(FAST_OPEN_CLIENT | FAST_OPEN_SERVER |
                       (trusts ? FAST_OPEN_CLIENT_NO_COOKIE | FAST_OPEN_SERVER_NO_COOKIE : 0));
}

/* What Linux alone has; how few TIME-WAITs there are is a matter of crowds. */
static void set_linux_knobs(struct tcp_knobs *knobs, uint64_t *random)
{
    knobs->retrans_collapse = !sim_one_in(random, 3);
    knobs->max_syn_backlog = sim_one_in(random, 3) ? random_below(random, 4) : INT32_MAX;
    knobs->comp_sack_nr = sim_one_in(random, 3) ? 44 : 0;
    knobs->shrink_window = sim_one_in(random, 3);
    knobs->app_win = sim_one_in(random, 3) ? (uint8_t)random_below(random, 32) : 0;
    knobs->lax_window = sim_one_in(random, 8);
    knobs->no_metrics_save = sim_one_in(random, 4);
    knobs->no_ssthresh_metrics_save = sim_one_in(random, 2);
    knobs->min_rtt_window_s = sim_one_in(random, 3) ? random_below(random, 3) : 300;
    knobs->pingpong_threshold = (uint8_t)(sim_one_in(random, 3) ? random_below(random, 4) + 1 : 1);
    knobs->near_shift = (uint8_t)(sim_one_in(random, 3) ? random_below(random, 32) : 9);
    knobs->signed_windows = sim_one_in(random, 4);
    /* Without any challenge, who has lost his connection would not get another. */
    knobs->challenge_limit = sim_one_in(random, 4) ? 1 + random_below(random, 4) : INT32_MAX;
    knobs->tso_divisor = sim_one_in(random, 3) ? (uint8_t)random_below(random, 10) : 3;
}

static void set_knobs(struct sim *sim, struct sim_host *at)
{
    struct tcp_knobs *knobs = &at->host->tcp.knobs;
    uint64_t random = sim_stream(sim->job.seed, SIM_OF_KNOBS, at->number);
    if (!sim_has(sim, SIM_IMPATIENT)) { /* on the worst links time-outs grow: patience helps */
        knobs->orphan_timeout_ms = 2000 * 1000;
        knobs->give_up_ms = 20000 * 1000;
    }
    if (!sim_has(sim, SIM_KNOBS))
        return;
    knobs->sack = !sim_one_in(&random, 3);
    knobs->timestamps = !sim_one_in(&random, 3);
    knobs->window_scaling = !sim_one_in(&random, 4);
    knobs->congestion = (uint8_t)random_below(&random, CHASKI_CONGESTION_COUNT);
    knobs->initial_window = 1 + random_below(&random, 20);
    knobs->ack_delay_us = 1000 + random_below(&random, 499000);
    knobs->rto_min_us = 1000 + sim_some(&random, 1000000);
    set_recovery_knobs(knobs, &random);
    if (sim_one_in(&random, 3))
        knobs->receive_buffer = 2048 + random_below(&random, 30000);
    if (sim_one_in(&random, 3))
        knobs->send_buffer = 2048 + random_below(&random, 30000);
    set_fast_open(at, &random);
    set_linux_knobs(knobs, &random);
}

/* All connections of all hosts are authenticated, each by one of two keys at first. */
static void give_keys(struct sim *sim, struct sim_host *at)
{
    uint64_t random = sim_stream(sim->job.seed, SIM_OF_KNOBS, SIM_HOSTS);
    for (uint8_t i = 0; i < sim->plan.limits.ao_keys; i++) {
        struct chaski_tcp_ao_key key = {
            .send_id = i,
            .receive_id = i,
            .algorithm = (uint8_t)random_below(&random, 2),
            .without_options = sim_one_in(&random, 2),
            .secret_length = (uint8_t)(1 + random_below(&random, CHASKI_TCP_AO_SECRET_MAX)),
        };
        key.secret[0] = i;
        sim_must(sim, chaski_tcp_ao_add_key(at->host, &key) == 0);
    }
}

static void make_host(struct sim *sim, uint32_t number)
{
    const struct chaski_limits *limits = &sim->plan.limits;
    struct sim_host *at = &sim->hosts[number];
    size_t size = chaski_size(limits);
    uint8_t seed[32] = {(uint8_t)number};
    memcpy(seed + 8, &sim->job.seed, sizeof sim->job.seed);
    *at = (struct sim_host){.sim = sim, .number = number, .path_mtu = UINT16_MAX + 1};
    at->memory = aligned_alloc(MEMORY_ALIGN, (size + MEMORY_ALIGN - 1) & ~(size_t)63);
    sim_must(sim, at->memory != NULL);
    at->host = chaski_init(at->memory, size, limits, seed, sim->now_ns);
    sim_must(sim, at->host != NULL);
    struct memory_wire_station join = {
        .name = "wire",
        .memory = host_memory(at->host),
        .counters = host_counters(at->host),
        .mac = {2, 0, 0, 0, 0, (uint8_t)(number + 1)},
        .mtu = sim->plan.mtu,
        .features = sim->plan.link_features,
    };
    at->link = memory_wire_join(sim->wire, &join);
    sim_must(sim, at->link != NULL);
    struct host_interface interface = {
        .mtu = at->link->mtu,
        .features = at->link->features,
        .output = {sim_output, at},
    };
    memcpy(interface.mac, join.mac, sizeof interface.mac);
    sim_must(sim, host_interface_add(at->host, &interface) == 0);
    struct chaski_address address = sim_address(number);
    sim_must(sim, chaski_address_add(at->host, 0, &address, 24) == 0);
    set_knobs(sim, at);
    give_keys(sim, at);
    sim_model_make(at);
}

void sim_world_make(struct sim *sim)
{
    struct sim_plan *plan = &sim->plan;
    struct memory_wire_options options = {
        .seed = sim->job.seed,
        .stations = plan->hosts,
        .queue_packets = plan->hosts > 4 ? 256 : 128,
        .copy = plan->copy,
        .large = plan->mtu > 1500 || (plan->link_features & LINK_CUT) != 0,
    };
    sim->now_ns = SIM_SECOND;
    sim->wire = memory_wire_create(&options);
    sim_must(sim, sim->wire != NULL);
    for (uint32_t i = 0; i < plan->hosts; i++)
        make_host(sim, i);
    for (uint32_t i = 0; i < plan->hosts; i++)
        for (uint32_t j = 0; j < plan->hosts; j++)
            memory_wire_impair(sim->wire, (int)i, (int)j, &plan->harm[i > j]);
}

void sim_world_free(struct sim *sim)
{
    memory_wire_destroy(sim->wire);
    for (uint32_t i = 0; i < SIM_HOSTS; i++) {
        model_free(sim->hosts[i].model);
        free(sim->hosts[i].memory);
    }
}

/* ---- Time ---- */

/* Arms the next failure of each pool whose last one has happened. */
static void arm_failures(struct sim *sim, struct sim_host *at)
{
    struct pool *pools[] = {&at->host->memory.packets, &at->host->memory.small,
                            &at->host->memory.large, &at->host->tcp.sent};
    for (unsigned i = 0; i < 4 && sim->plan.fail_every != 0; i++) {
        if (pools[i]->takes < pools[i]->fail_at)
            continue;
        at->lossless &= pools[i]->fail_at == 0;
        pools[i]->fail_at =
            pools[i]->takes + 1 + random_below(&sim->fail_random, 2 * sim->plan.fail_every);
    }
}

static void turn(struct sim *sim, struct sim_host *at)
{
    struct burst burst = {.count = 0};
    arm_failures(sim, at);
    for (uint32_t i = 0; i < at->icmp_count; i++)
        tell_too_big(at, i);
    at->icmp_count = 0;
    do {
        at->link->receive(at->link, &burst, sim->now_ns);
        for (uint32_t i = 0; i < burst.count; i++)
            sim_model_in(at, burst.packets[i]);
        if (burst.count != 0)
            host_receive(at->host, 0, &burst, sim->now_ns);
    } while (at->link->more);
    chaski_poll(at->host, sim->now_ns);
    sim_model_turn(at);
    if (sim->job.sabotage != 0 && !sim->sabotaged)
        sim_sabotage(sim, at);
    sim_check_host(sim, at);
}

static uint64_t host_next(struct sim_host *at)
{
    uint64_t frame = at->link->deadline(at->link), own = chaski_deadline(at->host);
    uint64_t next = at->icmp_count != 0 ? 0 : frame < own ? frame : own;
    return next > at->frozen_until_ns ? next : at->frozen_until_ns;
}

uint64_t sim_world_next(struct sim *sim)
{
    uint64_t next = UINT64_MAX;
    for (uint32_t i = 0; i < sim->plan.hosts; i++) {
        uint64_t one = host_next(&sim->hosts[i]);
        next = one < next ? one : next;
    }
    return next;
}

void sim_settle(struct sim *sim)
{
    bool busy = true;
    for (uint32_t round = 0; busy; round++) {
        busy = false;
        if (round == ROUNDS_MOST)
            sim_fail(sim, "a host asks to be run for ever");
        for (uint32_t i = 0; i < sim->plan.hosts; i++) {
            if (host_next(&sim->hosts[i]) > sim->now_ns)
                continue;
            turn(sim, &sim->hosts[i]);
            busy = true;
        }
    }
}
