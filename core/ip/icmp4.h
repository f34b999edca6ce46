/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_IP_ICMP4_H
#define CHASKI_IP_ICMP4_H

#include <stdbool.h>
#include <stdint.h>

#include "chaski/chaski.h"
#include "core/base/random.h"
#include "core/ip/ip4.h"

/*
 * ICMP of an IPv4 host (RFC 792; RFC 1122, 3.2.2): answers echo requests in the packet that asked,
 * sends errors where they are due and within a rate, tells transports of errors about what
 * they sent, and pings.
 *
 * Errors that we send are limited twice (RFC 1812, 4.3.2.8): by destination, so that one that
 * provokes many does not silence us towards others, and in total. An error costs one to three
 * tokens of the total, drawn at random, so that counting errors does not tell what else we sent.
 * Those that stay on this host are not limited.
 */
enum {
    ICMP4_PROTOCOLS = 8,      /* transports that hear of errors */
    ICMP4_PINGS = 16,         /* identifiers that somebody listens to */
    ICMP4_ASKED = 128,        /* runs of requests whose answers are still told */
    ICMP4_REPLIES = 32,       /* replies that wait for their closures */
    ICMP4_BUCKETS = 256,      /* of destinations, by hash */
    ICMP4_ERROR_CLASS = 0xc0, /* precedence 6, internetwork control (RFC 1812, 4.3.2.5) */
};

struct icmp4_bucket {
    uint64_t full_at_ns; /* when all its tokens will be back */
};

struct icmp4_owner {
    ip_error_function *error;
    void *block;
    uint8_t protocol;
};

struct icmp4_ping {
    chaski_ping_closure *reply; /* NULL: free */
    void *context;
    uint16_t identifier;
};

/* Requests that were sent, with sequence numbers that follow each other. */
struct icmp4_asked {
    uint32_t destination; /* 0: many, any of whom may answer */
    uint16_t identifier, first, count;
};

struct icmp4_reply {
    struct packet *packet; /* the data echoed; NULL with an error */
    struct chaski_address from;
    uint16_t identifier, sequence;
    uint8_t ttl;
    int error;
};

struct icmp4 {
    struct hook request; /* ip4_transmit */
    struct ip4 *ip4;
    struct counters *counters;
    struct packet_memory *memory;
    struct random random;
    struct siphash_key bucket_key;
    struct icmp4_bucket total;
    struct icmp4_bucket buckets[ICMP4_BUCKETS];
    struct icmp4_owner owners[ICMP4_PROTOCOLS];
    uint32_t owner_count;
    struct icmp4_ping pings[ICMP4_PINGS];
    struct icmp4_asked asked[ICMP4_ASKED]; /* a ring */
    uint32_t asked_next;
    struct icmp4_reply replies[ICMP4_REPLIES];
    uint32_t reply_first, reply_count;
    uint8_t *scratch; /* where a reply in pieces is put together for its closure */
    uint32_t scratch_size;
};

/* Wires itself to `ip4`: errors are sent from now on. `key` is not shared with another block. The
 * scratch is wired as hooks are, and may be shared: it is used while a closure runs. */
void icmp4_setup(struct icmp4 *icmp4, struct ip4 *ip4, struct packet_memory *packets,
                 struct counters *counters, const struct siphash_key *key);

/* At setup: who hears of errors about datagrams of a protocol. False when the table is full. */
bool icmp4_wire_errors(struct icmp4 *icmp4, uint8_t protocol, ip_error_function *error,
                       void *block);

/* hook_function: ICMP messages from the dispatch block of ip4. */
void icmp4_receive(void *icmp4, struct burst *burst, uint64_t now_ns);

/* hook_function for `other` of that dispatch block: answers "protocol unreachable". */
void icmp4_protocol_unreachable(void *icmp4, struct burst *burst, uint64_t now_ns);

/* hook_function for arp's `unreachable`: datagrams of ours (data at the IP header) that reached
 * no neighbour; tells the transports that sent them. */
void icmp4_neighbour_unreachable(void *icmp4, struct burst *burst, uint64_t now_ns);

/* Sends an error about a received packet, as struct ip4_error_sender says, or keeps silent where
 * RFC 1122 (3.2.2) wants silence. */
void icmp4_error(void *icmp4, struct packet *packet, uint8_t type, uint8_t code, uint32_t rest,
                 uint64_t now_ns);

/* Who hears of replies to `identifier`; NULL ends it. 0 or CHASKI_NO_MEMORY. */
int icmp4_ping_on(struct icmp4 *icmp4, uint16_t identifier, chaski_ping_closure *reply,
                  void *context);

/* Sends one echo request. 0, or CHASKI_NO_ROUTE, CHASKI_NO_MEMORY, CHASKI_TOO_BIG,
 * CHASKI_BAD_ADDRESS (not IPv4). */
int icmp4_ping(struct icmp4 *icmp4, const struct chaski_address *to, uint16_t identifier,
               uint16_t sequence, const void *bytes, size_t length, uint64_t now_ns);

/* Runs the closures of what has come; `host` is what they are given. */
void icmp4_run_closures(struct icmp4 *icmp4, struct chaski *host);

static inline bool icmp4_pending(const struct icmp4 *icmp4)
{
    return icmp4->reply_count != 0;
}

/* ---- Between the files of this block ---- */

/* Takes over an echo reply, data at the ICMP header. */
void icmp4_ping_reply(struct icmp4 *icmp4, struct packet *packet);

/* ip_error_function for echo requests of ours. */
bool icmp4_ping_error(void *icmp4, const struct ip_error *error, uint64_t now_ns);

#endif
