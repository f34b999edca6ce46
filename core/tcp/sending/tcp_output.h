/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_OUTPUT_H
#define CHASKI_TCP_TCP_OUTPUT_H

#include "core/tcp/tcp_internal.h"

/* ---- tcp_output.c --------------------------------------------------------------------------- */

/* How many segments of `size` bytes one takes that the link cuts, as Linux has it: what goes in a
 * millisecond, the more the nearer the peer is; */
uint32_t tcp_largest_burst(const struct tcp *tcp, const struct tcp_connection *c, uint32_t size);
/* and how many bytes, of new data: half of the congestion window at most. */
uint32_t tcp_largest_segment(const struct tcp *tcp, const struct tcp_connection *c, uint32_t size);
/* What both windows allow now. */
uint32_t tcp_may_send(const struct tcp_connection *c);

/* ---- tcp_defer.c: segments that wait for others; the connection has a flight ---------------- */

/* Whether what may go now of the bytes that wait, `most`, goes later in one with more. More than a
 * segment waits. */
bool tcp_defers(const struct tcp *tcp, const struct tcp_connection *c, uint32_t waiting,
                uint32_t most, uint64_t now_ns);

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
