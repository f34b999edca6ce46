/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_VALIDATE_H
#define CHASKI_TCP_TCP_VALIDATE_H

#include <stdbool.h>
#include <stdint.h>

struct tcp;
struct tcp_connection;

/*
 * Congestion window validation (RFC 7661), for who sends less than the window allows. What was
 * acknowledged in a round trip, at most, in the last second or three round trips (pipeACK), is
 * known to get through. While that is less than half of the window, the window is not validated: it
 * stays, so that a pause costs nothing, but does not grow; a loss leads to half of what is known to
 * get through and not of the window; and after five minutes the window is halved.
 *
 * The knob tcp_cwnd_validation asks for it. Without, tcp_slow_start_after_idle rules what comes
 * after a pause (RFC 5681, 4.1), as in Linux.
 */
enum { VALIDATION_PARTS = 5 };

struct validation {
    uint32_t begun, end; /* the sample that is taken: what is acknowledged between the two */
    uint32_t best[VALIDATION_PARTS];  /* samples, each of a part of the period, */
    uint32_t at_ms[VALIDATION_PARTS]; /* which began then */
    uint32_t doubted_ms;              /* since when the window has not been validated; 0: it is */
    uint32_t base;                    /* what the reduction was of when it was not; 0: it was */
    uint8_t newest;                   /* part */
    bool sampling;                    /* begun and end hold */
    bool known;                       /* the others do: pipeACK is defined */
};

/* Something new was acknowledged. */
void validation_acknowledged(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* Something is to be sent: the window may have been out of use for long. */
void validation_before_sending(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* True when the window must not grow. */
bool validation_holds_back(const struct tcp *tcp, const struct tcp_connection *c);
/* Of how many bytes a reduction is to be, `flight` being not acknowledged (4.4.1). */
uint32_t validation_flight(const struct tcp *tcp, struct tcp_connection *c, uint32_t flight,
                           uint64_t now_ns);
/* The recovery is over: lowers the threshold by what had to go again (4.4.1). */
void validation_recovered(struct tcp_connection *c);
/* Everything was lost: the window, of a segment, is beyond doubt (4.4). */
void validation_timed_out(struct tcp_connection *c);

#endif
