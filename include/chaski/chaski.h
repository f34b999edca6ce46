/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CHASKI_H
#define CHASKI_CHASKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/address.h"
#include "chaski/counters.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * chaski, a TCP/IP stack: the native interface.
 *
 * A host (struct chaski) is a pure function of what it is given: frames, calls, the time, memory
 * and a random seed. It never blocks, allocates, reads a clock or starts a thread; one host belongs
 * to one thread at a time. Time is nanoseconds of any clock that never goes back.
 *
 *     loop:  chaski_input(host, interface, frame, length, now)     for each frame
 *            chaski_poll(host, now)                                timers, events, output
 *            sleep until chaski_deadline(host), or a frame
 *
 * Calls record what is wanted; what there is to send leaves in the next chaski_poll(). Closures
 * run inside chaski_poll() only, after the input has been processed, and may call anything here,
 * closing their own connection and unbinding their own listener included.
 *
 * Calls return 0 or a count on success and a negative enum chaski_error otherwise. Handles are
 * values: a stale one (its connection is gone) is answered with CHASKI_STALE, never followed.
 */

enum chaski_error {
    CHASKI_AGAIN = -1,          /* nothing to read, no room to write, nothing to accept: yet */
    CHASKI_STALE = -2,          /* the handle's object is gone */
    CHASKI_NO_MEMORY = -3,      /* a limit of struct chaski_limits is reached */
    CHASKI_INVALID = -4,        /* an argument makes no sense */
    CHASKI_IN_USE = -5,         /* the address and port are taken */
    CHASKI_NO_ROUTE = -6,       /* no route to the destination */
    CHASKI_BAD_ADDRESS = -7,    /* the address is not ours, or cannot be used so */
    CHASKI_NOT_CONNECTED = -8,  /* not connected yet, or no longer */
    CHASKI_RESET = -9,          /* the peer reset the connection */
    CHASKI_REFUSED = -10,       /* nobody listens there */
    CHASKI_TIMED_OUT = -11,     /* the peer does not answer */
    CHASKI_UNREACHABLE = -12,   /* the network reports the peer as unreachable */
    CHASKI_CLOSED = -13,        /* we have closed this direction ourselves */
    CHASKI_TOO_BIG = -14,       /* a datagram that cannot be sent in one piece */
    CHASKI_NOT_PERMITTED = -15, /* broadcast without having asked for it, and the like */
    CHASKI_UNKNOWN = -16,       /* nothing has that name */
    /* What else the network reports of a peer (RFC 792, 1122): */
    CHASKI_NETWORK_UNREACHABLE = -17, /* its network cannot be reached, or nobody may */
    CHASKI_NO_PROTOCOL = -18,         /* it does not speak the protocol */
    CHASKI_NO_SOURCE_ROUTE = -19,     /* the source route failed */
    CHASKI_HOST_UNKNOWN = -20,        /* there is no such host */
    CHASKI_HOST_ISOLATED = -21,       /* the host that sent is isolated */
    CHASKI_MALFORMED = -22,           /* a header of ours is not understood */
};

/* One line for people. */
const char *chaski_error_text(int error);

/* ---- The host ------------------------------------------------------------------------------ */

struct chaski;

/* How many of each thing there may be; together they determine the memory. */
struct chaski_limits {
    uint32_t interfaces;
    uint32_t addresses;
    uint32_t routes;
    uint32_t neighbours;
    uint32_t groups;       /* multicast memberships */
    uint32_t reassemblies; /* datagrams being put together from fragments */
    uint32_t paths;        /* destinations whose path MTU, or more, is remembered */
    uint32_t listeners;
    uint32_t connections;
    uint32_t half_open; /* connections being opened by peers; beyond it, SYN cookies */
    uint32_t time_wait;
    uint32_t udp_sockets;
    uint32_t packets;            /* descriptors */
    uint32_t small_buffers;      /* of 2 kB */
    uint32_t large_buffers;      /* of 32 kB */
    uint32_t receive_buffer_max; /* bytes that a connection's receive window may grow to */
    uint32_t send_buffer_max;    /* bytes that a connection's send queue may grow to */
    bool accounts;    /* what only chaski_tcp_info() shows is counted: 128 bytes a connection */
    uint32_t ao_keys; /* of TCP-AO; 0: none, and nothing is laid out for it */
};

/* Fills in limits for a host that shall take about `memory_bytes` and `connections`. */
void chaski_limits_for(struct chaski_limits *limits, size_t memory_bytes, uint32_t connections);

/* Bytes that a host with these limits wants. */
size_t chaski_size(const struct chaski_limits *limits);

/* Makes a host in `memory` (any alignment, `size` >= chaski_size(limits)), which stays the
 * caller's and must live as long as the host. `seed` is 32 bytes that nobody can guess: initial
 * sequence numbers, ports and table keys come from it. NULL when the memory does not suffice. */
struct chaski *chaski_init(void *memory, size_t size, const struct chaski_limits *limits,
                           const uint8_t seed[32], uint64_t now_ns);

/* Runs what is due, closures included, and sends what there is to send. */
void chaski_poll(struct chaski *host, uint64_t now_ns);

/* When chaski_poll() next wants to be called: a time, 0 for at once, or UINT64_MAX for not before
 * a frame or a call. */
uint64_t chaski_deadline(struct chaski *host);

/* The value of a counter. */
uint64_t chaski_counter_value(const struct chaski *host, enum chaski_counter counter);

/* ---- Knobs: what a host's connections have in common ----------------------------------------- */

struct chaski_knob {
    const char *name; /* Linux's, below net.ipv4, where Linux has one */
    const char *help; /* a line for people */
    int64_t least, most;
};

/* Sets a knob to what `text` says, as the file of that name below /proc/sys/net/ipv4 takes it; for
 * connections that begin from then on, and for decisions yet to be taken on others. Of buffers,
 * what exceeds the host's limits is cut. CHASKI_UNKNOWN for another name, CHASKI_INVALID, with
 * nothing changed, for text that the knob does not take. `name` may begin with "net.ipv4.". */
int chaski_set_knob(struct chaski *host, const char *name, const char *text);

/* Writes a knob's value into `text`, of `size` bytes; `host` NULL: its default. CHASKI_UNKNOWN. */
int chaski_get_knob(const struct chaski *host, const char *name, char *text, size_t size);

/* Fills in knob number 0, 1, ...; 0, or CHASKI_UNKNOWN behind the last one. */
int chaski_describe_knob(unsigned number, struct chaski_knob *knob);

/* ---- Interfaces ---------------------------------------------------------------------------- */

struct chaski_piece {
    const void *bytes;
    size_t length;
};

enum chaski_interface_kind {
    CHASKI_ETHERNET,
    CHASKI_BARE, /* IP packets with nothing before them: TUN devices, tunnels */
};

struct chaski_interface {
    uint8_t mac[6]; /* of Ethernet */
    uint8_t kind;   /* enum chaski_interface_kind */
    uint16_t mtu;   /* of IP packets: 68 to 65535 */
    /* Sends one frame (CHASKI_BARE: an IP packet), in pieces that are valid during the call. */
    void (*output)(void *context, const struct chaski_piece *pieces, unsigned count);
    void *context;
};

/* Adds an interface; returns its number. */
int chaski_interface_add(struct chaski *host, const struct chaski_interface *interface);

/* Takes in one received frame (copied). */
void chaski_input(struct chaski *host, int interface, const void *frame, size_t length,
                  uint64_t now_ns);

/* Gives an interface an address; it is probed for and announced (RFC 5227) unless the prefix is
 * /32, and usable at once. CHASKI_INVALID when no host can have it or it is IPv6's, CHASKI_IN_USE
 * when it is ours already, CHASKI_NO_MEMORY beyond limits.addresses. */
int chaski_address_add(struct chaski *host, int interface, const struct chaski_address *address,
                       unsigned prefix_length);
/* Takes it away, with the route to its network. CHASKI_BAD_ADDRESS when the interface has it not.
 */
int chaski_address_remove(struct chaski *host, int interface, const struct chaski_address *address);

/* Adds a route by `gateway`, or (gateway unspecified) a route to neighbours of `interface`.
 * Prefix 0 of length 0 is the default route. */
int chaski_route_add(struct chaski *host, const struct chaski_address *prefix,
                     unsigned prefix_length, const struct chaski_address *gateway, int interface);
/* CHASKI_NO_ROUTE when there is none of just this prefix. */
int chaski_route_remove(struct chaski *host, const struct chaski_address *prefix,
                        unsigned prefix_length);

/* ---- Memory that changes hands without a copy ------------------------------------------------ */

/* Application memory that the stack may refer to until it calls `release`, exactly once, inside
 * chaski_poll(); like a closure, that may call anything. The struct must live as long. */
struct chaski_memory {
    const void *bytes;
    size_t length;
    void (*release)(struct chaski_memory *memory);
    void *context;
    uint64_t reserved[8]; /* the stack's */
};

/* ---- TCP ----------------------------------------------------------------------------------- */

typedef struct chaski_tcp {
    uint32_t index, generation;
} chaski_tcp;

typedef struct chaski_listener {
    uint32_t index, generation;
} chaski_listener;

/* What a closure is told, as a set. */
enum chaski_event {
    CHASKI_CONNECTED = 1, /* the handshake has completed, whoever began it */
    CHASKI_READABLE = 2,  /* bytes, or the end of the stream, wait to be read */
    CHASKI_WRITABLE = 4,  /* there is room again after a write came up short */
    CHASKI_ENDED = 8,     /* the connection is over: why, says chaski_tcp_read() or _error() */
    CHASKI_URGENT = 16,   /* an urgent mark has arrived (RFC 9293, 3.8.5) */
    CHASKI_TROUBLED = 32, /* the network reports an error, or nobody has answered for long: which,
                             says chaski_tcp_error(); trying goes on (RFC 9293, 3.9.1.8) */
    CHASKI_PROGRESS =
        64, /* more has been sent, or acknowledged: where CHASKI_TCP_PROGRESS is set */
    CHASKI_PEER_TIMEOUT = 128, /* the peer has told its user time-out, CHASKI_TCP_PEER_USER_TIMEOUT,
                                  which counts for nothing, since CHASKI_TCP_USER_TIMEOUT is set */
};

/* Runs inside chaski_poll(). `events` is a set of enum chaski_event. */
typedef void chaski_tcp_closure(void *context, struct chaski *host, chaski_tcp connection,
                                unsigned events);

/* Whether a connection from `remote` to `local` is wanted. Runs inside chaski_poll(). */
typedef bool chaski_tcp_filter(void *context, const struct chaski_endpoint *local,
                               const struct chaski_endpoint *remote);

/* Linux's names; times in milliseconds unless said otherwise. */
enum chaski_tcp_option {
    CHASKI_TCP_NODELAY,      /* 1: no Nagle (RFC 9293, 3.7.4) */
    CHASKI_TCP_QUICKACK,     /* 1: no delayed acknowledgement */
    CHASKI_TCP_MAXSEG,       /* largest segment payload in bytes, 64 to 65495; before connecting */
    CHASKI_TCP_KEEPALIVE,    /* 1: probe an idle connection */
    CHASKI_TCP_KEEPIDLE,     /* before the first probe; default 7 200 000 */
    CHASKI_TCP_KEEPINTVL,    /* between probes; default 75 000 */
    CHASKI_TCP_KEEPCNT,      /* unanswered probes until the end, unless USER_TIMEOUT; default 9 */
    CHASKI_TCP_USER_TIMEOUT, /* unacknowledged data for this long ends it (RFC 5482); 0: default */
    CHASKI_TCP_SYNCNT,       /* SYN retransmissions; default 7 (RFC 9293: three minutes) */
    /* close: -1 in the background (default), 0 reset, else give up after, 16 777 214 at most */
    CHASKI_TCP_LINGER,
    CHASKI_TCP_CONGESTION,      /* enum chaski_congestion */
    CHASKI_TCP_MAX_PACING_RATE, /* bytes a second; 0 (default): any, and only BBR paces */
    CHASKI_TCP_SNDBUF,          /* bytes; fixes the size and ends auto-tuning */
    CHASKI_TCP_RCVBUF,          /* likewise */
    CHASKI_TCP_TOS,             /* traffic class of what is sent */
    CHASKI_TCP_CORK,            /* short segments wait, for 0 or a time-out's length at most */
    /* What is written next is to be continued: a short segment waits, but for an acknowledgement
     * at most, and does not push. 0: what was written is complete. */
    CHASKI_TCP_MORE,
    /* 1: tell CHASKI_PROGRESS; 2: likewise, and there would be more to write. Perhaps forgotten
     * once all is acknowledged. */
    CHASKI_TCP_PROGRESS,
    CHASKI_TCP_TTL,            /* 1 to 255 */
    CHASKI_TCP_AO,             /* 1: authenticated; see chaski_tcp_ao_add_key() */
    CHASKI_TCP_AO_CURRENT_KEY, /* SendID of the key that segments are sent with */
    CHASKI_TCP_AO_NEXT_KEY,    /* ReceiveID of the key that the peer is asked to use */
    CHASKI_TCP_AO_ACCEPT_ICMP, /* 1: believe hard ICMP errors (RFC 5925, 7.8) */
    /* 1: while less than four segments are in flight, up to six time-outs stay as long. */
    CHASKI_TCP_THIN_LINEAR,
    /* What the peer has told that it waits for (RFC 5482) while CHASKI_TCP_USER_TIMEOUT
     * was set; 0: nothing. To be read only, and perhaps forgotten once all is acknowledged. */
    CHASKI_TCP_PEER_USER_TIMEOUT,
    /* Seconds in FIN-WAIT-2 once closed; 0 (default): as tcp_fin_timeout says; -1: the peer's FIN
     * is not waited for, a reset goes instead. */
    CHASKI_TCP_LINGER2,
    /* KeyID of the last segment that was believed, and the one of the key that it asked for;
     * negative while there is none. To be read only. */
    CHASKI_TCP_AO_RECEIVED_KEY,
    CHASKI_TCP_AO_RECEIVED_NEXT_KEY,
    /* Longest retransmission time-out, 1000 to 120 000, of SYN and SYN+ACK and of probes of a shut
     * window too: with a lower one a peer that is silent is given up sooner. 0 (default): as
     * tcp_rto_max_ms says. Of this and the next two a host knows 12 combinations at a time, and one
     * more for each 512 connections up to 127; yet another is CHASKI_NO_MEMORY. */
    CHASKI_TCP_RTO_MAX_MS,
    /* Shortest retransmission time-out, 1000 to 1 000 000; acknowledgements wait for a millisecond
     * less at most. 0 (default): as tcp_rto_min_us says. */
    CHASKI_TCP_RTO_MIN_US,
    /* Longest delay of an acknowledgement, 1000 to 500 000, where tcp_delack_max_us does not say
     * less. */
    CHASKI_TCP_DELACK_MAX_US,
    /* Segments with less left of their time to live are passed over (RFC 5082), and ICMP errors
     * that quote one with less; 0 (default): any will do. */
    CHASKI_TCP_MIN_TTL,
    /* 1 (default, until CHASKI_TCP_RCVBUF is set): the receive buffer grows by itself, from where
     * it is. 0: it stays. */
    CHASKI_TCP_RCVBUF_TUNES,
    CHASKI_TCP_OPTION_COUNT,
};

struct chaski_tcp_bind {
    struct chaski_endpoint local; /* address unspecified: all of ours, both families */
    uint32_t max_connections;     /* accepted and not yet over; 0: as many as there are */
    uint32_t backlog;             /* completed and not yet taken by chaski_tcp_accept(); 0: 128 */
    chaski_tcp_filter *filter;    /* NULL: everybody */
    chaski_tcp_closure *receive;  /* every connection's closure; NULL: polled, see accept */
    void *context;
    bool shared;  /* others may listen there too, all saying so: peers are spread over them */
    bool foreign; /* the address need not be one of the host's, where nobody comes to then */
};

/* Listens. With a `receive` closure, connections appear as CHASKI_CONNECTED events; without, they
 * wait for chaski_tcp_accept(). */
int chaski_tcp_bind(struct chaski *host, const struct chaski_tcp_bind *bind,
                    chaski_listener *listener);
/* Sets RCVBUF, RCVBUF_TUNES, MAXSEG, CONGESTION, TOS, TTL, MIN_TTL or one of the limits of
 * time-outs of what is opened from now on, SYN+ACKs included. */
int chaski_tcp_listener_set(struct chaski *host, chaski_listener listener,
                            enum chaski_tcp_option option, int64_t value);
/* From now on a peer that sends no data is let in only after so many SYN+ACKs; 0, as at first: at
 * once. */
int chaski_tcp_listener_defer(struct chaski *host, chaski_listener listener, uint8_t count);
/* From now on the headers of SYNs are kept, of the 64 latest at most, until chaski_tcp_saved_syn():
 * 1: from IP's on; 2: from the link's on, where there is one; 0, as at first: they are not. */
int chaski_tcp_listener_save_syn(struct chaski *host, chaski_listener listener, uint8_t mode);
/* How many connections there may be whose SYN brought data and whose handshake is not over (RFC
 * 7413; needs tcp_fastopen's 2); at first none, or with tcp_fastopen's 0x400 as many as may wait to
 * be accepted. */
int chaski_tcp_listener_fast_open(struct chaski *host, chaski_listener listener, uint32_t queue);
/* Whether data is taken of a SYN that brings no cookie, too; at first it is not. */
int chaski_tcp_listener_fast_open_without_cookie(struct chaski *host, chaski_listener listener,
                                                 bool without);
/* How many bytes a SYN to `server` may carry now; 0: a cookie has to be asked for first, by opening
 * with `fast_open`. */
size_t chaski_tcp_fast_open_room(struct chaski *host, const struct chaski_address *server,
                                 bool without_cookie);
/* The keys of Fast Open's cookies: 16 bytes, or 32 when cookies of the key before are still good.
 */
int chaski_tcp_fast_open_keys(struct chaski *host, const void *keys, size_t length);
/* Likewise, of those that this listener gives and takes. */
int chaski_tcp_listener_fast_open_keys(struct chaski *host, chaski_listener listener,
                                       const void *keys, size_t length);
/* Stops listening; connections that were accepted live on, those still waiting are reset. */
int chaski_tcp_unbind(struct chaski *host, chaski_listener listener);
/* Takes the connection that has waited longest at a listener without closure; CHASKI_AGAIN when
 * there is none. From then on it is the caller's to close. */
int chaski_tcp_accept(struct chaski *host, chaski_listener listener, chaski_tcp *connection);

/* How long the headers of the connection's SYN are that were kept; 0: there are none. When `length`
 * is enough they are copied, and kept no longer. */
long chaski_tcp_saved_syn(struct chaski *host, chaski_tcp connection, void *bytes, size_t length);

struct chaski_tcp_connect {
    struct chaski_endpoint local;   /* unspecified address and port 0: chosen (RFC 6056), */
    uint16_t port_first, port_last; /* from among these; 0: all from 1024 on */
    struct chaski_endpoint remote;
    chaski_tcp_closure *receive; /* may be NULL */
    void *context;
    /* RFC 7413: what is written before the next chaski_poll() goes with the SYN, when the server
     * has given us a cookie before, or none is needed; what it does is to bear being done twice. */
    bool fast_open, fast_open_without_cookie;
};

/* Begins to connect; the handshake's result arrives as CHASKI_CONNECTED or CHASKI_ENDED. */
int chaski_tcp_connect(struct chaski *host, const struct chaski_tcp_connect *connect,
                       chaski_tcp *connection);

/* Replaces the closure. Events that have happened meanwhile are told again. */
int chaski_tcp_on(struct chaski *host, chaski_tcp connection, chaski_tcp_closure *receive,
                  void *context);

/* The set of enum chaski_event that holds now: for those who poll. */
int chaski_tcp_events(struct chaski *host, chaski_tcp connection);

/* Copies up to `length` bytes out. 0 is the end of the stream. */
long chaski_tcp_read(struct chaski *host, chaski_tcp connection, void *bytes, size_t length);

/* Copies up to `length` bytes in; fewer when the send buffer is full, CHASKI_AGAIN when it is
 * entirely so; CHASKI_WRITABLE tells when to go on. */
long chaski_tcp_write(struct chaski *host, chaski_tcp connection, const void *bytes, size_t length);
/* Calls for the connection will follow, after one for another: its memory is asked for meanwhile.
 * For who goes through more connections than a cache holds; nothing else comes of it. To name some
 * (four, eight) in a row costs less than one by one: what tells where each one's page is, a
 * processor looks up for all of them side by side. */
void chaski_tcp_prefetch(struct chaski *host, chaski_tcp connection);

/* Zero-copy read: the first received bytes where they lie, in up to `count` pieces; returns how
 * many pieces there are (0: end of stream). They stay valid until they are consumed or
 * the connection is closed. */
int chaski_tcp_look(struct chaski *host, chaski_tcp connection, struct chaski_piece *pieces,
                    unsigned count);
/* The first `length` received bytes have been read; CHASKI_INVALID when there are not so many. */
int chaski_tcp_consume(struct chaski *host, chaski_tcp connection, size_t length);

/* Zero-copy write: all of `memory` or, with an error (CHASKI_AGAIN: no room yet), none of it. The
 * bytes must not change until memory->release runs, which is when the peer has acknowledged
 * them or the connection is over. */
int chaski_tcp_hand_over(struct chaski *host, chaski_tcp connection, struct chaski_memory *memory);

/* What was written so far and what is written next never share a segment. */
int chaski_tcp_end_record(struct chaski *host, chaski_tcp connection);

/* Marks the last byte written so far as urgent (RFC 9293, 3.8.5). */
int chaski_tcp_urgent(struct chaski *host, chaski_tcp connection);

/* How many bytes are to be read until the peer's urgent mark, the last of which is what the mark is
 * for (RFC 6093, 3.1), whether they have come or not; 0: there is no mark. */
int chaski_tcp_until_mark(struct chaski *host, chaski_tcp connection);

/* Ends our direction once everything written has been sent (half close); reading goes on. */
int chaski_tcp_shutdown(struct chaski *host, chaski_tcp connection);

/* Lets go of the connection: what was written is still delivered, then it ends; the handle is stale
 * from now on and no closure runs any more. Unread input makes it a reset (RFC 9293, 3.6.1), as
 * does the option LINGER with a time of 0. */
int chaski_tcp_close(struct chaski *host, chaski_tcp connection);

/* Resets the connection now; the handle is stale from now on. */
int chaski_tcp_abort(struct chaski *host, chaski_tcp connection);

/* Why the connection ended: 0 when it ended in order. While it lives: what stands in its way, or
 * 0. */
int chaski_tcp_error(struct chaski *host, chaski_tcp connection);

enum chaski_congestion {
    CHASKI_CUBIC,   /* RFC 9438 */
    CHASKI_NEWRENO, /* RFC 5681, 6582 */
    CHASKI_BBR,     /* draft-ietf-ccwg-bbr: measures the path, and paces */
    CHASKI_DCTCP,   /* RFC 8257, asks for ECN: within one's own network only */
    CHASKI_CONGESTION_COUNT,
};

/* Sets an option of a connection. CHASKI_INVALID: it does not take that value, or not now;
 * CHASKI_UNKNOWN: there is no such key of TCP-AO. */
int chaski_tcp_set(struct chaski *host, chaski_tcp connection, enum chaski_tcp_option option,
                   int64_t value);
/* What an option is now. CHASKI_INVALID: there is no such option. */
int chaski_tcp_get(struct chaski *host, chaski_tcp connection, enum chaski_tcp_option option,
                   int64_t *value);

/*
 * TCP-AO (RFC 5925): each segment carries a code that only who has the key can compute. A key is
 * for the connections that it says, on this host; whichever connection begins while there are keys
 * for it uses them to its end, and segments for it without a right code are as if they had
 * never come. Segments of connections that no key is for are taken with the option and without.
 */
enum chaski_tcp_ao_algorithm {
    CHASKI_HMAC_SHA1_96,    /* RFC 5926, 3.2.1 */
    CHASKI_AES_128_CMAC_96, /* RFC 5926, 3.2.2 */
};

enum { CHASKI_TCP_AO_SECRET_MAX = 80 };

/* A master key tuple (RFC 5925, 3.1). */
struct chaski_tcp_ao_key {
    struct chaski_endpoint local, remote; /* address unspecified, port 0: any */
    uint8_t remote_prefix;                /* leading bits of remote.address that count; 0: all */
    uint8_t send_id, receive_id; /* KeyID of segments sent with it, and of those received */
    uint8_t algorithm;           /* enum chaski_tcp_ao_algorithm */
    bool without_options;        /* codes do not cover the segments' other options */
    uint8_t secret_length;       /* 1 to CHASKI_TCP_AO_SECRET_MAX */
    uint8_t secret[CHASKI_TCP_AO_SECRET_MAX];
};

/* Adds a key. CHASKI_IN_USE: another one for some of the same connections has one of its IDs.
 * CHASKI_NO_MEMORY: limits.ao_keys are taken. */
int chaski_tcp_ao_add_key(struct chaski *host, const struct chaski_tcp_ao_key *key);

/* Removes the key with the same ends, prefix and IDs; CHASKI_UNKNOWN when there is none. Nothing
 * begins with it any more; a connection goes on with what it has derived from it already, until
 * either end tells it to use another key. */
int chaski_tcp_ao_remove_key(struct chaski *host, const struct chaski_tcp_ao_key *key);

/* The keys that are for a connection, of which the first `most` are written to `keys`; returns how
 * many there are. CHASKI_UNKNOWN: the connection does not use TCP-AO. */
int chaski_tcp_ao_keys(struct chaski *host, chaski_tcp connection, struct chaski_tcp_ao_key *keys,
                       unsigned most);

/* How segments of a connection that uses TCP-AO were taken. */
struct chaski_tcp_ao_counts {
    uint32_t good, bad;
    uint32_t unknown_key;  /* with a KeyID for which there is no key */
    uint32_t missing;      /* without the option */
    uint32_t icmp_ignored; /* errors that were not believed */
};

/* CHASKI_UNKNOWN: the connection does not use TCP-AO. */
int chaski_tcp_ao_counts(struct chaski *host, chaski_tcp connection,
                         struct chaski_tcp_ao_counts *counts);

/* The states of RFC 9293, 3.3.2, with Linux's numbers. */
enum chaski_tcp_state {
    CHASKI_TCP_ESTABLISHED = 1,
    CHASKI_TCP_SYN_SENT,
    CHASKI_TCP_SYN_RECEIVED,
    CHASKI_TCP_FIN_WAIT_1,
    CHASKI_TCP_FIN_WAIT_2,
    CHASKI_TCP_TIME_WAIT,
    CHASKI_TCP_CLOSED,
    CHASKI_TCP_CLOSE_WAIT,
    CHASKI_TCP_LAST_ACK,
    CHASKI_TCP_LISTEN,
    CHASKI_TCP_CLOSING,
};

const char *chaski_tcp_state_name(enum chaski_tcp_state state);

/* As Linux's struct tcp_info where the name is the same; times in microseconds, sizes in bytes. */
struct chaski_tcp_info {
    struct chaski_endpoint local, remote;
    chaski_tcp connection; /* index UINT32_MAX: a listener, half-open or TIME-WAIT entry */
    uint8_t tcpi_state;    /* enum chaski_tcp_state */
    uint8_t tcpi_ca_state; /* 0 open, 1 disorder, 2 reducing for a mark, 3 recovery, 4 loss */
    uint8_t tcpi_retransmits;
    uint8_t tcpi_probes;
    uint8_t tcpi_backoff;
    /* 1 timestamps, 2 SACK, 4 window scaling, 8 ECN, 16 ECT or CE has come, 32 data on a SYN was
     * taken */
    uint8_t tcpi_options;
    uint8_t tcpi_snd_wscale, tcpi_rcv_wscale;
    uint32_t tcpi_rto, tcpi_ato;
    uint32_t tcpi_snd_mss, tcpi_rcv_mss, tcpi_pmtu, tcpi_advmss;
    uint32_t tcpi_unacked, tcpi_sacked, tcpi_lost, tcpi_retrans; /* segments, as Linux counts */
    uint32_t tcpi_snd_ssthresh, tcpi_snd_cwnd;                   /* segments */
    uint32_t tcpi_rtt, tcpi_rttvar, tcpi_min_rtt, tcpi_rcv_rtt;
    uint32_t tcpi_rcv_space, tcpi_snd_wnd, tcpi_rcv_wnd;
    uint32_t tcpi_total_retrans, tcpi_segs_out, tcpi_segs_in;
    uint64_t tcpi_bytes_acked, tcpi_bytes_received, tcpi_notsent_bytes;
    uint32_t tcpi_last_data_sent; /* ms ago */
    /* Nought without chaski_limits.accounts, up to tcpi_total_rto_time. Milliseconds ago: */
    uint32_t tcpi_last_data_recv, tcpi_last_ack_recv;
    uint64_t tcpi_bytes_sent, tcpi_bytes_retrans;                    /* payload */
    uint64_t tcpi_busy_time, tcpi_rwnd_limited, tcpi_sndbuf_limited; /* us; the first is all */
    uint32_t tcpi_data_segs_in, tcpi_data_segs_out;
    uint32_t tcpi_dsack_dups, tcpi_reord_seen, tcpi_rcv_ooopack;
    uint32_t tcpi_reordering;                                                /* segments */
    uint32_t tcpi_total_rto, tcpi_total_rto_recoveries, tcpi_total_rto_time; /* the last: ms */
    /* Congestion marks (RFC 3168): packets that arrived marked at the peer, and here; with accurate
     * ECN, which both ends then have (RFC 9768), also bytes, which wrap: those of ECT(1) at 2^24.
     * Where ECN was not agreed on, what arrived here is counted with chaski_limits.accounts. */
    bool accurate_ecn;
    uint32_t tcpi_delivered_ce, tcpi_received_ce;
    uint32_t tcpi_delivered_ce_bytes, tcpi_delivered_e0_bytes, tcpi_delivered_e1_bytes;
    uint32_t tcpi_received_ce_bytes, tcpi_received_e0_bytes, tcpi_received_e1_bytes;
    uint32_t receive_queue, send_queue; /* bytes, as ss shows them */
    uint32_t max_window;                /* the largest that the peer has told */
    uint32_t tcpi_delivered;            /* segments that have arrived, our SYN included */
    uint64_t tcpi_delivery_rate;        /* bytes a second; 0: not known */
    bool tcpi_delivery_rate_app_limited;
    bool paced;
    uint64_t tcpi_pacing_rate;     /* bytes a second, or what it would be; UINT64_MAX: not known */
    uint64_t tcpi_max_pacing_rate; /* bytes a second; 0: no limit */
    const char *congestion;
};

/* How the connection stands, also when it is over, until it is closed; then CHASKI_STALE. */
int chaski_tcp_info(struct chaski *host, chaski_tcp connection, struct chaski_tcp_info *info);

/* Lists everything that TCP holds, one at a time: *cursor starts at 0. Returns 1 with *info
 * filled in, 0 at the end. */
int chaski_tcp_list(struct chaski *host, uint32_t *cursor, struct chaski_tcp_info *info);

/* ---- UDP ----------------------------------------------------------------------------------- */

typedef struct chaski_udp {
    uint32_t index, generation;
} chaski_udp;

/* One received datagram; `bytes` is valid during the call. */
typedef void chaski_udp_closure(void *context, struct chaski *host, chaski_udp socket,
                                const struct chaski_endpoint *local,
                                const struct chaski_endpoint *remote, const void *bytes,
                                size_t length);

/* Whether datagrams from `remote` to `local` are wanted. */
typedef bool chaski_udp_filter(void *context, const struct chaski_endpoint *local,
                               const struct chaski_endpoint *remote);

struct chaski_udp_bind {
    struct chaski_endpoint local;  /* port 0: chosen */
    struct chaski_endpoint remote; /* port other than 0: connected, only this peer is heard */
    chaski_udp_filter *filter;     /* NULL: everybody */
    chaski_udp_closure *receive;   /* NULL: polled, see chaski_udp_receive() */
    void *context;
    uint32_t queue; /* datagrams that may wait; 0: 64 */
    bool shared;    /* others may be bound so too, all saying so: peers are spread over them */
    bool yields;    /* the same, and who was bound last hears them all */
};

/* Makes a socket. CHASKI_BAD_ADDRESS: the local one is not ours; CHASKI_IN_USE: somebody has it, or
 * no port is free; CHASKI_NO_ROUTE: to the remote one; CHASKI_NO_MEMORY: beyond limits.udp_sockets.
 */
int chaski_udp_bind(struct chaski *host, const struct chaski_udp_bind *bind, chaski_udp *socket);
/* Drops what waits, leaves its groups; the handle is stale from now on. */
int chaski_udp_close(struct chaski *host, chaski_udp socket);

/* The socket's own end, with the port that was chosen where 0 was asked for. */
int chaski_udp_local(struct chaski *host, chaski_udp socket, struct chaski_endpoint *local);

/* Sends one datagram; `remote` NULL on a connected socket. An ICMP error for an earlier one is
 * reported once by the next call of a connected socket (CHASKI_REFUSED, CHASKI_UNREACHABLE and
 * those below it). */
int chaski_udp_send(struct chaski *host, chaski_udp socket, const struct chaski_endpoint *remote,
                    const void *bytes, size_t length);

/* Takes one datagram out: its length, which may exceed `length` (then it was cut), or
 * CHASKI_AGAIN. `local` and `remote` may be NULL. */
long chaski_udp_receive(struct chaski *host, chaski_udp socket, struct chaski_endpoint *local,
                        struct chaski_endpoint *remote, void *bytes, size_t length);

enum chaski_udp_option {
    CHASKI_UDP_BROADCAST, /* 1: may send to broadcast addresses */
    CHASKI_UDP_TOS,
    CHASKI_UDP_TTL,            /* 1 to 255; 0 is the default */
    CHASKI_UDP_MULTICAST_TTL,  /* default 1 */
    CHASKI_UDP_MULTICAST_LOOP, /* 1 (default): groups that this host is in hear it too */
    CHASKI_UDP_DONT_FRAGMENT,  /* 1: longer than the path is an error instead of fragments */
    CHASKI_UDP_OPTION_COUNT,
};

/* CHASKI_INVALID for a value that the option does not take: 0 to 255, flags 0 or 1. */
int chaski_udp_set(struct chaski *host, chaski_udp socket, enum chaski_udp_option option,
                   int64_t value);
/* Joins or leaves a multicast group on `interface` (number plus one; 0: by the route to it).
 * CHASKI_INVALID: there is no such group or interface, or the socket is not in the group that it
 * leaves; CHASKI_IN_USE: it is in it already; CHASKI_NO_ROUTE: to the group; CHASKI_NO_MEMORY:
 * beyond limits.groups. */
int chaski_udp_join(struct chaski *host, chaski_udp socket, const struct chaski_address *group,
                    uint16_t interface);
int chaski_udp_leave(struct chaski *host, chaski_udp socket, const struct chaski_address *group,
                     uint16_t interface);

/* ---- Ping ---------------------------------------------------------------------------------- */

/* One echo reply, or (error < 0) why there will be none. */
typedef void chaski_ping_closure(void *context, struct chaski *host,
                                 const struct chaski_address *from, uint16_t sequence, uint8_t ttl,
                                 const void *bytes, size_t length, int error);

/* Who hears of echo replies with `identifier`; one at a time, NULL ends it. Told is what answers
 * one of the host's latest requests (128 runs of up to 32768 numbers that follow each other): from
 * whom it was sent to (from anybody, when that were many), with its sequence number. */
int chaski_ping_on(struct chaski *host, uint16_t identifier, chaski_ping_closure *reply,
                   void *context);
/* Asks `to` once, with a copy of the bytes: at most 65507, else CHASKI_TOO_BIG. CHASKI_NO_ROUTE,
 * CHASKI_BAD_ADDRESS for what is not IPv4's. */
int chaski_ping(struct chaski *host, const struct chaski_address *to, uint16_t identifier,
                uint16_t sequence, const void *bytes, size_t length);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
