/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_HALF_OPEN_H
#define CHASKI_TCP_TCP_HALF_OPEN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/timer_wheel.h"
#include "core/tcp/tcp_table.h"

/*
 * Connections that peers are opening: SYN-RECEIVED, in 64 bytes. The local sequence number is
 * kept; what else is needed again (timestamp offset, listener, path) is found again from the key.
 * SYN+ACK goes again after 1, 2, 4 ... seconds: the entries of each round stand in one queue, in
 * order, so the first of each queue is the next.
 */
enum half_open_flag {
    HALF_OPEN_TIMESTAMPS = 1,
    HALF_OPEN_SACK = 2,
    HALF_OPEN_SCALING = 4,
    HALF_OPEN_UNFILTERED = 8,  /* it waits for its filter, or for a reset; see `cookie` */
    HALF_OPEN_CHALLENGED = 16, /* the peer was told where we are since the last SYN+ACK */
};

/* What awaits an entry that is not filtered: which cookie of Fast Open the peer gets once the
 * filter has let it in. */
enum half_open_cookie {
    HALF_OPEN_NO_COOKIE,
    HALF_OPEN_COOKIE,
    HALF_OPEN_COOKIE_EXPERIMENTAL, /* in the option of RFC 6994 */
    HALF_OPEN_LEFT,                /* a reset: it was answered, but its listener is gone */
};

struct tcp_half_open {
    struct tcp_key key;
    uint32_t iss, irs;
    uint32_t ts_recent;
    union {
        struct {
            uint32_t due_ms : 26; /* when SYN+ACK goes again */
            uint32_t dscp : 6;    /* of the SYN */
        };
        struct {
            uint32_t cookie : 26; /* while HALF_OPEN_UNFILTERED: enum half_open_cookie */
            uint32_t : 6;
        };
    };
    uint16_t peer_mss;
    uint8_t send_scale : 4;
    uint8_t ecn : 4;   /* see ecn_of_syn() */
    uint8_t flags : 5; /* enum half_open_flag */
    uint8_t round : 3; /* SYN+ACKs sent, less one: the queue that it stands in */
    uint32_t next;     /* index plus one, in the queue or the free chain */
    uint32_t previous : 29;
    uint32_t acknowledged : 1; /* data is waited for (TCP_DEFER_ACCEPT) */
    uint32_t repeated : 1;     /* the SYN came again, and was answered again, */
    uint32_t answered : 1;     /* since SYN+ACK went last by its timer */
};

_Static_assert(sizeof(struct tcp_half_open) <= 64, "a half-open connection costs at most 64 bytes");

enum {
    HALF_OPEN_DUE = (1 << 26) - 1,   /* the bits of due_ms */
    HALF_OPEN_LIMIT = (1 << 29) - 1, /* entries: the bits of previous */
};

enum { HALF_OPEN_ROUNDS = 8, HALF_OPEN_UNFILTERED_QUEUE = HALF_OPEN_ROUNDS };

struct half_open_queue {
    uint32_t first, last; /* index plus one */
};

struct tcp_half_opens {
    struct tcp_half_open *entries;
    uint32_t limit, count;
    uint32_t unfiltered; /* entries with HALF_OPEN_UNFILTERED */
    uint32_t free;
    struct half_open_queue queues[HALF_OPEN_ROUNDS + 1];
    struct timer timer;        /* the earliest due_ms */
    uint64_t cookies_until_ns; /* a cookie that we sent may still come back */
};

struct ip_error;
struct tcp;
struct tcp_connection;
struct packet;

void half_open_setup(struct tcp_half_opens *half_opens, struct memory *memory, uint32_t limit);

/* A SYN for a listener: remembers it and answers, its own numbers beginning at `iss`, or answers
 * with a cookie, or refuses. Consumes the packet. */
void half_open_syn(struct tcp *tcp, struct packet *packet, uint16_t listener, uint32_t iss,
                   uint64_t now_ns);

/* A segment for a half-open entry. Consumes the packet, unless the segment completes the handshake:
 * then the connection is returned and the packet is the caller's, to be applied to it. */
struct tcp_connection *half_open_segment(struct tcp *tcp, uint32_t index, struct packet *packet,
                                         uint64_t now_ns);

/* An ACK for a listener that matches no entry: when it carries a cookie of ours, the connection is
 * returned and the packet stays the caller's; otherwise NULL and the packet is consumed. */
struct tcp_connection *half_open_cookie(struct tcp *tcp, struct packet *packet, uint16_t listener,
                                        uint64_t now_ns);

/* timer_function: SYN+ACKs that are due. */
void half_open_timer(void *tcp, struct timer *timer, uint64_t now_ns);

/* Asks listeners' filters about new entries, and answers those. */
void half_open_run_filters(struct tcp *tcp, uint64_t now_ns);

/* Gives up all entries of a listener that is about to go. */
void half_open_forget(struct tcp *tcp, uint16_t listener, uint64_t now_ns);

/* Another listener may be there for each entry than was: counts anew how many each has. */
void half_open_recount(struct tcp *tcp);

/* What ICMP says of our SYN+ACK. Returns whether it was one of ours. */
bool half_open_ip_error(struct tcp *tcp, uint32_t index, const struct ip_error *error,
                        uint64_t now_ns);

/* Drops one entry: it has become a connection, */
void half_open_drop(struct tcp *tcp, uint32_t index);
/* or it is given up. */
void half_open_give_up(struct tcp *tcp, uint32_t index);

#endif
