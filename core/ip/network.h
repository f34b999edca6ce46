/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_IP_NETWORK_H
#define CHASKI_IP_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "chaski/address.h"
#include "core/packet/burst.h"

/*
 * What lies between the transport blocks and the IP block of one family. A transport block holds
 * one struct network a family and knows nothing else of IP; an IP block fills it in when wired.
 */

/* How a destination is reached. */
struct ip_path {
    struct chaski_address source;   /* the address of ours that is used towards it */
    struct chaski_address next_hop; /* gateway, or the destination itself */
    uint16_t mtu;      /* largest IP packet of the protocol, path MTU discovery included */
    uint16_t link_mtu; /* of the interface */
    uint8_t interface;
    bool local;     /* the destination is this host */
    bool broadcast; /* limited or directed broadcast */
    bool multicast;
};

struct network {
    /* Sends. packet->ip is filled in, the transport header is at packet->data and noted with
     * packet_set_transport(); checksum is PARTIAL or COMPLETE. */
    struct hook transmit;
    void *block;
    /* How packets of an IP protocol reach `destination` from `source` (unspecified: choose one) by
     * `interface` (number plus one; 0: any). Returns 0 or a negative enum chaski_error: NO_ROUTE,
     * BAD_ADDRESS (source is not ours). */
    int (*path)(void *block, uint8_t protocol, const struct chaski_address *source,
                const struct chaski_address *destination, uint16_t interface, struct ip_path *path);
    /* True when `address` is one of ours (unicast). */
    bool (*is_local)(void *block, const struct chaski_address *address);
    /* Forward progress with `destination` (RFC 4861, 7.3.1 and its like for ARP): spares the
     * neighbour a probe. */
    void (*confirm)(void *block, const struct chaski_address *destination, uint64_t now_ns);
    /* Several transmissions to `destination` went unanswered (RFC 9293, 3.8.3, R1): the next hop is
     * to be looked for anew. May be NULL. */
    void (*doubt)(void *block, const struct chaski_address *destination, uint64_t now_ns);
    /* Sends the ICMP error "port unreachable" for a received packet whose data is at the transport
     * header; consumes it. Decides itself whether silence is due. */
    void (*port_unreachable)(void *block, struct packet *packet, uint64_t now_ns);
    /* Joins or leaves a group (0 or a negative error); counted per interface. */
    int (*join)(void *block, const struct chaski_address *group, uint16_t interface,
                uint64_t now_ns);
    int (*leave)(void *block, const struct chaski_address *group, uint16_t interface,
                 uint64_t now_ns);
};

/* Is shown a packet that the application of `context` has asked to see go, its data at the IP
 * header, and what position it said that it has. It may note that, and call nothing. */
typedef void sent_watcher(void *context, uint64_t position, const struct packet *packet);

/* Where several hosts stand for one: whether what `remote` sends to `local` reaches this one. */
typedef bool home_function(void *context, const struct chaski_endpoint *local,
                           const struct chaski_endpoint *remote);

struct home {
    home_function *is_here; /* NULL: everything does */
    void *context;
};

static inline bool home_is_here(const struct home *home, const struct chaski_endpoint *local,
                                const struct chaski_endpoint *remote)
{
    return home->is_here == NULL || home->is_here(home->context, local, remote);
}

/* An ICMP error for a datagram that we sent, family independent. */
enum ip_error_kind {
    IP_ERROR_NETWORK_UNREACHABLE,
    IP_ERROR_HOST_UNREACHABLE,
    IP_ERROR_PROTOCOL_UNREACHABLE,
    IP_ERROR_PORT_UNREACHABLE,
    IP_ERROR_TOO_BIG, /* path MTU; `mtu` is already clamped and recorded by the IP block */
    IP_ERROR_PROHIBITED,
    IP_ERROR_NO_SUCH_WAY, /* unknown, isolated, or none of such a service */
    IP_ERROR_TIME_EXCEEDED,
    IP_ERROR_PARAMETER,
};

/* What the header said that something came with. */
struct ip_came {
    struct chaski_address to;
    uint16_t interface; /* number plus one */
    uint8_t ttl, traffic_class;
};

struct ip_error {
    enum ip_error_kind kind;
    int16_t told;       /* what applications are told: enum chaski_error */
    uint8_t type, code; /* of the message, */
    uint32_t detail;    /* and what it adds: the MTU it tells, the position at fault */
    struct ip_came came;
    struct chaski_address reporter; /* who sent it; ourselves when no neighbour answered */
    uint16_t mtu;
    uint8_t ttl;                       /* that the quoted datagram had left */
    struct chaski_address source;      /* of the quoted datagram: ours */
    struct chaski_address destination; /* of the quoted datagram: the peer */
    const uint8_t *quoted;             /* its transport header, quoted_length >= 8 bytes of it */
    uint16_t quoted_length;
};

/* Where errors for one transport protocol go; returns false when no flow of ours matches, so that
 * the IP block must not believe the error (RFC 5927). Asked before path MTU is lowered. */
typedef bool ip_error_function(void *block, const struct ip_error *error, uint64_t now_ns);

#endif
