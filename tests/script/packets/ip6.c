/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <sys/socket.h>

#include "tests/script/packets/ip.h"

/* IPv6 (RFC 8200), and the names that scripts have for ICMPv6's numbers (RFC 4443): unreachable
 * nets and ports are called as IPv4's are. */

enum { HEADER = 40, ADDRESS = 16, HOP_BY_HOP = 0, PROTOCOL_ICMP = 58 };
enum { ROUTER_SOLICITATION = 133, REDIRECT = 137 }; /* Neighbor Discovery's are 133 to 137 */

static void write_header(const struct ip_part *ip, const struct ends *ends, uint8_t protocol,
                         size_t length, uint8_t *at)
{
    uint32_t traffic_class = ip->has_class ? ip->traffic_class : ip->ecn;
    memset(at, 0, HEADER);
    put16(at, 0x6000 | traffic_class << 4);
    put16(at + 4, (uint32_t)length);
    at[6] = protocol;
    at[7] = ip->has_ttl ? ip->ttl : 255;
    memcpy(at + 8, ends->remote, ADDRESS);
    memcpy(at + 24, ends->local, ADDRESS);
}

static const char *read_header(const uint8_t *bytes, size_t length, struct ip_part *ip)
{
    if (length < HEADER || bytes[0] >> 4 != 6 || HEADER + get16(bytes + 4) != length)
        return "no IPv6 packet, or its length is wrong";
    uint8_t traffic_class = (uint8_t)(get16(bytes) >> 4);
    *ip = (struct ip_part){.has_ecn = true,
                           .ecn = traffic_class & 3,
                           .has_class = true,
                           .traffic_class = traffic_class,
                           .has_ttl = true,
                           .ttl = bytes[7]};
    return NULL;
}

/* Reports of groups are behind a hop-by-hop option (RFC 3810, 5). */
static bool is_of_the_link(const uint8_t *bytes, size_t length)
{
    if (length <= HEADER || bytes[6] != PROTOCOL_ICMP)
        return length > HEADER && bytes[6] == HOP_BY_HOP && bytes[HEADER] == PROTOCOL_ICMP;
    return bytes[HEADER] >= ROUTER_SOLICITATION && bytes[HEADER] <= REDIRECT;
}

static const struct icmp_name icmp_names[] = {
    {"unreachable", 1, -1},        {"packet_too_big", 2, -1},
    {"time_exceeded", 3, -1},      {"parameter_problem", 4, -1},
    {"echo_request", 128, -1},     {"echo_reply", 129, -1},
    {"net_unreachable", 1, 0},     {"no_route", 1, 0},
    {"admin_prohibited", 1, 1},    {"not_neighbour", 1, 2},
    {"address_unreachable", 1, 3}, {"port_unreachable", 1, 4},
    {"exceeded_hop_limit", 3, 0},  {"exceeded_frag_time", 3, 1},
    {"header_field", 4, 0},        {"unknown_next_header", 4, 1},
    {"unknown_option", 4, 2},      {NULL, 0, 0},
};

const struct ip_version ip_version6 = {
    .name = "IPv6",
    .number = 6,
    .family = AF_INET6,
    .mtu_least = 1280,
    .header = HEADER,
    .address_length = ADDRESS,
    .addresses_at = 8,
    .protocol_at = 6,
    .icmp = PROTOCOL_ICMP,
    .echo_request = 128,
    .echo_reply = 129,
    .icmp_sums_addresses = true,
    .icmp_names = icmp_names,
    .write = write_header,
    .read = read_header,
    .is_of_the_link = is_of_the_link,
};
