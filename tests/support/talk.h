/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SUPPORT_TALK_H
#define CHASKI_TESTS_SUPPORT_TALK_H

#include "tests/random.h"
#include "tests/support/net.h"

/*
 * A conversation: one TCP connection between two hosts of a net, and at each end an application
 * that does what a seed says, through every call there is. Each direction carries a pattern, every
 * byte of which is compared as it is read.
 */

/* How an end's application treats its connection. */
struct talk_manners {
    uint32_t length;      /* bytes that it sends */
    bool hands_over;      /* writes by chaski_tcp_hand_over() too */
    bool looks;           /* reads by chaski_tcp_look() and _consume() too */
    bool nibbles;         /* reads and writes a few bytes at a time */
    bool stalls;          /* does nothing for seconds, now and then */
    bool answers;         /* ends its stream only when the peer has ended its own */
    bool closes;          /* ends its stream by closing, once the peer has ended its own */
    uint32_t abort_after; /* gives up after so many bytes sent; 0: does not */
    bool rudely;          /* by chaski_tcp_close() with input unread, when there is such */
    unsigned nodelay, quickack;
    enum chaski_congestion congestion;
    uint32_t send_buffer, receive_buffer; /* 0: tuned */
};

struct talk;

struct talk_end {
    struct talk *talk;
    struct chaski *host;
    chaski_tcp connection;
    struct talk_manners manners;
    uint64_t random;
    uint32_t pattern;     /* where in the pattern its own stream begins */
    uint32_t sent, read;  /* bytes */
    uint32_t lent;        /* pieces handed over and not yet released */
    uint64_t act_at_ns;   /* when the application acts by itself; UINT64_MAX: on events only */
    uint64_t patience_ns; /* the other end gave up: until when to wait for the news of it */
    bool open;            /* the handle is good */
    bool connected, finished, end_read, ended, gave_up;
    int error; /* why the connection ended */
};

struct talk {
    struct net *net;
    struct talk_end ends[2]; /* the one that connects, the one that listens */
    uint32_t hosts[2];
    uint16_t port, client_port; /* 0: one is chosen */
    chaski_listener listener;
    bool polled; /* the listening end accepts by chaski_tcp_accept() and polls for events */
    bool may_fail_to_open; /* the link is so bad that this may happen */
    bool may_be_reset;     /* a listener that keeps nothing may disown what it was not sent first */
    bool bound;
};

/* Binds and connects. The manners and `hosts`, `port`, `polled`, `net` are filled in. */
void talk_begin(struct talk *talk, uint64_t seed);

/* Stops listening; asserts that each stream arrived: whole, or, when an end gave up, its beginning.
 */
void talk_assert(struct talk *talk);

/* Prints where both ends stand, for whom a test failed. */
void talk_tell(const struct talk *talk);

/* Runs the net until all talks are over; false when that takes longer than `ns`. */
bool talks_run(struct net *net, struct talk *talks, uint32_t count, uint64_t ns);

#endif
