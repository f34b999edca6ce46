/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_HALF_OPEN_INTERNAL_H
#define CHASKI_TCP_TCP_HALF_OPEN_INTERNAL_H

#include "core/tcp/tcp_internal.h"

/* Between the files of tcp_half_open. */

/* ---- tcp_half_open.c: entries that wait ---- */

/* A new entry like `syn`, in no queue yet; `ao` is its authentication, or NULL. NULL when all
 * entries are taken. */
struct tcp_half_open *half_open_take(struct tcp *tcp, const struct tcp_half_open *syn,
                                     const struct ao_state *ao);

/* It waits for its acknowledgement, which SYN+ACK asks for again when its time is over. */
void half_open_wait(struct tcp *tcp, struct tcp_half_open *entry, uint64_t now_ns);
/* It has been answered again, and its time begins anew (Linux). */
void half_open_wait_anew(struct tcp *tcp, struct tcp_half_open *entry, uint64_t now_ns);

/* How long it waits in its round. */
uint32_t half_open_wait_ms(const struct tcp *tcp, const struct tcp_half_open *entry);
/* How long ago its wait began: since our SYN+ACK went last. */
uint32_t half_open_age_ms(const struct tcp *tcp, const struct tcp_half_open *entry,
                          uint64_t now_ns);

/* Whether the peer was answered so lately, beside SYN+ACKs that went by their timer, that it is not
 * answered again yet. */
bool half_open_was_answered(const struct tcp *tcp, const struct tcp_half_open *entry,
                            uint64_t now_ns);

/* It waits for what half_open_run_filters() does in the next turn. */
void half_open_await_turn(struct tcp *tcp, struct tcp_half_open *entry,
                          enum half_open_cookie cookie);

/* To be called after entries were dropped. */
void half_open_set_timer(struct tcp *tcp, uint64_t now_ns);

/* NULL: it is not authenticated. */
struct ao_state *half_open_ao(const struct tcp *tcp, const struct tcp_half_open *entry);

/* ---- tcp_half_open_answer.c: what the peer is told ---- */

/* The listener for a local end, or one that wants nothing particular. */
const struct tcp_listener *half_open_listener(const struct tcp *tcp, const struct tcp_key *key);

/* What SYN+ACK says of us. */
struct half_open_offer {
    const struct tcp_listener *listener; /* as half_open_listener() */
    uint16_t path_mtu;                   /* to the peer, as far as is known */
    uint16_t mss;
    uint16_t window; /* without a scale */
    uint8_t scale;
    uint8_t traffic_class; /* and of the connection, without ECN's bits */
};

struct half_open_offer half_open_offer(const struct tcp *tcp, const struct tcp_half_open *entry);

/* SYN+ACK in `packet`, or in a new packet when it is NULL; with the cookie of Fast Open, if one is
 * given. */
void half_open_answer(struct tcp *tcp, const struct tcp_half_open *entry,
                      const struct fast_open_cookie *cookie, struct packet *packet,
                      uint64_t now_ns);

/* SYN+ACK that remembers `syn` for us. Consumes the packet. */
void half_open_answer_by_cookie(struct tcp *tcp, struct tcp_half_open *syn, struct packet *packet,
                                uint64_t now_ns);

/* Tells the peer of an entry where we are. Consumes the packet. */
void half_open_challenge(struct tcp *tcp, struct tcp_half_open *entry, struct packet *packet,
                         uint64_t now_ns);

/* Resets and drops an entry that waits for its turn. */
void half_open_refuse(struct tcp *tcp, struct tcp_half_open *entry, uint64_t now_ns);

/* ---- tcp_half_open_segment.c ---- */

/* The connection that an entry, or what a cookie says, becomes, in state CLOSED and nobody's; NULL
 * when there is no room. `ao` NULL: not authenticated. */
struct tcp_connection *half_open_connection(struct tcp *tcp, const struct tcp_half_open *entry,
                                            const struct ao_state *ao, uint64_t now_ns);

#endif
