/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_OWE_H
#define CHASKI_TCP_TCP_OWE_H

#include "core/tcp/tcp_internal.h"

/* The acknowledgement that is owed for what has come: at once (TCPF_ACK_NOW), or when something
 * goes anyway and at ack_at at the latest (TCPF_ACK_DELAYED). */

/* Text has come: as Linux, a peer that begins, or begins again, is in slow start and hears of each
 * segment at once. */
void owe_quickly(struct tcp_connection *c, uint64_t now_ns);
/* The peer is in need of acknowledgements: the next ones, at most `most`, go at once, though there
 * was a dialogue (as Linux). */
enum { QUICK_FOR_MARK = 2, QUICK_MOST = 16 };
void owe_urgently(struct tcp_connection *c, uint32_t most);
/* `received` bytes have come in order: at least every second full segment is acknowledged, and any
 * within ack_delay (RFC 9293, 3.8.6.3; RFC 5681, 4.2). */
void owe_for_text(const struct tcp *tcp, struct tcp_connection *c, uint32_t received,
                  uint64_t now_ns);
/* Something came behind a gap, or `filled` one: at once (RFC 5681, 4.2), unless reports of SACK
 * wait for each other. */
void owe_for_gap(const struct tcp *tcp, struct tcp_connection *c, bool filled, uint64_t now_ns);
/* What came may wait all of ack_delay from now on. */
void owe_at_leisure(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);

#endif
