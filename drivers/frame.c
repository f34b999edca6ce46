/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/frame.h"

#include "drivers/link.h"

struct packet *frame_copy(struct packet_memory *memory, const struct packet *packet)
{
    struct packet *copy = frame_take(memory, packet->length);
    if (copy == NULL)
        return NULL;
    uint32_t offset = copy->linear_length;
    packet_copy_out(packet, 0, copy->data, offset);
    for (uint32_t i = 0; i < copy->fragment_count; i++) {
        struct fragment *fragment = &copy->fragments[i];
        packet_copy_out(packet, offset, fragment->buffer->data + fragment->offset,
                        fragment->length);
        offset += fragment->length;
    }
    uint32_t moved = packet_head_room(copy) - packet_head_room(packet);
    copy->network = (uint16_t)(packet->network + moved);
    copy->transport = (uint16_t)(packet->transport + moved);
    copy->checksum = packet->checksum;
    copy->checksum_field = packet->checksum_field;
    copy->segment_size = packet->segment_size;
    return copy;
}

void frame_as_received(struct packet *packet, unsigned features)
{
    bool trusted = packet->checksum == CHECKSUM_PARTIAL && (features & LINK_CHECKSUM) != 0;
    packet->next = NULL;
    packet->protocol = 0;
    packet->network = 0;
    packet->transport = 0;
    packet->checksum = trusted ? CHECKSUM_VERIFIED : CHECKSUM_UNKNOWN;
    memset((uint8_t *)packet + offsetof(struct packet, next_hop), 0,
           offsetof(struct packet, tcp) - offsetof(struct packet, next_hop));
    if ((features & (LINK_CUT | LINK_WHOLE)) == 0)
        packet->segment_size = 0;
}
