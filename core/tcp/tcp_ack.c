/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_internal.h"

/*
 * What an acknowledgement does. First the facts are gathered from the scoreboard: how much is newly
 * acknowledged, newly SACKed, and when that was sent. Then, from the facts alone: the round trip,
 * whether something is lost (RFC 6675; RFC 6582 without SACK), where recovery stands, and
 * the congestion window.
 */

/* RFC 2018, RFC 2883: blocks at or below the acknowledgement report duplicates and are no news;
 * blocks outside of what is in flight are ignored. */
static void apply_sack(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
                       struct sent_news *news)
{
    const uint8_t *header = packet_transport(packet);
    for (unsigned i = 0; i < packet->tcp.sack_count; i++) {
        struct wire_tcp_sack block = wire_tcp_sack(header, packet->tcp.sack_offset, i);
        if (seq_ge(block.left, block.right) || seq_le(block.right, c->snd_una) ||
            seq_lt(block.left, c->snd_una) || seq_gt(block.right, c->snd_nxt))
            continue;
        scoreboard_sack(&c->flight->scoreboard, &tcp->sent, block.left, block.right, c->mss, news);
    }
}

static void sample_round_trip(struct tcp *tcp, struct tcp_connection *c,
                              const struct packet *packet, const struct sent_news *news,
                              uint64_t now_ns)
{
    /* What waited behind a gap was delivered long before its acknowledgement: together with a
     * retransmission nothing but the echo can tell. */
    if (news->newest_sent_ns != 0 && !news->retransmission_acknowledged) {
        tcp_rtt_sample(tcp, c, (uint32_t)((now_ns - news->newest_sent_ns) / 1000));
        return;
    }
    /* RFC 7323, 4.1: the echo tells which transmission is acknowledged. */
    if (news->acknowledged != 0 && packet->tcp.has_timestamp && packet->tcp.timestamp_echo != 0) {
        uint32_t ms = clock_ms(now_ns) + c->ts_offset - packet->tcp.timestamp_echo;
        if (ms < 1u << 20)
            tcp_rtt_sample(tcp, c, maximum(ms, 1) * 1000);
    }
}

static void enter_recovery(struct tcp *tcp, struct tcp_connection *c, uint32_t flight,
                           uint32_t in_flight)
{
    c->recovery = TCP_CA_RECOVERY;
    c->flight->recovery_point = c->snd_nxt;
    c->flags &= ~(uint32_t)TCPF_RESCUED;
    congestion_algorithm(c->algorithm)
        ->reduce(&c->congestion, &c->flight->congestion, flight, c->mss, false);
    /* With SACK it goes down step by step; the first segment goes at once. */
    c->congestion.window = c->congestion.threshold;
    if (has(c, TCPF_HAS_SACK))
        c->congestion.window = maximum(c->congestion.threshold, in_flight + c->mss);
    count(tcp->counters, CHASKI_TCP_RECOVERIES);
}

static void leave_recovery(struct tcp_connection *c)
{
    /* RFC 6582, 3.2 step 3: no burst of what a full window would allow. */
    if (c->recovery == TCP_CA_RECOVERY)
        c->congestion.window =
            minimum(c->congestion.threshold, maximum(tcp_in_flight(c), c->mss) + c->mss);
    c->recovery = TCP_CA_OPEN;
    c->flight->duplicate_acks = 0;
}

/* RFC 5681, 2: what counts as a duplicate acknowledgement. */
static bool is_duplicate(const struct tcp_connection *c, const struct packet *packet,
                         uint32_t old_window)
{
    return packet->tcp.acknowledgment == c->snd_una && packet->length == 0 &&
           !(packet->tcp.flags & (TCP_SYN | TCP_FIN)) && c->snd_nxt != c->snd_una &&
           c->snd_wnd == old_window;
}

/* Forged duplicates must not make room for more than was in flight when the loss was found (RFC
 * 5681, 3.2, step 4). */
static uint32_t most_duplicates(const struct tcp_connection *c)
{
    uint32_t end = c->recovery == TCP_CA_RECOVERY ? c->flight->recovery_point : c->snd_nxt;
    uint32_t segments = (end - c->snd_una) / c->mss;
    return maximum(segments, TCP_DUP_THRESHOLD);
}

/* Without SACK (RFC 6582): the third duplicate, or a partial acknowledgement, says that the first
 * segment is lost. Each duplicate says that another one has left the network. */
static bool judge_without_sack(struct tcp *tcp, struct tcp_connection *c,
                               const struct sent_news *news, bool duplicate)
{
    /* After a time-out everything goes again, and what had arrived causes duplicates: they tell
     * nothing, least of all that there is room for more. */
    if (c->recovery == TCP_CA_LOSS) {
        c->flight->duplicate_acks = 0;
        return false;
    }
    if (duplicate && c->flight->duplicate_acks < most_duplicates(c))
        c->flight->duplicate_acks++;
    if (news->acknowledged != 0) {
        uint32_t segments = (news->acknowledged + c->mss - 1) / c->mss - 1;
        c->flight->duplicate_acks -= minimum(c->flight->duplicate_acks, segments);
        if (c->recovery != TCP_CA_RECOVERY || seq_ge(c->snd_una, c->flight->recovery_point)) {
            c->flight->duplicate_acks = 0;
            return false;
        }
    } else if (c->flight->duplicate_acks != TCP_DUP_THRESHOLD || c->recovery == TCP_CA_RECOVERY) {
        return false;
    }
    scoreboard_lose_first(&c->flight->scoreboard, &tcp->sent, c->mss);
    return c->flight->scoreboard.lost != 0;
}

static bool judge(struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news,
                  bool duplicate)
{
    if (!has(c, TCPF_HAS_SACK))
        return judge_without_sack(tcp, c, news, duplicate);
    if (news->sacked == 0) /* nothing is told that was not judged already */
        return false;
    return scoreboard_judge(&c->flight->scoreboard, TCP_DUP_THRESHOLD * (uint32_t)c->mss);
}

/* Without SACK, what is sent again needlessly causes duplicates that look like a new loss, until
 * something later is acknowledged (RFC 6582, 4.1). */
static bool has_recovered(const struct tcp_connection *c)
{
    return has(c, TCPF_HAS_SACK) ? seq_ge(c->snd_una, c->flight->recovery_point)
                                 : seq_gt(c->snd_una, c->flight->recovery_point);
}

static bool is_recovering(const struct tcp_connection *c)
{
    return c->recovery == TCP_CA_RECOVERY || c->recovery == TCP_CA_LOSS;
}

static void move_recovery(struct tcp *tcp, struct tcp_connection *c, bool lost, uint32_t flight,
                          uint32_t in_flight)
{
    bool recovering = is_recovering(c);
    if (recovering && has_recovered(c)) {
        leave_recovery(c);
        recovering = false;
    }
    if (recovering)
        return;
    if (lost)
        enter_recovery(tcp, c, flight, in_flight);
    else
        c->recovery = c->flight->scoreboard.sacked != 0 || c->flight->duplicate_acks != 0
                          ? TCP_CA_DISORDER
                          : TCP_CA_OPEN;
}

/* During recovery with SACK: what may go follows from what has arrived, as RFC 6937 has it, for
 * what is taken for lost all at once makes no room in queues that are full. Above the threshold
 * half as much goes as arrives; below, as much and a segment. `in_flight` is from before. */
static void shrink_window(struct tcp_connection *c, uint32_t arrived, uint32_t in_flight)
{
    struct congestion *congestion = &c->congestion;
    uint32_t unused = congestion->window > in_flight ? congestion->window - in_flight : 0;
    uint32_t now = tcp_in_flight(c);
    if (now > congestion->threshold)
        congestion->window = now + unused + arrived / 2;
    else
        congestion->window = minimum(congestion->threshold, now + arrived + c->mss);
}

/* After a time-out without SACK, one acknowledgement may cover a window that arrived long ago: it
 * makes the window grow by a segment (RFC 3465, 2.3), and lets no more go than a new connection. */
static void hold_back(const struct tcp *tcp, struct tcp_connection *c)
{
    uint32_t most = tcp_in_flight(c) + tcp_initial_window(tcp, c);
    c->congestion.window = minimum(c->congestion.window, most);
}

/* `delivered` bytes have arrived in order. */
static void grow_window(struct tcp_connection *c, uint32_t delivered, uint32_t in_flight,
                        uint64_t now_ns)
{
    if (delivered == 0 || c->recovery == TCP_CA_RECOVERY)
        return;
    /* RFC 9438, 5.8 and RFC 7661: a window that was not used proves nothing about the path. */
    bool used = has(c, TCPF_CWND_LIMITED) || (c->congestion.window < c->congestion.threshold &&
                                              2 * in_flight >= c->congestion.window);
    if (!used)
        return;
    struct congestion_ack ack = {
        .now_ns = now_ns,
        .acknowledged = delivered,
        .in_flight = in_flight,
        .mss = c->mss,
        .srtt_us = c->srtt_us8 / 8,
    };
    congestion_algorithm(c->algorithm)->acknowledged(&c->congestion, &c->flight->congestion, &ack);
}

static void adapt_window(const struct tcp *tcp, struct tcp_connection *c,
                         const struct sent_news *news, bool was_recovering, uint32_t in_flight,
                         uint64_t now_ns)
{
    bool blind = c->recovery == TCP_CA_LOSS && !has(c, TCPF_HAS_SACK);
    if (c->recovery == TCP_CA_RECOVERY && has(c, TCPF_HAS_SACK))
        shrink_window(c, news->delivered + news->sacked, in_flight);
    else if (blind)
        grow_window(c, minimum(news->delivered, c->mss), in_flight, now_ns);
    else if (was_recovering) /* the last one covers a window that arrived long ago */
        grow_window(c, news->delivered, in_flight, now_ns);
    else
        grow_window(c, news->acknowledged, in_flight, now_ns);
    if (blind)
        hold_back(tcp, c);
}

static void move_una(struct tcp *tcp, struct tcp_connection *c, uint32_t acknowledgment,
                     struct sent_news *news, uint64_t now_ns)
{
    scoreboard_acknowledge(&c->flight->scoreboard, &tcp->sent, acknowledgment, news);
    send_queue_acknowledge(&c->flight->queue, seq_min(acknowledgment, c->snd_end));
    c->snd_una = acknowledgment;
    c->flight->snd_small =
        seq_max(c->flight->snd_small, acknowledgment); /* lest it seem ahead once 2^31 behind */
    if (news->acknowledged >= c->mss)
        c->proven_mss = c->mss;
    c->bytes_acked += news->acknowledged;
    c->progress_ms = clock_ms(now_ns);
    c->probes = 0;
    c->retries = 0;
    c->error = 0; /* soft errors are history */
    if (has(c, TCPF_URGENT_OUT) && seq_ge(c->snd_una, c->send_urgent))
        c->flags &= ~(uint32_t)TCPF_URGENT_OUT;
    tune_send(tcp, c);
    connection_tell_room(tcp, c);
}

static void update_window(struct tcp_connection *c, const struct packet *packet)
{
    const struct packet_tcp *segment = &packet->tcp;
    uint32_t window = (uint32_t)segment->window << c->send_scale;
    if (seq_lt(c->snd_wl1, segment->sequence) ||
        (c->snd_wl1 == segment->sequence && seq_le(c->snd_wl2, segment->acknowledgment))) {
        if (window != 0 && c->snd_wnd == 0 && has(c, TCPF_PERSISTING)) {
            c->backoff = 0;
            c->send_at = TIMER_NEVER;
        }
        c->snd_wnd = window;
        c->snd_wl1 = segment->sequence;
        c->snd_wl2 = segment->acknowledgment;
        c->max_snd_wnd = maximum(c->max_snd_wnd, window);
    }
}

/* RFC 6298, 5.2 and 5.3. Without SACK each round trip mends one loss, so when many are to be mended
 * the time-out shall come: in a recovery, only the first partial acknowledgement puts it off (RFC
 * 6582, 3.2 and 4). */
static void restart_timer(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    bool partial = c->recovery == TCP_CA_RECOVERY && !has(c, TCPF_HAS_SACK);
    if (c->snd_nxt == c->snd_una)
        c->send_at = TIMER_NEVER;
    else if (!partial || !has(c, TCPF_RESCUED))
        c->send_at = now_ns + tcp_rto_ns(tcp, c);
    if (partial)
        c->flags |= TCPF_RESCUED;
}

void tcp_acknowledge(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
                     uint64_t now_ns)
{
    uint32_t acknowledgment = packet->tcp.acknowledgment;
    uint32_t in_flight = tcp_in_flight(c), flight = c->snd_nxt - c->snd_una;
    uint32_t old_window = c->snd_wnd;
    struct sent_news news = {0};
    if (seq_lt(acknowledgment, c->snd_una))
        return; /* old, and older than what we know */
    update_window(c, packet);
    if (c->flight == NULL) {
        if (seq_lt(c->snd_nxt, tcp_send_end(c)))
            connection_wants_output(tcp, c);
        return;
    }
    bool duplicate = is_duplicate(c, packet, old_window);
    if (acknowledgment != c->snd_una)
        move_una(tcp, c, acknowledgment, &news, now_ns);
    if (has(c, TCPF_HAS_SACK) && packet->tcp.sack_count != 0)
        apply_sack(tcp, c, packet, &news);
    if (c->snd_nxt == c->snd_una && news.acknowledged == 0) {
        if (seq_lt(c->snd_nxt, tcp_send_end(c)))
            connection_wants_output(tcp, c);
        return;
    }
    sample_round_trip(tcp, c, packet, &news, now_ns);
    bool lost = judge(tcp, c, &news, duplicate), recovering = is_recovering(c);
    move_recovery(tcp, c, lost, flight, in_flight);
    adapt_window(tcp, c, &news, recovering, in_flight, now_ns);
    if (news.acknowledged != 0) {
        enum family family = address_family(&c->key.remote);
        tcp->network[family].confirm(tcp->network[family].block, &c->key.remote, now_ns);
        restart_timer(tcp, c, now_ns);
    }
    connection_wants_output(tcp, c);
}
