/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "tests/script/packets/packet.h"

/* The names that scripts have for ICMP's numbers (RFC 792, 1122, 1812). */

struct icmp_name {
    const char *name;
    int type, code; /* -1: a type's own name */
};

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
};

/* "type_11" and "code_0" as well; -1: the name is not of that form. */
static int number_behind(const char *word, const char *name)
{
    size_t length = strlen(word);
    char *end;
    long number = strncmp(name, word, length) == 0 ? strtol(name + length, &end, 10) : -1;
    return number >= 0 && number <= UINT8_MAX && *end == 0 ? (int)number : -1;
}

int icmp_type_named(const char *name)
{
    for (size_t i = 0; i < sizeof icmp_names / sizeof *icmp_names; i++)
        if (icmp_names[i].code < 0 && strcmp(icmp_names[i].name, name) == 0)
            return icmp_names[i].type;
    return number_behind("type_", name);
}

int icmp_code_named(uint8_t type, const char *name)
{
    for (size_t i = 0; i < sizeof icmp_names / sizeof *icmp_names; i++)
        if (icmp_names[i].code >= 0 && icmp_names[i].type == type &&
            strcmp(icmp_names[i].name, name) == 0)
            return icmp_names[i].code;
    return number_behind("code_", name);
}
