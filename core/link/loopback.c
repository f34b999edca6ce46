/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/link/loopback.h"

void loopback_setup(struct loopback *loopback, struct counters *counters, uint32_t limit)
{
    *loopback = (struct loopback){
        .inform = {hook_not_wired, counters},
        .counters = counters,
        .limit = limit,
    };
    loopback->last = &loopback->first;
}

/* What a link and its checks would have made of the packet. */
static void turn_around(struct packet *packet)
{
    packet->flags = PACKET_LOOPED;
    packet->segment_size = 0;
    packet->checksum = CHECKSUM_VERIFIED;
    packet->next = NULL;
}

void loopback_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct loopback *loopback = block;
    (void)now_ns;
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        if (loopback->count == loopback->limit) {
            packet_drop(packet, loopback->counters, CHASKI_DROP_LOOPBACK_FULL);
            continue;
        }
        turn_around(packet);
        *loopback->last = packet;
        loopback->last = &packet->next;
        loopback->count++;
    }
    burst->count = 0;
}

static struct packet *take_first(struct loopback *loopback)
{
    struct packet *packet = loopback->first;
    loopback->first = packet->next;
    if (loopback->first == NULL)
        loopback->last = &loopback->first;
    loopback->count--;
    return packet;
}

void loopback_run(struct loopback *loopback, uint64_t now_ns)
{
    struct burst burst;
    burst.count = 0;
    for (uint32_t left = loopback->count; left != 0; left--)
        burst_add(&burst, take_first(loopback), &loopback->inform, now_ns);
    hook_call(&loopback->inform, &burst, now_ns);
}
