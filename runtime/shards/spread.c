/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/shards/spread.h"

#include "core/base/address.h"
#include "core/wire/ethernet.h"
#include "core/wire/icmp4.h"
#include "core/wire/ip4.h"

/*
 * IPv6 is known here as adapters know it, so that flows reach their shards whichever of the two a
 * host speaks: the header (RFC 8200), the extension headers that may stand between it and the
 * ports, and which messages of ICMPv6 quote a flow (RFC 4443).
 */
enum {
    LEADER = 0,                         /* the shard of what belongs to no flow */
    HEADERS_MAX = 14 + 60 + 8 + 60 + 4, /* Ethernet, IP, ICMP, IP quoted, ports quoted */
    IP4_ADDRESSES = 8,                  /* bytes of a pair */
    IP6_ADDRESSES = 32,
    IP6_HEADER = 40,
    IP6_NEXT_HEADER = 6,
    IP6_SOURCE = 8, /* and behind it the destination */
    IP6_EXTENSIONS = 4,
    IP6_HOP_BY_HOP = 0,
    IP6_ROUTING = 43,
    IP6_FRAGMENT = 44,
    IP6_DESTINATION_OPTIONS = 60,
    ICMP6_ECHO = 128, /* what is below are errors */
    ICMP_HEADER = 8,
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

/* ---- IPv4 ---------------------------------------------------------------------------------- */

/* An error is a matter of the flow that it quotes, which is one of ours: its peer is the quoted
 * destination. */
static unsigned home_of_quote4(const struct spread *spread, const uint8_t *ip, size_t length)
{
    uint8_t tuple[IP4_ADDRESSES + 4];
    if (length < WIRE_IP4_HEADER || !has_ports(wire_ip4_protocol(ip)) ||
        length < wire_ip4_header_length(ip) + 4u)
        return LEADER;
    const uint8_t *ports = ip + wire_ip4_header_length(ip);
    store_be32(tuple, wire_ip4_destination(ip));
    store_be32(tuple + 4, wire_ip4_source(ip));
    memcpy(tuple + IP4_ADDRESSES, ports + 2, 2);
    memcpy(tuple + IP4_ADDRESSES + 2, ports, 2);
    return home_of(spread, tuple, sizeof tuple);
}

static unsigned home_of_icmp4(const struct spread *spread, const uint8_t *icmp, size_t length,
                              unsigned here)
{
    if (length < WIRE_ICMP4_HEADER)
        return here;
    if (wire_icmp4_is_error(wire_icmp4_type(icmp)))
        return home_of_quote4(spread, icmp + WIRE_ICMP4_HEADER, length - WIRE_ICMP4_HEADER);
    return wire_icmp4_type(icmp) == WIRE_ICMP4_ECHO ? here : (unsigned)LEADER;
}

static unsigned home_of_ip4(const struct spread *spread, const uint8_t *ip, size_t length,
                            bool whole, unsigned here)
{
    uint8_t tuple[IP4_ADDRESSES + 4];
    if (length < WIRE_IP4_HEADER)
        return here;
    size_t header = wire_ip4_header_length(ip);
    uint8_t protocol = wire_ip4_protocol(ip);
    store_be32(tuple, wire_ip4_source(ip));
    store_be32(tuple + 4, wire_ip4_destination(ip));
    if (!whole && wire_ip4_is_fragment(ip))
        return home_of(spread, tuple, IP4_ADDRESSES);
    if (length < header)
        return here;
    if (protocol == WIRE_IP_ICMP4)
        return home_of_icmp4(spread, ip + header, length - header, here);
    if (!has_ports(protocol) || length < header + 4)
        return LEADER;
    memcpy(tuple + IP4_ADDRESSES, ip + header, 4);
    return home_of(spread, tuple, sizeof tuple);
}

/* ---- IPv6 ---------------------------------------------------------------------------------- */

/* What an IPv6 packet carries. */
struct upper {
    uint8_t protocol;
    bool known;    /* false: a fragment, or behind more than is looked through */
    size_t offset; /* from the IP header */
};

static struct upper upper_of(const uint8_t *ip, size_t length)
{
    struct upper upper = {.protocol = ip[IP6_NEXT_HEADER], .offset = IP6_HEADER};
    for (int i = 0; i < IP6_EXTENSIONS; i++) {
        const uint8_t *extension = ip + upper.offset;
        bool skipped = upper.protocol == IP6_HOP_BY_HOP || upper.protocol == IP6_ROUTING ||
                       upper.protocol == IP6_DESTINATION_OPTIONS;
        upper.known = !skipped && upper.protocol != IP6_FRAGMENT;
        if (!skipped || length < upper.offset + 2)
            break;
        upper.protocol = extension[0];
        upper.offset += (extension[1] + 1u) * 8;
    }
    return upper;
}

static unsigned home_of_quote6(const struct spread *spread, const uint8_t *ip, size_t length)
{
    uint8_t tuple[IP6_ADDRESSES + 4];
    if (length < IP6_HEADER)
        return LEADER;
    struct upper upper = upper_of(ip, length);
    if (!upper.known || !has_ports(upper.protocol) || length < upper.offset + 4)
        return LEADER;
    memcpy(tuple, ip + IP6_SOURCE + 16, 16);
    memcpy(tuple + 16, ip + IP6_SOURCE, 16);
    memcpy(tuple + IP6_ADDRESSES, ip + upper.offset + 2, 2);
    memcpy(tuple + IP6_ADDRESSES + 2, ip + upper.offset, 2);
    return home_of(spread, tuple, sizeof tuple);
}

static unsigned home_of_icmp6(const struct spread *spread, const uint8_t *icmp, size_t length,
                              unsigned here)
{
    if (length < ICMP_HEADER)
        return here;
    if (icmp[0] < ICMP6_ECHO)
        return home_of_quote6(spread, icmp + ICMP_HEADER, length - ICMP_HEADER);
    return icmp[0] == ICMP6_ECHO ? here : (unsigned)LEADER;
}

static unsigned home_of_ip6(const struct spread *spread, const uint8_t *ip, size_t length,
                            unsigned here)
{
    uint8_t tuple[IP6_ADDRESSES + 4];
    if (length < IP6_HEADER)
        return here;
    struct upper upper = upper_of(ip, length);
    memcpy(tuple, ip + IP6_SOURCE, IP6_ADDRESSES);
    if (!upper.known || length < upper.offset + 4)
        return home_of(spread, tuple, IP6_ADDRESSES);
    if (upper.protocol == WIRE_IP_ICMP6)
        return home_of_icmp6(spread, ip + upper.offset, length - upper.offset, here);
    if (!has_ports(upper.protocol))
        return LEADER;
    memcpy(tuple + IP6_ADDRESSES, ip + upper.offset, 4);
    return home_of(spread, tuple, sizeof tuple);
}

/* ---- Either -------------------------------------------------------------------------------- */

unsigned spread_frame(const struct spread *spread, const struct packet *packet, unsigned here)
{
    uint8_t room[HEADERS_MAX];
    size_t length;
    const uint8_t *frame = headers_of(packet, room, &length);
    if (length < WIRE_ETHERNET_HEADER)
        return here;
    const uint8_t *ip = frame + WIRE_ETHERNET_HEADER;
    length -= WIRE_ETHERNET_HEADER;
    if (!wire_ethernet_is_group(frame) && wire_ethernet_type(frame) == WIRE_ETHERNET_IP4)
        return home_of_ip4(spread, ip, length, false, here);
    if (!wire_ethernet_is_group(frame) && wire_ethernet_type(frame) == WIRE_ETHERNET_IP6)
        return home_of_ip6(spread, ip, length, here);
    return LEADER;
}

static unsigned version_of(const uint8_t *ip, size_t length)
{
    return length != 0 ? ip[0] >> 4 : 0;
}

unsigned spread_datagram(const struct spread *spread, const struct packet *packet, unsigned here)
{
    uint8_t room[HEADERS_MAX];
    size_t length;
    const uint8_t *ip = headers_of(packet, room, &length);
    if (version_of(ip, length) == 6) /* whole ones have no fragment header */
        return home_of_ip6(spread, ip, length, here);
    return home_of_ip4(spread, ip, length, true, here);
}

unsigned spread_sent(const struct spread *spread, const struct packet *packet)
{
    uint8_t room[HEADERS_MAX];
    size_t length;
    const uint8_t *ip = headers_of(packet, room, &length);
    if (version_of(ip, length) == 6)
        return home_of_quote6(spread, ip, length);
    return home_of_quote4(spread, ip, length);
}
