/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_FUZZ_HOST_H
#define CHASKI_TESTS_FUZZ_HOST_H

#include "chaski/chaski.h"
#include "core/packet/burst.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/peer.h"
#include "tests/fuzz/target.h"

/*
 * A whole host that does what an input says. How it is cut:
 *
 *   host            one step after the other: frames and the passing of time
 *   host_calls      the application: what its closures do, and every public call
 *   host_segments   segments and ICMP errors whose numbers are relative to the flow's
 *   host_frames     all other frames
 *   host_truth      what must hold whenever the host rests
 *   peer            the other end: what the host sends must be well formed, and is noted
 */

enum {
    HOST_HANDLES = 8,
    HOST_LOANS = 4, /* pieces of memory to hand over */
    HOST_SOCKETS = 3,
    HOST_LISTENERS = 4,
    HOST_ETHERNET = 0, /* interfaces */
    HOST_BARE = 1,
    HOST_ECHO_PORT = 7,
    HOST_CHARGEN_PORT = 19,
    HOST_POLLED_PORT = 9,
};

#define HOST_MILLISECOND UINT64_C(1000000)

struct host_loan {
    struct chaski_memory memory;
    bool lent;
};

struct world {
    struct chaski *host;
    uint64_t now;
    struct peer peer;
    chaski_tcp handles[HOST_HANDLES];
    unsigned handle_count;
    chaski_listener listeners[HOST_LISTENERS];
    chaski_udp sockets[HOST_SOCKETS];
    struct host_loan loans[HOST_LOANS];
    struct burst burst; /* frames that wait to come in together, by Ethernet */
    bool gathering;
};

/* A frame comes in, built in an Ethernet frame's shape whatever the interface. */
void host_give(struct world *world, int interface, const uint8_t *frame, size_t length);
/* Frames by Ethernet wait from the first call on, until the second lets them come in as one burst,
 * as from a link that is read under load. */
void host_gather(struct world *world);
void host_let_in(struct world *world);
/* Polls until the host has nothing more to do at this time. */
void host_settle(struct world *world);
/* Lets `span` nanoseconds pass, stopping where the host wants to run. */
void host_pass(struct world *world, uint64_t span);

/* ---- The application ---- */

void host_start_services(struct world *world);
void host_call(struct world *world, struct input *input);
/* What all connections to come have in common. */
void host_turn_knobs(struct world *world, uint16_t choice);
/* Lets go of everything that the application has. */
void host_let_go(struct world *world);

/* ---- Segments ---- */

/* One segment of a flow. */
void host_segment(struct world *world, struct input *input);
/* A flow's whole handshake, to which the host answers. */
void host_handshake(struct world *world, struct input *input);
/* Many segments of a flow at once, one of which may not fit to the others. */
void host_train(struct world *world, struct input *input);
/* For a while, an honest peer on a link that loses, cuts off or marks. */
void host_converse(struct world *world, struct input *input);
/* An ICMP error about what the host sent last on a flow. */
void host_error(struct world *world, struct input *input);

/* ---- Other frames ---- */

void host_raw_frame(struct world *world, struct input *input);
void host_arp(struct world *world, struct input *input);
/* A datagram, or a fragment, of any protocol. */
void host_datagram(struct world *world, struct input *input);

/* ---- What must hold ---- */

void host_check(struct world *world);
/* Likewise, when nothing is left to be done. */
void host_check_rest(struct world *world);

#endif
