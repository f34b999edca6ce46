/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SUPPORT_PEER_H
#define CHASKI_TESTS_SUPPORT_PEER_H

#include "tests/support/segment.h"

/*
 * A scripted TCP peer: a world with one host, 192.0.2.1, and the test as 192.0.2.2, the other end
 * of one connection. It says what the script tells it to say, at the script's own sequence numbers
 * when that is what is tested, and looks at every segment of the host's, in order. By itself it
 * answers the host's ARP requests, for every address, and nothing else.
 */
enum { PEER_PORT = 5000, PEER_HOST_PORT = 7, PEER_ISS = 10000, PEER_MSS = 1460 };

struct peer {
    struct world world;
    struct chaski *host;
    chaski_tcp connection;      /* the host's end */
    chaski_listener listener;   /* when the peer opens */
    unsigned events;            /* enum chaski_event: all that the host's closure was told so far */
    uint16_t port, host_port;   /* the peer's and the host's */
    uint32_t next;              /* sequence number of what the peer says next */
    uint32_t expected;          /* sequence number that it expects next, and acknowledges */
    uint16_t window;            /* as it stands in the header */
    const uint8_t *syn_options; /* of the peer's SYN; at first MSS 1460 and nothing else */
    uint8_t syn_options_length;
    uint32_t heard;    /* frames looked at */
    uint32_t answered; /* frames looked at for ARP requests */
};

/* The world has one host whatever `options` (may be NULL) say, and by default a /32 prefix. */
void peer_make(struct peer *peer, const struct world_options *options);

/* Resets the connection if there is one, asserts that nothing leaks, and gives the world back. */
void peer_free(struct peer *peer);

/* ---- Opening ---- */

/* The host listens on PEER_HOST_PORT. */
void peer_host_listens(struct peer *peer);
/* The host connects to the peer; returns its SYN. */
struct segment peer_host_connects(struct peer *peer);
/* The peer answers that SYN; the host's acknowledgement is heard. */
void peer_answers(struct peer *peer);
/* The whole handshake, begun by the peer; the host listens. */
void peer_opens(struct peer *peer);
/* The whole handshake, begun by the host. */
void peer_is_opened(struct peer *peer);

/* ---- Saying ---- */

/* A segment with everything filled in as the connection stands; `flags` enum segment_flag. */
struct segment peer_segment(const struct peer *peer, uint8_t flags);
/* Says a segment as it is; the world settles. */
void peer_injects(struct peer *peer, const struct segment *segment);
/* The same, but the host is not polled: the next segment arrives in the same turn. */
void peer_queues(struct peer *peer, const struct segment *segment);
/* Says what is next in order, with `length` bytes of whatever content. */
void peer_says(struct peer *peer, uint8_t flags, uint32_t length);
/* Acknowledges all that was heard. */
void peer_acknowledges(struct peer *peer);

/* ---- Hearing ---- */

/* The first segment of the host's that was not looked at yet; false when there is none. What is
 * next in order moves `expected`. */
bool peer_hears(struct peer *peer, struct segment *segment);
/* The same; asserts that there is one and that its flags, PSH aside, are these. */
struct segment peer_expects(struct peer *peer, uint8_t flags);
/* Asserts that there is none. */
void peer_expects_nothing(struct peer *peer);
/* Hears all that there is; returns how many bytes were next in order. */
uint32_t peer_hears_all(struct peer *peer);

/* ---- Time ---- */

/* What is to happen now happens. */
void peer_settles(struct peer *peer);
void peer_runs(struct peer *peer, uint64_t ns);
/* Lets time pass until there is a segment to hear, at most `ns`; returns how long it took. Asserts
 * that there is one. */
uint64_t peer_waits(struct peer *peer, uint64_t ns);

/* ---- The host's application ---- */

/* Writes n bytes; the world settles. Returns how many found room. */
uint32_t peer_host_writes(struct peer *peer, uint32_t n);
/* Reads up to n bytes; the world settles. Returns what chaski_tcp_read() says. */
long peer_host_reads(struct peer *peer, uint32_t n);
/* The host's connection, which must be there. */
struct chaski_tcp_info peer_info(const struct peer *peer);
/* Closes, or ends what it sends; the world settles. */
void peer_host_closes(struct peer *peer);
void peer_host_shuts_down(struct peer *peer);
void peer_host_sets(struct peer *peer, enum chaski_tcp_option option, int64_t value);

#endif
