/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_ECN_H
#define CHASKI_TCP_TCP_ECN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tcp;
struct tcp_connection;
struct tcp_half_open;
struct packet;
struct sent_news;
struct ack_before;
struct wire_tcp_options;

/*
 * Explicit congestion notification: classic (RFC 3168) and accurate (RFC 9768). Routers mark
 * packets instead of dropping them; the receiver tells the sender about the marks, which responds
 * as to a loss, once a window.
 *
 * Classic feedback is one bit: ECE stands on every acknowledgement from a mark on until the sender
 * has said CWR. With DCTCP (RFC 8257) it stands on the acknowledgements of what came marked, and on
 * no others. Accurate feedback counts: the three bits AE, CWR and ECE together (ACE) are the low
 * end of the number of marked packets, and an option tells how many bytes came with which mark.
 */

/* The two low bits of tcp_connection.traffic_class; while a SYN waits for its answer: what was
 * asked for. */
enum ecn_mode {
    ECN_NONE,
    ECN_CLASSIC,
    ECN_ACCURATE,
    ECN_MODES = 3, /* mask */
};

/* The ECN field of IP packets (RFC 3168, 5): the two low bits of the traffic class. */
enum ecn_field {
    ECN_NOT_ECT,
    ECN_ECT1,
    ECN_ECT0,
    ECN_CE,
    ECN_FIELD = 3, /* mask */
    ECN_FIELD_BITS = 2,
};

enum ecn_flag {
    ECN_ECHO = 1,         /* classic: a mark has come, and no CWR since */
    ECN_CWR_OWED = 2,     /* classic: CWR goes with the next new data */
    ECN_SEEN = 4,         /* text came with ECT or CE */
    ECN_NO_ECT = 8,       /* what we mark does not arrive as it should: send Not-ECT */
    ECN_OPTION_SEEN = 16, /* the peer sends the option */
    ECN_NO_OPTION = 32,   /* segments with our option do not arrive */
    ECN_HANDSHAKE =
        64,         /* the next acknowledgement tells how the SYN+ACK came (RFC 9768, 3.2.2.1) */
    ECN_ROOM = 128, /* full segments leave room for the option, whatever the knob says later */
};

/* What came in. Byte counters wrap where the wire's do, or later; tcp_info shows them less what
 * they begin with (RFC 9768, 3.2.1). */
struct ecn_received {
    uint32_t ce_packets;
    uint32_t ce_bytes, ect0_bytes;
    uint32_t ect1_bytes : 24;
    uint32_t field : 2;       /* enum ecn_field of the latest segment with text */
    uint32_t owed_fields : 2; /* of the option, whose values the peer has yet to be told */
    uint32_t owed_again : 1;  /* once more, behind the option that goes next */
    uint32_t ace : 3;         /* as the peer last told it: what it has counted of ours */
};

/* What the peer says that it got: in a flight. */
struct ecn_told {
    bool begun, bytes_known;
    bool reduced;                              /* the window was reduced for a mark or a loss, */
    uint32_t point;                            /* when SND.NXT was this */
    uint32_t ce_packets;                       /* as counted from ACE */
    uint32_t ce_bytes, ect0_bytes, ect1_bytes; /* from the option, all bits kept */
    uint32_t usual;                            /* packets that an acknowledgement covers */
    uint32_t option_ms;                        /* when ours was last sent; 0: never */
};

enum { ECN_FIRST_ACE = 5, ECN_FIRST_BYTES = 1 }; /* RFC 9768, 3.2.1 */

/* ---- Handshake ---- */

/* What to ask for when opening, as tcp_ecn says. */
void ecn_open(const struct tcp *tcp, struct tcp_connection *c);
/* Settles what the SYN+ACK says; or a SYN without ACK, from a peer that opens at the same time. */
void ecn_take_synack(const struct tcp *tcp, struct tcp_connection *c, const struct packet *packet);
/* A SYN+ACK for a connection whose peer has sent its SYN before: it wants to hear (again) how that
 * came; when both opened at once it also says what the peer has agreed to. */
void ecn_synack_again(const struct tcp *tcp, struct tcp_connection *c, const struct packet *packet);

/* What a SYN for who uses that algorithm agrees on, to be kept in tcp_half_open.ecn: mode, and how
 * it came. */
uint8_t ecn_of_syn(const struct tcp *tcp, uint8_t algorithm, const struct packet *packet);
/* The same after the SYN has come again (RFC 9768, 3.1.4.2). */
uint8_t ecn_of_syn_again(uint8_t ecn, const struct packet *packet);
/* The flags beside SYN and ACK of the answer, and the option's place in it. */
uint16_t ecn_synack_flags(const struct tcp *tcp, const struct tcp_half_open *entry);
bool ecn_synack_option(const struct tcp *tcp, const struct tcp_half_open *entry);
/* What of that a cookie can keep. */
uint8_t ecn_beside_cookie(const struct tcp_half_open *syn);
/* What the acknowledgement that brings it back shows. */
uint8_t ecn_of_acknowledgment(const struct tcp *tcp, const struct packet *packet);
/* A connection begins as the SYN agreed, its own SYN+ACK yet to be sent. */
void ecn_begin(struct tcp_connection *c, uint8_t ecn);
/* That connection's SYN has come again. */
void ecn_syn_again(struct tcp_connection *c, const struct packet *packet);
/* Whether its SYN+ACK carries the option. */
bool ecn_answer_option(const struct tcp *tcp, const struct tcp_connection *c);
/* `packet` completes its handshake. */
void ecn_third(const struct tcp *tcp, struct tcp_connection *c, struct packet *packet);
/* The entry becomes a connection; `packet` completes the handshake. */
void ecn_complete(const struct tcp *tcp, struct tcp_connection *c, uint8_t ecn,
                  struct packet *packet);

/* ---- Receiving ---- */

/* An acceptable segment has come: counts it, and tells, or says what is to be told at once. */
void ecn_count(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
               uint64_t now_ns);

/* Text of a moment ago has come again, or so it seems: accurate ECN counts its mark like any (RFC
 * 9768, 3.2.1); otherwise it is outside of the window and may come from anybody (RFC 3168, 6.1.5).
 */
void ecn_count_again(const struct tcp *tcp, struct tcp_connection *c, const struct packet *packet);

/* Text came that was acknowledged before; `once_more`: for the third time, the very same. */
void ecn_came_again(struct tcp_connection *c, bool once_more);

/* ---- Sending ---- */

/* Marks a segment of a connection, whose header is complete otherwise: flags, and ECT in
 * packet->ip.traffic_class. `fresh`: its payload, if it has any, was never sent before. */
void ecn_mark(const struct tcp *tcp, struct tcp_connection *c, struct packet *packet, bool fresh);
/* The room that the option needs in the next segment, in bytes; 0: it need not go. */
size_t ecn_option_least(const struct tcp *tcp, const struct tcp_connection *c);
/* It has something to tell, and data has carried every acknowledgement for so long that one without
 * is due, which has room for it. */
bool ecn_option_overdue(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns);
/* How many bytes of each segment are set apart for it. */
uint32_t ecn_option_room(const struct tcp_connection *c);
/* Writes the option with as many fields as `room` bytes take, which is ecn_option_least() or more;
 * returns its length, a multiple of 4. */
size_t ecn_build_option(struct tcp_connection *c, uint8_t *at, size_t room, uint64_t now_ns);

/* ---- Responding ---- */

/* What an acknowledgement tells of marks: into `news`, and into the flight. */
void ecn_take_feedback(struct tcp_connection *c, const struct packet *packet,
                       struct sent_news *news);
/* Data on our SYN has got there, which nothing could mark: what is told begins behind it. */
void ecn_syn_data_taken(struct tcp_connection *c);
/* The window is being reduced, for whatever reason: once is enough for what is in flight. */
void ecn_reduced(struct tcp_connection *c);
/* Reduces the window for what was told (RFC 3168, 6.1.2), unless it was just now. */
void ecn_respond(const struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news,
                 const struct ack_before *before);

#endif
