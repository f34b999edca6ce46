/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/options/ao.h"

#include <errno.h>
#include <limits.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Options of level IPPROTO_TCP that are more than a number within limits. */

enum {
    MAXSEG_LEAST = 88,
    MAXSEG_MOST = 32767,
    MSS_DEFAULT = 536,
    WINDOW_CLAMP_LEAST = 1152, /* half of the least receive buffer */
    LINGER2_MOST = 120,        /* seconds; TCP_FIN_TIMEOUT_MAX */
    NAME_MAX_LENGTH = 16,
    IS_MPTCP = 43,       /* TCP_IS_MPTCP of later headers */
    TIME_OUT_MOST = 120, /* seconds; TCP_RTO_MAX */
    /* TCP_RTO_MAX_MS and its like of later headers */
    RTO_MAX_MS = 44,
    RTO_MIN_US = 45,
    DELACK_MAX_US = 46,
};

static const char *const congestion_names[] = {
    [CHASKI_CUBIC] = "cubic",
    [CHASKI_NEWRENO] = "reno",
    [CHASKI_BBR] = "bbr",
    [CHASKI_DCTCP] = "dctcp",
};

static int set_congestion(struct socket *socket, const struct option_in *in)
{
    char name[NAME_MAX_LENGTH] = {0};
    if (in->length < 1)
        return -EINVAL;
    memcpy(name, in->bytes, in->length < sizeof name - 1 ? in->length : sizeof name - 1);
    for (size_t i = 0; i < sizeof congestion_names / sizeof *congestion_names; i++) {
        if (strcmp(name, congestion_names[i]) != 0)
            continue;
        socket->has_congestion = true;
        socket->congestion = (uint8_t)i;
        if (socket->phase == SOCKET_LISTENING)
            return socket_apply_congestion(socket);
        if (!socket->has_tcp)
            return 0;
        return error_number(chaski_tcp_set(socket->file.table->host, socket->tcp,
                                           CHASKI_TCP_CONGESTION, (int64_t)i));
    }
    return -ENOENT;
}

static int get_congestion(const struct socket *socket, const struct option_out *out)
{
    char name[NAME_MAX_LENGTH] = {0};
    int64_t which = socket->congestion;
    if (socket->has_tcp)
        chaski_tcp_get(socket->file.table->host, socket->tcp, CHASKI_TCP_CONGESTION, &which);
    strncpy(name, congestion_names[which], sizeof name - 1);
    return option_write(out, name, sizeof name);
}

static int set_maxseg(struct socket *socket, const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    if (value != 0 && (value < MAXSEG_LEAST || value > MAXSEG_MOST))
        return -EINVAL;
    socket->plain[PLAIN_MAXSEG] = value;
    socket->asked[PLAIN_MAXSEG] = true;
    /* Of a connection both ends have agreed on it (Linux). */
    return is_closed(socket) || socket->phase == SOCKET_LISTENING
               ? socket_apply_one(socket, PLAIN_MAXSEG)
               : 0;
}

static int get_maxseg(const struct socket *socket, const struct option_out *out)
{
    struct chaski_tcp_info info;
    int64_t asked = socket->plain[PLAIN_MAXSEG];
    bool opening = socket->phase == SOCKET_CONNECTING && asked != 0;
    if (socket->phase != SOCKET_ENDED && !opening && tcp_socket_info(socket, &info))
        return option_write_int(out, (int)info.tcpi_snd_mss);
    return option_write_int(out, asked != 0 ? (int)asked : MSS_DEFAULT);
}

static int set_window_clamp(struct socket *socket, const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    if (value == 0 && !is_closed(socket))
        return -EINVAL;
    if (value != 0 && value < WINDOW_CLAMP_LEAST)
        value = WINDOW_CLAMP_LEAST;
    socket->plain[PLAIN_WINDOW_CLAMP] = value;
    socket->asked[PLAIN_WINDOW_CLAMP] = value != 0;
    return value != 0 ? socket_apply_one(socket, PLAIN_WINDOW_CLAMP) : 0;
}

/* A connection has one, be it that of its buffer, or of the scale. */
static int get_window_clamp(const struct socket *socket)
{
    struct chaski_tcp_info info;
    int64_t clamp = socket->plain[PLAIN_WINDOW_CLAMP];
    if (clamp != 0 || !tcp_socket_info(socket, &info))
        return (int)clamp;
    int64_t most = (int64_t)UINT16_MAX << info.tcpi_rcv_wscale,
            half = receive_buffer_size(socket) / 2;
    return (int)(half < most ? half : most);
}

static int set_linger2(struct socket *socket, const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    if (value == 0)
        value = (int)socket->file.table->policy.fin_timeout_s;
    socket->plain[PLAIN_LINGER2] = value < 0 ? -1 : value > LINGER2_MOST ? LINGER2_MOST : value;
    socket->asked[PLAIN_LINGER2] = true;
    return socket_apply_one(socket, PLAIN_LINGER2);
}

static int set_quickack(struct socket *socket, const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    socket->plain[PLAIN_QUICKACK] = value != 0;
    socket->asked[PLAIN_QUICKACK] = true;
    return socket_apply_one(socket, PLAIN_QUICKACK);
}

/* Until answers show that it pays to wait for them. */
static int get_quickack(const struct socket *socket, const struct option_out *out)
{
    bool quick = socket->plain[PLAIN_QUICKACK] != 0;
    if (socket->has_tcp)
        quick = !host_tcp_in_dialogue(socket->file.table->host, socket->tcp);
    return option_write_int(out, quick);
}

/* Linux keeps how many SYN+ACKs go in that time, and tells the time that these take. */
static int set_defer_accept(struct socket *socket, const struct option_in *in)
{
    int seconds;
    int error = option_read_int(in, &seconds);
    if (error != 0)
        return error;
    int count = seconds > 0, passed = count, time_out = 1;
    while (seconds > passed && count < UCHAR_MAX) {
        count++;
        time_out = time_out * 2 < TIME_OUT_MOST ? time_out * 2 : TIME_OUT_MOST;
        passed += time_out;
    }
    socket->plain[PLAIN_DEFER_ACCEPT] = count;
    if (socket->phase == SOCKET_LISTENING)
        chaski_tcp_listener_defer(socket->file.table->host, socket->listener, (uint8_t)count);
    return 0;
}

static int get_defer_accept(const struct socket *socket)
{
    int64_t count = socket->plain[PLAIN_DEFER_ACCEPT];
    int passed = 0, time_out = 1;
    for (int64_t i = 0; i < count; i++) {
        passed += time_out;
        time_out = time_out * 2 < TIME_OUT_MOST ? time_out * 2 : TIME_OUT_MOST;
    }
    return passed;
}

/* Who has too little room is told how much it takes. */
static int get_saved_syn(const struct socket *socket, const struct option_out *out)
{
    socklen_t room = *out->length;
    long length = !socket->has_tcp ? 0
                                   : chaski_tcp_saved_syn(socket->file.table->host, socket->tcp,
                                                          out->bytes, room);
    *out->length = length > 0 ? (socklen_t)length : 0;
    return *out->length > room ? -EINVAL : 0;
}

/* ---- Limits of time-outs ---- */

enum { RTO_MAX_LEAST_MS = 1000, TICK_US = 1000, RTO_MIN_MOST_US = 200000 };

/* As in a Linux of a thousand ticks a second: whole ticks, two at least. */
static int set_time(struct socket *socket, enum plain_option option, const struct option_in *in)
{
    bool longest = option == PLAIN_RTO_MAX_MS;
    int64_t least = longest ? RTO_MAX_LEAST_MS : TICK_US + 1;
    int64_t most = longest ? TIME_OUT_MOST * 1000 : RTO_MIN_MOST_US, tick = longest ? 1 : TICK_US;
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    if (value < least || value > most)
        return -EINVAL;
    int64_t before = socket->plain[option];
    socket->plain[option] = (value + tick - 1) / tick * tick;
    error = socket_apply_one(socket, option);
    if (error != 0)
        socket->plain[option] = before;
    else
        socket->asked[option] = true;
    return error;
}

static int64_t knob_of(const struct socket *socket, const char *name)
{
    char text[24];
    bool known = chaski_get_knob(socket->file.table->host, name, text, sizeof text) == 0;
    return known ? strtoll(text, NULL, 10) : 0;
}

static int64_t get_time(const struct socket *socket, enum plain_option option)
{
    if (socket->asked[option])
        return socket->plain[option];
    if (option == PLAIN_DELACK_MAX_US) /* the knob of a name like that says less, as if adapted */
        return RTO_MIN_MOST_US;
    if (option == PLAIN_RTO_MAX_MS)
        return knob_of(socket, "tcp_rto_max_ms");
    return (knob_of(socket, "tcp_rto_min_us") + TICK_US - 1) / TICK_US * TICK_US;
}

/* ---- The calls ---- */

/* Who has no connection is told a clock without an offset. */
static int get_timestamp(const struct socket *socket)
{
    struct chaski *host = socket->file.table->host;
    return (int)(socket->has_tcp ? host_tcp_timestamp(host, socket->tcp)
                                 : (uint32_t)(host_now(host) / 1000000));
}

/* Linux takes it for the sake of programs that know it, and does nothing. */
static int set_thin_dupack(const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    return error != 0 ? error : value != 0 && value != 1 ? -EINVAL : 0;
}

int tcp_level_set(struct socket *socket, int name, const struct option_in *in)
{
    switch (name) {
    case TCP_THIN_DUPACK:
        return set_thin_dupack(in);
    case TCP_REPAIR:
    case TCP_TIMESTAMP: /* of what is repaired */
        return -EPERM;
    case TCP_DEFER_ACCEPT:
        return set_defer_accept(socket, in);
    case TCP_CONGESTION:
        return set_congestion(socket, in);
    case TCP_MAXSEG:
        return set_maxseg(socket, in);
    case TCP_WINDOW_CLAMP:
        return set_window_clamp(socket, in);
    case TCP_LINGER2:
        return set_linger2(socket, in);
    case TCP_QUICKACK:
        return set_quickack(socket, in);
    case RTO_MAX_MS:
        return set_time(socket, PLAIN_RTO_MAX_MS, in);
    case RTO_MIN_US:
        return set_time(socket, PLAIN_RTO_MIN_US, in);
    case DELACK_MAX_US:
        return set_time(socket, PLAIN_DELACK_MAX_US, in);
    case AO_ADD_KEY:
    case AO_DEL_KEY:
    case AO_INFO:
        return ao_set(socket, name, in);
    default:
        return fast_open_set(socket, name, in);
    }
}

int tcp_level_get(struct socket *socket, int name, const struct option_out *out)
{
    switch (name) {
    case TCP_INFO:
        return tcp_info_get(socket, out);
    case TCP_CC_INFO:
        return cc_info_get(socket, out);
    case TCP_SAVED_SYN:
        return get_saved_syn(socket, out);
    case TCP_THIN_DUPACK:
    case TCP_REPAIR:
    case IS_MPTCP:
        return option_write_int(out, 0);
    case TCP_DEFER_ACCEPT:
        return option_write_int(out, get_defer_accept(socket));
    case TCP_CONGESTION:
        return get_congestion(socket, out);
    case TCP_MAXSEG:
        return get_maxseg(socket, out);
    case TCP_WINDOW_CLAMP:
        return option_write_int(out, get_window_clamp(socket));
    case TCP_LINGER2:
        return option_write_int(out, (int)socket->plain[PLAIN_LINGER2]);
    case TCP_QUICKACK:
        return get_quickack(socket, out);
    case RTO_MAX_MS:
        return option_write_int(out, (int)get_time(socket, PLAIN_RTO_MAX_MS));
    case RTO_MIN_US:
        return option_write_int(out, (int)get_time(socket, PLAIN_RTO_MIN_US));
    case DELACK_MAX_US:
        return option_write_int(out, (int)get_time(socket, PLAIN_DELACK_MAX_US));
    case TCP_TIMESTAMP:
        return option_write_int(out, get_timestamp(socket));
    case AO_INFO:
        return ao_get(socket, out);
    case AO_GET_KEYS:
        return ao_get_keys(socket, out);
    default:
        return fast_open_get(socket, name, out);
    }
}
