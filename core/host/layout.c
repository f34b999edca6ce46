/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/host/layout.h"

#include "core/wire/ethernet.h"
#include "core/wire/ip4.h"

/*
 * A host's memory. The same function says how much a host wants and lays it out: first with memory
 * that only counts, then for real, so that the two cannot disagree.
 */

/* What each secret is for; it enters the key, so that no block can compute another one's. */
enum secret {
    SECRET_ARP,
    SECRET_IP4,
    SECRET_ICMP4,
    SECRET_IGMP,
    SECRET_UDP_TABLE,
    SECRET_UDP_PORTS,
    SECRET_TCP,
    SECRET_DRAW,
};

static struct siphash_key derive(const uint8_t seed[32], enum secret secret)
{
    uint64_t words[4];
    memcpy(words, seed, sizeof words);
    struct siphash_key root = {words[0], words[1]};
    uint64_t first[3] = {words[2], words[3], 2 * (uint64_t)secret};
    uint64_t second[3] = {words[2], words[3], 2 * (uint64_t)secret + 1};
    struct siphash_key key = {siphash_words(&root, first, 3), siphash_words(&root, second, 3)};
    return key;
}

static uint32_t at_least(uint32_t value, uint32_t least)
{
    return value > least ? value : least;
}

static uint32_t at_most(uint64_t value, uint32_t most)
{
    return value < most ? (uint32_t)value : most;
}

/* Control packets and received frames keep a share that data waiting to be sent cannot take. */
static void reserve(struct pool *pool, uint32_t for_control_most, uint32_t for_receive_most)
{
    pool_reserve(pool, at_most(pool->total / 8, for_control_most),
                 at_most(pool->total / 4, for_receive_most));
}

static void lay_out_packets(struct packet_memory *packets, struct memory *memory,
                            const struct chaski_limits *limits)
{
    pool_init(&packets->packets, memory, sizeof(struct packet), limits->packets);
    pool_init(&packets->small, memory, BUFFER_HEADER + SMALL_BUFFER, limits->small_buffers);
    pool_init(&packets->large, memory, BUFFER_HEADER + LARGE_BUFFER, limits->large_buffers);
    reserve(&packets->packets, 256, 1024);
    reserve(&packets->small, 64, 512);
    reserve(&packets->large, 0, 64);
}

/* Bytes of all pools together: what queues of received packets are limited by. */
static uint64_t packet_bytes(const struct chaski_limits *limits)
{
    return limits->packets * (uint64_t)sizeof(struct packet) +
           limits->small_buffers * (uint64_t)(BUFFER_HEADER + SMALL_BUFFER) +
           limits->large_buffers * (uint64_t)(BUFFER_HEADER + LARGE_BUFFER);
}

static void lay_out_ip4(struct chaski *host, struct memory *memory,
                        const struct chaski_limits *limits, const uint8_t seed[32])
{
    struct ip4_limits ip4 = {
        .addresses = limits->addresses,
        .routes = limits->routes,
        .paths = limits->paths,
        .reassembly = {.datagrams = limits->reassemblies,
                       .fragments = limits->packets / 4,
                       .bytes = at_most(packet_bytes(limits) / 4, UINT32_MAX)},
    };
    struct siphash_key key = derive(seed, SECRET_IP4);
    ip4_setup(&host->ip4, memory, &ip4, &host->memory, &host->counters, &host->wheel, &key);
    key = derive(seed, SECRET_IGMP);
    igmp_setup(&host->igmp, memory, limits->groups, &host->ip4, &host->memory, &host->counters,
               &host->wheel, &key);
}

static void lay_out_arp(struct chaski *host, struct memory *memory,
                        const struct chaski_limits *limits, const uint8_t seed[32])
{
    struct arp_limits arp = {limits->neighbours, limits->addresses};
    struct siphash_key key = derive(seed, SECRET_ARP);
    arp_setup(&host->arp, memory, &arp, &host->memory, &host->counters, &host->wheel, &key);
}

static void lay_out_udp(struct chaski *host, struct memory *memory,
                        const struct chaski_limits *limits, const uint8_t seed[32])
{
    struct udp_setup setup = {
        .sockets = limits->udp_sockets,
        .memberships = limits->groups,
        .queued_packets_max = limits->packets / 2,
        .queued_bytes_max = packet_bytes(limits) / 2,
        .datagram_max = at_most(packet_bytes(limits), UDP_DATAGRAM_MAX),
        .table_key = derive(seed, SECRET_UDP_TABLE),
        .port_key = derive(seed, SECRET_UDP_PORTS),
        .memory = &host->memory,
        .counters = &host->counters,
        .host = host,
    };
    udp_init(&host->udp, memory, &setup);
}

static void lay_out_tcp(struct chaski *host, struct memory *memory,
                        const struct chaski_limits *limits, const uint8_t seed[32])
{
    struct tcp_setup setup = {
        .packets = &host->memory,
        .counters = &host->counters,
        .wheel = &host->wheel,
        .host = host,
        .key = derive(seed, SECRET_TCP),
        .now_ns = host->now_ns,
    };
    tcp_setup(&host->tcp, memory, limits, &setup);
}

/* What takes nothing from the memory, once that is known to be there. */
static void lay_out_rest(struct chaski *host, const struct chaski_limits *limits,
                         const uint8_t seed[32])
{
    struct siphash_key key = derive(seed, SECRET_ICMP4);
    icmp4_setup(&host->icmp4, &host->ip4, &host->memory, &host->counters, &key);
    host->icmp4.scratch = host->udp.scratch;
    host->icmp4.scratch_size = host->udp.setup.datagram_max;
    host->random = (struct random){.key = derive(seed, SECRET_DRAW)};
    dispatch_setup(&host->frames, &host->counters);
    dispatch_setup(&host->datagrams, &host->counters);
    neighbour_reader_setup(&host->reader, &host->counters);
    loopback_setup(&host->loopback, &host->counters, at_least(limits->packets / 4, 1));
}

void host_lay_out(struct chaski *host, struct memory *memory, const struct chaski_limits *limits,
                  const uint8_t seed[32], uint64_t now_ns)
{
    host->now_ns = now_ns;
    timer_wheel_init(&host->wheel, now_ns);
    host->port_limit = at_most(limits->interfaces, IP4_INTERFACES);
    host->ports = memory_take(memory, sizeof *host->ports * host->port_limit);
    lay_out_arp(host, memory, limits, seed);
    lay_out_ip4(host, memory, limits, seed);
    lay_out_udp(host, memory, limits, seed);
    lay_out_tcp(host, memory, limits, seed);
    lay_out_packets(&host->memory, memory, limits);
    if (memory->base != NULL && memory->used <= memory->size)
        lay_out_rest(host, limits, seed);
}

/* A packet that is watched, to whom it is of. */
static void show(void *context, const struct packet *packet)
{
    struct chaski *host = context;
    if (packet->ip.protocol == WIRE_IP_TCP)
        tcp_show(&host->tcp, packet);
    else
        udp_show(&host->udp, packet);
}

void host_wire(struct chaski *host)
{
    dispatch_wire(&host->frames, WIRE_ETHERNET_IP4, (struct hook){ip4_receive, &host->ip4});
    dispatch_wire(&host->frames, WIRE_ETHERNET_ARP, (struct hook){arp_receive, &host->arp});
    host->arp.unreachable = (struct hook){icmp4_neighbour_unreachable, &host->icmp4};

    host->ip4.inform = (struct hook){dispatch_receive, &host->datagrams};
    host->ip4.loop = (struct hook){loopback_transmit, &host->loopback};
    host->loopback.inform = (struct hook){ip4_receive, &host->ip4};

    dispatch_wire(&host->datagrams, WIRE_IP_TCP, (struct hook){tcp_receive, &host->tcp});
    dispatch_wire(&host->datagrams, WIRE_IP_UDP, (struct hook){udp_receive, &host->udp});
    dispatch_wire(&host->datagrams, WIRE_IP_ICMP4, (struct hook){icmp4_receive, &host->icmp4});
    dispatch_wire(&host->datagrams, WIRE_IP_IGMP, (struct hook){igmp_receive, &host->igmp});
    host->datagrams.other = (struct hook){icmp4_protocol_unreachable, &host->icmp4};
    host->icmp4.request = (struct hook){ip4_transmit, &host->ip4};
    host->igmp.request = (struct hook){ip4_transmit, &host->ip4};

    ip4_network(&host->ip4, &host->udp.network[FAMILY_IP4]);
    ip4_network(&host->ip4, &host->tcp.network[FAMILY_IP4]);
    host->ip4.show = show;
    host->ip4.host = host;
    icmp4_wire_errors(&host->icmp4, WIRE_IP_UDP, udp_error, &host->udp);
    icmp4_wire_errors(&host->icmp4, WIRE_IP_TCP, tcp_ip_error, &host->tcp);
}
