/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_FAST_OPEN_H
#define CHASKI_TCP_TCP_FAST_OPEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/address.h"
#include "core/base/memory.h"
#include "core/base/siphash.h"
#include "core/wire/tcp.h"

/*
 * TCP Fast Open (RFC 7413): data on the SYN, for peers that have shown by a cookie that they are
 * where they say they are. The server computes cookies from both addresses under a key, as Linux
 * does, and takes those of the key before as well; the client remembers what it was given.
 */
struct packet;
struct tcp;
struct tcp_connection;
struct tcp_key;
struct tcp_listener;

/* Of a connection. */
enum fast_open_flag {
    FAST_OPEN_ACTIVE = 1,        /* our SYN carries a cookie and data, or asks for a cookie */
    FAST_OPEN_PASSIVE = 2,       /* the peer's did: data may go before the handshake is over */
    FAST_OPEN_PENDING = 4,       /* counted in its listener's queue */
    FAST_OPEN_SYN_DATA = 8,      /* data on a SYN was acknowledged, by us or by the peer */
    FAST_OPEN_GIVE = 16,         /* our SYN+ACK carries a cookie */
    FAST_OPEN_EXPERIMENTAL = 32, /* the option of RFC 6994 is used */
    FAST_OPEN_NO_COOKIE = 64,    /* data may go without one */
};

/* Of the knob tcp_fastopen. */
enum fast_open_knob {
    FAST_OPEN_CLIENT = 1,
    FAST_OPEN_SERVER = 2,
    FAST_OPEN_CLIENT_NO_COOKIE = 4,
    FAST_OPEN_SERVER_NO_COOKIE = 0x200,
    FAST_OPEN_ALL_LISTENERS = 0x400,
};

/* Of a listener that has not said how many it takes: as many as may wait to be accepted, where the
 * knob says so, else none. */
enum { FAST_OPEN_AS_POLICY = -1 };

struct fast_open_cookie {
    uint8_t bytes[WIRE_TCP_COOKIE_MAX];
    uint8_t length; /* 0: none, or to be asked for */
    bool experimental;
};

/* A server that passes over one option may know the other. */
enum fast_open_option {
    FAST_OPEN_OPTION_UNKNOWN,
    FAST_OPEN_OPTION_OLD, /* the experimental one of RFC 6994 is to be tried */
    FAST_OPEN_OPTION_NEITHER,
};

/* What a server gave us, and whether what opens fast gets there (RFC 7413, 4.1.3); kept among what
 * is known of peers (core/tcp/tcp_peers.h). */
struct fast_open_memory {
    struct fast_open_cookie cookie; /* length 0: none */
    uint16_t mss;                   /* that it announced */
    uint8_t option;                 /* enum fast_open_option: how to ask for a cookie */
    uint8_t losses;                 /* SYNs in succession of which only the plain one got there */
    uint8_t pauses;                 /* since the last success */
    uint64_t paused_until_ns;
};

/* Of a server's cookies. */
struct fast_open_keys {
    struct siphash_key key[2]; /* of new ones; of those that are still good */
    unsigned count;
};

enum { FAST_OPEN_COOKIE_LENGTH = 8, FAST_OPEN_KEY_LENGTH = 16 };

/* One key, or two of which the second is still taken: 16 or 32 bytes. */
int fast_open_set_keys(struct fast_open_keys *keys, const uint8_t *bytes, size_t length);

/* The client: what is known of the server; NULL: nothing. */
const struct fast_open_memory *fast_open_recall(const struct tcp *tcp,
                                                const struct chaski_address *server);
/* `cookie` may be NULL, or empty: then the one that is known stays. */
void fast_open_remember(struct tcp *tcp, const struct chaski_address *server,
                        const struct fast_open_cookie *cookie, uint16_t mss);
/* A cookie was asked for and not given. */
void fast_open_not_given(struct tcp *tcp, const struct chaski_address *server, bool experimental);
/* Whether a cookie is to be asked for by the experimental option. */
bool fast_open_asks_old(const struct tcp *tcp, const struct chaski_address *server);

/* Nothing is opened fast to the server for now (RFC 7413, 4.1.3.1). */
bool fast_open_paused(const struct tcp *tcp, const struct chaski_address *server);
/* A SYN of a fast open, or what followed it, has not been answered; `surely`: for so long that
 * something on the path must be in its way. */
void fast_open_lost(struct tcp *tcp, const struct chaski_address *server, bool surely);
/* Data on a SYN has got there. */
void fast_open_arrived(struct tcp *tcp, const struct chaski_address *server);
/* The connection's retransmission timer has expired; `over`: for the last time. */
void fast_open_timed_out(struct tcp *tcp, const struct tcp_connection *c, bool over);

/* The server: the keys of what listens for `key`, or else everybody's. */
const struct fast_open_keys *fast_open_keys_at(const struct tcp *tcp, const struct tcp_key *key);
/* The cookie for a client. */
void fast_open_make(const struct fast_open_keys *keys, const struct chaski_address *client,
                    const struct chaski_address *server, struct fast_open_cookie *cookie);

enum fast_open_verdict {
    FAST_OPEN_REFUSED, /* no cookie, or none of ours */
    FAST_OPEN_TAKEN,
    FAST_OPEN_OLD, /* taken, but the key has changed: give a new one */
};
enum fast_open_verdict fast_open_check(const struct fast_open_keys *keys,
                                       const struct chaski_address *client,
                                       const struct chaski_address *server,
                                       const struct fast_open_cookie *cookie);

/* The cookie that stands in the options of a segment; false when there is no such option. */
bool fast_open_read(const uint8_t *header, const struct wire_tcp_options *options,
                    struct fast_open_cookie *cookie);

/* Whether the listener takes one more that comes with data. */
bool fast_open_allowed(const struct tcp *tcp, const struct tcp_listener *listener);

/* The handshake is over, or the listener is gone: another one may wait in its queue. */
void fast_open_settled(struct tcp *tcp, struct tcp_connection *c);

/* The peer resets it. As Linux: of the queue, whoever never asked for the connection that a forged
 * SYN has made, and says so, frees no place for a minute; else resets would undo the limit. */
void fast_open_was_reset(struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns);

#endif
