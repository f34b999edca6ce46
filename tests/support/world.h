/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SUPPORT_WORLD_H
#define CHASKI_TESTS_SUPPORT_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/chaski.h"
#include "core/host/host.h"
#include "tests/model/model.h"

/*
 * A small world for tests: a virtual clock, one or two hosts, and a cable between them that notes
 * every frame. With one host the test itself is the other end: it looks at what was sent and
 * injects literal frames.
 *
 * Host 0 is 192.0.2.1 (02:00:00:00:00:01), host 1, or the test, 192.0.2.2 (02:00:00:00:00:02).
 */
enum { WORLD_HOSTS = 2 };

#define WORLD_SECOND 1000000000ull
#define WORLD_MILLISECOND 1000000ull

struct frame {
    uint64_t sent_ns;
    uint32_t from; /* the host that sent it */
    uint32_t length;
    uint8_t *bytes;
    bool lost;
};

struct world_options {
    uint32_t hosts;                     /* 0: 2 */
    uint16_t mtu;                       /* 0: 1500 */
    uint8_t prefix_length;              /* 0: 24; 32: no probes, and a route to the network */
    uint64_t delay_ns;                  /* of the cable, each way */
    uint64_t start_ns;                  /* 0: one second */
    uint8_t seed;                       /* of the hosts' secrets */
    const struct chaski_limits *limits; /* NULL: ample ones */
};

struct world {
    uint64_t now_ns, delay_ns;
    uint32_t host_count;
    struct chaski *hosts[WORLD_HOSTS];
    struct world_station {
        struct world *world;
        uint32_t number;
        void *memory;
        struct model *model; /* looks at all that the host sends */
    } stations[WORLD_HOSTS];
    struct frame *frames; /* all that were ever sent, in order */
    uint32_t frame_count, frame_room;
    uint32_t arrived; /* of these */
    /* Whether the cable loses a frame; NULL: it loses none. May change the bytes. */
    bool (*loses)(void *context, struct frame *frame);
    void *context;
    bool unmodelled; /* what hosts send need not be what TCP allows: a test made them do wrong */
};

/* Makes the hosts, with the first interface of each on the cable. `options` NULL: all defaults. */
void world_make(struct world *world, const struct world_options *options);

/* Asserts that no host holds a packet or buffer any more. */
void world_assert_no_leaks(struct world *world);

/* Gives everything back; does not assert anything. */
void world_free(struct world *world);

/* Polls the hosts and delivers what arrives until nothing more happens at this very time. */
void world_settle(struct world *world);

/* Lets `ns` of virtual time pass; skips the time in which nothing happens. */
void world_run(struct world *world, uint64_t ns);

/* Lets time pass until `done` says so, or `ns` have passed: then false. */
bool world_run_until(struct world *world, bool (*done)(void *context), void *context, uint64_t ns);

/* The address of host 0 or 1. */
struct chaski_address world_address(uint32_t host);
struct chaski_endpoint world_endpoint(uint32_t host, uint16_t port);

/* ---- Looking at frames ---- */

/* How many frames a host has sent so far. */
uint32_t world_sent(const struct world *world, uint32_t host);

/* The frame that a host sent last, or `back` before that; asserts that there is one. */
const struct frame *world_last(const struct world *world, uint32_t host, uint32_t back);

/* Forgets the frames that have arrived or were lost, so that counting starts anew. */
void world_forget(struct world *world);

/* ---- Injecting frames ---- */

/* A frame is received by `host` now; the host is not polled. */
void world_input(struct world *world, uint32_t host, const void *frame, size_t length);

/* A frame as it is, received by `host` now; then the world settles. */
void world_inject(struct world *world, uint32_t host, const void *frame, size_t length);

/* An IPv4 packet from the other end, whose checksums are made right first: the header's,
 * and those of TCP, UDP and ICMP. Literal bytes can leave them 0. */
void world_inject_ip4(struct world *world, uint32_t host, const void *packet, size_t length);

/* Lets `host` know the link address of the other end, by an ARP request for its own; it answers. */
void world_introduce(struct world *world, uint32_t host);

/* Makes the checksums of an IPv4 packet right, in place. */
void ip4_make_right(uint8_t *packet, size_t length);

/* Whether the checksums of an IPv4 packet are right (transport checksums of UDP may be absent). */
bool ip4_is_right(const uint8_t *packet, size_t length);

#endif
