/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_SAVED_SYN_H
#define CHASKI_TCP_TCP_SAVED_SYN_H

#include <stdint.h>

#include "core/tcp/tcp_table.h"

/*
 * The headers of SYNs, for listeners that want them kept (Linux, TCP_SAVE_SYN): until they are
 * asked for, or the connection is over. Each stands in a descriptor of its own, and they are few:
 * the oldest gives way to another one, and none is kept where the pool is low.
 */
enum { SAVED_SYNS = 64 };

enum saved_syn_mode { SAVE_NO_SYN, SAVE_SYN, SAVE_SYN_AND_LINK };

struct saved_syns {
    struct packet *first; /* the newest */
    uint32_t count;
};

struct tcp;
struct packet;

/* Keeps the headers of a SYN with `key`, the IP header first, or (SAVE_SYN_AND_LINK) Ethernet's
 * where there is one. */
void saved_syn_keep(struct tcp *tcp, const struct packet *syn, const struct tcp_key *key,
                    uint8_t mode);

/* How long the headers are that are kept for `key`; 0: there are none. When `room` is enough they
 * are copied to `bytes`, and forgotten. */
uint32_t saved_syn_take(struct tcp *tcp, const struct tcp_key *key, void *bytes, uint32_t room);

/* The connection that `key` was kept for is over, or will not be. */
void saved_syn_forget(struct tcp *tcp, const struct tcp_key *key);

#endif
