/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/receiving/tcp_receive_window.h"
#include "core/tcp/tcp_internal.h"
#include "core/tcp/window/tcp_cwnd.h"

/* What there is to see: one connection's figures, and everything that TCP holds. */

/* In tcpi_options, as Linux. */
enum { ECN_AGREED = 8, ECN_HAS_COME = 16, SYN_DATA_TAKEN = 32, FAST_OPEN_CHILD = 128 };

static void describe_ends(struct chaski_tcp_info *info, const struct tcp_key *key)
{
    *info = (struct chaski_tcp_info){
        .local = {key->local, key->local_port, 0},
        .remote = {key->remote, key->remote_port, 0},
        .connection = {UINT32_MAX, 0},
        .congestion = "",
    };
}

static void describe_pacing(const struct tcp *tcp, const struct tcp_connection *c,
                            struct chaski_tcp_info *info)
{
    uint64_t rate = c->flight != NULL ? pace_rate(tcp, c) : 0;
    info->paced = rate != 0;
    info->tcpi_pacing_rate = rate != 0 ? rate : pace_rate_of_window(tcp, c);
    info->tcpi_max_pacing_rate = tcp_max_pacing_rate(c);
}

static bool is_opening(const struct tcp_connection *c)
{
    return c->state == CHASKI_TCP_SYN_SENT || c->state == CHASKI_TCP_SYN_RECEIVED;
}

/* As Linux counts them: the SYN, and what it carried; but no SYN+ACK for a SYN. */
static uint32_t segments_of_our_syn(const struct tcp_connection *c)
{
    if (c->fast_open & FAST_OPEN_PASSIVE)
        return 0;
    return c->flight != NULL && c->flight->syn_data != 0 ? 2 : 1;
}

static void describe_sending(const struct tcp *tcp, const struct tcp_connection *c,
                             struct chaski_tcp_info *info)
{
    /* Probes of a shut window back off by themselves, as in Linux. */
    info->tcpi_rto = has(c, TCPF_PERSISTING) ? c->rto_us : (uint32_t)(tcp_rto_ns(tcp, c) / 1000);
    info->tcpi_snd_mss = effective_mss(c);
    if (c->state != CHASKI_TCP_CLOSED && !is_opening(c))
        info->tcpi_unacked = full_segments(c, c->snd_nxt - c->snd_una);
    if (c->flight != NULL) {
        const struct tcp_scoreboard *board = &c->flight->scoreboard;
        const struct rate *rate = &c->flight->rate;
        info->tcpi_delivery_rate = rate->last_bytes_per_s;
        info->tcpi_delivery_rate_app_limited = rate->sample_app_limited;
        info->tcpi_unacked = board->out.segments;
        info->tcpi_sacked = board->sacked.segments;
        if (!has(c, TCPF_HAS_SACK))
            info->tcpi_sacked = tcp_told_by_duplicates(c);
        info->tcpi_lost = board->lost.segments;
        info->tcpi_retrans = board->retransmitted.segments;
        info->tcpi_reordering = tcp_reordering(tcp, c);
    } else {
        info->tcpi_reordering =
            maximum(peers_reordering(tcp, &c->key.remote), tcp->knobs.reordering);
    }
    describe_pacing(tcp, c, info);
    bool opening = is_opening(c);
    info->tcpi_unacked += opening ? segments_of_our_syn(c) : 0;
    info->tcpi_delivered = tcp_delivered(c) + !opening; /* a SYN counts as well, as in Linux, */
    if (!has(c, TCPF_HAS_SACK))                         /* and what duplicates have told of */
        info->tcpi_delivered += info->tcpi_sacked;
    info->tcpi_snd_ssthresh = c->congestion.threshold / c->mss;
    info->tcpi_snd_cwnd = maximum(c->congestion.window / c->mss, 1);
    info->tcpi_rtt = c->srtt_us8 / 8;
    info->tcpi_rttvar = c->rttvar_us4 / 4;
    info->tcpi_min_rtt = c->min_rtt_us;
    info->tcpi_snd_wnd = c->snd_wnd;
    info->max_window = c->max_snd_wnd;
    info->tcpi_total_retrans = c->retransmitted;
    info->tcpi_segs_out = c->segments_out;
    info->tcpi_last_data_sent = clock_ms(tcp->now_ns) - c->sent_ms;
    info->tcpi_bytes_acked = c->bytes_acked;
    /* A FIN counts, unless it waits for the end of the handshake (as Linux). */
    info->tcpi_notsent_bytes = (opening ? c->snd_end : tcp_send_end(c)) - c->snd_nxt;
    info->send_queue = tcp_queued(c);
    info->congestion = congestion_algorithm(c->algorithm)->name;
}

/* What the application takes in a round trip; at first what a peer sends in its first one (RFC
 * 6928), as Linux. */
static uint32_t space(const struct tcp *tcp, const struct tcp_connection *c, uint32_t mss)
{
    bool grown = c->tune_space > tcp->knobs.receive_buffer / 2;
    return grown ? c->tune_space : minimum(tcp_first_window(tcp, c->receive.limit, mss), 10 * mss);
}

static void describe_receiving(const struct tcp *tcp, const struct tcp_connection *c,
                               struct chaski_tcp_info *info)
{
    bool text = c->bytes_received != 0 || !tree_empty(&c->receive.runs);
    info->tcpi_ato = text ? tcp->knobs.ack_delay_us : 0;
    info->tcpi_rcv_mss = c->receive_mss;
    info->tcpi_advmss = c->announced_mss;
    if (has(c, TCPF_HAS_TIMESTAMPS)) /* as Linux: what they leave for text */
        info->tcpi_advmss -= minimum(c->announced_mss, WIRE_TCP_TIMESTAMP_PADDED);
    info->tcpi_rcv_space = space(tcp, c, info->tcpi_advmss);
    /* That buffers follow, where who receives is told of it (as Linux). */
    bool told = c->bytes_received != 0 && has(c, TCPF_HAS_TIMESTAMPS);
    info->tcpi_rcv_rtt = told ? c->srtt_us8 / 8 : 0;
    info->tcpi_rcv_wnd = tcp_window_told(tcp, c);
    info->tcpi_segs_in = c->segments_in;
    info->tcpi_bytes_received = c->bytes_received + has(c, TCPF_FIN_RECEIVED); /* as Linux */
    info->receive_queue = c->receive.length;
}

static void describe_ecn(const struct tcp_connection *c, struct chaski_tcp_info *info)
{
    const struct ecn_received *received = &c->ecn;
    if ((c->traffic_class & ECN_MODES) == ECN_NONE || c->state == CHASKI_TCP_SYN_SENT)
        return;
    info->tcpi_options |= (uint8_t)(ECN_AGREED | ((c->ecn_flags & ECN_SEEN) ? ECN_HAS_COME : 0));
    info->accurate_ecn = (c->traffic_class & ECN_MODES) == ECN_ACCURATE;
    info->tcpi_received_ce = received->ce_packets - ECN_FIRST_ACE;
    info->tcpi_received_ce_bytes = received->ce_bytes;
    info->tcpi_received_e0_bytes = received->ect0_bytes - ECN_FIRST_BYTES;
    info->tcpi_received_e1_bytes = received->ect1_bytes - ECN_FIRST_BYTES;
    info->tcpi_delivered_ce = (received->ace - ECN_FIRST_ACE) & 7u;
    if (c->flight == NULL || !c->flight->told.begun)
        return;
    const struct ecn_told *told = &c->flight->told;
    info->tcpi_delivered_ce = told->ce_packets - ECN_FIRST_ACE;
    info->tcpi_delivered_ce_bytes = told->ce_bytes;
    info->tcpi_delivered_e0_bytes = told->ect0_bytes - ECN_FIRST_BYTES;
    info->tcpi_delivered_e1_bytes = told->ect1_bytes - ECN_FIRST_BYTES;
}

/* Where ECN was not agreed on. */
static void describe_marks(const struct tcp_account *account, struct chaski_tcp_info *info)
{
    const uint32_t *bytes = account->marked_bytes;
    info->tcpi_received_ce = account->ce_packets;
    info->tcpi_received_ce_bytes = bytes[ECN_CE - 1];
    info->tcpi_received_e0_bytes = bytes[ECN_ECT0 - 1];
    info->tcpi_received_e1_bytes = bytes[ECN_ECT1 - 1];
    if (account->marked)
        info->tcpi_options |= ECN_HAS_COME;
}

static void describe_times(const struct tcp *tcp, const struct tcp_account *account,
                           struct chaski_tcp_info *info)
{
    uint32_t now_ms = clock_ms(tcp->now_ns);
    info->tcpi_rwnd_limited = account_spent_us(account, TCP_RWND_LIMITED, tcp->now_ns);
    info->tcpi_sndbuf_limited = account_spent_us(account, TCP_SNDBUF_LIMITED, tcp->now_ns);
    info->tcpi_busy_time = info->tcpi_rwnd_limited + info->tcpi_sndbuf_limited +
                           account_spent_us(account, TCP_BUSY, tcp->now_ns);
    info->tcpi_last_data_recv = now_ms - account->last_data_ms;
    info->tcpi_last_ack_recv = now_ms - account->last_ack_ms;
    info->tcpi_total_rto_time = account->time_outs_ms;
    if (account->time_out_since_ms != 0)
        info->tcpi_total_rto_time += now_ms - account->time_out_since_ms;
}

static void describe_account(const struct tcp *tcp, const struct tcp_connection *c,
                             struct chaski_tcp_info *info)
{
    const struct tcp_account *account = account_of(tcp, c);
    if (account == NULL)
        return;
    describe_times(tcp, account, info);
    if (!(info->tcpi_options & ECN_AGREED))
        describe_marks(account, info);
    info->tcpi_bytes_sent = account->bytes_sent;
    info->tcpi_bytes_retrans = account->bytes_resent;
    info->tcpi_segs_out += account->segments_cut;
    info->tcpi_segs_in += account->segments_joined;
    info->tcpi_data_segs_in = account->data_segments_in;
    info->tcpi_data_segs_out = account->data_segments_out;
    info->tcpi_dsack_dups = account->dsack_dups;
    info->tcpi_delivered += account->arrived_twice;
    info->tcpi_reord_seen = account->reorderings;
    info->tcpi_rcv_ooopack = account->out_of_order;
    info->tcpi_total_rto = account->time_outs;
    info->tcpi_total_rto_recoveries = account->time_out_recoveries;
}

/* A SYN counts as a segment that is lost, with what it carried, and has gone again. Until there has
 * been a round trip, its time-outs count as doubled (Karn), though the one of text is not (as
 * Linux). */
static void describe_lost_syn(const struct tcp *tcp, const struct tcp_connection *c,
                              struct chaski_tcp_info *info)
{
    const struct tcp_account *account = account_of(tcp, c);
    if (c->state == CHASKI_TCP_SYN_SENT && c->retries != 0) {
        info->tcpi_ca_state = TCP_CA_LOSS;
        info->tcpi_lost = segments_of_our_syn(c);
        info->tcpi_retrans = 1;
    }
    if (account == NULL || c->listener != 0 || c->state == CHASKI_TCP_SYN_SENT ||
        c->state == CHASKI_TCP_CLOSED)
        return;
    if (account->time_out_since_ms != 0)
        info->tcpi_ca_state = TCP_CA_LOSS;
    if (c->srtt_us8 == 0)
        info->tcpi_backoff = (uint8_t)account->time_outs;
}

static void describe(const struct tcp *tcp, const struct tcp_connection *c,
                     struct chaski_tcp_info *info)
{
    describe_ends(info, &c->key);
    struct ip_path path;
    info->connection = connection_handle(tcp, c);
    info->tcpi_state = c->state;
    info->tcpi_ca_state = c->recovery;
    info->tcpi_retransmits = c->retries;
    info->tcpi_backoff = c->state != CHASKI_TCP_CLOSED ? c->backoff : 0;
    info->tcpi_probes = c->probes;
    info->tcpi_options = (uint8_t)(has(c, TCPF_HAS_TIMESTAMPS) | has(c, TCPF_HAS_SACK) << 1 |
                                   has(c, TCPF_HAS_SCALING) << 2 |
                                   ((c->fast_open & FAST_OPEN_SYN_DATA) ? SYN_DATA_TAKEN : 0) |
                                   ((c->fast_open & FAST_OPEN_PASSIVE) ? FAST_OPEN_CHILD : 0));
    info->tcpi_snd_wscale = c->send_scale;
    info->tcpi_rcv_wscale = c->receive_scale;
    info->tcpi_pmtu = connection_path(tcp, c, &path) == 0 ? path.mtu : 0;
    describe_sending(tcp, c, info);
    describe_lost_syn(tcp, c, info);
    describe_ecn(c, info);
    describe_receiving(tcp, c, info);
    describe_account(tcp, c, info);
}

int tcp_info(struct tcp *tcp, chaski_tcp handle, struct chaski_tcp_info *info)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    describe(tcp, c, info);
    return 0;
}

static void describe_listener(const struct tcp_listener *listener, struct chaski_tcp_info *info)
{
    struct tcp_key key = {.local = listener->local.address, .local_port = listener->local.port};
    describe_ends(info, &key);
    info->tcpi_state = CHASKI_TCP_LISTEN;
    info->receive_queue = listener->waiting;
    info->send_queue = listener->backlog;
}

/* Finds the entry's own chain only by its key being in the table: free ones are not. */
static bool listed(struct tcp *tcp, const struct tcp_key *key, tcp_reference reference)
{
    return tcp_table_find(&tcp->table, key) == reference;
}

int tcp_list(struct tcp *tcp, uint32_t *cursor, struct chaski_tcp_info *info)
{
    uint32_t at = (*cursor)++, base = 0;
    for (;; at = (*cursor)++, base = 0) {
        if (at < tcp->listener_limit) {
            if (!(tcp->listeners[at].generation & 1))
                continue;
            describe_listener(&tcp->listeners[at], info);
            return 1;
        }
        base += tcp->listener_limit;
        if (at - base < tcp->connection_limit) {
            const struct tcp_connection *c = &tcp->connections[at - base];
            if (at - base >= tcp->connection_fresh || !(c->generation & 1))
                continue;
            describe(tcp, c, info);
            return 1;
        }
        base += tcp->connection_limit;
        if (at - base < tcp->half_open.limit) {
            const struct tcp_key *key = &tcp->half_open.entries[at - base].key;
            if (!listed(tcp, key, tcp_refer(TCP_KIND_HALF_OPEN, at - base)))
                continue;
            describe_ends(info, key);
            info->tcpi_state = CHASKI_TCP_SYN_RECEIVED;
            return 1;
        }
        base += tcp->half_open.limit;
        if (at - base >= tcp->time_wait.limit)
            return 0;
        const struct tcp_key *key = &tcp->time_wait.entries[at - base].key;
        if (!listed(tcp, key, tcp_refer(TCP_KIND_TIME_WAIT, at - base)))
            continue;
        describe_ends(info, key);
        info->tcpi_state = CHASKI_TCP_TIME_WAIT;
        return 1;
    }
}

uint32_t tcp_timestamp(struct tcp *tcp, chaski_tcp handle)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    return c != NULL ? tcp_timestamp_now(c, tcp->now_ns) : clock_ms(tcp->now_ns);
}

/* Where feedback is one bit, DCTCP's receiver says just this (RFC 8257, 3.2). */
static bool came_marked(const struct tcp_connection *c)
{
    bool accurate = (c->traffic_class & ECN_MODES) == ECN_ACCURATE;
    return accurate ? c->ecn.field == ECN_CE : (c->ecn_flags & ECN_ECHO) != 0;
}

int tcp_report(struct tcp *tcp, chaski_tcp handle, struct congestion_report *report)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    window_report(tcp, c, report);
    report->came_marked = came_marked(c);
    return 0;
}
