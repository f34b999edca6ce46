/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/host/host.h"

#include "core/host/layout.h"
#include "core/wire/ethernet.h"
#include "core/wire/ip4.h"

/* ---- Life ---- */

/* Bytes from a cache line's start on. Blocks may note things in *scratch while they only count. */
static size_t counted(const struct chaski_limits *limits, struct chaski *scratch)
{
    static const uint8_t seed[32];
    struct memory memory = {0};
    memory_take(&memory, sizeof *scratch);
    host_lay_out(scratch, &memory, limits, seed, 0);
    return memory.used;
}

size_t chaski_size(const struct chaski_limits *limits)
{
    struct chaski scratch;
    size_t size = counted(limits, &scratch);
    return size > SIZE_MAX - MEMORY_ALIGN ? SIZE_MAX : size + MEMORY_ALIGN - 1;
}

struct chaski *chaski_init(void *memory, size_t size, const struct chaski_limits *limits,
                           const uint8_t seed[32], uint64_t now_ns)
{
    uintptr_t misaligned = (uintptr_t)memory % MEMORY_ALIGN;
    size_t skip = misaligned == 0 ? 0 : MEMORY_ALIGN - misaligned;
    if (memory == NULL || size < skip + sizeof(struct chaski))
        return NULL;
    struct memory rest = {.base = (uint8_t *)memory + skip, .size = size - skip};
    struct chaski *host = (struct chaski *)(void *)rest.base;
    if (rest.size < counted(limits, host)) /* on the spot: small systems have a small stack */
        return NULL;
    memory_take(&rest, sizeof *host);
    host_lay_out(host, &rest, limits, seed, now_ns);
    host_wire(host);
    return host;
}

uint64_t host_now(const struct chaski *host)
{
    return host->now_ns;
}

uint64_t host_draw(struct chaski *host)
{
    return random_draw(&host->random);
}

struct packet_memory *host_memory(struct chaski *host)
{
    return &host->memory;
}

struct counters *host_counters(struct chaski *host)
{
    return &host->counters;
}

uint64_t chaski_counter_value(const struct chaski *host, enum chaski_counter counter)
{
    return (unsigned)counter < CHASKI_COUNTER_COUNT ? host->counters.value[counter] : 0;
}

/* ---- Interfaces ---- */

static void wire_arp(struct chaski *host, struct host_port *port, uint8_t number,
                     const struct host_interface *interface)
{
    struct ip4_interface *ip4 = &host->ip4.interfaces[number];
    arp_interface_add(&host->arp, number, interface->mac,
                      (struct hook){ethernet_transmit, &port->ethernet});
    ip4_interface_add(&host->ip4, number, interface->mtu, (struct hook){arp_transmit, &host->arp});
    ip4->confirm = arp_confirm;
    ip4->doubt = arp_doubt;
    ip4->neighbours = &host->arp;
}

/* In a host that follows another one, which knows the neighbours. */
static void wire_reader(struct chaski *host, struct host_port *port, uint8_t number,
                        const struct host_interface *interface)
{
    struct ip4_interface *ip4 = &host->ip4.interfaces[number];
    host->reader.request[number] = (struct hook){ethernet_transmit, &port->ethernet};
    ip4_interface_add(&host->ip4, number, interface->mtu,
                      (struct hook){neighbour_reader_transmit, &host->reader});
    ip4->confirm = neighbour_reader_confirm;
    ip4->doubt = neighbour_reader_doubt;
    ip4->neighbours = &host->reader;
}

static void wire_ethernet(struct chaski *host, struct host_port *port, uint8_t number,
                          const struct host_interface *interface)
{
    ethernet_setup(&port->ethernet, &host->memory, &host->counters, number, interface->mac);
    port->coalesce.inform = (struct hook){ethernet_receive, &port->ethernet};
    port->ethernet.inform = (struct hook){dispatch_receive, &host->frames};
    port->ethernet.request = (struct hook){cut_transmit, &port->cut};
    if (host->follows)
        wire_reader(host, port, number, interface);
    else
        wire_arp(host, port, number, interface);
    igmp_interface_add(&host->igmp, number, ethernet_join, ethernet_leave, &port->ethernet);
}

static void wire_bare(struct chaski *host, struct host_port *port, uint8_t number,
                      const struct host_interface *interface)
{
    bare_setup(&port->bare, &host->memory, &host->counters, number);
    port->coalesce.inform = (struct hook){bare_receive, &port->bare};
    port->bare.inform = (struct hook){dispatch_receive, &host->frames};
    port->bare.request = (struct hook){cut_transmit, &port->cut};
    ip4_interface_add(&host->ip4, number, interface->mtu,
                      (struct hook){bare_transmit, &port->bare});
    igmp_interface_add(&host->igmp, number, NULL, NULL, NULL);
}

static void wire_port(struct chaski *host, struct host_port *port, uint8_t number,
                      const struct host_interface *interface)
{
    if ((interface->features & (LINK_CHECKSUM | LINK_CUT)) == 0)
        host->memory.sums = true;
    cut_setup(&port->cut, &host->memory, &host->counters, interface->features);
    port->cut.request = interface->output;
    coalesce_setup(&port->coalesce, &host->counters,
                   interface->kind == CHASKI_BARE ? 0 : WIRE_ETHERNET_HEADER);
    port->kind = interface->kind;
    if (port->kind == CHASKI_BARE)
        wire_bare(host, port, number, interface);
    else
        wire_ethernet(host, port, number, interface);
}

int host_interface_add(struct chaski *host, const struct host_interface *interface)
{
    if (interface->mtu < WIRE_IP4_MTU_MIN || interface->output.call == NULL ||
        (interface->mac[0] & 1) != 0 || interface->kind > CHASKI_BARE)
        return CHASKI_INVALID;
    if (host->port_count == host->port_limit)
        return CHASKI_NO_MEMORY;
    uint8_t number = (uint8_t)host->port_count++;
    struct host_port *port = &host->ports[number];
    wire_port(host, port, number, interface);
    return number;
}

/* ---- Turns ---- */

static void set_time(struct chaski *host, uint64_t now_ns)
{
    if (now_ns > host->now_ns)
        host->now_ns = now_ns;
}

void host_set_now(struct chaski *host, uint64_t now_ns)
{
    set_time(host, now_ns);
    host->tcp.now_ns = host->now_ns;
    host->ip4.now_ns = host->now_ns;
}

void host_receive(struct chaski *host, int interface, struct burst *burst, uint64_t now_ns)
{
    struct host_port *port = host_port_of(host, interface);
    set_time(host, now_ns);
    if (port == NULL)
        hook_not_wired(&host->counters, burst, host->now_ns);
    else
        coalesce_receive(&port->coalesce, burst, host->now_ns);
}

/* Every step does what is there when it begins, or a limited number of things, so a turn ends
 * whatever closures and loops to this host itself add; that is for the next one. */
void chaski_poll(struct chaski *host, uint64_t now_ns)
{
    if (host->in_turn)
        return;
    host->in_turn = true;
    set_time(host, now_ns);
    timer_wheel_run(&host->wheel, host->now_ns);
    if (loopback_pending(&host->loopback))
        loopback_run(&host->loopback, host->now_ns);
    tcp_run_closures(&host->tcp, host->now_ns);
    if (udp_busy(&host->udp))
        udp_closures(&host->udp);
    if (icmp4_pending(&host->icmp4))
        icmp4_run_closures(&host->icmp4, host);
    tcp_output_all(&host->tcp, host->now_ns);
    udp_flush(&host->udp, host->now_ns);
    host->in_turn = false;
}

uint64_t chaski_deadline(struct chaski *host)
{
    bool busy = loopback_pending(&host->loopback) || tcp_pending(&host->tcp) ||
                udp_busy(&host->udp) || icmp4_pending(&host->icmp4);
    return busy ? 0 : timer_wheel_deadline(&host->wheel);
}
