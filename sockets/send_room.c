/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/socket.h"

/*
 * How much a socket whose SO_SNDBUF was set takes, as Linux counts: data is kept in packets of up
 * to a segment that the link cuts, each of which costs something beside what it carries, and a new
 * one is begun while all of them cost less than the buffer. So a single write may go beyond it, and
 * who waits does so until a third of it is free.
 */

enum { PACKET_COST = 1280, LARGEST = 65215 };

/* What one packet takes: whole segments, as many as half of the peer's window has room for. */
static int64_t packet_takes(const struct chaski_tcp_info *info)
{
    int64_t mss = info->tcpi_snd_mss != 0 ? info->tcpi_snd_mss : 536;
    int64_t most = info->tcpi_snd_wnd / 2 < LARGEST ? info->tcpi_snd_wnd / 2 : LARGEST;
    return most < mss ? mss : most / mss * mss;
}

static int64_t cost(const struct chaski_tcp_info *info)
{
    int64_t each = packet_takes(info), queued = info->send_queue;
    return queued + (queued + each - 1) / each * PACKET_COST;
}

bool send_room_is_there(const struct socket *socket, const struct chaski_tcp_info *info)
{
    int64_t used = cost(info), room = socket->plain[PLAIN_SNDBUF] - used;
    return room > 0 && room >= used / 2;
}

void send_room_set(struct socket *socket, const struct chaski_tcp_info *info)
{
    int64_t each = packet_takes(info), limit = socket->plain[PLAIN_SNDBUF];
    int64_t packets = (limit + each + PACKET_COST - 1) / (each + PACKET_COST);
    int64_t takes = packets * each > SEND_BUFFER_MIN ? packets * each : SEND_BUFFER_MIN;
    chaski_tcp_set(socket->file.table->host, socket->tcp, CHASKI_TCP_SNDBUF, takes);
}
