/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/shards/handover.h"

#include "core/packet/burst.h"
#include "drivers/frame.h"

#define PATIENCE_NS UINT64_C(100000000)

/* An item's word: kind in the lowest byte, interface, news, and an address in the upper half. */
static uint64_t word_of(enum handed kind, uint8_t interface, uint8_t news, uint32_t address)
{
    return (uint64_t)address << 32 | (uint64_t)news << 16 | (uint64_t)interface << 8 | kind;
}

bool handover_open(struct handover *handover)
{
    *handover = (struct handover){.forth = channel_create(HANDOVER_LENT),
                                  .back = channel_create(HANDOVER_LENT)};
    if (handover->forth != NULL && handover->back != NULL)
        return true;
    handover_close(handover);
    return false;
}

void handover_close(struct handover *handover)
{
    struct channel_item item;
    if (handover->forth != NULL && handover->back != NULL) {
        handover_free(handover);
        while (channel_pop(handover->forth, &item)) {
            if (item.what != NULL)
                packet_free(item.what);
        }
    }
    channel_destroy(handover->forth);
    channel_destroy(handover->back);
    *handover = (struct handover){0};
}

/* ---- The giver's ---- */

bool handover_lend(struct handover *handover, struct packet *packet, enum handed kind,
                   uint8_t interface)
{
    struct channel_item item = {packet, word_of(kind, interface, 0, 0)};
    if (handover->lent == HANDOVER_LENT)
        handover_free(handover);
    if (handover->lent == HANDOVER_LENT || !channel_push(handover->forth, item))
        return false;
    handover->lent++;
    return true;
}

void handover_tell(struct handover *handover, uint8_t news, uint8_t interface, uint32_t address)
{
    struct channel_item item = {NULL, word_of(HANDED_NEWS, interface, news, address)};
    channel_push(handover->forth, item);
}

void handover_free(struct handover *handover)
{
    struct channel_item item;
    while (handover->lent != 0 && channel_pop(handover->back, &item)) {
        handover->lent--;
        handover->full_ns = 0;
        packet_free(item.what);
    }
}

bool handover_has_room(struct handover *handover, uint32_t packets, uint64_t now_ns)
{
    if (handover->lent > HANDOVER_LENT - BURST_MAX)
        handover_free(handover);
    if (handover->lent <= HANDOVER_LENT - BURST_MAX)
        handover->full_ns = 0;
    else if (handover->full_ns == 0)
        handover->full_ns = now_ns;
    return handover->lent + packets <= HANDOVER_LENT ||
           (handover->full_ns != 0 && now_ns - handover->full_ns >= PATIENCE_NS);
}

/* ---- The taker's ---- */

/* With what the blocks above the link have noted, which the copy of a frame does not have. */
static struct packet *copy_of(struct packet_memory *memory, const struct packet *packet)
{
    struct packet *copy = frame_copy(memory, packet);
    if (copy == NULL)
        return NULL;
    copy->protocol = packet->protocol;
    copy->next_hop = packet->next_hop;
    copy->ip = packet->ip;
    copy->interface = packet->interface;
    copy->flags = packet->flags;
    memcpy(copy->link_destination, packet->link_destination, sizeof copy->link_destination);
    return copy;
}

bool handover_take(struct handover *handover, struct packet_memory *memory,
                   struct handed_item *taken)
{
    struct channel_item item;
    if (!channel_pop(handover->forth, &item))
        return false;
    *taken = (struct handed_item){
        .kind = (enum handed)(item.about & 0xff),
        .interface = (uint8_t)(item.about >> 8),
        .news = (uint8_t)(item.about >> 16),
        .address = (uint32_t)(item.about >> 32),
    };
    if (item.what == NULL)
        return true;
    taken->packet = copy_of(memory, item.what);
    if (taken->packet != NULL && taken->kind == HANDED_DATAGRAM)
        taken->packet->flags |= PACKET_BARE;
    channel_push(handover->back, (struct channel_item){item.what, 0}); /* never full */
    return true;
}

bool handover_is_empty(const struct handover *handover)
{
    return channel_is_empty(handover->forth);
}
