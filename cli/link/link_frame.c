/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/link/link_frame.h"

#include <string.h>

#include "core/wire/ip4.h"
#include "core/wire/tcp.h"

/*
 * Cutting follows what a network card does with such a frame: each piece has the same headers,
 * except that sequence number and IPv4 identification count on, lengths are its own, FIN and PSH
 * stand on the last, and CWR on the first (RFC 3168, 6.1.2) unless the frame says by the lack of
 * the ECN bit in its type that the flag means something else. The checksum is left for whoever
 * gets the piece; the sum of the pseudo-header that stands in its place holds the length, and so
 * has to follow it.
 */

enum {
    ETHERNET_HEADER = 14,
    TAG = 4,
    TYPE_IP4 = 0x0800,
    TYPE_IP6 = 0x86dd,
    TYPE_TAG = 0x8100,
    IP6_HEADER = 40,
    IP6_PAYLOAD_LENGTH = 4,
    ECN = 3, /* the field, and its value once marked */
};

static const uint8_t last_only = TCP_FIN | TCP_PSH;

static uint8_t gso_kind(const struct virtio_net_hdr *header)
{
    return header->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
}

static bool is_ip4(const uint8_t *ip)
{
    return wire_ip4_version(ip) == 4;
}

static bool is_whole_ip4(const uint8_t *bytes, uint32_t length)
{
    return length >= WIRE_IP4_HEADER && is_ip4(bytes) &&
           wire_ip4_header_length(bytes) >= WIRE_IP4_HEADER &&
           wire_ip4_header_length(bytes) <= length;
}

/* Where the IP header is; 0: nowhere, or not whole. */
static uint32_t find_network(const uint8_t *bytes, uint32_t length)
{
    uint32_t offset = ETHERNET_HEADER;
    if (length < ETHERNET_HEADER + TAG)
        return 0;
    uint16_t type = load_be16(bytes + offset - 2);
    if (type == TYPE_TAG) {
        offset += TAG;
        type = load_be16(bytes + offset - 2);
    }
    if (type == TYPE_IP4 && is_whole_ip4(bytes + offset, length - offset))
        return offset;
    return type == TYPE_IP6 && length >= offset + IP6_HEADER && !is_ip4(bytes + offset) ? offset
                                                                                        : 0;
}

/* Of a frame to be cut: whether it is TCP, and all headers are there. */
static bool find_transport(struct link_frame *frame)
{
    const struct virtio_net_hdr *header = &frame->header;
    bool type4 = gso_kind(header) == VIRTIO_NET_HDR_GSO_TCPV4;
    uint32_t transport = header->csum_start;
    if ((!type4 && gso_kind(header) != VIRTIO_NET_HDR_GSO_TCPV6) || header->gso_size == 0 ||
        (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0 || frame->network == 0)
        return false;
    const uint8_t *ip = frame->bytes + frame->network;
    uint32_t ip_header = is_ip4(ip) ? wire_ip4_header_length(ip) : IP6_HEADER;
    if (is_ip4(ip) != type4 || transport < frame->network + ip_header ||
        transport + WIRE_TCP_HEADER > frame->length || header->csum_offset != WIRE_TCP_CHECKSUM)
        return false;
    frame->transport = transport;
    frame->header_length = transport + wire_tcp_header_length(frame->bytes + transport);
    return frame->header_length >= transport + WIRE_TCP_HEADER &&
           frame->header_length < frame->length;
}

bool link_frame_read(struct link_frame *frame, const struct virtio_net_hdr *header,
                     const uint8_t *bytes, uint32_t length)
{
    *frame =
        (struct link_frame){.header = *header, .bytes = bytes, .length = length, .segments = 1};
    if (length < ETHERNET_HEADER || length > LINK_FRAME_BYTES)
        return false;
    frame->network = find_network(bytes, length);
    if ((header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 &&
        (uint32_t)header->csum_start + header->csum_offset + 2 > length)
        return false;
    if (gso_kind(header) == VIRTIO_NET_HDR_GSO_NONE)
        return true;
    if (!find_transport(frame))
        return false;
    uint32_t payload = length - frame->header_length;
    frame->segments = (payload + header->gso_size - 1) / header->gso_size;
    return true;
}

/* Where the payload of segments before `number` ends, counted from the payload's beginning. */
static uint32_t payload_before(const struct link_frame *frame, uint32_t number)
{
    uint32_t all = frame->length - frame->header_length;
    uint32_t before = number * frame->header.gso_size;
    return number == frame->segments ? all : before;
}

uint32_t link_frame_length(const struct link_frame *frame, uint32_t first, uint32_t end)
{
    if (first == 0 && end == frame->segments)
        return frame->length;
    return frame->header_length + payload_before(frame, end) - payload_before(frame, first);
}

/* Writes the piece's virtio-net header. */
static void put_header(const struct link_frame *frame, uint32_t first, uint32_t end, uint8_t *room)
{
    struct virtio_net_hdr header = frame->header;
    if (first != 0)
        header.gso_type = gso_kind(&header);
    if (end - first == 1) {
        header.gso_type = VIRTIO_NET_HDR_GSO_NONE;
        header.gso_size = 0;
        header.hdr_len = 0;
    }
    memcpy(room, &header, sizeof header);
}

/* The lengths in the IP header, and the sum of the pseudo-header that stands in TCP's checksum. */
static void put_lengths(const struct link_frame *frame, uint32_t first, uint32_t length,
                        uint8_t *bytes)
{
    uint8_t *ip = bytes + frame->network, *tcp = bytes + frame->transport;
    uint8_t was[2], is[2];
    if (is_ip4(ip)) {
        uint32_t id = wire_ip4_identification(ip) + first;
        wire_ip4_set_identification(ip, (uint16_t)id);
        wire_ip4_set_total_length(ip, (uint16_t)(length - frame->network));
        wire_ip4_finish_checksum(ip);
    } else {
        store_be16(ip + IP6_PAYLOAD_LENGTH, (uint16_t)(length - frame->network - IP6_HEADER));
    }
    store_be16(was, (uint16_t)(frame->length - frame->transport));
    store_be16(is, (uint16_t)(length - frame->transport));
    uint64_t sum = wire_tcp_checksum(tcp);
    sum += (uint16_t)~checksum_load(was);
    sum += checksum_load(is);
    wire_tcp_set_checksum(tcp, checksum_fold(sum));
}

static void put_flags(const struct link_frame *frame, uint32_t first, uint32_t end, uint8_t *tcp)
{
    uint8_t *flags = tcp + WIRE_TCP_OFFSET_FLAGS + 1;
    if (end != frame->segments)
        *flags &= (uint8_t)~last_only;
    if (first != 0 && (frame->header.gso_type & VIRTIO_NET_HDR_GSO_ECN) != 0)
        *flags &= (uint8_t)~TCP_CWR;
}

uint32_t link_frame_cut(const struct link_frame *frame, uint32_t first, uint32_t end, uint8_t *room)
{
    uint8_t *bytes = room + sizeof(struct virtio_net_hdr);
    if (first == 0 && end == frame->segments) {
        memcpy(room, &frame->header, sizeof frame->header);
        memcpy(bytes, frame->bytes, frame->length);
        return (uint32_t)sizeof frame->header + frame->length;
    }
    uint32_t from = payload_before(frame, first);
    uint32_t length = link_frame_length(frame, first, end);
    uint32_t payload = length - frame->header_length;
    uint8_t *tcp = bytes + frame->transport;
    put_header(frame, first, end, room);
    memcpy(bytes, frame->bytes, frame->header_length);
    memcpy(bytes + frame->header_length, frame->bytes + frame->header_length + from, payload);
    put_lengths(frame, first, length, bytes);
    wire_tcp_set_sequence(tcp, wire_tcp_sequence(tcp) + from);
    put_flags(frame, first, end, tcp);
    return (uint32_t)sizeof(struct virtio_net_hdr) + length;
}

void link_frame_corrupt(uint8_t *room, uint32_t length, uint32_t at, uint8_t by)
{
    struct virtio_net_hdr header;
    uint8_t *bytes = room + sizeof header;
    memcpy(&header, room, sizeof header);
    if ((header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
        uint8_t *field = bytes + header.csum_start + header.csum_offset;
        uint32_t summed = length - (uint32_t)sizeof header - header.csum_start;
        uint16_t sum = checksum_finish(checksum_partial(bytes + header.csum_start, summed));
        checksum_store(field, sum != 0 ? sum : 0xffff); /* 0 is UDP's for none (RFC 768) */
    }
    memset(room, 0, sizeof header); /* nobody vouches for the checksum now */
    bytes[ETHERNET_HEADER + at] ^= by;
}

bool link_frame_mark(const struct link_frame *frame, uint8_t *room)
{
    uint8_t *ip = room + sizeof(struct virtio_net_hdr) + frame->network;
    if (frame->network == 0)
        return false;
    bool four = is_ip4(ip);
    unsigned field = four ? wire_ip4_traffic_class(ip) & ECN : ip[1] >> 4 & ECN;
    if (field == 0 || field == ECN)
        return false;
    if (four) {
        wire_ip4_set_traffic_class(ip, wire_ip4_traffic_class(ip) | ECN);
        wire_ip4_finish_checksum(ip);
    } else {
        ip[1] |= ECN << 4;
    }
    return true;
}
