/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_USER_TIMEOUT_H
#define CHASKI_TCP_TCP_USER_TIMEOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tcp;
struct tcp_connection;

/*
 * The user time-out option (RFC 5482), which the knob tcp_user_timeout_option asks for: each end
 * tells the other for how long it keeps a connection whose data is not acknowledged. An end whose
 * application has set a time-out (CHASKI_TCP_USER_TIMEOUT) tells it and keeps it, and the
 * application hears of the peer's; one that has not tells its default in return, and adopts the
 * longer one of that and what it is told, within its own limits.
 */

enum user_timeout_state {
    USER_TIMEOUT_ADOPTED = 1, /* user_timeout_ms is what the peer has told */
    USER_TIMEOUT_OWED = 2,    /* the peer is to be told ours */
    USER_TIMEOUT_TOLD = 4,    /* it has been */
};

/* The application has set a time-out, or 0 for the default. */
void user_timeout_set(const struct tcp *tcp, struct tcp_connection *c, uint32_t ms);
/* What the application has set; 0: nothing. */
uint32_t user_timeout_own(const struct tcp_connection *c);
/* What the peer has told that was not adopted, in milliseconds; 0: nothing. */
int64_t user_timeout_of_peer(const struct tcp_connection *c);
/* A segment came with the option, whose value is `option`. */
void user_timeout_told(struct tcp *tcp, struct tcp_connection *c, uint16_t option);
/* True when the segment that begins at `sequence` is to carry the option: the first one after
 * something was to be told, and that one again. */
bool user_timeout_due(const struct tcp_connection *c, uint32_t sequence);
/* It is to be told, once more. */
void user_timeout_owe(struct tcp_connection *c);
/* Writes it, with a segment that begins at `sequence`; returns its length, 4. */
size_t user_timeout_build(const struct tcp *tcp, struct tcp_connection *c, uint8_t *at,
                          uint32_t sequence);
/* How many ms keep-alives still have to bear with a peer that was heard so long ago (4.2). */
uint64_t user_timeout_left(const struct tcp *tcp, const struct tcp_connection *c,
                           uint64_t silence_ms);

#endif
