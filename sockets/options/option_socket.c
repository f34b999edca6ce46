/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/options/option.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/time.h>

/* Options of level SOL_SOCKET that are more than a number. */

enum {
    SEND_BUFFER_LEAST = 4608, /* Linux's, on 64-bit machines */
    RECEIVE_BUFFER_LEAST = 2304,
    NS_PER_US = 1000,
    US_PER_SECOND = 1000000,
    RCVTIMEO_NEW = 66, /* what these are called where time_t is long in any case */
    SNDTIMEO_NEW = 67,
    PASSRIGHTS = 83,
};

/* Doubled for bookkeeping, as Linux does and getsockopt tells. */
static int set_buffer(struct socket *socket, enum plain_option option, uint32_t most, int least,
                      const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    uint32_t asked = (uint32_t)value < most ? (uint32_t)value : most;
    if (asked > INT_MAX / 2)
        asked = INT_MAX / 2;
    int doubled = (int)asked * 2;
    socket->plain[option] = doubled > least ? doubled : least;
    socket->asked[option] = true;
    socket->plain[PLAIN_BUF_LOCK] |= option == PLAIN_SNDBUF ? LOCK_SNDBUF : LOCK_RCVBUF;
    error = socket_apply_one(socket, option);
    if (option == PLAIN_SNDBUF) /* there may be more room now */
        file_happened(&socket->file, EPOLLOUT | EPOLLWRNORM);
    return error;
}

/* What is locked keeps the size that it has come to; the rest grows on from its size. */
static int set_locks(struct socket *socket, const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    if (value & ~(LOCK_SNDBUF | LOCK_RCVBUF))
        return -EINVAL;
    socket->plain[PLAIN_SNDBUF] = send_buffer_size(socket);
    socket->plain[PLAIN_RCVBUF] = receive_buffer_size(socket);
    socket->plain[PLAIN_BUF_LOCK] = value;
    socket->asked[PLAIN_RCVBUF] |= is_locked(socket, LOCK_RCVBUF);
    socket->asked[PLAIN_BUF_LOCK] = true;
    socket_apply_one(socket, PLAIN_SNDBUF);
    if (socket->asked[PLAIN_RCVBUF])
        socket_apply_one(socket, PLAIN_RCVBUF);
    return socket_apply_one(socket, PLAIN_BUF_LOCK);
}

/* What there is may suffice now: an edge, as in Linux. */
static void wake_if_enough(struct socket *socket, int64_t lowat)
{
    struct chaski_tcp_info info;
    if (!is_stream(socket) || !tcp_socket_info(socket, &info))
        return;
    if (info.receive_queue >= lowat || host_tcp_fin_received(socket->file.table->host, socket->tcp))
        file_happened(&socket->file, EPOLLIN | EPOLLRDNORM);
}

/* What is not locked makes room for as much as is waited for, and grows on from there (Linux). */
static int make_room(struct socket *socket, int64_t lowat)
{
    if (is_locked(socket, LOCK_RCVBUF) || 2 * lowat <= receive_buffer_size(socket))
        return 0;
    socket->plain[PLAIN_RCVBUF] = 2 * lowat;
    socket->asked[PLAIN_RCVBUF] = socket->asked[PLAIN_BUF_LOCK] = true;
    int error = socket_apply_one(socket, PLAIN_RCVBUF);
    return error != 0 ? error : socket_apply_one(socket, PLAIN_BUF_LOCK);
}

/* No more than half of what a stream can ever hold. */
static int set_lowat(struct socket *socket, const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    int64_t room = is_locked(socket, LOCK_RCVBUF) ? socket->plain[PLAIN_RCVBUF]
                                                  : socket->file.table->policy.tcp_rmem[2];
    int64_t lowat = value < 0 ? INT_MAX : value;
    if (is_stream(socket) && lowat > room / 2)
        lowat = room / 2;
    socket->plain[PLAIN_RCVLOWAT] = lowat != 0 ? lowat : 1;
    wake_if_enough(socket, socket->plain[PLAIN_RCVLOWAT]);
    return is_stream(socket) ? make_room(socket, lowat) : 0;
}

static int set_linger(struct socket *socket, const struct option_in *in)
{
    struct linger linger;
    if (in->length < sizeof linger)
        return -EINVAL;
    memcpy(&linger, in->bytes, sizeof linger);
    socket->lingers = linger.l_onoff != 0;
    if (socket->lingers)
        socket->linger_s = (uint32_t)linger.l_linger;
    return 0;
}

static int set_timeout(struct socket *socket, enum sockets_direction direction,
                       const struct option_in *in)
{
    struct timeval time;
    if (in->length < sizeof time)
        return -EINVAL;
    memcpy(&time, in->bytes, sizeof time);
    if (time.tv_usec < 0 || time.tv_usec >= US_PER_SECOND)
        return -EDOM;
    uint64_t us = time.tv_sec < 0 ? 0 : (uint64_t)time.tv_sec * US_PER_SECOND + time.tv_usec;
    if (time.tv_sec < 0)
        socket->timeout_ns[direction] = 0;
    else
        socket->timeout_ns[direction] =
            us == 0 || time.tv_sec > INT_MAX ? UINT64_MAX : us * NS_PER_US;
    return 0;
}

static int set_pacing_rate(struct socket *socket, const struct option_in *in)
{
    uint64_t rate = 0;
    if (in->length == sizeof rate) {
        memcpy(&rate, in->bytes, sizeof rate);
    } else {
        int value;
        int error = option_read_int(in, &value);
        if (error != 0)
            return error;
        rate = (uint32_t)value == UINT32_MAX ? UINT64_MAX : (uint32_t)value;
    }
    socket->plain[PLAIN_MAX_PACING_RATE] = (int64_t)rate;
    socket->asked[PLAIN_MAX_PACING_RATE] = true;
    return socket_apply_one(socket, PLAIN_MAX_PACING_RATE);
}

/* -1: as the system has it, which is on. */
static int set_txrehash(struct socket *socket, const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    if (!is_stream(socket))
        return -EOPNOTSUPP;
    if (value < -1 || value > 1)
        return -EINVAL;
    socket->plain[PLAIN_TXREHASH] = value != 0;
    return 0;
}

/* As Linux where no control group accounts for it. */
static int refuse_memory(const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    return value < 0 ? -EINVAL : -EOPNOTSUPP;
}

int socket_level_set(struct socket *socket, int name, const struct option_in *in)
{
    const struct sockets_policy *policy = &socket->file.table->policy;
    switch (name) {
    case SO_SNDBUF:
        return set_buffer(socket, PLAIN_SNDBUF, policy->wmem_max, SEND_BUFFER_LEAST, in);
    case SO_SNDBUFFORCE:
        return set_buffer(socket, PLAIN_SNDBUF, INT_MAX, SEND_BUFFER_LEAST, in);
    case SO_RCVBUF:
        return set_buffer(socket, PLAIN_RCVBUF, policy->rmem_max, RECEIVE_BUFFER_LEAST, in);
    case SO_RCVBUFFORCE:
        return set_buffer(socket, PLAIN_RCVBUF, INT_MAX, RECEIVE_BUFFER_LEAST, in);
    case SO_BUF_LOCK:
        return set_locks(socket, in);
    case SO_RCVLOWAT:
        return set_lowat(socket, in);
    case SO_LINGER:
        return set_linger(socket, in);
    case SO_RCVTIMEO:
    case RCVTIMEO_NEW:
        return set_timeout(socket, SOCKETS_RECEIVING, in);
    case SO_SNDTIMEO:
    case SNDTIMEO_NEW:
        return set_timeout(socket, SOCKETS_SENDING, in);
    case SO_MAX_PACING_RATE:
        return set_pacing_rate(socket, in);
    case SO_TIMESTAMPING:
    case SO_TIMESTAMPING_NEW:
        return stamping_set(socket, name, in);
    case SO_TIMESTAMP:
    case SO_TIMESTAMPNS:
    case SO_TIMESTAMP_NEW:
    case SO_TIMESTAMPNS_NEW:
        return stamping_set_received(socket, name, in);
    case SO_TXREHASH:
        return set_txrehash(socket, in);
    case SO_RESERVE_MEM:
        return refuse_memory(in);
    case SO_BSDCOMPAT: /* Linux takes it for the sake of old programs, and does nothing */
        return 0;
    case SO_PASSCRED: /* which only AF_UNIX has */
    case SO_PASSSEC:
    case PASSRIGHTS:
        return -EOPNOTSUPP;
    default:
        return -ENOPROTOOPT;
    }
}

static int get_linger(const struct socket *socket, const struct option_out *out)
{
    struct linger linger = {socket->lingers, (int)socket->linger_s};
    return option_write(out, &linger, sizeof linger);
}

static int get_timeout(const struct socket *socket, enum sockets_direction direction,
                       const struct option_out *out)
{
    struct timeval time = {0};
    uint64_t ns = socket->timeout_ns[direction];
    if (ns != UINT64_MAX) {
        time.tv_sec = (time_t)(ns / NS_PER_US / US_PER_SECOND);
        time.tv_usec = (suseconds_t)(ns / NS_PER_US % US_PER_SECOND);
    }
    return option_write(out, &time, sizeof time);
}

static int get_pacing_rate(const struct socket *socket, const struct option_out *out)
{
    uint64_t rate = (uint64_t)socket->plain[PLAIN_MAX_PACING_RATE];
    if (*out->length >= sizeof rate)
        return option_write(out, &rate, sizeof rate);
    return option_write_int(out, (int)(rate < UINT32_MAX ? rate : UINT32_MAX));
}

static int get_error(struct socket *socket, const struct option_out *out)
{
    if (is_stream(socket))
        tcp_socket_refresh(socket);
    int error = -socket_take_error(socket);
    return option_write_int(out, error != 0 ? error : tcp_socket_take_soft_error(socket));
}

uint32_t receive_buffer_size(const struct socket *socket)
{
    uint32_t set = (uint32_t)socket->plain[PLAIN_RCVBUF];
    int64_t window = 0;
    if (is_stream(socket) && socket->has_tcp && !is_locked(socket, LOCK_RCVBUF))
        chaski_tcp_get(socket->file.table->host, socket->tcp, CHASKI_TCP_RCVBUF, &window);
    return window > set / 2 && window <= INT_MAX / 2 ? 2 * (uint32_t)window : set;
}

/* Linux's SK_MEMINFO_*: received, SO_RCVBUF, being sent, SO_SNDBUF, and what there is not here. */
static int get_memory(const struct socket *socket, const struct option_out *out)
{
    enum { FIELDS = 9 };
    struct chaski_tcp_info info = {0};
    if (is_stream(socket))
        tcp_socket_info(socket, &info);
    uint32_t fields[FIELDS] = {
        info.receive_queue,
        receive_buffer_size(socket),
        info.send_queue,
        (uint32_t)send_buffer_size(socket),
        [5] = info.send_queue,
        [8] = socket->has_udp ? host_udp_drops(socket->file.table->host, socket->udp) : 0,
    };
    return option_write(out, fields, sizeof fields);
}

static int get_cookie(const struct socket *socket, const struct option_out *out)
{
    if (*out->length < sizeof socket->cookie)
        return -EINVAL;
    return option_write(out, &socket->cookie, sizeof socket->cookie);
}

/* The namespace of a socket is its table. */
static int get_namespace(const struct socket *socket, const struct option_out *out)
{
    struct sockets *s = socket->file.table;
    if (*out->length != sizeof s->own_cookie)
        return -EINVAL;
    if (s->own_cookie == 0)
        s->own_cookie = host_draw(s->host) | 1;
    return option_write(out, &s->own_cookie, sizeof s->own_cookie);
}

int socket_level_get(struct socket *socket, int name, const struct option_out *out)
{
    switch (name) {
    case SO_ERROR:
        return get_error(socket, out);
    case SO_TYPE:
        return option_write_int(out, socket->type);
    case SO_DOMAIN:
        return option_write_int(out, socket->family);
    case SO_PROTOCOL:
        return option_write_int(out, is_stream(socket) ? IPPROTO_TCP : IPPROTO_UDP);
    case SO_ACCEPTCONN:
        return option_write_int(out, socket->phase == SOCKET_LISTENING);
    case SO_SNDBUF:
        return option_write_int(out, (int)send_buffer_size(socket));
    case SO_RCVBUF:
        return option_write_int(out, (int)receive_buffer_size(socket));
    case SO_BUF_LOCK:
        return option_write_int(out, (int)socket->plain[PLAIN_BUF_LOCK]);
    case SO_RCVLOWAT:
        return option_write_int(out, (int)socket->plain[PLAIN_RCVLOWAT]);
    case SO_SNDLOWAT:
        return option_write_int(out, 1);
    case SO_LINGER:
        return get_linger(socket, out);
    case SO_RCVTIMEO:
    case RCVTIMEO_NEW:
        return get_timeout(socket, SOCKETS_RECEIVING, out);
    case SO_SNDTIMEO:
    case SNDTIMEO_NEW:
        return get_timeout(socket, SOCKETS_SENDING, out);
    case SO_MAX_PACING_RATE:
        return get_pacing_rate(socket, out);
    case SO_TIMESTAMPING:
    case SO_TIMESTAMPING_NEW:
        return stamping_get(socket, name, out);
    case SO_TIMESTAMP:
    case SO_TIMESTAMPNS:
    case SO_TIMESTAMP_NEW:
    case SO_TIMESTAMPNS_NEW:
        return stamping_get_received(socket, name, out);
    case SO_MEMINFO:
        return get_memory(socket, out);
    case SO_TXREHASH:
        return is_stream(socket) ? option_write_int(out, (int)socket->plain[PLAIN_TXREHASH])
                                 : -EOPNOTSUPP;
    case SO_COOKIE:
        return get_cookie(socket, out);
    case SO_NETNS_COOKIE:
        return get_namespace(socket, out);
    case SO_INCOMING_NAPI_ID: /* nothing came by any queue of Linux's */
    case SO_RESERVE_MEM:
    case SO_BSDCOMPAT:
        return option_write_int(out, 0);
    case SO_PASSCRED:
    case SO_PASSSEC:
    case PASSRIGHTS:
        return -EOPNOTSUPP;
    default:
        return -ENOPROTOOPT;
    }
}
