/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/options/linux_tcp_info.h"
#include "sockets/options/option.h"

/* Linux's struct tcp_info. What does not exist here is 0. */

enum {
    INFINITE_THRESHOLD = 0x7fffffff,
    SYN_SENT = 2,
    CLOSED = 7,
    LISTEN = 10,
    HAS_TIMESTAMPS = 1,
};

static uint32_t threshold_of(const struct chaski_tcp_info *from)
{
    /* The core's "no threshold yet" is half the sequence space, in segments here. */
    uint32_t none = from->tcpi_snd_mss != 0 ? UINT32_MAX / 2 / from->tcpi_snd_mss : 0;
    return from->tcpi_snd_ssthresh >= none ? INFINITE_THRESHOLD : from->tcpi_snd_ssthresh;
}

/* What the first time-out is made of (Linux), until there has been a round trip. */
static uint32_t first_variation(const struct chaski_tcp_info *from)
{
    enum { AT_FIRST = 1000000, AFTER_LOST_SYN = 3000000 };
    uint32_t rto = from->tcpi_rto < AFTER_LOST_SYN ? AT_FIRST : AFTER_LOST_SYN;
    return (from->tcpi_state == CHASKI_TCP_SYN_SENT ? AT_FIRST : rto) / 4;
}

static void fill_sending(struct linux_tcp_info *info, const struct chaski_tcp_info *from)
{
    info->rto = from->tcpi_rto;
    info->snd_mss = from->tcpi_snd_mss;
    info->unacked = from->tcpi_unacked;
    info->sacked = from->tcpi_sacked;
    info->lost = from->tcpi_lost;
    info->retrans = from->tcpi_retrans;
    info->rtt = from->tcpi_rtt;
    info->rttvar = from->tcpi_rtt != 0 ? from->tcpi_rttvar : first_variation(from);
    info->min_rtt = from->tcpi_min_rtt != 0 ? from->tcpi_min_rtt : UINT32_MAX;
    info->snd_cwnd = from->tcpi_snd_cwnd;
    info->snd_ssthresh = threshold_of(from);
    info->total_retrans = from->tcpi_total_retrans;
    info->segs_out = from->tcpi_segs_out;
    info->bytes_acked = from->tcpi_bytes_acked;
    info->notsent_bytes = (uint32_t)from->tcpi_notsent_bytes;
    info->snd_wnd = from->tcpi_snd_wnd;
    info->last_data_sent = from->tcpi_last_data_sent;
    info->delivered = from->tcpi_delivered;
    info->delivery_rate = from->tcpi_delivery_rate;
    /* Before there has been any, nothing but the application held it back (Linux). */
    info->delivery_rate_app_limited =
        from->tcpi_delivery_rate == 0 || from->tcpi_delivery_rate_app_limited;
    info->pacing_rate = from->tcpi_pacing_rate;
}

static void fill_receiving(struct linux_tcp_info *info, const struct chaski_tcp_info *from)
{
    info->ato = from->tcpi_ato;
    info->rcv_mss = from->tcpi_rcv_mss;
    info->advmss = from->tcpi_advmss;
    info->rcv_rtt = from->tcpi_rcv_rtt;
    info->rcv_space = from->tcpi_rcv_space;
    info->rcv_ssthresh = from->tcpi_rcv_wnd;
    info->rcv_wnd = from->tcpi_rcv_wnd;
    info->segs_in = from->tcpi_segs_in;
    info->bytes_received = from->tcpi_bytes_received;
}

static void fill_account(struct linux_tcp_info *info, const struct chaski_tcp_info *from)
{
    info->last_data_recv = from->tcpi_last_data_recv;
    info->last_ack_recv = from->tcpi_last_ack_recv;
    info->reordering = from->tcpi_reordering;
    info->data_segs_in = from->tcpi_data_segs_in;
    info->data_segs_out = from->tcpi_data_segs_out;
    info->busy_time = from->tcpi_busy_time;
    info->rwnd_limited = from->tcpi_rwnd_limited;
    info->sndbuf_limited = from->tcpi_sndbuf_limited;
    info->bytes_sent = from->tcpi_bytes_sent;
    info->bytes_retrans = from->tcpi_bytes_retrans;
    info->dsack_dups = from->tcpi_dsack_dups;
    info->reord_seen = from->tcpi_reord_seen;
    info->rcv_ooopack = from->tcpi_rcv_ooopack;
    info->total_rto = (uint16_t)from->tcpi_total_rto;
    info->rehash = from->tcpi_total_rto; /* each may take another way */
    info->total_rto_recoveries = (uint16_t)from->tcpi_total_rto_recoveries;
    info->total_rto_time = from->tcpi_total_rto_time;
}

static void fill_ecn(struct linux_tcp_info *info, const struct chaski_tcp_info *from)
{
    info->delivered_ce = from->tcpi_delivered_ce;
    info->received_ce = from->tcpi_received_ce;
    info->delivered_e1_bytes = from->tcpi_delivered_e1_bytes;
    info->delivered_e0_bytes = from->tcpi_delivered_e0_bytes;
    info->delivered_ce_bytes = from->tcpi_delivered_ce_bytes;
    info->received_e1_bytes = from->tcpi_received_e1_bytes;
    info->received_e0_bytes = from->tcpi_received_e0_bytes;
    info->received_ce_bytes = from->tcpi_received_ce_bytes;
}

static void fill(struct linux_tcp_info *info, const struct chaski_tcp_info *from)
{
    info->state = from->tcpi_state;
    info->ca_state = from->tcpi_ca_state;
    info->retransmits = from->tcpi_retransmits;
    info->probes = from->tcpi_probes;
    info->backoff = from->tcpi_backoff;
    info->options = from->tcpi_options;
    info->snd_wscale = from->tcpi_snd_wscale & 0xfu;
    info->rcv_wscale = from->tcpi_rcv_wscale & 0xfu;
    info->pmtu = from->tcpi_pmtu;
    fill_sending(info, from);
    fill_receiving(info, from);
    fill_account(info, from);
    fill_ecn(info, from);
}

/* What a connection would begin with. */
static void fill_new(struct linux_tcp_info *info)
{
    info->delivery_rate_app_limited = 1;
    info->rto = 1000000;
    info->rttvar = 250000;
    info->snd_mss = 536;
    info->snd_ssthresh = INFINITE_THRESHOLD;
    info->snd_cwnd = 10;
    info->min_rtt = UINT32_MAX;
}

/* Linux counts the acknowledgement of our SYN where we have begun. */
static uint32_t acknowledged_syn(const struct socket *socket, const struct chaski_tcp_info *from)
{
    bool opening =
        from->tcpi_state == CHASKI_TCP_SYN_SENT || from->tcpi_state == CHASKI_TCP_SYN_RECEIVED;
    return socket->opened_by_us && !opening;
}

/* Linux knows them when the peer has answered, and takes it for one with timestamps until then; a
 * SYN that waits for data has been sent, as far as anybody sees. */
static void correct_opening(const struct socket *socket, struct linux_tcp_info *info)
{
    enum { STAMPS = 12, LEAST_SEGMENT = 88 };
    if (socket->deferred)
        info->state = SYN_SENT;
    if (info->state != SYN_SENT)
        return;
    if ((info->options & HAS_TIMESTAMPS) && !socket->deferred) {
        info->snd_mss -= STAMPS;
        info->advmss += STAMPS;
    }
    info->options = 0;
    info->rcv_mss = LEAST_SEGMENT;
    info->rcv_wscale = 0;
    info->rcv_space = 0;
}

void tcp_info_fill(const struct socket *socket, struct linux_tcp_info *info)
{
    struct chaski_tcp_info from;
    *info = (struct linux_tcp_info){.state = CLOSED};
    if (socket->phase == SOCKET_LISTENING) {
        info->state = LISTEN;
        int waiting = host_tcp_waiting(socket->file.table->host, socket->listener);
        info->unacked = waiting > 0 ? (uint32_t)waiting : 0;
        info->sacked = socket->backlog;
        info->snd_cwnd = 10;
    } else if (tcp_socket_info(socket, &from)) {
        fill(info, &from);
        info->bytes_acked += acknowledged_syn(socket, &from);
    } else {
        fill_new(info);
    }
    correct_opening(socket, info);
    if (info->pacing_rate == 0)
        info->pacing_rate = UINT64_MAX;
    info->max_pacing_rate = (uint64_t)socket->plain[PLAIN_MAX_PACING_RATE];
}

int tcp_info_get(struct socket *socket, const struct option_out *out)
{
    struct linux_tcp_info info;
    tcp_info_fill(socket, &info);
    return option_write(out, &info, sizeof info);
}
