/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ETHERNET = 14, IP = 20, TCP = 20 };

static void store16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void store32(uint8_t *at, uint32_t value)
{
    store16(at, value >> 16);
    store16(at + 2, value);
}

static uint32_t load16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t load32(const uint8_t *at)
{
    return load16(at) << 16 | load16(at + 2);
}

uint32_t segment_packet(const struct segment *segment, const struct chaski_address *from,
                        const struct chaski_address *to, uint8_t *packet)
{
    uint32_t header = TCP + (segment->options_length + 3u) / 4 * 4;
    uint32_t total = IP + header + segment->payload_length;
    assert_true(segment->options_length <= 40 && total <= SEGMENT_PACKET_MAX);
    memset(packet, 0, IP + header);
    packet[0] = 0x45;
    store16(packet + 2, total);
    packet[1] = segment->traffic_class;
    packet[6] = 0x40; /* don't fragment */
    packet[8] = 64;
    packet[9] = 6;
    memcpy(packet + 12, from->bytes + 12, 4);
    memcpy(packet + 16, to->bytes + 12, 4);
    uint8_t *tcp = packet + IP;
    store16(tcp, segment->source_port);
    store16(tcp + 2, segment->destination_port);
    store32(tcp + 4, segment->sequence);
    store32(tcp + 8, segment->acknowledgment);
    tcp[12] = (uint8_t)(header / 4 << 4 | segment->ae);
    tcp[13] = segment->flags;
    store16(tcp + 14, segment->window);
    store16(tcp + 18, segment->urgent);
    if (segment->options_length != 0)
        memcpy(tcp + TCP, segment->options, segment->options_length);
    if (segment->payload_length != 0)
        memcpy(tcp + header, segment->payload, segment->payload_length);
    return total;
}

void world_inject_segment(struct world *world, uint32_t host, const struct segment *segment)
{
    static uint8_t packet[SEGMENT_PACKET_MAX];
    struct chaski_address from = world_address(1 - host), to = world_address(host);
    uint32_t length = segment_packet(segment, &from, &to, packet);
    world_inject_ip4(world, host, packet, length);
}

static bool is_segment(const struct frame *frame)
{
    const uint8_t *ip = frame->bytes + ETHERNET;
    return frame->length >= ETHERNET + IP + TCP && load16(frame->bytes + 12) == 0x0800 &&
           ip[9] == 6 && (load16(ip + 6) & 0x1fff) == 0; /* no later fragment */
}

bool segment_of(const struct frame *frame, struct segment *segment)
{
    if (!is_segment(frame))
        return false;
    const uint8_t *ip = frame->bytes + ETHERNET;
    assert_true(ip4_is_right(ip, frame->length - ETHERNET));
    const uint8_t *tcp = ip + (ip[0] & 0xf) * 4;
    uint32_t header = (uint32_t)(tcp[12] >> 4) * 4;
    uint32_t length = load16(ip + 2) - (uint32_t)(tcp - ip);
    assert_in_range(header, TCP, length);
    *segment = (struct segment){
        .source_port = (uint16_t)load16(tcp),
        .destination_port = (uint16_t)load16(tcp + 2),
        .sequence = load32(tcp + 4),
        .acknowledgment = load32(tcp + 8),
        .flags = tcp[13],
        .ae = (tcp[12] & 1) != 0,
        .traffic_class = ip[1],
        .window = (uint16_t)load16(tcp + 14),
        .urgent = (uint16_t)load16(tcp + 18),
        .options = tcp + TCP,
        .options_length = (uint8_t)(header - TCP),
        .payload = tcp + header,
        .payload_length = length - header,
    };
    return true;
}

const uint8_t *segment_option(const struct segment *segment, uint8_t kind, uint8_t *length)
{
    const uint8_t *options = segment->options;
    for (uint32_t i = 0; i < segment->options_length && options[i] != 0;) {
        if (options[i] == 1) {
            i++;
            continue;
        }
        if (i + 1 >= segment->options_length || options[i + 1] < 2 ||
            i + options[i + 1] > segment->options_length)
            return NULL;
        if (options[i] == kind) {
            *length = (uint8_t)(options[i + 1] - 2);
            return options + i + 2;
        }
        i += options[i + 1];
    }
    return NULL;
}

uint32_t world_segments(const struct world *world, uint32_t host)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->frame_count; i++)
        count += world->frames[i].from == host && is_segment(&world->frames[i]);
    return count;
}

struct segment world_last_segment(const struct world *world, uint32_t host, uint32_t back)
{
    struct segment segment = {0};
    for (uint32_t i = world->frame_count; i > 0; i--) {
        const struct frame *frame = &world->frames[i - 1];
        if (frame->from == host && is_segment(frame) && back-- == 0) {
            segment_of(frame, &segment);
            return segment;
        }
    }
    fail_msg("host %u has not sent so many segments", host);
    return segment;
}
