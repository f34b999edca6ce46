/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_ACCOUNT_H
#define CHASKI_TCP_TCP_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/memory.h"

struct tcp;
struct tcp_connection;
struct packet;
struct sent_news;

/* What holds a sender up, by Linux's names: what comes later in the list hides what comes before.
 */
enum tcp_occupation {
    TCP_IDLE,
    TCP_BUSY,           /* something is to be sent, or to be acknowledged */
    TCP_RWND_LIMITED,   /* the peer's window is in the way */
    TCP_SNDBUF_LIMITED, /* the application would write more, but the buffer was full */
    TCP_OCCUPATIONS,
};

/*
 * What only chaski_tcp_info() shows: Linux's figures, counted as Linux does. They stand in an array
 * of their own, which a host has when it asks for it (struct chaski_limits), so that those of
 * others cost nothing but a look.
 */
struct tcp_account {
    uint64_t bytes_sent, bytes_resent; /* payload; the first includes the second */
    uint64_t since_ns;                 /* that `occupation` lasts */
    uint64_t spent_ns[TCP_OCCUPATIONS];
    uint32_t data_segments_in, data_segments_out;
    uint32_t segments_joined;           /* likewise of segments_in */
    uint32_t segments_cut;              /* segments_out beyond one for each packet */
    uint32_t dsack_dups;                /* segments that the peer has reported to have come twice */
    uint32_t arrived_twice;             /* of these, as many as have gone again */
    uint32_t reorderings;               /* times that something overtook */
    uint32_t out_of_order;              /* segments that came behind a gap */
    uint32_t last_data_ms, last_ack_ms; /* when such came */
    uint32_t ce_packets;                /* that came where ECN was not agreed on; */
    uint32_t marked_bytes[3];           /* likewise, by enum ecn_field less one */
    uint32_t time_out_since_ms;
    uint32_t time_outs_ms; /* spent between a time-out and the end of its recovery */
    uint16_t time_outs, time_out_recoveries;
    uint8_t occupation; /* enum tcp_occupation */
    bool marked;        /* ECT or CE has come where ECN was not agreed on */
};

struct tcp_account *accounts_setup(struct memory *memory, uint32_t connections);

/* NULL when the host keeps none. */
struct tcp_account *account_of(const struct tcp *tcp, const struct tcp_connection *c);

/* What happened. */
void account_open(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns);
void account_sent(const struct tcp *tcp, const struct tcp_connection *c, uint32_t bytes,
                  uint32_t segments, bool again);
void account_received(const struct tcp *tcp, const struct tcp_connection *c,
                      const struct packet *packet, uint64_t now_ns);
void account_out_of_order(const struct tcp *tcp, const struct tcp_connection *c);
/* An acknowledgement has been applied. */
void account_acknowledged(const struct tcp *tcp, const struct tcp_connection *c,
                          const struct sent_news *news);
/* The handshake is over, of which something had to go again: time-outs are over as well. Without
 * SACK the loss of a SYN lasts until something else is acknowledged (Linux). */
void account_opened(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns);
/* Its SYN+ACK has gone again so many times, by its timer, for `ms` in all. */
void account_answered_again(const struct tcp *tcp, const struct tcp_connection *c, uint16_t times,
                            uint32_t ms);
void account_time_out(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns);
/* Behind each visit of output: what holds the connection up from now on. */
void account_occupation(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns);

/* Microseconds in `occupation` up to now. */
uint64_t account_spent_us(const struct tcp_account *account, enum tcp_occupation occupation,
                          uint64_t now_ns);

#endif
