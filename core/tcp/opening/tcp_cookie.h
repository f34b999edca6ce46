/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_COOKIE_H
#define CHASKI_TCP_TCP_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * SYN cookies (RFC 4987, 3.6): what would be kept of a SYN is sent to the peer instead, under a
 * key, and comes back with its acknowledgement.
 */
struct packet;
struct tcp;
struct tcp_half_open;

enum { COOKIE_PERIOD_SHIFT = 36 }; /* nanoseconds: about 69 s */

/* A cookie is good for one to two periods. */
#define COOKIE_LIFE_NS (2ull << COOKIE_PERIOD_SHIFT)

/* Chooses syn->iss so that it says what `syn` holds, and takes from `syn` what it cannot say.
 * Returns the timestamp that says the rest. */
uint32_t cookie_make(const struct tcp *tcp, struct tcp_half_open *syn, uint64_t now_ns);

/* Fills in what the cookie in an acknowledgement says; false when it is none of ours, or old. */
bool cookie_read(const struct tcp *tcp, const struct packet *packet, struct tcp_half_open *entry,
                 uint64_t now_ns);

/* Whether a segment that cannot be read acknowledges a cookie which its ends were sent lately; one
 * in two thousand that do not seem to. */
bool cookie_is_for(const struct tcp *tcp, const struct packet *packet, uint64_t now_ns);

#endif
