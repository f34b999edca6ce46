/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_H
#define CHASKI_TCP_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "chaski/chaski.h"
#include "core/base/list.h"
#include "core/base/sequence.h"
#include "core/base/siphash.h"
#include "core/base/timer_wheel.h"
#include "core/ip/network.h"
#include "core/packet/burst.h"
#include "core/tcp/authentication/tcp_ao.h"
#include "core/tcp/calls/tcp_account.h"
#include "core/tcp/calls/tcp_knobs.h"
#include "core/tcp/congestion/congestion.h"
#include "core/tcp/opening/tcp_fast_open.h"
#include "core/tcp/opening/tcp_half_open.h"
#include "core/tcp/opening/tcp_saved_syn.h"
#include "core/tcp/receiving/tcp_receive_queue.h"
#include "core/tcp/tcp_flight.h"
#include "core/tcp/tcp_min_ttl.h"
#include "core/tcp/tcp_peers.h"
#include "core/tcp/tcp_table.h"
#include "core/tcp/tcp_time_wait.h"
#include "core/tcp/tcp_times.h"
#include "core/tcp/tcp_user_timeout.h"
#include "core/tcp/window/tcp_ecn.h"

/*
 * TCP (RFC 9293). How it is cut:
 *
 *   receiving/       tcp_receive: burst in; checks, demultiplexes; what belongs to no connection.
 *                    tcp_segment: a segment for a connection: first a verdict that changes nothing
 *                    (tcp_judge), then its application; tcp_challenge: how many of those a second
 *                    has; tcp_predicted: that of nearly all, in short. tcp_text: received text and
 *                    FIN; tcp_owe: when it is acknowledged; tcp_prune: who makes room when it has
 *                    filled its share of the pools; tcp_receive_window: how much more the peer may
 *                    send; tcp_shrink: less than it was told. tcp_ip_error: what ICMP says
 *   recovery/        tcp_ack: what an acknowledgement does to the scoreboard, the clock and the
 *                    window; what is lost, and where its repair stands
 *   window/          how much may be in flight, and how fast it goes: marks, pacing
 *   congestion/      the algorithms, which see nothing of TCP
 *   sending/         tcp_output: what may be sent now, tcp_send_again of what has gone before,
 *                    tcp_send_new of the rest; tcp_push where PSH is set within long writes;
 *                    tcp_build makes the packets
 *   opening/         listeners; tcp_half_open and tcp_cookie: the way to ESTABLISHED; tcp_connect,
 *                    and tcp_syn_sent: the answer to our SYN
 *   authentication/  whether a segment is believed, and the codes of ours, where there are keys
 *   calls/           what the application may call and set; knobs; what it is told
 *   tcp_connection   life and death of connections; events
 *   tcp_flight       what a connection has only while it sends
 *   tcp_timer        the few deadlines of a connection, and what happens at each
 *   tcp_peers        what connections leave behind for the next one to the same peer
 *   tcp_times        limits of time-outs that applications have set
 *   tcp_min_ttl      how far segments may have come
 *   tcp_table, tcp_time_wait, tcp_secret
 *
 * Everything that happens sets state and puts the connection on the list `work`: its closure is to
 * be told (`events`), or it has something to send (TCPF_WANTS_OUTPUT). tcp_run_closures() and
 * tcp_output_all() go through it, once a turn.
 */

enum tcp_flag {
    TCPF_HAS_TIMESTAMPS = 1u << 0, /* negotiated */
    TCPF_HAS_SACK = 1u << 1,
    TCPF_HAS_SCALING = 1u << 2,
    TCPF_NODELAY = 1u << 3,
    TCPF_QUICKACK = 1u << 4,
    TCPF_KEEPALIVE = 1u << 5,
    TCPF_FIXED_SEND_BUFFER = 1u << 6,
    TCPF_FIXED_RECEIVE_BUFFER = 1u << 7,
    TCPF_FIN_QUEUED = 1u << 8,    /* our FIN stands at the end of the send queue */
    TCPF_FIN_RECEIVED = 1u << 9,  /* the peer's FIN is before RCV.NXT */
    TCPF_ORPHAN = 1u << 10,       /* the application has let go */
    TCPF_POLLED = 1u << 11,       /* waits for chaski_tcp_accept() */
    TCPF_UNFILTERED = 1u << 12,   /* came by a cookie: the listener's filter has yet to be asked */
    TCPF_ACK_NOW = 1u << 13,      /* an acknowledgement is owed at the next output */
    TCPF_ACK_DELAYED = 1u << 14,  /* one is owed by ack_at */
    TCPF_WANTS_ROOM = 1u << 15,   /* a write came up short: tell CHASKI_WRITABLE */
    TCPF_CWND_LIMITED = 1u << 16, /* the congestion window held something back */
    TCPF_URGENT_OUT = 1u << 17,   /* send_urgent is ahead of SND.UNA */
    TCPF_URGENT_IN = 1u << 18,    /* receive_urgent is ahead of what was read */
    TCPF_RST_OWED = 1u << 19,     /* a reset leaves at the next output, then the end */
    TCPF_PROBE_OWED = 1u << 20,   /* a keep-alive or zero-window probe leaves at the next output */
    TCPF_PERSISTING = 1u << 21,   /* send_at is the persist timer */
    TCPF_PARTIAL = 1u << 22,      /* without SACK: in this recovery, a partial ACK has come */
    TCPF_SYN_OWED = 1u << 23,     /* SYN, or SYN+ACK, is to be sent (again) */
    TCPF_WANTS_OUTPUT = 1u << 24, /* has something to send, perhaps */
    TCPF_IN_TABLE = 1u << 25,     /* segments find it */
    TCPF_FIN_KNOWN = 1u << 26,    /* the peer's FIN stands at fin_at, perhaps behind a gap */
    TCPF_AO = 1u << 27,           /* segments are authenticated: tcp_ao */
    TCPF_CORK = 1u << 28,         /* short segments wait, */
    TCPF_MORE = 1u << 29,         /* or this one does, until an acknowledgement comes */
    TCPF_THIN_LINEAR = 1u << 30,  /* time-outs of a thin stream do not double */
    TCPF_WATCHED = INT32_MIN,     /* 1 << 31: the application wants to see segments go */
};

/* Linux's tcp_ca_state numbers. */
enum tcp_recovery {
    TCP_CA_OPEN = 0,
    TCP_CA_DISORDER = 1,
    TCP_CA_CWR = 2, /* the window is being reduced, for a mark; nothing is lost */
    TCP_CA_RECOVERY = 3,
    TCP_CA_LOSS = 4,
};

enum {
    LINGER_ALWAYS = (1 << 24) - 1,
    FIN_WAIT_NEVER = (1 << 8) - 1,
    KEEP_IDLE_MOST = (1 << 25) - 1
};

/*
 * One connection: six cache lines, of which the first three are what a segment in order touches,
 * whichever way data flows. A sender adds the fourth and the connection's flight; the last two are
 * for when the connection changes its state, or loses something.
 */
struct tcp_connection {
    /* ---- line 0 ---- */
    _Alignas(64) struct tcp_key key;
    uint8_t state : 4;         /* enum chaski_tcp_state */
    uint8_t recovery : 3;      /* enum tcp_recovery */
    uint8_t fin_is_latest : 1; /* the peer's FIN came last of what lies behind gaps */
    uint8_t send_scale : 4, receive_scale : 4;
    uint8_t ecn_flags; /* enum ecn_flag */
    uint8_t fast_open; /* enum fast_open_flag */
    uint32_t flags;    /* enum tcp_flag */
    uint32_t rcv_nxt;
    uint32_t snd_una, snd_nxt;
    uint32_t snd_end; /* behind the last byte that the application wrote; a FIN comes after it */
    uint32_t snd_wnd; /* unscaled, in bytes */

    /* ---- line 1 ---- */
    uint32_t rcv_advertised; /* right edge of the window that the peer knows, the largest told */
    uint32_t snd_wl1, snd_wl2;
    uint32_t max_snd_wnd;
    uint32_t last_ack_sent; /* RFC 7323's Last.ACK.sent */
    uint32_t ts_recent;
    uint32_t ts_recent_at_ms;
    union {
        uint32_t ts_offset;
        uint32_t next_free; /* index plus one, while free */
    };
    uint32_t segments_in, segments_out;
    uint16_t mss;         /* payload of a full segment, options of every segment deducted */
    uint16_t receive_mss; /* estimate of the size of segments that the peer sends */
    uint8_t events;       /* enum chaski_event that the closure is to be told */
    uint8_t ttl;
    uint8_t traffic_class; /* DSCP, and enum ecn_mode in the low two bits */
    uint8_t probes;        /* unanswered keep-alive or window probes */
    uint64_t bytes_received;
    struct tcp_flight *flight; /* NULL: nothing queued, nothing in flight but perhaps a SYN */

    /* ---- line 2 ---- */
    struct tcp_receive_queue receive;
    uint32_t work_next;              /* in tcp->work: the next one; 0: not in there */
    uint32_t unacknowledged_in : 17; /* bytes received since the last acknowledgement was sent */
    uint32_t own_times : 1;          /* `times` is not 0 */
    uint32_t quick_acks : 5;         /* so many acknowledgements go at once, */
    uint32_t pingpong : 8;           /* unless the application has answered so many times */
    uint32_t refuses_text : 1;       /* nobody will read what comes behind our FIN */
    uint64_t ack_at;    /* delayed acknowledgement; TIMER_NEVER: off, as for its like */
    struct timer timer; /* at the earliest of the deadlines; its own stands first */

    /* ---- line 3, behind the timer's links ---- */
    uint64_t send_at;  /* retransmission or persist */
    uint64_t alive_at; /* keep-alive, FIN-WAIT-2, linger: what idleness leads to */
    struct congestion congestion;
    uint32_t srtt_us8;   /* smoothed round trip, microseconds times 8; 0: none yet */
    uint32_t rttvar_us4; /* its variation, times 4 */
    uint32_t min_rtt_us;
    uint32_t rto_us;

    /* ---- line 4 ---- */
    uint64_t bytes_acked;
    union {
        struct {
            chaski_tcp_closure *closure;
            void *context;
        };
        struct list accept_link; /* while TCPF_POLLED */
    };
    uint32_t generation;
    uint32_t tune_copied; /* bytes that the application took since tune_at */
    uint32_t tune_space;
    uint32_t tune_at_us;
    uint32_t progress_ms; /* when the peer last acknowledged something new: user time-out */
    uint32_t sent_ms;     /* when data was last sent */
    uint32_t send_limit;  /* bytes that may be queued to be sent */
    uint32_t send_urgent, receive_urgent;
    union {
        uint32_t fin_at;   /* TCPF_FIN_KNOWN: sequence number of the peer's FIN */
        uint32_t rcv_told; /* else, where windows shrink: right edge of the one told last */
    };

    /* ---- line 5 ---- */
    struct ecn_received ecn;
    uint32_t retransmitted;  /* segments, for tcp_info */
    uint32_t linger_ms : 24; /* LINGER_ALWAYS: in the background */
    uint32_t fin_wait_s : 8; /* FIN-WAIT-2 of an orphan; 0: as the knob says, FIN_WAIT_NEVER */
    uint32_t user_timeout_ms;
    uint32_t keep_idle_ms : 25;
    uint32_t times : 7; /* see tcp_times.h */
    uint32_t listener_generation;
    uint32_t dsack_left;   /* what came twice, to be told (RFC 2883); */
    uint16_t dsack_length; /* 0: it has been */
    uint16_t listener;     /* index plus one; 0: opened actively */
    uint16_t keep_interval_s;
    uint16_t announced_mss; /* what we announced, or shall */
    uint16_t peer_mss;      /* what the peer announced, or 536 */
    uint16_t challenged_ms; /* when we last answered a segment that we did not accept; 0: never */
    uint8_t keep_count, syn_count;
    uint8_t interface;
    int8_t error; /* enum chaski_error: before the end what stands in the way, then why it ended */
    uint8_t retries;      /* time-outs since the peer last acknowledged something new */
    uint8_t backoff;      /* consecutive time-outs, kept until a round trip is told again (Karn) */
    uint16_t repeats : 9; /* segments behind a gap since RCV.NXT moved: without SACK those not
                             yet told; with it three that were, and those that wait */
    uint16_t timeout_told : 3; /* enum user_timeout_state */
    uint16_t algorithm : 4;    /* enum chaski_congestion */
    uint32_t text_ms;          /* when text last came, if any did */
};

_Static_assert(sizeof(void *) != 8 || (sizeof(struct tcp_connection) == 384 &&
                                       offsetof(struct tcp_connection, receive) == 128 &&
                                       offsetof(struct tcp_connection, timer) == 184),
               "cache lines are where the comments say");

struct tcp_listener {
    struct chaski_endpoint local;
    uint32_t generation; /* even: free */
    uint32_t max_connections, connections;
    uint32_t backlog, waiting;
    uint32_t half_open; /* entries that are its own */
    uint32_t fast_open,
        fast_opening; /* with data on their SYN, the handshake not over: most, now */
    uint32_t fast_open_resets, fast_open_resets_ms; /* ended so by a reset, since when */
    bool shared;                                    /* with others of the same end */
    bool receive_buffer_tunes;                      /* from `receive_buffer` on */
    bool fast_open_without_cookie;
    uint8_t defer;      /* SYN+ACKs that go before a connection without data is complete */
    struct list accept; /* completed, not yet taken */
    chaski_tcp_filter *filter;
    chaski_tcp_closure *closure;
    void *context;
    uint32_t receive_buffer; /* 0: as the knobs say; likewise the next ones */
    uint16_t max_segment;
    uint8_t algorithm;                    /* enum chaski_congestion, plus one */
    uint8_t traffic_class, ttl;           /* of SYN+ACKs */
    uint8_t save_syn;                     /* enum saved_syn_mode */
    uint8_t times;                        /* see tcp_times.h */
    uint8_t min_ttl;                      /* see tcp_min_ttl.h */
    uint16_t next;                        /* same hash chain; index plus one */
    struct fast_open_keys fast_open_keys; /* none: those of all */
};

/* What a host asks of segments before it looks at them further: most ask nothing. */
enum tcp_gate {
    TCP_GATE_AO = 1,
    TCP_GATE_MIN_TTL = 2, /* since anybody has set one; for good, as in Linux */
};

enum { TCP_LISTENER_CHAINS = 64, TCP_PORT_COUNTERS = 16 };

/* Connections with something to tell or to send, each at most once: a chain of indices plus one.
 * One that is freed stays in it, and is passed over. */
struct tcp_work {
    uint32_t first, last;
};

#define TCP_WORK_END UINT32_MAX /* follows the last one */

struct tcp_secrets {
    struct siphash_key sequence, port, cookie, fast_open, challenge;
};

struct tcp {
    struct network network[FAMILY_COUNT];
    struct packet_memory *memory;
    struct counters *counters;
    struct timer_wheel *wheel;
    struct chaski *host; /* handed to closures, never followed */
    struct tcp_knobs knobs;
    struct tcp_secrets secrets;
    uint64_t now_ns;                            /* of the turn */
    uint64_t sequence_tick;                     /* of the latest initial sequence number */
    uint32_t challenge_second, challenges_left; /* tcp_challenge.c */

    struct tcp_table table;
    struct tcp_connection *connections;
    struct tcp_account *accounts; /* by the connection's index; NULL: none are kept */
    uint32_t connection_limit, connection_count;
    uint32_t connection_free;  /* chain of those that were used and are free, index plus one */
    uint32_t connection_fresh; /* those from here on were never used, nor initialised */
    uint32_t prune_hand;       /* where the search for what lies behind gaps goes on */
    struct tcp_half_opens half_open;
    struct saved_syns saved_syns;
    struct tcp_time_waits time_wait;
    struct fast_open_keys fast_open_keys; /* of listeners that have none of their own */
    struct tcp_peers peers;
    struct tcp_times_sets times;
    struct tcp_aos ao;
    struct tcp_listener *listeners;
    uint32_t listener_limit;
    uint16_t listener_chain[TCP_LISTENER_CHAINS]; /* index plus one */
    struct tcp_flights flights;
    struct pool sent; /* struct tcp_sent: what is in flight */

    struct send_returns returns; /* memory to be given back to applications */
    struct tcp_work work;
    struct burst out[FAMILY_COUNT]; /* built, not yet given to IP */
    uint32_t last_lookup;           /* connection index of the previous segment, plus one */
    uint8_t gates;                  /* enum tcp_gate */
    uint32_t port_counters[TCP_PORT_COUNTERS]; /* RFC 6056, algorithm 4 */
    struct home home;
    sent_watcher *watcher; /* of connections that are TCPF_WATCHED */
    uint8_t timer_owner, half_open_owner, time_wait_owner;
};

/* ---- Setup and turns: what the host calls -------------------------------------------------- */

struct tcp_setup {
    struct packet_memory *packets;
    struct counters *counters;
    struct timer_wheel *wheel;
    struct chaski *host;
    struct siphash_key key; /* all of TCP's secrets derive from it */
    uint64_t now_ns;
};

/* Takes memory for the limits; with memory->base NULL it only counts and leaves *tcp alone. The
 * networks are filled in afterwards by the host. */
void tcp_setup(struct tcp *tcp, struct memory *memory, const struct chaski_limits *limits,
               const struct tcp_setup *setup);

/* hook_function: segments from IP, data at the TCP header, packet->ip filled in. */
void tcp_receive(void *tcp, struct burst *burst, uint64_t now_ns);

/* ip_error_function: ICMP errors for segments of ours (RFC 5927; path MTU RFC 1191). */
bool tcp_ip_error(void *tcp, const struct ip_error *error, uint64_t now_ns);

/* Releases memory, asks filters, tells closures what happened. */
void tcp_run_closures(struct tcp *tcp, uint64_t now_ns);

/* Sends what may be sent now, for every connection that asked. */
void tcp_output_all(struct tcp *tcp, uint64_t now_ns);

/* True when one of the two has something to do. */
static inline bool tcp_pending(const struct tcp *tcp)
{
    return tcp->work.first != TCP_WORK_END || tcp->half_open.unfiltered != 0 ||
           tcp->returns.first != NULL;
}

/* ---- What the application calls: see chaski/chaski.h, whose names they bear ------------------ */

int tcp_bind(struct tcp *tcp, const struct chaski_tcp_bind *bind, chaski_listener *listener);
int tcp_unbind(struct tcp *tcp, chaski_listener listener);
int tcp_listener_fast_open(struct tcp *tcp, chaski_listener listener, uint32_t queue);
int tcp_listener_fast_open_without_cookie(struct tcp *tcp, chaski_listener listener, bool without);
int tcp_listener_fast_open_keys(struct tcp *tcp, chaski_listener listener, const uint8_t *keys,
                                size_t length);
int tcp_listener_set(struct tcp *tcp, chaski_listener listener, enum chaski_tcp_option option,
                     int64_t value);
int tcp_listener_save_syn(struct tcp *tcp, chaski_listener listener, uint8_t mode);
int tcp_listener_defer(struct tcp *tcp, chaski_listener listener, uint8_t count);
int tcp_listener_backlog(struct tcp *tcp, chaski_listener listener, uint32_t backlog);
uint32_t tcp_fast_open_room(const struct tcp *tcp, const struct chaski_address *server,
                            bool without_cookie);
int tcp_accept(struct tcp *tcp, chaski_listener listener, chaski_tcp *connection);
int tcp_connect(struct tcp *tcp, const struct chaski_tcp_connect *connect, chaski_tcp *connection);
int tcp_on(struct tcp *tcp, chaski_tcp connection, chaski_tcp_closure *receive, void *context);
int tcp_events(struct tcp *tcp, chaski_tcp connection);
long tcp_read(struct tcp *tcp, chaski_tcp connection, void *bytes, size_t length);
long tcp_write(struct tcp *tcp, chaski_tcp connection, const void *bytes, size_t length);
void tcp_prefetch(const struct tcp *tcp, chaski_tcp connection);
int tcp_look(struct tcp *tcp, chaski_tcp connection, struct chaski_piece *pieces, unsigned count);
uint32_t tcp_copy(struct tcp *tcp, chaski_tcp connection, uint32_t over, void *bytes, uint32_t n);
uint64_t tcp_arrival(struct tcp *tcp, chaski_tcp connection, uint32_t n);
bool tcp_fin_received(struct tcp *tcp, chaski_tcp connection);
uint32_t tcp_unacknowledged(struct tcp *tcp, chaski_tcp connection);
uint32_t tcp_timestamp(struct tcp *tcp, chaski_tcp connection);
int tcp_report(struct tcp *tcp, chaski_tcp connection, struct congestion_report *report);
bool tcp_answers_soon(struct tcp *tcp, chaski_tcp connection);
long tcp_saved_syn(struct tcp *tcp, chaski_tcp connection, void *bytes, size_t length);
int tcp_consume(struct tcp *tcp, chaski_tcp connection, size_t length);
int tcp_hand_over(struct tcp *tcp, chaski_tcp connection, struct chaski_memory *memory);
int tcp_end_record(struct tcp *tcp, chaski_tcp connection, bool pushes);
int tcp_urgent(struct tcp *tcp, chaski_tcp connection);
int tcp_until_mark(struct tcp *tcp, chaski_tcp connection);
int tcp_shutdown(struct tcp *tcp, chaski_tcp connection);
int tcp_close(struct tcp *tcp, chaski_tcp connection);
int tcp_abort(struct tcp *tcp, chaski_tcp connection);

/* Segments with text are shown to `watcher` as they go, with the closure's context and how many
 * bytes of the stream went before them; NULL: no longer. */
int tcp_watch(struct tcp *tcp, chaski_tcp connection, sent_watcher *watcher);
/* One of them goes. */
void tcp_show(struct tcp *tcp, const struct packet *packet);

/* Behind tcp_shutdown(): text that still comes is answered with a reset (RFC 1122, 4.2.2.13). */
int tcp_refuse_text(struct tcp *tcp, chaski_tcp connection);
int tcp_error(struct tcp *tcp, chaski_tcp connection);
int tcp_set(struct tcp *tcp, chaski_tcp connection, enum chaski_tcp_option option, int64_t value);
int tcp_get(struct tcp *tcp, chaski_tcp connection, enum chaski_tcp_option option, int64_t *value);
int tcp_info(struct tcp *tcp, chaski_tcp connection, struct chaski_tcp_info *info);
int tcp_list(struct tcp *tcp, uint32_t *cursor, struct chaski_tcp_info *info);

#endif
