/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/spread.h"

#include "core/base/address.h"
#include "core/wire/ethernet.h"
#include "core/wire/icmp4.h"
#include "core/wire/ip4.h"

enum {
    LEADER = 0,                         /* the shard of what belongs to no flow */
    HEADERS_MAX = 14 + 60 + 8 + 60 + 4, /* Ethernet, IP, ICMP, IP quoted, ports quoted */
    ADDRESSES = 8,                      /* bytes of a pair of IPv4 ones */
    TUPLE = ADDRESSES + 4,
};

void spread_init(struct spread *spread, unsigned shards)
{
    toeplitz_init(&spread->toeplitz, toeplitz_microsoft_key);
    for (unsigned i = 0; i < SPREAD_TABLE; i++)
        spread->home[i] = (uint8_t)(i % shards);
}

static unsigned home_of(const struct spread *spread, const uint8_t *tuple, size_t length)
{
    return spread->home[toeplitz_hash(&spread->toeplitz, tuple, length) % SPREAD_TABLE];
}

unsigned spread_flow(const struct spread *spread, const struct chaski_endpoint *local,
                     const struct chaski_endpoint *remote)
{
    uint8_t tuple[TOEPLITZ_INPUT];
    bool ip4 = address_is_ip4(&local->address);
    size_t size = ip4 ? 4 : 16, skip = 16 - size;
    memcpy(tuple, remote->address.bytes + skip, size);
    memcpy(tuple + size, local->address.bytes + skip, size);
    store_be16(tuple + 2 * size, remote->port);
    store_be16(tuple + 2 * size + 2, local->port);
    return home_of(spread, tuple, 2 * size + 4);
}

/* The first bytes of a packet, where they lie or in `room`; sets how many there are. */
static const uint8_t *headers_of(const struct packet *packet, uint8_t room[HEADERS_MAX],
                                 size_t *length)
{
    *length = packet->length < HEADERS_MAX ? packet->length : HEADERS_MAX;
    if (packet->linear_length >= *length)
        return packet->data;
    packet_copy_out(packet, 0, room, (uint32_t)*length);
    return room;
}

static bool has_ports(uint8_t protocol)
{
    return protocol == WIRE_IP_TCP || protocol == WIRE_IP_UDP;
}

/* An error is a matter of the flow that it quotes, which is one of ours: its peer is the quoted
 * destination. */
static unsigned home_of_quote(const struct spread *spread, const uint8_t *ip, size_t length)
{
    uint8_t tuple[TUPLE];
    if (length < WIRE_IP4_HEADER || !has_ports(wire_ip4_protocol(ip)) ||
        length < wire_ip4_header_length(ip) + 4u)
        return LEADER;
    const uint8_t *ports = ip + wire_ip4_header_length(ip);
    store_be32(tuple, wire_ip4_destination(ip));
    store_be32(tuple + 4, wire_ip4_source(ip));
    memcpy(tuple + ADDRESSES, ports + 2, 2);
    memcpy(tuple + ADDRESSES + 2, ports, 2);
    return home_of(spread, tuple, TUPLE);
}

static unsigned home_of_icmp(const struct spread *spread, const uint8_t *icmp, size_t length,
                             unsigned here)
{
    if (length < WIRE_ICMP4_HEADER)
        return here;
    if (wire_icmp4_is_error(wire_icmp4_type(icmp)))
        return home_of_quote(spread, icmp + WIRE_ICMP4_HEADER, length - WIRE_ICMP4_HEADER);
    return wire_icmp4_type(icmp) == WIRE_ICMP4_ECHO ? here : (unsigned)LEADER;
}

static unsigned home_of_ip4(const struct spread *spread, const uint8_t *ip, size_t length,
                            bool whole, unsigned here)
{
    uint8_t tuple[TUPLE];
    if (length < WIRE_IP4_HEADER)
        return here;
    size_t header = wire_ip4_header_length(ip);
    uint8_t protocol = wire_ip4_protocol(ip);
    store_be32(tuple, wire_ip4_source(ip));
    store_be32(tuple + 4, wire_ip4_destination(ip));
    if (!whole && wire_ip4_is_fragment(ip))
        return home_of(spread, tuple, ADDRESSES);
    if (length < header)
        return here;
    if (protocol == WIRE_IP_ICMP4)
        return home_of_icmp(spread, ip + header, length - header, here);
    if (!has_ports(protocol) || length < header + 4)
        return LEADER;
    memcpy(tuple + ADDRESSES, ip + header, 4);
    return home_of(spread, tuple, TUPLE);
}

unsigned spread_frame(const struct spread *spread, const struct packet *packet, unsigned here)
{
    uint8_t room[HEADERS_MAX];
    size_t length;
    const uint8_t *frame = headers_of(packet, room, &length);
    if (length < WIRE_ETHERNET_HEADER)
        return here;
    if (wire_ethernet_is_group(frame) || wire_ethernet_type(frame) != WIRE_ETHERNET_IP4)
        return LEADER;
    return home_of_ip4(spread, frame + WIRE_ETHERNET_HEADER, length - WIRE_ETHERNET_HEADER, false,
                       here);
}

unsigned spread_datagram(const struct spread *spread, const struct packet *packet, unsigned here)
{
    uint8_t room[HEADERS_MAX];
    size_t length;
    const uint8_t *ip = headers_of(packet, room, &length);
    return home_of_ip4(spread, ip, length, true, here);
}

unsigned spread_sent(const struct spread *spread, const struct packet *packet)
{
    uint8_t room[HEADERS_MAX];
    size_t length;
    const uint8_t *ip = headers_of(packet, room, &length);
    return home_of_quote(spread, ip, length);
}
