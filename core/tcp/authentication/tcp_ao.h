/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_AO_H
#define CHASKI_TCP_TCP_AO_H

#include <stdbool.h>
#include <stdint.h>

#include "chaski/chaski.h"
#include "core/base/memory.h"
#include "core/tcp/authentication/tcp_ao_code.h"
#include "core/tcp/tcp_table.h"

/*
 * TCP-AO (RFC 5925): which segments are authenticated, with which key, and what is believed.
 *
 * A host has keys (master key tuples), each for the connections that it names. Beside each entry of
 * the connection table stands a state, in arrays of their own that only hosts with limits.ao_keys
 * have: half-open entries, connections and TIME-WAIT hand it on to each other. In it is what the
 * keys in use came to, so that a connection outlives its keys' removal.
 */
struct ip_error;
struct packet;
struct tcp;
struct tcp_connection;

/* One direction of a connection. */
struct ao_direction {
    uint64_t sequence; /* the furthest sequence number so far; its upper half is the extension of
                        * RFC 5925, 6.2 */
    uint32_t isn;
    uint8_t id; /* KeyID */
    uint8_t algorithm;
    bool without_options;
    bool derived; /* traffic_key is that of the key with this id */
    uint8_t traffic_key[AO_TRAFFIC_KEY];
};

struct ao_state {
    struct ao_direction send, receive;
    uint8_t next_id;       /* RNextKeyID: the key that the peer is asked to use */
    uint8_t received_next; /* the peer's; its KeyID is the receiving direction's */
    bool on;
    bool accept_icmp;
    struct chaski_tcp_ao_counts counts;
};

struct tcp_aos {
    struct chaski_tcp_ao_key *keys; /* those with a secret are in use */
    uint32_t limit;                 /* 0: the host has nothing of all this */
    struct ao_state *states[4];     /* by enum tcp_kind */
};

void ao_setup(struct tcp *tcp, struct memory *memory, const struct chaski_limits *limits);

/* The state of an entry; NULL when it does not use TCP-AO. */
struct ao_state *ao_state_of(const struct tcp *tcp, tcp_reference reference);

/* Begins the life of an entry: with a copy of `state`, or (NULL) without. */
void ao_set_state(struct tcp *tcp, tcp_reference reference, const struct ao_state *state);

/* ---- Receiving ----------------------------------------------------------------------------- */

/* Whether a segment, already stripped of its header, may go on to the entry that was found for it,
 * or to whoever takes what has none. Otherwise it is dropped and counted. */
bool ao_admits(struct tcp *tcp, tcp_reference found, const struct tcp_key *key,
               struct packet *packet);

/* The state with which an admitted segment that has no entry is answered, in a connection whose
 * first number on our side is `iss`; false when no key is for it. */
bool ao_of_stranger(const struct tcp *tcp, const struct tcp_key *key, const struct packet *packet,
                    uint32_t iss, uint32_t irs, struct ao_state *state);

/* Whether there is a key for a connection. */
bool ao_wanted(const struct tcp *tcp, const struct tcp_key *key);

/* The error is not to be believed (RFC 5925, 7.8). */
bool ao_ignores(struct tcp *tcp, const struct tcp_connection *c, const struct ip_error *error);

/* ---- Sending ------------------------------------------------------------------------------- */

/* A connection that we open uses TCP-AO from now on if there is a key for it. Not after its SYN. */
bool ao_open(struct tcp *tcp, struct tcp_connection *c);

/* Fills in the option, the last WIRE_TCP_AO_SIZE bytes of the header at packet->data; all else must
 * be in place but the checksum. False when the key that it needs is gone: such a segment is of no
 * use. */
bool ao_sign(const struct tcp *tcp, struct ao_state *state, const struct tcp_key *key,
             struct packet *packet);

/* ---- What the application calls ------------------------------------------------------------ */

int tcp_ao_add_key(struct tcp *tcp, const struct chaski_tcp_ao_key *key);
int tcp_ao_remove_key(struct tcp *tcp, const struct chaski_tcp_ao_key *key);
int tcp_ao_keys(struct tcp *tcp, chaski_tcp connection, struct chaski_tcp_ao_key *keys,
                unsigned most);
int tcp_ao_counts(struct tcp *tcp, chaski_tcp connection, struct chaski_tcp_ao_counts *counts);
/* The options CHASKI_TCP_AO and those that follow it. */
int ao_set_option(struct tcp *tcp, struct tcp_connection *c, enum chaski_tcp_option option,
                  int64_t value);
int64_t ao_option(const struct tcp *tcp, const struct tcp_connection *c,
                  enum chaski_tcp_option option);

#endif
