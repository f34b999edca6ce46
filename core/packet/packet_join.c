/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/packet/packet_join.h"

uint32_t packet_join_pieces(const struct packet *packet)
{
    if (packet->linear == NULL && packet->linear_length != 0)
        return PACKET_FRAGMENTS + 1;
    return packet->fragment_count + (packet->linear_length != 0);
}

void packet_join(struct packet *first, struct packet *packet)
{
    if (packet->linear_length != 0)
        packet_add_fragment(first, buffer_hold(packet->linear),
                            (uint32_t)(packet->data - packet->linear->data), packet->linear_length);
    for (uint32_t i = 0; i < packet->fragment_count; i++) {
        const struct fragment *fragment = &packet->fragments[i];
        packet_add_fragment(first, buffer_hold(fragment->buffer), fragment->offset,
                            fragment->length);
    }
    packet_free(packet);
}

bool packet_join_copy(struct packet *first, const struct packet *packet,
                      struct packet_memory *memory)
{
    for (uint32_t done = 0; done < packet->length;) {
        struct fragment *last = &first->fragments[first->fragment_count - 1];
        uint32_t room = last->buffer->size - last->length;
        uint32_t left = packet->length - done;
        if (room == 0) {
            struct buffer *buffer = buffer_take(&memory->large, FOR_RECEIVE);
            if (buffer == NULL)
                return false;
            if (!packet_add_fragment(first, buffer, 0, 0)) {
                buffer_drop(buffer);
                return false;
            }
            continue;
        }
        uint32_t n = left < room ? left : room;
        packet_copy_out(packet, done, last->buffer->data + last->length, n);
        last->length += n;
        first->length += n;
        done += n;
    }
    return true;
}

bool packet_join_copy_begin(struct packet *first, struct packet_memory *memory)
{
    struct packet *rest = NULL;
    uint32_t linear = first->linear_length;
    struct buffer *buffer = buffer_take(&memory->large, FOR_RECEIVE);
    if (buffer == NULL)
        return false;
    if (first->length > linear)
        rest = packet_slice(first, linear, first->length - linear, &memory->packets, FOR_RECEIVE);
    if (first->length > linear && rest == NULL) {
        buffer_drop(buffer);
        return false;
    }
    packet_trim(first, linear);
    packet_add_fragment(first, buffer, 0, 0);
    bool done = rest == NULL || packet_join_copy(first, rest, memory);
    if (rest != NULL)
        packet_free(rest);
    return done;
}
