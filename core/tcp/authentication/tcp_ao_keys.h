/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_AO_KEYS_H
#define CHASKI_TCP_TCP_AO_KEYS_H

#include "core/tcp/authentication/tcp_ao.h"

/* A host's keys, as tcp_ao.c needs them. tcp_ao.h has what adds and removes them. */

bool ao_key_is_for(const struct chaski_tcp_ao_key *key, const struct tcp_key *connection);

/* Which of a key's two IDs is meant. */
enum ao_id {
    AO_ANY_ID,
    AO_SEND_ID,
    AO_RECEIVE_ID,
};

/* A key for the connection with that ID, or with any; NULL when there is none. */
const struct chaski_tcp_ao_key *ao_find_key(const struct tcp *tcp, const struct tcp_key *connection,
                                            enum ao_id which, uint8_t id);

#endif
