/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_SOCKETS_SOCKET_H
#define CHASKI_SOCKETS_SOCKET_H

#include <time.h> /* for the next one */
#include <linux/errqueue.h>

#include "sockets/internal.h"

/*
 * Sockets. The core knows connections, listeners and UDP sockets; a POSIX socket exists before any
 * of these does, and its options outlive them. So options are kept here, and given to the core's
 * object when it comes into being (socket_apply()) and whenever they change.
 *
 *   SOCKET_NEW         nothing of the core; perhaps bound
 *   SOCKET_LISTENING   `listener`
 *   SOCKET_CONNECTING  `tcp`, whose handshake is not over
 *   SOCKET_CONNECTED   `tcp`, or a UDP socket with a peer
 *   SOCKET_ENDED       `tcp`, over: what it received can still be read. No `tcp`: disconnected
 *                      before it came to be
 */
enum socket_phase {
    SOCKET_NEW,
    SOCKET_LISTENING,
    SOCKET_CONNECTING,
    SOCKET_CONNECTED,
    SOCKET_ENDED,
};

/* What SIOC* ask for, without the kernel's headers, which do not go with the C library's. */
enum {
    SOCKETS_FIONREAD = 0x541b,
    SOCKETS_TIOCOUTQ = 0x5411,
    SOCKETS_FIONBIO = 0x5421,
    SOCKETS_SIOCATMARK = 0x8905,
    SOCKETS_SIOCOUTQNSD = 0x894b,
};

enum { FAST_KEYS_MOST = 32 };

/* Options whose value is a number and that nobody but the socket itself looks at. */
enum plain_option {
    PLAIN_REUSEADDR,
    PLAIN_REUSEPORT,
    PLAIN_KEEPALIVE,
    PLAIN_BROADCAST,
    PLAIN_OOBINLINE,
    PLAIN_DONTROUTE,
    PLAIN_NO_CHECK,
    PLAIN_PRIORITY,
    PLAIN_MARK,
    PLAIN_RCVLOWAT,
    PLAIN_SNDBUF, /* as getsockopt tells it: twice what was asked for */
    PLAIN_RCVBUF,
    PLAIN_ZEROCOPY,
    PLAIN_TIMESTAMP,   /* 1: when what is received came is told, */
    PLAIN_TIMESTAMPNS, /* in nanoseconds, */
    PLAIN_STAMPS_NEW,  /* and as the names with _NEW say; so with SO_TIMESTAMPING */
    PLAIN_BUSY_POLL,
    PLAIN_DEBUG,
    PLAIN_SELECT_ERR_QUEUE,
    PLAIN_PEEK_OFF, /* -1: off; else where the next MSG_PEEK begins */
    PLAIN_TXREHASH,
    PLAIN_INCOMING_CPU,
    PLAIN_MAX_PACING_RATE,
    PLAIN_NODELAY,
    PLAIN_CORK,
    PLAIN_QUICKACK,
    PLAIN_THIN_LINEAR,
    PLAIN_MAXSEG,
    PLAIN_KEEPIDLE,
    PLAIN_KEEPINTVL,
    PLAIN_KEEPCNT,
    PLAIN_SYNCNT,
    PLAIN_LINGER2,
    PLAIN_USER_TIMEOUT,
    PLAIN_RTO_MAX_MS,
    PLAIN_RTO_MIN_US,
    PLAIN_DELACK_MAX_US,
    PLAIN_NOTSENT_LOWAT,
    PLAIN_DEFER_ACCEPT,
    PLAIN_SAVE_SYN,
    PLAIN_INQ,
    PLAIN_WINDOW_CLAMP,
    PLAIN_BUF_LOCK, /* a set of enum buffer_lock; behind the sizes, which it is applied to */
    PLAIN_FASTOPEN,
    PLAIN_FASTOPEN_NO_COOKIE,
    PLAIN_TOS,
    PLAIN_TTL, /* 0: the default */
    PLAIN_MINTTL,
    PLAIN_MTU_DISCOVER,
    PLAIN_RECVERR,
    PLAIN_PKTINFO,
    PLAIN_RECVTTL,
    PLAIN_RECVTOS,
    PLAIN_RECVORIGDSTADDR,
    PLAIN_RXQ_OVFL,
    PLAIN_TRANSPARENT,
    PLAIN_FREEBIND,
    PLAIN_BIND_ADDRESS_NO_PORT,
    PLAIN_LOCAL_PORT_RANGE, /* the last in the upper half, the first in the lower */
    PLAIN_MULTICAST_TTL,
    PLAIN_MULTICAST_LOOP,
    PLAIN_COUNT,
};

/* What does not grow by itself, since its size has been set, or SO_BUF_LOCK. */
enum buffer_lock {
    LOCK_SNDBUF = 1,
    LOCK_RCVBUF = 2,
};

/* What a header said, to be told with what it came before (IP_PKTINFO and its like). */
struct header_told {
    struct chaski_endpoint to; /* its destination; interface: it came in by, or went out by */
    struct chaski_address own; /* ipi_spec_dst */
    uint8_t ttl, traffic_class;
    bool no_port; /* `to` has none, and IP_ORIGDSTADDR is not told */
};

/* Something to be told through the error queue. */
struct error_note {
    struct error_note *next;
    struct sock_extended_err error;
    bool has_time; /* it was sent, or came, then: */
    uint64_t time_ns;
    bool stats;                              /* its bytes are SOF_TIMESTAMPING_OPT_STATS */
    struct chaski_endpoint offender, remote; /* of ICMP: who says so, and where it was sent */
    bool has_header;
    struct header_told header;
    size_t length;        /* so many bytes of the datagram are quoted: */
    const uint8_t *bytes; /* behind the note */
};

struct datagram {
    struct datagram *next;
    struct chaski_endpoint local, remote;
    struct host_datagram about;
    bool looked_at; /* with SO_PEEK_OFF, which nothing in it moves if it is empty */
    size_t length;
    uint8_t bytes[];
};

struct socket {
    struct file file; /* first */
    int family, type;
    uint64_t cookie; /* SO_COOKIE: no other socket of the table ever has it */
    enum socket_phase phase;
    struct chaski_endpoint local;   /* what getsockname() tells; address unspecified: any */
    bool bound;                     /* local.port is held; else it is what remains of one */
    bool keeps_address, keeps_port; /* a bind() has named one: it outlasts a connection */
    bool read_shut, write_shut;
    bool has_tcp;        /* `tcp` is the core's */
    bool has_udp;        /* `udp` is the core's */
    bool opened_by_us;   /* by connect(), or by what was sent in its place */
    bool connect_told;   /* connect() has said that the handshake is complete */
    bool given_up;       /* shutdown() came before connect() had told of its failure */
    bool lingers;        /* SO_LINGER is on */
    bool closing;        /* close() has begun and waits */
    bool wants_room;     /* somebody has found none to write */
    bool more;           /* the last call to send had MSG_MORE */
    bool end_told;       /* who waits has been woken for the end of what comes */
    bool urgent_taken;   /* the byte at the mark has been, with MSG_OOB */
    bool has_congestion; /* TCP_CONGESTION has been set */
    bool fast_connect;   /* TCP_FASTOPEN_CONNECT */
    uint8_t fast_keys[FAST_KEYS_MOST]; /* TCP_FASTOPEN_KEY, */
    uint8_t fast_keys_length;          /* so many bytes of them; 0: those of all */
    bool fast_waits; /* a caller waits for the handshake, having given so many bytes: */
    uint32_t fast_taken;
    int64_t grown;      /* send_buffer.c: what SO_SNDBUF would be by now */
    bool fast_opened;   /* that call may go on with the rest, its flags being the same */
    bool deferred;      /* connect() has been called; the SYN goes with the first data */
    uint8_t congestion; /* enum chaski_congestion */
    uint32_t backlog;   /* of a listener, as listen() was told within its limit */
    uint32_t linger_s;
    uint64_t linger_until_ns;
    int error;      /* SO_ERROR: told once */
    int soft_error; /* likewise while trying goes on, and there is no other */
    union {
        chaski_tcp tcp;
        chaski_listener listener;
        chaski_udp udp;
    };
    struct chaski_endpoint remote; /* of UDP, and while `deferred` */
    struct datagram *held;         /* looked at with MSG_PEEK and not yet taken, oldest first */
    int waiting_seen;              /* to wake when there are more */
    int64_t plain[PLAIN_COUNT];
    bool asked[PLAIN_COUNT];     /* setsockopt has said it */
    uint64_t timeout_ns[2];      /* by enum sockets_direction */
    uint32_t zerocopy_next;      /* number of the next MSG_ZEROCOPY call */
    struct zerocopy *zerocopies; /* not yet given back */
    struct socket_ao *ao;        /* keys of TCP-AO; NULL: none */
    struct error_note *notes, **notes_end;
    uint32_t timestamping;        /* SO_TIMESTAMPING: a set of SOF_TIMESTAMPING_* */
    uint64_t timestamping_origin; /* what went before that its keys do not count */
    uint64_t stamped;             /* datagrams of which times are told, so far */
    struct stamp *stamps, **stamps_end;
};

static inline bool is_stream(const struct socket *socket)
{
    return socket->type == SOCK_STREAM;
}

static inline bool is_locked(const struct socket *socket, enum buffer_lock lock)
{
    return (socket->plain[PLAIN_BUF_LOCK] & lock) != 0;
}

/* NULL: it is no socket. */
struct socket *socket_of(struct file *file);

/* The socket of a descriptor; *error is -EBADF or -ENOTSOCK when it is NULL. */
struct socket *socket_at(const struct sockets *s, int fd, int *error);

/* ---- fast_open.c ---- */

struct option_in;
struct option_out;

/* Bytes that a SYN to `remote` may carry; 0: a cookie has to be asked for first. */
size_t fast_open_room(const struct socket *socket, const struct chaski_endpoint *remote);
int fast_open_set(struct socket *socket, int name, const struct option_in *in);
int fast_open_get(const struct socket *socket, int name, const struct option_out *out);
/* A listener has come to be: its own keys, if it has any, and how many it takes. */
void fast_open_listen(struct socket *socket);
/* MSG_FASTOPEN: opens with what is to be sent. */
ssize_t fast_open_send(struct socket *socket, const struct msghdr *message, int flags);
/* What connect() would say once of a connection that has come about meanwhile: data may follow. */
bool fast_open_tells_connected(struct socket *socket);
/* The first data after a connect() that was put off. */
ssize_t fast_open_send_deferred(struct socket *socket, const struct msghdr *message, int flags);
/* Goes on with a call that waits to send `wanted` bytes: as send, or 1 in *through when the message
 * is to be sent now. */
ssize_t fast_open_goes_on(struct socket *socket, size_t wanted, int flags, bool *through);
/* Sends a SYN at the next turn: -EINPROGRESS, or why not. */
int tcp_socket_begin(struct socket *socket, const struct chaski_endpoint *remote, bool fast);

/* A socket without a descriptor; NULL without memory. */
struct socket *socket_new(struct sockets *s, int family, int type, int status);

/* Of which family an address is to be that a socket is given: IPv6's take IPv4's for datagrams. */
int family_of(const struct socket *socket, const struct sockaddr *address);

/* What 0.0.0.0 means that is sent or connected to (BSD). */
struct chaski_address this_host(const struct socket *socket);

/* Notes what has been shut, also before there is anything to shut: 0 or -ENOTCONN (Linux). */
int socket_shut(struct socket *socket, int how);

/* Linux's TCP_CLOSE: it has no connection, or no longer. */
static inline bool is_closed(const struct socket *socket)
{
    return socket->phase == SOCKET_NEW || socket->phase == SOCKET_ENDED;
}

/* SO_PEEK_OFF: where looking with MSG_PEEK begins, and how reading moves that. */
size_t peek_offset(const struct socket *socket, int flags);
void peek_moves(struct socket *socket, int flags, size_t length);

/* Takes the error that waits to be told: 0 or -errno. */
int socket_take_error(struct socket *socket);

/* Closing shall not wait. */
void socket_do_not_linger(struct socket *socket);

/* Its connection is over, or given up: what bind() has not named is let go of. As in Linux, a
 * stream's port is told still. */
void socket_unname_address(struct socket *socket);
void socket_unname_port(struct socket *socket);

/* The end of its own with which it opens: what there is to choose is left open. */
struct chaski_endpoint socket_own_end(const struct socket *socket);

/* Chooses a free local port for bind() to port 0; 0: there is none. */
uint16_t port_choose(struct socket *socket, const struct chaski_address *address);

/* Whether the port may be had; chooses one where it is 0. */
bool port_find(struct socket *socket, struct chaski_endpoint *local);
/* The first and the last port that are chosen for it; 0, 0: any from 1024 on. */
void port_range(const struct socket *socket, uint16_t range[2]);

/* ---- tcp_listen.c ---- */

int tcp_socket_listen(struct socket *socket, int backlog);
int tcp_socket_accept(struct socket *socket, struct socket **accepted, int status);
bool tcp_socket_can_accept(const struct socket *socket);
/* What holds of a listener: a set of EPOLLIN and its like. */
uint32_t tcp_listener_events(struct socket *socket);

/* ---- tcp_socket.c ---- */

extern const struct file_operations tcp_socket_operations;

/* The connection is the socket's from now on, and has its options. */
void tcp_socket_adopt(struct socket *socket, chaski_tcp connection);
/* Whether connect() begins something; else it asks what became of what has begun. */
bool tcp_socket_can_connect(struct socket *socket);
int tcp_socket_connect(struct socket *socket, const struct chaski_endpoint *remote);
int tcp_socket_connect_again(struct socket *socket);
int tcp_socket_disconnect(struct socket *socket);
int tcp_socket_shutdown(struct socket *socket, int how);

/* Looks at what the core's connection has come to. */
void tcp_socket_refresh(struct socket *socket);
/* An error that ended nothing, unless an acknowledgement has come since: told once, to who asks. */
int tcp_socket_take_soft_error(struct socket *socket);

/* Nothing more will be moved: an end or an error waits to be told. */
bool tcp_socket_is_over(struct socket *socket, enum sockets_direction direction);

/* What the connection is like; false when there is none. */
bool tcp_socket_info(const struct socket *socket, struct chaski_tcp_info *info);
/* Our FIN stands behind what was written, and is not acknowledged. */
bool tcp_is_ending(const struct chaski_tcp_info *info);

/* The peer has sent its FIN. */
bool tcp_peer_finished(const struct chaski_tcp_info *info);

/* No further segment has room: whoever waits for more waits in vain. */
bool tcp_window_is_shut(const struct chaski_tcp_info *info);

/* The peer has sent its FIN, and all that came before has been read. */
bool tcp_stream_is_over(const struct socket *socket);

/* ---- send_buffer.c ---- */

/* What SO_SNDBUF tells: as it was set, or as it has grown. */
int64_t send_buffer_size(const struct socket *socket);
/* How many of `wanted` bytes a write takes now; `urgent`: the last one will be. */
size_t send_buffer_room(const struct socket *socket, const struct chaski_tcp_info *info,
                        size_t wanted, bool urgent);
/* A write has come up short: progress is looked at. */
void send_buffer_is_full(struct socket *socket);
/* True when now there is room again, for whom has found none. */
bool send_buffer_progress(struct socket *socket);
/* A third of the buffer is free, and not too much of the rest is unsent: poll() tells so. */
bool tcp_socket_has_room(const struct socket *socket, const struct chaski_tcp_info *info);

/* ---- tcp_stream.c ---- */

/* ---- urgent.c: see there ---- */

/* Besides the flags of recv(): nothing is passed over. */
enum { RECEIVE_STOPS_AT_MARK = 0x8000000 };

/* The byte at the mark is the next one. */
bool urgent_is_next(const struct socket *socket);
/* There is a mark, and its byte has not been taken. */
bool urgent_waits(const struct socket *socket);
/* And it is among the `waiting` ones. */
bool urgent_has_come(const struct socket *socket, size_t waiting);
/* How many of `waiting` bytes, those up to the mark or those behind it, one read may take behind
 * the first `seen` ones; *over is how many it passes over before all of them. */
size_t urgent_limit(const struct socket *socket, size_t waiting, size_t seen, size_t *over);
/* Of `waiting` bytes, what FIONREAD tells: those up to the mark. */
size_t urgent_left(const struct socket *socket, size_t waiting);
/* recv() with MSG_OOB: 1, or -EINVAL when there is no urgent byte, -EAGAIN when it has not come. */
ssize_t urgent_receive(struct socket *socket, struct msghdr *message, int flags);

ssize_t tcp_socket_receive(struct file *file, struct msghdr *message, int flags);
ssize_t tcp_socket_send(struct file *file, const struct msghdr *message, int flags);

/* ---- udp_socket.c ---- */

extern const struct file_operations udp_socket_operations;

/* Makes the core's socket, or has it, bound to `local`. */
int udp_socket_open(struct socket *socket, const struct chaski_endpoint *local);
int udp_socket_connect(struct socket *socket, const struct chaski_endpoint *remote);
int udp_socket_disconnect(struct socket *socket);

/* ---- apply.c: options to the core's objects ---- */

/* Gives the core's object one option as it stands, or all of them. */
int socket_apply_one(struct socket *socket, enum plain_option option);
void socket_apply(struct socket *socket);
/* What a listener's connections begin with. */
void socket_apply_listener(const struct socket *socket);
/* Likewise, with TCP_CONGESTION, once it listens. */
int socket_apply_congestion(const struct socket *socket);

/* ---- error_queue.c ---- */

/* Appends a note and a copy of its bytes, or joins it with the last one when both are of
 * MSG_ZEROCOPY and follow each other. Without memory there is none. */
void error_queue_add(struct socket *socket, const struct error_note *note);
struct ip_error;
/* The same, within the room of SO_RCVBUF. */
void error_queue_add_bounded(struct socket *socket, const struct error_note *note);
bool error_queue_has_room(const struct socket *socket, size_t length);
/* The network's report of a datagram that was sent (IP_RECVERR), likewise. */
void error_queue_add_report(struct socket *socket, const struct ip_error *error);
/* Takes one note off the queue, also for MSG_PEEK as Linux, into `message`: how many bytes it
 * quotes, or -EAGAIN. */
ssize_t error_queue_tell(struct socket *socket, struct msghdr *message);
void error_queue_forget(struct socket *socket);
/* IP_RECVERR is off: forgets what came by it. */
void error_queue_forget_reports(struct socket *socket);
/* A call of MSG_ZEROCOPY is over, its memory free; `copied`: it was so all the time. */
void error_queue_add_zerocopy(struct socket *socket, uint32_t number, bool copied);

/* ---- stamp.c: SO_TIMESTAMPING of what is sent, and MSG_ZEROCOPY where the link copies ---- */

/* A message whose last byte is the last one written is to be noted as `flags` say, a set of
 * SOF_TIMESTAMPING_TX_*. */
void stamp_message(struct socket *socket, uint32_t flags);
/* Sends a datagram that is to be noted: as chaski_udp_send(). */
int stamp_datagram(struct socket *socket, uint32_t flags, const struct chaski_endpoint *remote,
                   const void *bytes, size_t length);
/* SOF_TIMESTAMPING_OPT_ID: keys count from here. */
void stamps_begin_keys(struct socket *socket);
/* The same for a call of MSG_ZEROCOPY whose bytes were copied. */
void stamp_zerocopy(struct socket *socket);
/* More has been sent, or acknowledged. */
void stamps_progress(struct socket *socket);
/* The connection has ended: calls of MSG_ZEROCOPY are over, and nothing else is told any more. */
void stamps_over(struct socket *socket);
void stamps_forget(struct socket *socket);
struct option_in;
struct option_out;
/* By either of its names. */
int stamping_set(struct socket *socket, int name, const struct option_in *in);
int stamping_get(const struct socket *socket, int name, const struct option_out *out);
/* SO_TIMESTAMP and SO_TIMESTAMPNS, likewise. */
int stamping_set_received(struct socket *socket, int name, const struct option_in *in);
int stamping_get_received(const struct socket *socket, int name, const struct option_out *out);
/* Whether any of them, or SO_TIMESTAMPING, wants to know when something came. */
bool stamps_received(const struct socket *socket);
/* When the datagram, or the last segment that was read of, came, in each of the forms that were
 * asked for. */
void stamp_received(const struct socket *socket, struct msghdr *message, size_t *room,
                    uint64_t received_ns);
/* The same of what the error queue tells. */
void stamp_note(const struct socket *socket, struct msghdr *message, size_t *room,
                const struct error_note *note);

/* ---- stamp_stats.c ---- */

enum { STAMP_STATS_MOST = 320 };

/* What is told beside a time, of what was sent at `sent_ns`; how many bytes. */
size_t stamp_stats(const struct socket *socket, uint64_t sent_ns, uint8_t bytes[STAMP_STATS_MOST]);

/* ---- zerocopy.c ---- */

/* Sends `message` without copying it; the count of bytes, or -errno. */
ssize_t zerocopy_send(struct socket *socket, const struct msghdr *message);
/* The socket is going away; memory that is still out is given back to nobody. */
void zerocopy_forget(struct socket *socket);

/* ---- control.c: ancillary data ---- */

/* Whether a message of `sent` lies within what there is: 0 or -EINVAL. */
int control_fits(const struct msghdr *sent, const struct cmsghdr *control);
/* What one of level SOL_SOCKET says: 0 or -EINVAL; SO_TIMESTAMPING into *stamps. */
int control_read_socket(const struct cmsghdr *control, uint32_t *stamps);

/* Appends one message; what finds no room sets MSG_CTRUNC. `room` is what is left of
 * msg_control, whose used length is counted in message->msg_controllen. */
void control_put(struct msghdr *message, size_t *room, int level, int type, const void *data,
                 size_t length);
/* The header of IPv4, as far as the socket has asked for it, in Linux's order. */
void control_put_header(const struct socket *socket, struct msghdr *message, size_t *room,
                        const struct header_told *header);
/* A time in parts: seconds and what is over. Where those that follow are 0, `count` is more than 1.
 * `wide`: in 64 bits each, as options with _NEW in their names have it; else in a long each. */
void control_put_time(struct msghdr *message, size_t *room, int type, bool wide, uint64_t seconds,
                      uint64_t over, unsigned count);

#endif
