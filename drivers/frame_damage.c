/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/frame_damage.h"

#include "core/base/endian.h"
#include "core/wire/ip4.h"

enum {
    ETHERNET_HEADER = 14,
};

bool frame_is_ip4(const struct packet *packet)
{
    return packet->linear_length > ETHERNET_HEADER && load_be16(packet->data + 12) == 0x0800;
}

static uint8_t *byte_at(struct packet *packet, uint32_t offset)
{
    if (offset < packet->linear_length)
        return packet->data + offset;
    offset -= packet->linear_length;
    struct fragment *fragment = packet->fragments;
    while (offset >= fragment->length) {
        offset -= fragment->length;
        fragment++;
    }
    return fragment->buffer->data + fragment->offset + offset;
}

void frame_corrupt(struct packet *packet, uint32_t at, uint8_t by)
{
    packet_checksum_complete(packet);
    packet->checksum = CHECKSUM_COMPLETE;
    *byte_at(packet, ETHERNET_HEADER + at) ^= by;
}

bool frame_mark(struct packet *packet)
{
    enum { FIELD = 3, MARKED = 3 };
    uint8_t *ip = packet->data + ETHERNET_HEADER;
    if (!frame_is_ip4(packet) || packet->linear_length < ETHERNET_HEADER + WIRE_IP4_HEADER ||
        packet_is_shared(packet))
        return false;
    uint8_t class = wire_ip4_traffic_class(ip);
    if ((class & FIELD) == 0 || (class & FIELD) == MARKED)
        return false;
    wire_ip4_set_traffic_class(ip, class | MARKED);
    wire_ip4_set_checksum(ip, 0);
    wire_ip4_set_checksum(ip, checksum_finish(wire_ip4_header_sum(ip)));
    return true;
}
