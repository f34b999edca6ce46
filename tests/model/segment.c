/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/model/segment.h"

#include <string.h>

enum { IP_HEADER = 20, TCP_HEADER = 20, PROTOCOL_TCP = 6 };

static uint32_t be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
    return be16(p) << 16 | be16(p + 2);
}

/* The ones' complement sum, folded; 0xffff behind a right checksum. */
static uint32_t sum(const uint8_t *bytes, uint32_t length, uint32_t start)
{
    uint64_t total = start;
    for (uint32_t i = 0; i + 1 < length; i += 2)
        total += be16(bytes + i);
    if (length % 2 != 0)
        total += (uint64_t)bytes[length - 1] << 8;
    while (total > 0xffff)
        total = (total & 0xffff) + (total >> 16);
    return (uint32_t)total;
}

static void read_blocks(struct model_segment *segment, const uint8_t *p, uint32_t length)
{
    if ((length - 2) % 8 != 0 || length < 10 || length > 34) {
        segment->malformed = true;
        return;
    }
    for (uint32_t at = 2; at < length; at += 8, segment->blocks++) {
        segment->block[segment->blocks][0] = be32(p + at);
        segment->block[segment->blocks][1] = be32(p + at + 4);
    }
}

static void read_option(struct model_segment *segment, const uint8_t *p, uint32_t length)
{
    if (p[0] == 2 && length == 4) {
        segment->has_mss = true;
        segment->mss = (uint16_t)be16(p + 2);
    } else if (p[0] == 3 && length == 3) {
        segment->has_scale = true;
        segment->scale = p[2];
    } else if (p[0] == 4 && length == 2) {
        segment->has_sack_permitted = true;
    } else if (p[0] == 34 || (p[0] == 254 && length >= 4 && be16(p + 2) == 0xf989)) {
        segment->opens_fast = true;
    } else if (p[0] == 5 && segment->blocks == 0) {
        read_blocks(segment, p, length);
    } else if (p[0] == 8 && length == 10) {
        segment->has_timestamp = true;
        segment->timestamp = be32(p + 2);
        segment->echo = be32(p + 6);
    }
}

static void read_options(struct model_segment *segment, const uint8_t *p, uint32_t length)
{
    uint32_t at = 0;
    while (at < length && p[at] != 0) {
        if (p[at] == 1) {
            at++;
            continue;
        }
        if (at + 1 >= length || p[at + 1] < 2 || p[at + 1] > length - at) {
            segment->malformed = true;
            return;
        }
        read_option(segment, p + at, p[at + 1]);
        at += p[at + 1];
    }
}

static bool is_right(const uint8_t *ip, uint32_t header, uint32_t length)
{
    uint32_t pseudo = sum(ip + 12, 8, PROTOCOL_TCP + length - header);
    return sum(ip, header, 0) == 0xffff && sum(ip + header, length - header, pseudo) == 0xffff;
}

enum model_reading model_read(const struct model_packet *packet, struct model_segment *segment)
{
    const uint8_t *ip = packet->bytes;
    if (packet->length < IP_HEADER || ip[0] >> 4 != 4 || ip[9] != PROTOCOL_TCP)
        return MODEL_NO_TCP;
    uint32_t header = (ip[0] & 15u) * 4, length = be16(ip + 2);
    if ((be16(ip + 6) & 0x3fff) != 0)
        return MODEL_PIECE;
    if (header < IP_HEADER || length < header + TCP_HEADER || length > packet->length)
        return MODEL_DAMAGED;
    const uint8_t *tcp = ip + header;
    uint32_t offset = (tcp[12] >> 4) * 4u;
    if (offset < TCP_HEADER || header + offset > length)
        return MODEL_DAMAGED;
    if (!packet->trusted && !is_right(ip, header, length))
        return MODEL_DAMAGED;
    *segment = (struct model_segment){
        .ends = {be32(ip + 12), be32(ip + 16), (uint16_t)be16(tcp), (uint16_t)be16(tcp + 2)},
        .sequence = be32(tcp + 4),
        .acknowledgment = be32(tcp + 8),
        .flags = tcp[13] & 0x3f,
        .window = (uint16_t)be16(tcp + 14),
        .urgent = (uint16_t)be16(tcp + 18),
        .payload = tcp + offset,
        .length = length - header - offset,
        .options_length = offset - TCP_HEADER,
        .reserved = (tcp[12] & 0x0e) != 0,
    };
    bool whole = packet->unit == 0 || packet->unit > segment->length;
    segment->unit = whole ? segment->length : packet->unit;
    read_options(segment, tcp + TCP_HEADER, segment->options_length);
    return MODEL_READ;
}
