/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_SOCKETS_AO_KEYS_H
#define CHASKI_SOCKETS_AO_KEYS_H

#include "sockets/options/ao.h"

struct socket_key {
    struct chaski_tcp_ao_key key; /* as the socket has it: local end not filled in */
    bool given;                   /* the core has it, narrowed */
};

struct socket_ao {
    struct socket_key *keys;
    unsigned count;
    struct chaski_endpoint local, remote; /* of the keys that are given */
    int current, next;                    /* IDs that were asked for; -1: none */
    bool required, accept_icmp;
    struct socket_key nobodys; /* of a listener that wants no one without a key */
};

/* NULL without memory. */
struct socket_ao *ao_of(struct socket *socket);

/* Whether the connection's segments are signed. */
bool ao_is_used(const struct socket *socket);

bool ao_is_for(const struct chaski_tcp_ao_key *key, const struct chaski_address *remote);

/* To the core, narrowed to the ends of the socket, and back; -EEXIST, -ENOMEM... */
int ao_give(struct socket *socket, struct socket_key *key);
void ao_take_back(struct socket *socket, struct socket_key *key);

/* A key for everybody, whose secret nobody knows: then nothing is taken without one (RFC 5925,
 * 7.3). */
int ao_require(struct socket *socket);

/* Says to the core what was asked for before there was a connection. */
int ao_apply(const struct socket *socket);

/* Options of socket->tcp. */
int ao_core_set(const struct socket *socket, enum chaski_tcp_option option, int64_t value);
int ao_core_get(const struct socket *socket, enum chaski_tcp_option option);

#endif
