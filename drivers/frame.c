/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/frame.h"

#include "drivers/link.h"

/* One more large buffer's worth of a frame that is `missing` bytes short. */
static bool add_large(struct packet *packet, struct pool *large, uint32_t missing)
{
    struct buffer *buffer = buffer_take(large, FOR_RECEIVE);
    if (buffer == NULL)
        return false;
    uint32_t length = missing < buffer->size ? missing : buffer->size;
    if (packet_add_fragment(packet, buffer, 0, length))
        return true;
    buffer_drop(buffer);
    return false;
}

static struct packet *take_first(struct packet_memory *memory, uint32_t length)
{
    if (length <= FRAME_INLINE)
        return packet_take(&memory->packets, FOR_RECEIVE);
    struct buffer *buffer = buffer_take(&memory->small, FOR_RECEIVE);
    if (buffer == NULL)
        return NULL;
    struct packet *packet = packet_take_in(&memory->packets, buffer, FRAME_HEAD_ROOM, FOR_RECEIVE);
    if (packet == NULL)
        buffer_drop(buffer);
    return packet;
}

/* A received packet of `length` bytes that are still to be filled in. */
static struct packet *take(struct packet_memory *memory, uint32_t length)
{
    if (length > FRAME_MAX)
        return NULL;
    struct packet *packet = take_first(memory, length);
    if (packet == NULL)
        return NULL;
    uint32_t room = packet_tail_room(packet);
    packet_put(packet, length < room ? length : room);
    while (packet->length < length) {
        if (!add_large(packet, &memory->large, length - packet->length)) {
            packet_free(packet);
            return NULL;
        }
    }
    frame_as_received(packet, 0);
    return packet;
}

struct packet *frame_of_bytes(struct packet_memory *memory, const void *bytes, size_t length)
{
    struct packet *packet = length <= FRAME_MAX ? take(memory, (uint32_t)length) : NULL;
    if (packet == NULL)
        return NULL;
    const uint8_t *from = bytes;
    memcpy(packet->data, from, packet->linear_length);
    from += packet->linear_length;
    for (uint32_t i = 0; i < packet->fragment_count; i++) {
        struct fragment *fragment = &packet->fragments[i];
        memcpy(fragment->buffer->data + fragment->offset, from, fragment->length);
        from += fragment->length;
    }
    return packet;
}

struct packet *frame_copy(struct packet_memory *memory, const struct packet *packet)
{
    struct packet *copy = take(memory, packet->length);
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
