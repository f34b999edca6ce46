/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/endian.h"
#include "core/wire/arp.h"
#include "core/wire/ethernet.h"
#include "core/wire/icmp4.h"
#include "core/wire/igmp.h"
#include "core/wire/ip4.h"
#include "core/wire/udp.h"
#include "tests/fuzz/host.h"

/* Everything but TCP: whole frames as the input has them, ARP, and datagrams of four protocols
 * whose fields are chosen from what the host cares about. */

static const uint32_t addresses[] = {
    0x0a000001, 0x0a000002, 0x0a000003, 0x0a0000ff, 0xe0000001, 0xef010203, 0, 0xffffffff,
};

static const uint8_t router_alert[] = {WIRE_IP4_OPTION_ROUTER_ALERT, 4, 0, 0};

static uint32_t address(uint8_t choice)
{
    return addresses[choice & 7];
}

void host_raw_frame(struct world *world, struct input *input)
{
    uint8_t frame[PEER_FRAME_MAX];
    uint16_t choice = next16(input);
    size_t length = take(input, frame, choice % (sizeof frame + 1));
    if (length >= WIRE_ETHERNET_HEADER && !(choice & 0x4000))
        memcpy(frame, host_mac, 6);
    host_give(world, choice >> 15, frame, length);
}

/* Puts a priority tag behind the link addresses. */
static size_t tag(uint8_t *frame, size_t length, uint16_t value)
{
    memmove(frame + 16, frame + 12, length - 12);
    store_be16(frame + 12, WIRE_ETHERNET_TAG);
    store_be16(frame + 14, value);
    return length + 4;
}

void host_arp(struct world *world, struct input *input)
{
    uint8_t frame[PEER_FRAME_MAX], choice = next(input), more = next(input);
    struct wire_arp_fields fields = {.operation = choice & 1 ? WIRE_ARP_REPLY : WIRE_ARP_REQUEST,
                                     .sender_ip = address(choice >> 1),
                                     .target_ip = address(choice >> 4)};
    memcpy(fields.sender_mac, choice & 0x80 ? host_mac : peer_mac, 6);
    fields.sender_mac[5] = (uint8_t)(fields.sender_mac[5] + (more & 7));
    fields.sender_ip += more >> 3 & 7;
    wire_ethernet_build(frame, host_mac, fields.sender_mac, WIRE_ETHERNET_ARP);
    wire_arp_build(frame + WIRE_ETHERNET_HEADER, &fields);
    if (more & 0x40)
        memset(frame, 0xff, 6);
    host_give(world, HOST_ETHERNET, frame, WIRE_ETHERNET_HEADER + WIRE_ARP_SIZE);
}

/* ---- Payloads: their headers at `at`, and the bytes behind them ---- */

static void udp(struct input *input, uint8_t *at, size_t length)
{
    uint8_t choice = next(input);
    uint16_t said = choice & 0x80 ? next16(input) : (uint16_t)length;
    wire_udp_build(at, (uint16_t)(PEER_PORT + choice % 4),
                   choice & 0x40 ? (uint16_t)next16(input) : HOST_ECHO_PORT, said);
}

static void icmp(struct input *input, uint8_t *at, size_t length)
{
    static const uint8_t types[] = {0, 3, 4, 5, 8, 8, 11, 12, 13, 14, 17, 18};
    uint8_t choice = next(input);
    at[WIRE_ICMP4_TYPE] = types[choice % sizeof types];
    at[WIRE_ICMP4_CODE] = choice / sizeof types % 16;
    take(input, at + WIRE_ICMP4_REST, length < 40 ? length - WIRE_ICMP4_REST : 4);
}

static void igmp(struct input *input, uint8_t *at, size_t length)
{
    static const uint8_t types[] = {
        WIRE_IGMP_QUERY,   WIRE_IGMP_QUERY, WIRE_IGMP_QUERY,   WIRE_IGMP_REPORT1,
        WIRE_IGMP_REPORT2, WIRE_IGMP_LEAVE, WIRE_IGMP_REPORT3, 0};
    uint8_t choice = next(input);
    at[WIRE_IGMP_TYPE] = types[choice & 7];
    at[WIRE_IGMP_MAX_RESPONSE] = next(input);
    store_be32(at + WIRE_IGMP_GROUP, choice & 0x40 ? 0 : address(choice >> 3));
    if (choice & 0x80)
        take(input, at + WIRE_IGMP_HEADER, length - WIRE_IGMP_HEADER);
}

static void fill(const struct peer_datagram *datagram, struct input *input, uint8_t *at)
{
    if (datagram->length < 12 || (datagram->fragment & 0x1fff) != 0)
        return;
    if (datagram->protocol == WIRE_IP_UDP)
        udp(input, at, datagram->length);
    else if (datagram->protocol == WIRE_IP_ICMP4)
        icmp(input, at, datagram->length);
    else if (datagram->protocol == WIRE_IP_IGMP)
        igmp(input, at, datagram->length);
    else
        take(input, at, datagram->length);
}

/* The offset in units of 64 bytes, more to come or not, one of four datagrams. */
static void cut(struct peer_datagram *datagram, struct input *input)
{
    uint16_t choice = next16(input);
    datagram->fragment = (uint16_t)((choice & 0x7f) * 8 | (choice & 0x80 ? 0x2000 : 0));
    datagram->identification = choice >> 8 & 3;
    if (choice & 0x8000)
        datagram->fragment = next16(input);
}

enum { FROM_ANYWHERE = 1, WITH_OPTIONS = 2, FRAGMENT = 4, TAGGED = 8, BARE = 16, LONG = 32 };

void host_datagram(struct world *world, struct input *input)
{
    static const uint8_t protocols[] = {WIRE_IP_UDP, WIRE_IP_ICMP4, WIRE_IP_IGMP, 99};
    uint8_t frame[PEER_FRAME_MAX + 4], payload[PEER_MTU] = {0};
    uint8_t choice = next(input), manner = choice >> 2, addressing;
    struct peer_datagram datagram = {.protocol = protocols[choice & 3], .payload = payload};
    if (datagram.protocol == WIRE_IP_IGMP) { /* as RFC 3376, 4, wants it */
        datagram.ttl = 1;
        memcpy(datagram.options, router_alert, sizeof router_alert);
        datagram.options_length = sizeof router_alert;
    }
    if (manner & FROM_ANYWHERE) {
        addressing = next(input);
        datagram.source = address(addressing);
        datagram.destination = address(addressing >> 3);
        datagram.ttl = addressing & 0x80 ? 0 : datagram.ttl;
        datagram.traffic_class = next(input);
    }
    if (manner & WITH_OPTIONS)
        datagram.options_length =
            (uint8_t)(take(input, datagram.options, next(input) % 41) & ~(size_t)3);
    if (manner & FRAGMENT)
        cut(&datagram, input);
    datagram.length = manner & LONG ? next16(input) % (PEER_MTU + 1) : next(input) % 65;
    fill(&datagram, input, payload);
    size_t length = peer_datagram(frame, &datagram);
    if (manner & TAGGED && !(manner & BARE))
        length = tag(frame, length, next(input));
    host_give(world, manner & BARE ? HOST_BARE : HOST_ETHERNET, frame, length);
}
