/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_MIN_TTL_H
#define CHASKI_TCP_TCP_MIN_TTL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/tcp/tcp_table.h"

struct ip_error;
struct packet;
struct tcp;
struct tcp_connection;

/*
 * The least time to live that segments must have left (RFC 5082, GTSM; Linux's IP_MINTTL): a peer
 * on the same link sends with 255, and nobody further away can make one arrive with so much. What
 * has less is passed over in silence. As in Linux, nobody asks it of segments for a half-open
 * connection, whose SYN had it, nor of those for TIME-WAIT.
 */

/* From now on connections are asked for it: one of them, or a listener, has said `ttl`. */
void min_ttl_note(struct tcp *tcp, uint8_t ttl);

void min_ttl_set(struct tcp *tcp, struct tcp_connection *c, uint8_t ttl);
uint8_t min_ttl_of(const struct tcp_connection *c);

/* Whether a segment may go on to the entry that was found for it, or to the listener where there is
 * none. Otherwise it is dropped and counted. */
bool min_ttl_admits(struct tcp *tcp, tcp_reference found, const struct tcp_key *key,
                    struct packet *packet);

/* Likewise a SYN that goes to a listener (index plus one) in place of TIME-WAIT. */
bool min_ttl_admits_anew(struct tcp *tcp, uint16_t listener, struct packet *packet);

/* What the error quotes came too far for what such a peer would quote (RFC 5082, 3). */
bool min_ttl_ignores(const struct tcp_connection *c, const struct ip_error *error);

#endif
