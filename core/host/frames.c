/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/host/layout.h"

/*
 * Frames as bytes: the interface for applications that move frames themselves and know nothing of
 * packets. In is one copy, out is none.
 */
enum {
    FRAME_MAX = 65535 + 18, /* the largest IP packet, an Ethernet header and a tag */
    FRAME_PIECES = PACKET_FRAGMENTS + 1,
    FRAME_HEAD_ROOM = 66, /* puts the network header on a multiple of 16 */
    FRAME_LINEAR = SMALL_BUFFER - FRAME_HEAD_ROOM,
};

static unsigned pieces_of(const struct packet *packet, struct chaski_piece *pieces)
{
    unsigned count = 0;
    if (packet->linear_length != 0)
        pieces[count++] = (struct chaski_piece){packet->data, packet->linear_length};
    for (uint32_t i = 0; i < packet->fragment_count; i++) {
        const struct fragment *fragment = &packet->fragments[i];
        pieces[count++] =
            (struct chaski_piece){fragment->buffer->data + fragment->offset, fragment->length};
    }
    return count;
}

/* hook_function: what cut hands to an interface of the application's. */
static void transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    const struct host_port *port = block;
    (void)now_ns;
    for (uint32_t i = 0; i < burst->count; i++) {
        struct chaski_piece pieces[FRAME_PIECES];
        unsigned count = pieces_of(burst->packets[i], pieces);
        port->output(port->context, pieces, count);
        packet_free(burst->packets[i]);
    }
    burst->count = 0;
}

int chaski_interface_add(struct chaski *host, const struct chaski_interface *interface)
{
    if (interface->output == NULL)
        return CHASKI_INVALID;
    struct host_port *port =
        host->port_count < host->port_limit ? &host->ports[host->port_count] : NULL;
    struct host_interface plain = {
        .kind = interface->kind,
        .mtu = interface->mtu,
        .output = {transmit, port},
    };
    memcpy(plain.mac, interface->mac, sizeof plain.mac);
    int number = host_interface_add(host, &plain);
    if (number >= 0) {
        port->output = interface->output;
        port->context = interface->context;
    }
    return number;
}

/* An empty packet with room for the first `length` bytes of a frame. */
static struct packet *take_packet(struct packet_memory *memory, size_t length)
{
    if (length <= PACKET_ROOM - PACKET_HEAD_ROOM)
        return packet_take(&memory->packets, FOR_RECEIVE);
    struct buffer *buffer = buffer_take(&memory->small, FOR_RECEIVE);
    if (buffer == NULL)
        return NULL;
    struct packet *packet = packet_take_in(&memory->packets, buffer, FRAME_HEAD_ROOM, FOR_RECEIVE);
    if (packet == NULL)
        buffer_drop(buffer);
    return packet;
}

/* Appends the rest of a long frame in large buffers. */
static bool append(struct packet_memory *memory, struct packet *packet, const uint8_t *bytes,
                   size_t length)
{
    while (length != 0) {
        struct buffer *buffer = buffer_take(&memory->large, FOR_RECEIVE);
        if (buffer == NULL)
            return false;
        uint32_t n = length < buffer->size ? (uint32_t)length : buffer->size;
        memcpy(buffer->data, bytes, n);
        packet_add_fragment(packet, buffer, 0, n);
        bytes += n;
        length -= n;
    }
    return true;
}

static struct packet *packet_of(struct packet_memory *memory, const uint8_t *frame, size_t length)
{
    size_t first = length < FRAME_LINEAR ? length : FRAME_LINEAR;
    struct packet *packet = take_packet(memory, length);
    if (packet == NULL)
        return NULL;
    if (first != 0)
        memcpy(packet_put(packet, (uint32_t)first), frame, first);
    if (append(memory, packet, frame + first, length - first))
        return packet;
    packet_free(packet);
    return NULL;
}

void chaski_input(struct chaski *host, int interface, const void *frame, size_t length,
                  uint64_t now_ns)
{
    if (length > FRAME_MAX) {
        count(&host->counters, CHASKI_DROP_LINK_REFUSED);
        return;
    }
    struct packet *packet = packet_of(&host->memory, frame, length);
    if (packet == NULL) {
        count(&host->counters, CHASKI_DROP_NO_MEMORY);
        return;
    }
    struct burst burst = {.count = 1, .packets = {packet}};
    host_receive(host, interface, &burst, now_ns);
}
