/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/peer.h"

#include <string.h>

#include "core/base/endian.h"
#include "core/wire/arp.h"
#include "core/wire/ethernet.h"
#include "core/wire/ip4.h"
#include "core/wire/tcp.h"
#include "core/wire/udp.h"
#include "tests/fuzz/target.h"

const uint8_t peer_mac[6] = {2, 0, 0, 0, 0, 1}, host_mac[6] = {2, 0, 0, 0, 0, 2};
static const uint32_t peer_ip = 0x0a000001, host_ip = 0x0a000002;

/* The plain way, so that the stack's own sum is not judged by itself. */
static uint32_t sum_of(const uint8_t *bytes, size_t length, uint32_t sum)
{
    for (size_t i = 0; i < length; i++)
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    return sum;
}

static uint16_t finish(uint32_t sum)
{
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static uint16_t transport_checksum(const uint8_t *ip, const uint8_t *payload, size_t length)
{
    uint8_t protocol = wire_ip4_protocol(ip);
    uint32_t sum = 0;
    if (protocol == WIRE_IP_TCP || protocol == WIRE_IP_UDP)
        sum = sum_of(ip + WIRE_IP4_SOURCE, 8, protocol + (uint32_t)length);
    return finish(sum_of(payload, length, sum));
}

/* ---- What the host sends ---- */

static void arrive(struct peer_flow *flow, uint32_t left, uint32_t right)
{
    struct peer_range grown = {left, right}, others[PEER_RANGES];
    unsigned count = 0;
    for (unsigned i = 0; i < flow->range_count; i++) {
        const struct peer_range *range = &flow->ranges[i];
        if ((int32_t)(range->left - grown.right) > 0 || (int32_t)(grown.left - range->right) > 0) {
            others[count++] = *range;
            continue;
        }
        if ((int32_t)(range->left - grown.left) < 0)
            grown.left = range->left;
        if ((int32_t)(range->right - grown.right) > 0)
            grown.right = range->right;
    }
    flow->range_count = 0;
    if ((int32_t)(grown.left - flow->received) > 0)
        flow->ranges[flow->range_count++] = grown;
    else if ((int32_t)(grown.right - flow->received) > 0)
        flow->received = grown.right;
    for (unsigned i = 0; i < count && flow->range_count < PEER_RANGES; i++)
        flow->ranges[flow->range_count++] = others[i];
}

/* The link's harm is told by the flow. */
static void carry(struct peer_flow *flow, size_t packet_length)
{
    bool lost = flow->losses & 1;
    if (flow->start == flow->next)
        return;
    flow->losses >>= 1;
    if (!lost && (flow->longest == 0 || packet_length <= flow->longest))
        arrive(flow, flow->start, flow->next);
}

static void note_options(struct peer_flow *flow, const uint8_t *tcp)
{
    struct wire_tcp_options options;
    wire_tcp_parse_options(tcp, &options);
    flow->timestamps = options.has_timestamp;
    if (options.has_timestamp)
        flow->timestamp = options.timestamp;
    if ((wire_tcp_flags(tcp) & TCP_SYN) != 0)
        flow->sack = options.sack_permitted;
    if (options.fast_open_length != 0) {
        flow->cookie_length = options.fast_open_length;
        memcpy(flow->cookie, tcp + options.fast_open_offset, options.fast_open_length);
    }
}

static void note_numbers(struct peer_flow *flow, const uint8_t *tcp, size_t data)
{
    uint8_t flags = wire_tcp_flags(tcp);
    flow->start = wire_tcp_sequence(tcp);
    flow->next = flow->start + (uint32_t)data + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0);
    if ((flags & TCP_SYN) != 0) {
        flow->una = flow->most = flow->received = flow->start;
        flow->range_count = 0;
    }
    if ((int32_t)(flow->next - flow->most) > 0)
        flow->most = flow->next;
    if ((flags & TCP_ACK) != 0)
        flow->sequence = wire_tcp_acknowledgment(tcp);
}

static void see_tcp(struct peer *peer, const uint8_t *ip, const uint8_t *tcp, size_t length)
{
    must(wire_tcp_check(tcp, length) == 0);
    unsigned number = wire_tcp_destination_port(tcp) - (unsigned)PEER_PORT;
    uint8_t flags = wire_tcp_flags(tcp);
    must((flags & (TCP_SYN | TCP_FIN)) != (TCP_SYN | TCP_FIN));
    must((flags & (TCP_SYN | TCP_RST)) != (TCP_SYN | TCP_RST));
    if (number >= PEER_FLOWS || (flags & TCP_RST) != 0)
        return;
    struct peer_flow *flow = &peer->flows[number];
    flow->host_port = wire_tcp_source_port(tcp);
    note_options(flow, tcp);
    note_numbers(flow, tcp, length - wire_tcp_header_length(tcp));
    carry(flow, wire_ip4_total_length(ip));
    memcpy(flow->quote, ip, PEER_QUOTE);
}

void peer_see_packet(struct peer *peer, const uint8_t *ip, size_t length)
{
    must(wire_ip4_check(ip, length) == 0);
    uint8_t header = wire_ip4_header_length(ip), protocol = wire_ip4_protocol(ip);
    must(finish(sum_of(ip, header, 0)) == 0);
    must(wire_ip4_ttl(ip) > 0 && wire_ip4_total_length(ip) <= PEER_MTU);
    if (wire_ip4_is_fragment(ip))
        return;
    const uint8_t *payload = ip + header;
    size_t payload_length = wire_ip4_payload_length(ip);
    bool summed = protocol != WIRE_IP_UDP || wire_udp_has_checksum(payload);
    must(!summed || transport_checksum(ip, payload, payload_length) == 0);
    if (protocol == WIRE_IP_UDP)
        must(wire_udp_check(payload, payload_length) == 0);
    if (protocol == WIRE_IP_TCP)
        see_tcp(peer, ip, payload, payload_length);
}

void peer_see(struct peer *peer, const uint8_t *frame, size_t length)
{
    must(length <= PEER_FRAME_MAX && wire_ethernet_check(frame, length) == 0);
    must(wire_ethernet_equal(wire_ethernet_source(frame), host_mac));
    const uint8_t *payload = frame + WIRE_ETHERNET_HEADER;
    size_t left = length - WIRE_ETHERNET_HEADER;
    if (wire_ethernet_type(frame) == WIRE_ETHERNET_ARP) {
        must(wire_arp_check(payload, left) == 0);
        peer->arp_asked |= wire_arp_operation(payload) == WIRE_ARP_REQUEST &&
                           wire_arp_target_ip(payload) == peer_ip;
    } else {
        must(wire_ethernet_type(frame) == WIRE_ETHERNET_IP4);
        peer_see_packet(peer, payload, left);
    }
}

/* ---- What the host gets ---- */

size_t peer_arp_reply(uint8_t *frame)
{
    struct wire_arp_fields fields = {
        .operation = WIRE_ARP_REPLY, .sender_ip = peer_ip, .target_ip = host_ip};
    memcpy(fields.sender_mac, peer_mac, 6);
    memcpy(fields.target_mac, host_mac, 6);
    wire_ethernet_build(frame, host_mac, peer_mac, WIRE_ETHERNET_ARP);
    wire_arp_build(frame + WIRE_ETHERNET_HEADER, &fields);
    return WIRE_ETHERNET_HEADER + WIRE_ARP_SIZE;
}

static int checksum_offset(uint8_t protocol)
{
    switch (protocol) {
    case WIRE_IP_ICMP4:
    case WIRE_IP_IGMP:
        return 2;
    case WIRE_IP_UDP:
        return WIRE_UDP_CHECKSUM;
    case WIRE_IP_TCP:
        return WIRE_TCP_CHECKSUM;
    default:
        return -1;
    }
}

size_t peer_datagram(uint8_t *frame, const struct peer_datagram *datagram)
{
    uint8_t *ip = frame + WIRE_ETHERNET_HEADER;
    size_t header = WIRE_IP4_HEADER + datagram->options_length;
    size_t length = datagram->length < PEER_MTU - header ? datagram->length : PEER_MTU - header;
    uint8_t *payload = ip + header;
    struct wire_ip4_fields fields = {
        .source = datagram->source != 0 ? datagram->source : peer_ip,
        .destination = datagram->destination != 0 ? datagram->destination : host_ip,
        .payload_length = (uint16_t)length,
        .identification = datagram->identification,
        .fragment = datagram->fragment,
        .traffic_class = datagram->traffic_class,
        .ttl = datagram->ttl != 0 ? datagram->ttl : 64,
        .protocol = datagram->protocol};
    int at = checksum_offset(datagram->protocol);
    wire_ethernet_build(frame, host_mac, peer_mac, WIRE_ETHERNET_IP4);
    wire_ip4_build(ip, &fields);
    memcpy(ip + WIRE_IP4_HEADER, datagram->options, datagram->options_length);
    wire_ip4_set_header_length(ip, (uint8_t)header);
    wire_ip4_set_total_length(ip, (uint16_t)(header + length));
    wire_ip4_finish_checksum(ip);
    memcpy(payload, datagram->payload, length);
    if (datagram->fragment == 0 && at >= 0 && (size_t)at + 2 <= length) {
        store_be16(payload + at, 0);
        store_be16(payload + at, transport_checksum(ip, payload, length));
    }
    return WIRE_ETHERNET_HEADER + header + length;
}

size_t peer_segment(struct peer *peer, uint8_t *frame, const struct peer_segment *segment)
{
    struct peer_flow *flow = &peer->flows[segment->flow];
    uint8_t tcp[WIRE_TCP_HEADER_MAX + PEER_TEXT_MAX] = {0};
    size_t header = WIRE_TCP_HEADER + segment->options_length;
    wire_tcp_set_ports(tcp, (uint16_t)(PEER_PORT + segment->flow), flow->host_port);
    wire_tcp_set_sequence(tcp, segment->sequence);
    wire_tcp_set_acknowledgment(tcp, segment->acknowledgment);
    wire_tcp_set_length_flags(tcp, (uint8_t)header, segment->flags);
    wire_tcp_set_window(tcp, segment->window);
    wire_tcp_set_urgent(tcp, (uint16_t)(segment->flags & TCP_URG ? segment->data_length : 0));
    memcpy(tcp + WIRE_TCP_HEADER, segment->options, segment->options_length);
    if (segment->data != NULL)
        memcpy(tcp + header, segment->data, segment->data_length);
    if ((segment->flags & TCP_ACK) != 0 && (int32_t)(segment->acknowledgment - flow->una) > 0)
        flow->una = segment->acknowledgment;
    const struct peer_datagram datagram = {.protocol = WIRE_IP_TCP,
                                           .traffic_class = segment->ecn,
                                           .payload = tcp,
                                           .length = header + segment->data_length};
    return peer_datagram(frame, &datagram);
}
