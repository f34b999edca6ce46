/* SPDX-License-Identifier: BSD-2-Clause */
#include <netinet/in.h>

#include "sockets/socket.h"

/*
 * Options as POSIX and Linux have them, said to the core. What nobody has asked for stays as the
 * core has it: buffers that tune themselves above all.
 */

enum {
    CORE_BUFFER_MIN = 2048,           /* chaski_tcp_set() takes no less, */
    CORE_BUFFER_MOST = INT32_MAX / 2, /* and no more */
    BEYOND = 1 << 17,
};

static int64_t at_least(int64_t value, int64_t least)
{
    return value > least ? value : least;
}

/* Half of what SO_RCVBUF tells is for bookkeeping, as Linux has it until segments come. */
static int64_t receive_limit(const struct socket *socket)
{
    int64_t limit = socket->plain[PLAIN_RCVBUF] / 2;
    int64_t clamp = socket->plain[PLAIN_WINDOW_CLAMP];
    if (socket->asked[PLAIN_WINDOW_CLAMP] && clamp != 0 && clamp < limit)
        limit = clamp;
    return at_least(limit, CORE_BUFFER_MIN);
}

/* A window that is clamped does not grow, either. */
static bool receive_buffer_tunes(const struct socket *socket)
{
    bool clamped = socket->asked[PLAIN_WINDOW_CLAMP] && socket->plain[PLAIN_WINDOW_CLAMP] != 0;
    return !clamped && !is_locked(socket, LOCK_RCVBUF);
}

/* More than send_buffer.c lets in. */
static int64_t send_limit(const struct socket *socket)
{
    int64_t limit = socket->plain[PLAIN_SNDBUF], most = socket->file.table->policy.tcp_wmem[2];
    if (!is_locked(socket, LOCK_SNDBUF))
        limit = at_least(limit, most);
    limit += BEYOND;
    return limit < CORE_BUFFER_MOST ? limit : CORE_BUFFER_MOST;
}

static int tcp_apply(struct socket *socket, enum chaski_tcp_option option, int64_t value)
{
    return error_number(chaski_tcp_set(socket->file.table->host, socket->tcp, option, value));
}

/* All ones: no limit. A rate of 0 would never send; one beyond the core's is its greatest. */
static int64_t pacing_limit(uint64_t rate)
{
    if (rate == UINT64_MAX)
        return 0;
    return rate < UINT32_MAX ? at_least((int64_t)rate, 1) : UINT32_MAX;
}

static int tcp_apply_one(struct socket *socket, enum plain_option option)
{
    int64_t value = socket->plain[option];
    switch (option) {
    case PLAIN_NODELAY:
        return tcp_apply(socket, CHASKI_TCP_NODELAY, value);
    case PLAIN_CORK:
        return tcp_apply(socket, CHASKI_TCP_CORK, value);
    case PLAIN_QUICKACK:
        return tcp_apply(socket, CHASKI_TCP_QUICKACK, value);
    case PLAIN_THIN_LINEAR:
        return tcp_apply(socket, CHASKI_TCP_THIN_LINEAR, value);
    case PLAIN_KEEPALIVE:
        return tcp_apply(socket, CHASKI_TCP_KEEPALIVE, value);
    case PLAIN_KEEPIDLE:
        return tcp_apply(socket, CHASKI_TCP_KEEPIDLE, value * 1000);
    case PLAIN_KEEPINTVL:
        return tcp_apply(socket, CHASKI_TCP_KEEPINTVL, value * 1000);
    case PLAIN_KEEPCNT:
        return tcp_apply(socket, CHASKI_TCP_KEEPCNT, value);
    case PLAIN_LINGER2:
        return tcp_apply(socket, CHASKI_TCP_LINGER2, value);
    case PLAIN_USER_TIMEOUT:
        return tcp_apply(socket, CHASKI_TCP_USER_TIMEOUT, value);
    case PLAIN_RTO_MAX_MS:
        return tcp_apply(socket, CHASKI_TCP_RTO_MAX_MS, value);
    case PLAIN_RTO_MIN_US:
        return tcp_apply(socket, CHASKI_TCP_RTO_MIN_US, value);
    case PLAIN_DELACK_MAX_US:
        return tcp_apply(socket, CHASKI_TCP_DELACK_MAX_US, value);
    case PLAIN_SYNCNT:
        return tcp_apply(socket, CHASKI_TCP_SYNCNT, value);
    case PLAIN_TOS:
        return tcp_apply(socket, CHASKI_TCP_TOS, value);
    case PLAIN_TTL:
        return tcp_apply(socket, CHASKI_TCP_TTL, value);
    case PLAIN_MINTTL:
        return tcp_apply(socket, CHASKI_TCP_MIN_TTL, value);
    case PLAIN_MAXSEG:
        return value == 0 ? 0 : tcp_apply(socket, CHASKI_TCP_MAXSEG, value);
    case PLAIN_MAX_PACING_RATE:
        return tcp_apply(socket, CHASKI_TCP_MAX_PACING_RATE, pacing_limit((uint64_t)value));
    case PLAIN_SNDBUF:
        return tcp_apply(socket, CHASKI_TCP_SNDBUF, send_limit(socket));
    case PLAIN_RCVBUF:
    case PLAIN_WINDOW_CLAMP:
        return tcp_apply(socket, CHASKI_TCP_RCVBUF, receive_limit(socket));
    case PLAIN_BUF_LOCK:
        return tcp_apply(socket, CHASKI_TCP_RCVBUF_TUNES, receive_buffer_tunes(socket));
    default:
        return 0;
    }
}

static int udp_apply(struct socket *socket, enum chaski_udp_option option, int64_t value)
{
    return error_number(chaski_udp_set(socket->file.table->host, socket->udp, option, value));
}

static int udp_apply_one(struct socket *socket, enum plain_option option)
{
    int64_t value = socket->plain[option];
    switch (option) {
    case PLAIN_BROADCAST:
        return udp_apply(socket, CHASKI_UDP_BROADCAST, value);
    case PLAIN_TOS:
        return udp_apply(socket, CHASKI_UDP_TOS, value);
    case PLAIN_TTL:
        return udp_apply(socket, CHASKI_UDP_TTL, value);
    case PLAIN_MULTICAST_TTL:
        return udp_apply(socket, CHASKI_UDP_MULTICAST_TTL, at_least(value, 1));
    case PLAIN_MULTICAST_LOOP:
        return udp_apply(socket, CHASKI_UDP_MULTICAST_LOOP, value);
    case PLAIN_MTU_DISCOVER:
        return udp_apply(socket, CHASKI_UDP_DONT_FRAGMENT,
                         value == IP_PMTUDISC_DO || value == IP_PMTUDISC_PROBE);
    default:
        return 0;
    }
}

/* What is told with the SYN+ACK, or says when it goes; all else connections get when they are
 * accepted. */
static int listener_apply_one(const struct socket *socket, enum plain_option option)
{
    static const enum chaski_tcp_option options[PLAIN_COUNT] = {
        [PLAIN_RCVBUF] = CHASKI_TCP_RCVBUF,
        [PLAIN_WINDOW_CLAMP] = CHASKI_TCP_RCVBUF,
        [PLAIN_BUF_LOCK] = CHASKI_TCP_RCVBUF_TUNES,
        [PLAIN_MAXSEG] = CHASKI_TCP_MAXSEG,
        [PLAIN_TOS] = CHASKI_TCP_TOS,
        [PLAIN_TTL] = CHASKI_TCP_TTL,
        [PLAIN_MINTTL] = CHASKI_TCP_MIN_TTL,
        [PLAIN_RTO_MAX_MS] = CHASKI_TCP_RTO_MAX_MS,
        [PLAIN_RTO_MIN_US] = CHASKI_TCP_RTO_MIN_US,
        [PLAIN_DELACK_MAX_US] = CHASKI_TCP_DELACK_MAX_US,
    };
    int64_t value = socket->plain[option];
    if (option == PLAIN_SAVE_SYN)
        return error_number(chaski_tcp_listener_save_syn(socket->file.table->host, socket->listener,
                                                         (uint8_t)value));
    if (options[option] == 0 || (option == PLAIN_MAXSEG && value == 0))
        return 0;
    if (options[option] == CHASKI_TCP_RCVBUF)
        value = receive_limit(socket);
    if (options[option] == CHASKI_TCP_RCVBUF_TUNES)
        value = receive_buffer_tunes(socket);
    return error_number(chaski_tcp_listener_set(socket->file.table->host, socket->listener,
                                                options[option], value));
}

int socket_apply_congestion(const struct socket *socket)
{
    return error_number(chaski_tcp_listener_set(socket->file.table->host, socket->listener,
                                                CHASKI_TCP_CONGESTION, socket->congestion));
}

void socket_apply_listener(const struct socket *socket)
{
    struct chaski *host = socket->file.table->host;
    for (int i = 0; i < PLAIN_COUNT; i++)
        if (socket->asked[i] || i == PLAIN_TTL)
            listener_apply_one(socket, (enum plain_option)i);
    if (socket->has_congestion)
        socket_apply_congestion(socket);
    chaski_tcp_listener_fast_open(host, socket->listener, (uint32_t)socket->plain[PLAIN_FASTOPEN]);
    chaski_tcp_listener_fast_open_without_cookie(host, socket->listener,
                                                 socket->plain[PLAIN_FASTOPEN_NO_COOKIE] != 0);
    chaski_tcp_listener_defer(host, socket->listener, (uint8_t)socket->plain[PLAIN_DEFER_ACCEPT]);
}

int socket_apply_one(struct socket *socket, enum plain_option option)
{
    if (socket->phase == SOCKET_LISTENING)
        return listener_apply_one(socket, option);
    if (is_stream(socket) && socket->has_tcp)
        return tcp_apply_one(socket, option);
    return !is_stream(socket) && socket->has_udp ? udp_apply_one(socket, option) : 0;
}

void socket_apply(struct socket *socket)
{
    /* These follow the policy of the table, not the core's own defaults. */
    static const enum plain_option always[] = {PLAIN_KEEPIDLE, PLAIN_KEEPINTVL, PLAIN_KEEPCNT,
                                               PLAIN_SYNCNT,   PLAIN_TTL,       PLAIN_SNDBUF};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        socket_apply_one(socket, always[i]);
    for (int i = 0; i < PLAIN_COUNT; i++)
        if (socket->asked[i])
            socket_apply_one(socket, (enum plain_option)i);
    if (socket->has_tcp && socket->has_congestion)
        tcp_apply(socket, CHASKI_TCP_CONGESTION, socket->congestion);
}
