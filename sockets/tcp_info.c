/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <linux/tcp.h>

#include "sockets/option.h"

/* Linux's struct tcp_info. What the core does not count is 0. */

enum { INFINITE_THRESHOLD = 0x7fffffff, REORDERING = 3, CLOSED = 7, LISTEN = 10 };

static void fill_sending(struct tcp_info *info, const struct chaski_tcp_info *from)
{
    info->tcpi_rto = from->tcpi_rto;
    info->tcpi_snd_mss = from->tcpi_snd_mss;
    info->tcpi_unacked = from->tcpi_unacked;
    info->tcpi_sacked = from->tcpi_sacked;
    info->tcpi_lost = from->tcpi_lost;
    info->tcpi_retrans = from->tcpi_retrans;
    info->tcpi_rtt = from->tcpi_rtt;
    info->tcpi_rttvar = from->tcpi_rttvar;
    info->tcpi_min_rtt = from->tcpi_min_rtt;
    info->tcpi_snd_cwnd = from->tcpi_snd_cwnd;
    /* The core's "no threshold yet" is half the sequence space, in segments here. */
    uint32_t none = from->tcpi_snd_mss != 0 ? UINT32_MAX / 2 / from->tcpi_snd_mss : 0;
    info->tcpi_snd_ssthresh =
        from->tcpi_snd_ssthresh >= none ? INFINITE_THRESHOLD : from->tcpi_snd_ssthresh;
    info->tcpi_reordering = REORDERING;
    info->tcpi_total_retrans = from->tcpi_total_retrans;
    info->tcpi_segs_out = from->tcpi_segs_out;
    info->tcpi_bytes_acked = from->tcpi_bytes_acked;
    info->tcpi_bytes_sent = from->tcpi_bytes_sent;
    info->tcpi_bytes_retrans = from->tcpi_bytes_retrans;
    info->tcpi_last_data_sent = from->tcpi_last_data_sent;
    info->tcpi_busy_time = from->tcpi_busy_time;
    info->tcpi_rwnd_limited = from->tcpi_rwnd_limited;
    info->tcpi_sndbuf_limited = from->tcpi_sndbuf_limited;
    info->tcpi_pacing_rate = from->tcpi_pacing_rate;
    info->tcpi_notsent_bytes = (uint32_t)from->tcpi_notsent_bytes;
    info->tcpi_snd_wnd = from->tcpi_snd_wnd;
    info->tcpi_delivered_ce = from->tcpi_delivered_ce;
}

static void fill_receiving(struct tcp_info *info, const struct chaski_tcp_info *from)
{
    info->tcpi_ato = from->tcpi_ato;
    info->tcpi_last_data_recv = from->tcpi_last_data_recv;
    info->tcpi_rcv_mss = from->tcpi_rcv_mss;
    info->tcpi_advmss = from->tcpi_advmss;
    info->tcpi_rcv_rtt = from->tcpi_rcv_rtt;
    info->tcpi_rcv_space = from->tcpi_rcv_space;
    info->tcpi_rcv_ssthresh = from->tcpi_rcv_wnd;
    info->tcpi_segs_in = from->tcpi_segs_in;
    info->tcpi_bytes_received = from->tcpi_bytes_received;
}

static void fill(struct tcp_info *info, const struct chaski_tcp_info *from)
{
    info->tcpi_state = from->tcpi_state;
    info->tcpi_ca_state = from->tcpi_ca_state;
    info->tcpi_retransmits = from->tcpi_retransmits;
    info->tcpi_probes = from->tcpi_probes;
    info->tcpi_backoff = from->tcpi_backoff;
    info->tcpi_options = from->tcpi_options;
    info->tcpi_snd_wscale = from->tcpi_snd_wscale & 0xfu;
    info->tcpi_rcv_wscale = from->tcpi_rcv_wscale & 0xfu;
    info->tcpi_pmtu = from->tcpi_pmtu;
    fill_sending(info, from);
    fill_receiving(info, from);
}

int tcp_info_get(struct socket *socket, const struct option_out *out)
{
    struct tcp_info info = {.tcpi_state = CLOSED};
    struct chaski_tcp_info from;
    if (socket->phase == SOCKET_LISTENING) {
        info.tcpi_state = LISTEN;
        int waiting = host_tcp_waiting(socket->file.table->host, socket->listener);
        info.tcpi_unacked = waiting > 0 ? (uint32_t)waiting : 0;
    } else if (tcp_socket_info(socket, &from)) {
        fill(&info, &from);
    }
    info.tcpi_max_pacing_rate = (uint64_t)socket->plain[PLAIN_MAX_PACING_RATE];
    return option_write(out, &info, sizeof info);
}
