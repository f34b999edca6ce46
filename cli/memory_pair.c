/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/memory_pair.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "core/host/host.h"
#include "drivers/pcap/capture.h"

enum { ABORT_AT_ONCE = 256 }; /* resets on the wire */

static const char *const names[SIDES] = {"client", "server"};

struct chaski_address memory_pair_address(int side)
{
    return chaski_ip4(10, 0, 0, (uint8_t)(side + 1));
}

/* A link that is recorded, or the same when nothing is to be. */
static struct link *record(struct link *link, struct pcap_writer *capture)
{
    return link == NULL || capture == NULL ? link : capture_link(link, capture, NULL);
}

static bool join(struct memory_pair *pair, int number, uint16_t mtu, unsigned features,
                 struct pcap_writer *capture)
{
    struct memory_pair_side *side = &pair->side[number];
    struct memory_wire_station station = {
        .name = names[number],
        .memory = host_memory(side->host),
        .counters = host_counters(side->host),
        .mac = {0x02, 0, 0, 0, 0, (uint8_t)(number + 1)},
        .mtu = mtu,
        .features = features,
    };
    struct chaski_address address = memory_pair_address(number);

    side->link = record(memory_wire_join(pair->wire, &station), capture);
    if (side->link == NULL)
        return false;
    struct host_interface interface = {
        .mtu = mtu,
        .features = side->link->features,
        .output = {side->link->transmit, side->link},
    };
    memcpy(interface.mac, station.mac, sizeof interface.mac);
    side->interface = host_interface_add(side->host, &interface);
    return side->interface >= 0 &&
           chaski_address_add(side->host, side->interface, &address, 8) == 0;
}

bool memory_pair_open(struct memory_pair *pair, const struct chaski_limits *limits, uint16_t mtu,
                      bool whole, struct pcap_writer *capture, bool huge_pages, char *error)
{
    struct memory_wire_options options = {.seed = 1, .stations = SIDES, .queue_packets = 65536};
    unsigned features = whole ? LINK_WHOLE : 0;

    *pair = (struct memory_pair){.now_ns = system_now()};
    bool good = true;
    for (int i = 0; i < SIDES && good; i++) {
        pair->side[i].host = system_host_create(&pair->side[i].memory, limits, huge_pages);
        good = pair->side[i].host != NULL;
    }
    pair->wire = good ? memory_wire_create(&options) : NULL;
    if (pair->wire != NULL && join(pair, CLIENT, mtu, features, capture) &&
        join(pair, SERVER, mtu, features,
             NULL)) /* once is enough: what one sends, the other receives */
        return true;
    snprintf(error, ARGUMENT_ERROR, "cannot make two hosts of %zu MB: %s",
             chaski_size(limits) >> 20, strerror(errno));
    memory_pair_close(pair);
    return false;
}

void memory_pair_close(struct memory_pair *pair)
{
    for (int i = 0; i < SIDES; i++)
        if (pair->side[i].link != NULL)
            link_close(pair->side[i].link);
    if (pair->wire != NULL)
        memory_wire_destroy(pair->wire);
    for (int i = 0; i < SIDES; i++)
        if (pair->side[i].host != NULL)
            system_memory_unmap(&pair->side[i].memory);
}

void memory_pair_turn(struct memory_pair *pair)
{
    pair->now_ns = system_now();
    for (int i = 0; i < SIDES; i++) {
        struct memory_pair_side *side = &pair->side[i];
        struct burst burst;
        burst.count = 0;
        do {
            side->link->receive(side->link, &burst, pair->now_ns);
            if (burst.count != 0)
                host_receive(side->host, side->interface, &burst, pair->now_ns);
        } while (side->link->more);
        chaski_poll(side->host, pair->now_ns);
    }
}

void memory_pair_abort_all(struct memory_pair *pair)
{
    struct chaski *host = pair->side[CLIENT].host;
    struct chaski_tcp_info info;
    uint32_t cursor = 0;
    unsigned n = 0;

    while (chaski_tcp_list(host, &cursor, &info) == 1) {
        if (info.connection.index == UINT32_MAX)
            continue;
        chaski_tcp_abort(host, info.connection);
        if (++n % ABORT_AT_ONCE == 0)
            memory_pair_turn(pair);
    }
    for (int i = 0; i < 4; i++)
        memory_pair_turn(pair);
}
