/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_IP_H
#define CHASKI_TESTS_SCRIPT_IP_H

#include "tests/script/packets/bytes.h"
#include "tests/script/packets/packet.h"

/*
 * What the versions of IP have differently, as far as it concerns scripts. Everything else about
 * packets is said once, for both.
 */
struct icmp_name {
    const char *name;
    int type, code; /* -1: a type's own name */
};

struct ip_version {
    const char *name;
    uint8_t number;
    int family; /* AF_INET, AF_INET6 */
    uint16_t mtu_least;
    uint8_t header;         /* bytes */
    uint8_t address_length; /* bytes of an address; */
    uint8_t addresses_at;   /* in the header, the source's first, */
    uint8_t protocol_at;    /* and where that says what follows */
    uint8_t icmp;           /* protocol's number */
    uint8_t echo_request, echo_reply;
    bool icmp_sums_addresses; /* as TCP and UDP do */
    bool udp_may_lack_sum;
    const struct icmp_name *icmp_names; /* the last one is NULL */

    /* A header from `ends`' remote to its local end; `length` bytes follow it. */
    void (*write)(const struct ip_part *ip, const struct ends *ends, uint8_t protocol,
                  size_t length, uint8_t *at);
    /* NULL, or what is wrong with the header. */
    const char *(*read)(const uint8_t *bytes, size_t length, struct ip_part *ip);
    /* What hosts tell their link about groups and neighbours, of which scripts say nothing. */
    bool (*is_of_the_link)(const uint8_t *bytes, size_t length);
};

extern const struct ip_version ip_version4, ip_version6;

/* What the addresses add to TCP's and UDP's checksums (RFC 9293, 3.1; RFC 8200, 8.1). */
static inline uint64_t ip_pseudo_sum(const struct ip_version *version, const uint8_t *one,
                                     const uint8_t *other, uint8_t protocol, size_t length)
{
    uint64_t sum = sum_bytes(one, version->address_length, protocol + length);
    return sum_bytes(other, version->address_length, sum);
}

#endif
