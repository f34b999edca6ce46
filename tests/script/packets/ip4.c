/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <sys/socket.h>

#include "tests/script/packets/ip.h"

/* IPv4 (RFC 791), and the names that scripts have for ICMP's numbers (RFC 792, 1122, 1812). */

enum { HEADER = 20, ADDRESS = 4, PROTOCOL_IGMP = 2 };

static void write_header(const struct ip_part *ip, const struct ends *ends, uint8_t protocol,
                         size_t length, uint8_t *at)
{
    memset(at, 0, HEADER);
    at[0] = 0x45;
    at[1] = (uint8_t)(ip->has_class ? ip->traffic_class : ip->ecn);
    put16(at + 2, (uint32_t)(HEADER + length));
    put16(at + 6, 0x4000); /* don't fragment */
    at[8] = ip->has_ttl ? ip->ttl : 255;
    at[9] = protocol;
    memcpy(at + 12, ends->remote, ADDRESS);
    memcpy(at + 16, ends->local, ADDRESS);
    put16(at + 10, (uint16_t)~sum_fold(sum_bytes(at, HEADER, 0)));
}

static const char *read_header(const uint8_t *bytes, size_t length, struct ip_part *ip)
{
    if (length < HEADER || bytes[0] != 0x45 || get16(bytes + 2) != length)
        return "no IPv4 packet, or its length is wrong";
    if (sum_fold(sum_bytes(bytes, HEADER, 0)) != 0xffff)
        return "the IPv4 checksum is wrong";
    *ip = (struct ip_part){.has_ecn = true,
                           .ecn = bytes[1] & 3,
                           .has_class = true,
                           .traffic_class = bytes[1],
                           .has_ttl = true,
                           .ttl = bytes[8]};
    return NULL;
}

static bool is_of_the_link(const uint8_t *bytes, size_t length)
{
    return length >= HEADER && bytes[9] == PROTOCOL_IGMP;
}

static const struct icmp_name icmp_names[] = {
    {"echo_reply", 0, -1},
    {"unreachable", 3, -1},
    {"source_quench", 4, -1},
    {"redirect", 5, -1},
    {"echo_request", 8, -1},
    {"time_exceeded", 11, -1},
    {"parameter_problem", 12, -1},
    {"timestamp_request", 13, -1},
    {"timestamp_reply", 14, -1},
    {"information_request", 15, -1},
    {"information_reply", 16, -1},
    {"address_mask_request", 17, -1},
    {"address_mask_reply", 18, -1},
    {"net_unreachable", 3, 0},
    {"host_unreachable", 3, 1},
    {"protocol_unreachable", 3, 2},
    {"port_unreachable", 3, 3},
    {"frag_needed", 3, 4},
    {"source_route_failed", 3, 5},
    {"net_unknown", 3, 6},
    {"host_unknown", 3, 7},
    {"source_host_isolated", 3, 8},
    {"net_prohibited", 3, 9},
    {"host_prohibited", 3, 10},
    {"net_unreachable_for_tos", 3, 11},
    {"host_unreachable_for_tos", 3, 12},
    {"packet_filtered", 3, 13},
    {"communication_prohibited", 3, 13},
    {"precedence_violation", 3, 14},
    {"host_precedence", 3, 14},
    {"precedence_cutoff", 3, 15},
    {"ttl_in_transit", 11, 0},
    {"ttl_exceeded", 11, 0},
    {"reassembly_time", 11, 1},
    {NULL, 0, 0},
};

const struct ip_version ip_version4 = {
    .name = "IPv4",
    .number = 4,
    .family = AF_INET,
    .mtu_least = 68,
    .header = HEADER,
    .address_length = ADDRESS,
    .addresses_at = 12,
    .protocol_at = 9,
    .icmp = 1,
    .echo_request = 8,
    .echo_reply = 0,
    .udp_may_lack_sum = true,
    .icmp_names = icmp_names,
    .write = write_header,
    .read = read_header,
    .is_of_the_link = is_of_the_link,
};
