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
 * application has set a time-out (CHASKI_TCP_USER_TIMEOUT) tells it and keeps it; one that has not
 * adopts what it is told, within its own limits, and tells its default in return.
 */

/* The application has set a time-out, or 0 for the default. */
void user_timeout_set(const struct tcp *tcp, struct tcp_connection *c, uint32_t ms);
/* What the application has set; 0: nothing. */
uint32_t user_timeout_own(const struct tcp_connection *c);
/* A segment came with the option, whose value is `option`. */
void user_timeout_told(const struct tcp *tcp, struct tcp_connection *c, uint16_t option);
/* True when the segment that begins at `sequence` is to carry the option: the first one after
 * something was to be told, and that one again. */
bool user_timeout_due(const struct tcp_connection *c, uint32_t sequence);
/* Writes it, with a segment that begins at `sequence`; returns its length, 4. */
size_t user_timeout_build(const struct tcp *tcp, struct tcp_connection *c, uint8_t *at,
                          uint32_t sequence);
/* How many ms keep-alives still have to bear with a peer that was heard so long ago (4.2). */
uint64_t user_timeout_left(const struct tcp *tcp, const struct tcp_connection *c,
                           uint64_t silence_ms);

#endif
