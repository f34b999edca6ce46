/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/socket.h"

/*
 * How much a call takes, as Linux has it. A message goes in piece by piece, each as long as what a
 * link is handed in one; whether there is room, SO_SNDBUF and TCP_NOTSENT_LOWAT, is asked before
 * each piece, so that the last one goes beyond. A piece costs more than its bytes. What would be
 * sent at once counts as sent, but where the last byte will be urgent: then nothing goes before it
 * is known. The piece that is left is filled first, without being asked.
 *
 * The core's own limit is set so high that it is met first only when memory runs out. While
 * somebody has found no room, the connection tells its progress (CHASKI_TCP_PROGRESS).
 */

enum {
    PIECE_MOST = 65000,
    PIECE_COST = 832,
    SEGMENT_HEADERS = 640, /* of a segment by itself, the whole of a power of two, */
    SEGMENT_DESCRIPTION = 256,
    WINDOW_LEAST = 10,
    LEAST_MSS = 536,       /* RFC 9293, MUST-15 */
    PIECES_MOST = 1 << 16, /* that one call looks at */
};

/* Of the largest segment, also while a small window halves them. */
static int64_t segment_cost(const struct socket *socket)
{
    int64_t power = 1, mss = 0;
    chaski_tcp_get(socket->file.table->host, socket->tcp, CHASKI_TCP_MAXSEG, &mss);
    while (power < mss + SEGMENT_HEADERS)
        power *= 2;
    return power + SEGMENT_DESCRIPTION;
}

/* Room for two windows. */
static int64_t room_for(const struct socket *socket, int64_t window)
{
    int64_t room = 2 * window * segment_cost(socket), most = socket->file.table->policy.tcp_wmem[2];
    return room < most ? room : most;
}

/* SO_SNDBUF, or what it has grown to. */
static int64_t limit_of(const struct socket *socket)
{
    int64_t limit = socket->plain[PLAIN_SNDBUF];
    if (is_locked(socket, LOCK_SNDBUF))
        return limit;
    int64_t first = room_for(socket, WINDOW_LEAST);
    limit = limit > first ? limit : first;
    return limit > socket->grown ? limit : socket->grown;
}

/* It grows when somebody waits for room. */
static void grow(struct socket *socket, const struct chaski_tcp_info *info)
{
    int64_t room = room_for(socket, info->tcpi_snd_cwnd);
    socket->grown = room > socket->grown ? room : socket->grown;
}

/* Half of the peer's largest window at most, or all of it if that is no more than a segment. */
static int64_t piece_of(const struct chaski_tcp_info *info)
{
    int64_t mss = info->tcpi_snd_mss, window = info->max_window;
    int64_t half = window > LEAST_MSS ? window / 2 : window;
    int64_t piece = half < PIECE_MOST ? half : PIECE_MOST;
    return piece > mss ? piece / mss * mss : mss;
}

/* Of pieces that are one segment each, those two are one that go next. Longer ones are cut when
 * they go, into pairs of segments, each of which costs as a piece. */
static int64_t cost_of(int64_t queued, int64_t unsent, const struct chaski_tcp_info *info)
{
    int64_t piece = piece_of(info), pair = 2 * (int64_t)info->tcpi_snd_mss, out = queued - unsent;
    if (piece < pair) {
        int64_t pieces = (queued + piece - 1) / piece;
        return queued + (pieces - (pieces > 1)) * PIECE_COST;
    }
    int64_t pieces = (unsent + piece - 1) / piece + (out + pair - 1) / pair;
    return queued + pieces * PIECE_COST;
}

/* What both windows would let go now, in whole segments. */
static int64_t sendable(const struct chaski_tcp_info *info)
{
    int64_t mss = info->tcpi_snd_mss, out = info->tcpi_unacked * mss;
    int64_t window = info->tcpi_snd_cwnd * mss;
    window = window < info->tcpi_snd_wnd ? window : info->tcpi_snd_wnd;
    return window > out ? (window - out) / mss * mss : 0;
}

/* The socket's own, or else what policy says by now. */
static int64_t most_unsent(const struct socket *socket)
{
    int64_t own = socket->plain[PLAIN_NOTSENT_LOWAT];
    return own != 0 ? own : socket->file.table->policy.notsent_lowat;
}

int64_t send_buffer_size(const struct socket *socket)
{
    struct chaski_tcp_info info;
    bool there = is_stream(socket) && tcp_socket_info(socket, &info);
    return there ? limit_of(socket) : socket->plain[PLAIN_SNDBUF];
}

size_t send_buffer_room(const struct socket *socket, const struct chaski_tcp_info *info,
                        size_t wanted, bool urgent)
{
    int64_t limit = limit_of(socket), goes = urgent ? 0 : sendable(info);
    int64_t piece = urgent ? info->tcpi_snd_mss : piece_of(info);
    int64_t unsent = (int64_t)info->tcpi_notsent_bytes, most = most_unsent(socket), room = 0;
    for (int i = 0; i < PIECES_MOST && (size_t)room < wanted; i++) {
        int64_t waits = unsent > goes ? unsent - goes : 0, begun = waits % piece;
        bool full = cost_of(info->send_queue + room, waits, info) >= limit || waits >= most;
        if (begun == 0 && full)
            break;
        room += piece - begun;
        unsent += piece - begun;
    }
    return (size_t)room < wanted ? (size_t)room : wanted;
}

bool tcp_socket_has_room(const struct socket *socket, const struct chaski_tcp_info *info)
{
    int64_t limit = limit_of(socket), unsent = (int64_t)info->tcpi_notsent_bytes;
    int64_t cost = cost_of(info->send_queue, unsent, info);
    return limit - cost >= cost / 2 && 2 * unsent <= most_unsent(socket);
}

void send_buffer_is_full(struct socket *socket)
{
    socket->wants_room = true;
    chaski_tcp_set(socket->file.table->host, socket->tcp, CHASKI_TCP_PROGRESS, 2);
}

bool send_buffer_progress(struct socket *socket)
{
    struct chaski_tcp_info info;
    if (!socket->wants_room || !tcp_socket_info(socket, &info))
        return false;
    grow(socket, &info);
    if (!tcp_socket_has_room(socket, &info))
        return false;
    socket->wants_room = false;
    chaski_tcp_set(socket->file.table->host, socket->tcp, CHASKI_TCP_PROGRESS,
                   socket->stamps != NULL);
    return true;
}
