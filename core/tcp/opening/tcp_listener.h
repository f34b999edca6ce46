/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_LISTENER_H
#define CHASKI_TCP_TCP_LISTENER_H

#include "core/tcp/tcp_internal.h"

/* Index plus one of the listener for what comes with `key`; 0: none. */
uint16_t listener_find(const struct tcp *tcp, const struct tcp_key *key);
/* The one that the connection came by; NULL when there is none, or it is gone. */
struct tcp_listener *listener_of_connection(struct tcp *tcp, const struct tcp_connection *c);
/* True when it takes no further connection now. */
bool listener_full(const struct tcp_listener *listener);
/* A connection that the listener's peers opened: its closure, its queue. */
void listener_adopt(struct tcp *tcp, uint16_t listener, struct tcp_connection *c);
/* One of its connections is gone, or has been taken from the queue. */
void listener_release(struct tcp *tcp, struct tcp_connection *c);

#endif
