/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/packet/frame.h"

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

struct packet *frame_take(struct packet_memory *memory, uint32_t length)
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
    return packet;
}

struct packet *frame_of_bytes(struct packet_memory *memory, const void *bytes, size_t length)
{
    struct packet *packet = length <= FRAME_MAX ? frame_take(memory, (uint32_t)length) : NULL;
    if (packet == NULL || length == 0)
        return packet;
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
