/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/link/bare.h"

#include "core/wire/ethernet.h"

void bare_setup(struct bare *bare, struct packet_memory *memory, struct counters *counters,
                uint8_t interface)
{
    *bare = (struct bare){
        .inform = {hook_not_wired, counters},
        .request = {hook_not_wired, counters},
        .counters = counters,
        .memory = memory,
        .interface = interface,
    };
}

static uint64_t burst_bytes(const struct burst *burst)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < burst->count; i++)
        bytes += burst->packets[i]->length;
    return bytes;
}

static enum chaski_counter receive_one(const struct bare *bare, struct packet *packet)
{
    if (packet->length == 0)
        return CHASKI_DROP_BARE_VERSION;
    if (!packet_pull_up(packet, 1, bare->memory))
        return CHASKI_DROP_NO_MEMORY;
    unsigned version = packet->data[0] >> 4;
    if (version != 4 && version != 6)
        return CHASKI_DROP_BARE_VERSION;
    packet->protocol = version == 4 ? WIRE_ETHERNET_IP4 : WIRE_ETHERNET_IP6;
    packet->interface = bare->interface;
    packet->flags |= PACKET_BARE;
    return 0;
}

void bare_receive(void *block, struct burst *burst, uint64_t now_ns)
{
    struct bare *bare = block;
    uint32_t kept = 0;
    count_many(bare->counters, CHASKI_LINK_FRAMES_RECEIVED, burst->count);
    count_many(bare->counters, CHASKI_LINK_BYTES_RECEIVED, burst_bytes(burst));
    for (uint32_t i = 0; i < burst->count; i++) {
        enum chaski_counter why = receive_one(bare, burst->packets[i]);
        if (why != 0)
            packet_drop(burst->packets[i], bare->counters, why);
        else
            burst->packets[kept++] = burst->packets[i];
    }
    burst->count = kept;
    hook_call(&bare->inform, burst, now_ns);
}

void bare_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct bare *bare = block;
    count_many(bare->counters, CHASKI_LINK_FRAMES_SENT, burst->count);
    count_many(bare->counters, CHASKI_LINK_BYTES_SENT, burst_bytes(burst));
    hook_call(&bare->request, burst, now_ns);
}
