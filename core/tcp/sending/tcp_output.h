/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_OUTPUT_H
#define CHASKI_TCP_TCP_OUTPUT_H

#include "core/tcp/tcp_internal.h"

/* ---- tcp_output.c --------------------------------------------------------------------------- */

/* How much one segment takes before the link cuts it. */
uint32_t tcp_largest_segment(const struct tcp *tcp, const struct tcp_connection *c);
/* What both windows allow now. */
uint32_t tcp_may_send(const struct tcp_connection *c);

/* ---- tcp_push.c: PSH within long writes; the connection has a flight ------------------------ */

/* What lies from `from` to SND.END has been written. */
void push_written(const struct tcp *tcp, struct tcp_connection *c, uint32_t from);
/* Of n bytes of new data, those up to where PSH is set. */
uint32_t push_limit(struct tcp_connection *c, uint32_t n);
/* Whether PSH is set behind the next n bytes, which go now. */
bool push_ends(struct tcp_connection *c, uint32_t n);

/* ---- tcp_tune.c: buffers that grow with the path -------------------------------------------- */

void tune_receive(struct tcp *tcp, struct tcp_connection *c, uint32_t copied, uint64_t now_ns);
/* Something has come behind a gap that ends at `end`. */
void tune_receive_gap(const struct tcp *tcp, struct tcp_connection *c, uint32_t end);
void tune_send(const struct tcp *tcp, struct tcp_connection *c, uint32_t flight);

#endif
