/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_MTU_SEARCH_H
#define CHASKI_TCP_TCP_MTU_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

struct tcp;
struct tcp_connection;

/*
 * What the path carries, found out without ICMP (RFC 4821, RFC 8899): a segment made of new data
 * that is longer than tcp_connection.mss goes as a probe. When it arrives, segments of its size are
 * good; when it is lost, they are not, and that says nothing about congestion. The search halves
 * the interval between what is known to arrive, which is tcp_connection.mss, and `most`. Knob
 * tcp_mtu_probing: 0 never, 1 once segments have vanished silently, 2 always.
 */
struct mtu_search {
    uint64_t again_ns;   /* no probe before */
    uint32_t start, end; /* of the probe in flight; equal: there is none */
    uint16_t most;       /* payload of a segment that might get through; 0: not known yet */
    bool on;             /* a black hole has been met */
};

/* The handshake is complete: where the search is always on it begins low. */
void mtu_established(const struct tcp *tcp, struct tcp_connection *c);

/* The payload of a probe that is to go as soon as the windows have room for it and a segment more,
 * which they have at the latest when nothing is in flight; 0: none. `waiting` bytes wait. */
uint32_t mtu_probe_size(const struct tcp *tcp, struct tcp_connection *c, uint32_t waiting,
                        uint64_t now_ns);
/* The probe has gone: all from `start` up to SND.NXT. */
void mtu_probe_sent(struct tcp_connection *c, uint32_t start);

/* SND.UNA has passed the probe. */
void mtu_probe_arrived(struct tcp_connection *c);
/* True when all that is lost is the probe: it is to go again, and nothing else follows. */
bool mtu_probe_lost(struct tcp_connection *c);
/* An error says that what is longer than `most`, which segments are not, does not get through (RFC
 * 8899, 4.6.2): a probe, that is. It goes again when its loss is found, as any. */
void mtu_told(struct tcp_connection *c, uint16_t most);
/* What begins at `sequence` goes again. */
void mtu_note_resent(struct tcp_connection *c, uint32_t sequence);

/* True while one is in flight: what it finds out holds for what options take now. */
bool mtu_probe_is_out(const struct tcp_connection *c);

/* Time-outs have followed each other: perhaps the path drops what is long. */
void mtu_suspect(const struct tcp *tcp, struct tcp_connection *c);

#endif
