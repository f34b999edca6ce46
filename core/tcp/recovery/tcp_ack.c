/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_recovery.h"
#include "core/tcp/sending/tcp_output.h"
#include "core/tcp/tcp_internal.h"
#include "core/tcp/window/tcp_cwnd.h"

/*
 * What an acknowledgement does. First the facts are gathered from the scoreboard: how much is newly
 * acknowledged, newly SACKed, and when that was sent. Then, from the facts alone: the round trip,
 * whether something is lost and where recovery stands (tcp_recovery.c), and the congestion window
 * (tcp_cwnd.c).
 */

enum {
    MOST_WINDOW = 1 << 30, /* RFC 7323, 2.3 */
    RENEGING_US = 10000,   /* at least, before it is taken for that */
};

/* RFC 2883, 4: the first block reports a duplicate when the acknowledgement covers it, or the
 * second block does. */
static void note_dsack(const struct tcp_connection *c, const struct packet *packet,
                       struct sent_news *news)
{
    const uint8_t *header = packet_transport(packet);
    struct wire_tcp_sack first = wire_tcp_sack(header, packet->tcp.sack_offset, 0), second = first;
    if (packet->tcp.sack_count > 1)
        second = wire_tcp_sack(header, packet->tcp.sack_offset, 1);
    bool covered = seq_le(first.right, packet->tcp.acknowledgment);
    bool within = packet->tcp.sack_count > 1 && seq_ge(first.left, second.left) &&
                  seq_le(first.right, second.right);
    bool sane = seq_lt(first.left, first.right) && seq_le(first.right, c->snd_nxt) &&
                c->snd_nxt - first.left <= MOST_WINDOW;
    if (!sane || !(covered || within))
        return;
    news->dsack = true;
    news->dsack_left = first.left;
    news->dsack_right = first.right;
}

/* Blocks at or below the acknowledgement report duplicates and are no news; blocks outside of what
 * is in flight are ignored. */
static void apply_sack(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
                       struct sent_news *news)
{
    const uint8_t *header = packet_transport(packet);
    note_dsack(c, packet, news);
    for (unsigned i = 0; i < packet->tcp.sack_count; i++) {
        struct wire_tcp_sack block = wire_tcp_sack(header, packet->tcp.sack_offset, i);
        if (seq_ge(block.left, block.right) || seq_le(block.right, c->snd_una) ||
            seq_lt(block.left, c->snd_una) || seq_gt(block.right, c->snd_nxt))
            continue;
        scoreboard_sack(&c->flight->scoreboard, &tcp->sent, block.left, block.right,
                        effective_mss(c), news);
    }
}

static uint32_t passed_us(uint64_t since_ns, uint64_t now_ns)
{
    return maximum((uint32_t)((now_ns - since_ns) / 1000), 1);
}

/* The first of what has arrived tells how long an acknowledgement may take, the peer's delay among
 * it (as RFC 7323, 4.1, has it of echoes); the last how long the path is. */
static void sample_round_trip(struct tcp *tcp, struct tcp_connection *c,
                              const struct packet *packet, struct sent_news *news, uint64_t now_ns)
{
    bool delayed = news->sacked == 0 && news->acknowledged < effective_mss(c);
    /* What waited behind a gap was delivered long before its acknowledgement: together with a
     * retransmission nothing but the echo can tell. */
    bool once = news->once.first_ns != 0 && !news->retransmission_acknowledged;
    const struct sent_span *reported = &news->reported, *span = once ? &news->once : reported;
    if (span->first_ns != 0) {
        const struct sent_span *latest = reported->first_ns != 0 ? reported : span;
        news->rtt_us = passed_us(latest->last_ns, now_ns);
        tcp_rtt_sample(tcp, c, passed_us(span->first_ns, now_ns), news->rtt_us, delayed, now_ns);
        return;
    }
    /* RFC 7323, 4.1: the echo tells which transmission is acknowledged. */
    if (news->acknowledged != 0 && packet->tcp.has_timestamp && packet->tcp.timestamp_echo != 0) {
        uint32_t ms = clock_ms(now_ns) + c->ts_offset - packet->tcp.timestamp_echo;
        uint32_t us = maximum(ms, 1) * 1000;
        if (ms < 1u << 20)
            tcp_rtt_sample(tcp, c, us, us, delayed, now_ns);
    }
}

/* RFC 5681, 2: what counts as a duplicate acknowledgement while something is in flight. */
static bool says_nothing(const struct tcp_connection *c, const struct packet *packet,
                         uint32_t old_window)
{
    return packet->tcp.acknowledgment == c->snd_una && packet->length == 0 &&
           !(packet->tcp.flags & (TCP_SYN | TCP_FIN)) && c->snd_wnd == old_window;
}

/* A report shows a round trip longer than the time since the first segment went, again. */
static bool reported_late(const struct tcp_connection *c, const struct sent_news *news)
{
    const struct tcp_sent *first = scoreboard_first(&c->flight->scoreboard);
    return news->reported.first_ns != 0 && first != NULL &&
           news->reported.first_ns < first->sent_ns;
}

/* Nothing is in flight, nor was. */
static void acknowledge_nothing(struct tcp *tcp, struct tcp_connection *c, bool twice,
                                uint64_t now_ns)
{
    if (twice)
        tail_probe_answered_twice(c);
    if (has(c, TCPF_PERSISTING) && c->send_at != TIMER_NEVER)
        tcp_restart_persist(tcp, c, now_ns); /* the peer is there: as Linux, from now on */
    if (seq_lt(c->snd_nxt, tcp_send_end(c)))
        connection_wants_output(tcp, c);
}

static void move_una(struct tcp *tcp, struct tcp_connection *c, uint32_t acknowledgment,
                     struct sent_news *news, uint64_t now_ns)
{
    uint32_t flight = c->snd_nxt - c->snd_una;
    scoreboard_acknowledge(&c->flight->scoreboard, &tcp->sent, acknowledgment, effective_mss(c),
                           news);
    send_queue_acknowledge(&c->flight->queue, seq_min(acknowledgment, c->snd_end));
    c->snd_una = acknowledgment;
    c->flight->snd_small =
        seq_max(c->flight->snd_small, acknowledgment); /* lest it seem ahead once 2^31 behind */
    if (c->flight->mtu.start != c->flight->mtu.end && seq_ge(acknowledgment, c->flight->mtu.end))
        mtu_probe_arrived(c);
    if (news->acknowledged >= c->mss)
        c->flight->proven_mss = c->mss;
    c->bytes_acked += news->acknowledged;
    c->progress_ms = clock_ms(now_ns);
    c->probes = 0;
    c->retries = 0;
    c->error = 0; /* soft errors are history */
    if (has(c, TCPF_URGENT_OUT) && seq_ge(c->snd_una, c->send_urgent))
        c->flags &= ~(uint32_t)TCPF_URGENT_OUT;
    if (c->flight->tells_progress)
        connection_tell(tcp, c, CHASKI_PROGRESS);
    tune_send(tcp, c, flight);
    connection_tell_room(tcp, c);
}

/* Segments may be larger now, of which one always fits into the congestion window. */
static void note_largest_window(struct tcp_connection *c, uint32_t window)
{
    c->max_snd_wnd = window;
    c->congestion.window = maximum(c->congestion.window, effective_mss(c));
}

static void update_window(struct tcp_connection *c, const struct packet *packet)
{
    const struct packet_tcp *segment = &packet->tcp;
    uint32_t window = (uint32_t)segment->window << c->send_scale;
    /* As Linux, also with an acknowledgement of something new whose text is old: the window would
     * move up with SND.UNA, to where the peer has never put its edge. */
    if (seq_gt(segment->acknowledgment, c->snd_una) || seq_lt(c->snd_wl1, segment->sequence) ||
        (c->snd_wl1 == segment->sequence && seq_le(c->snd_wl2, segment->acknowledgment))) {
        if (window != 0 && c->snd_wnd == 0 && has(c, TCPF_PERSISTING)) {
            c->backoff = 0;
            c->send_at = TIMER_NEVER;
        }
        c->snd_wnd = window;
        c->snd_wl1 = segment->sequence;
        c->snd_wl2 = segment->acknowledgment;
        if (window > c->max_snd_wnd)
            note_largest_window(c, window);
    }
}

/* RFC 6298, 5.2 and 5.3. Without SACK each round trip mends one loss, so when many are to be mended
 * the time-out shall come: in a recovery, only the first partial acknowledgement puts it off (RFC
 * 6582, 3.2 and 4). */
static void restart_timer(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    bool partial = c->recovery == TCP_CA_RECOVERY && !has(c, TCPF_HAS_SACK);
    if (!partial || !has(c, TCPF_PARTIAL))
        tcp_restart_rto(tcp, c, now_ns);
    if (partial)
        c->flags |= TCPF_PARTIAL;
    /* As Linux: the acknowledgement that would make it an oversight is waited for but shortly. */
    uint64_t wait_ns = maximum(c->srtt_us8 / 16, RENEGING_US) * 1000ull;
    if (scoreboard_reneges(&c->flight->scoreboard) && now_ns + wait_ns < c->flight->rto_at)
        c->flight->rto_at = now_ns + wait_ns;
}

/* The peer's network stack is there, which holds for seconds: once a millisecond is often enough.
 */
static void confirm_neighbour(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (c->flight->confirmed_ms == clock_ms(now_ns))
        return;
    c->flight->confirmed_ms = clock_ms(now_ns);
    const struct network *network = &tcp->network[address_family(&c->key.remote)];
    network->confirm(network->block, &c->key.remote, now_ns);
}

/* All that is in flight, or was: what this segment says about it. */
static void acknowledge_flight(struct tcp *tcp, struct tcp_connection *c,
                               const struct packet *packet, uint32_t old_window, uint64_t now_ns)
{
    c->flight->rate.now_ns = now_ns;
    struct ack_before before = {
        .flight = c->snd_nxt - c->snd_una,
        .sacked = c->flight->scoreboard.sacked.bytes,
        .duplicates = c->flight->duplicate_acks,
        .recovering = recovery_active(c),
    };
    struct sent_news news;
    news_begin(&news, now_ns);
    news.min_rtt_us = c->min_rtt_us;
    news.original_end = c->flight->recovery_point;
    news.expected = packet->length != 0 && packet->tcp.sequence == c->rcv_nxt &&
                    packet->tcp.acknowledgment == c->snd_una;
    bool repeats = says_nothing(c, packet, old_window);
    news.duplicate = repeats && c->snd_nxt != c->snd_una;
    news.original_answered = before.recovering && undo_answers_original(c, packet);
    news.has_echo = before.recovering && has(c, TCPF_HAS_TIMESTAMPS) && packet->tcp.has_timestamp &&
                    packet->tcp.timestamp_echo != 0;
    news.echo_ms = packet->tcp.timestamp_echo - c->ts_offset;
    bool old = seq_lt(packet->tcp.acknowledgment, c->snd_una);
    if (seq_gt(packet->tcp.acknowledgment, c->snd_una))
        move_una(tcp, c, packet->tcp.acknowledgment, &news, now_ns);
    if (has(c, TCPF_HAS_SACK) && packet->tcp.sack_count != 0)
        apply_sack(tcp, c, packet, &news);
    if (c->snd_nxt == c->snd_una && news.acknowledged == 0 && !news.dsack) {
        acknowledge_nothing(tcp, c, repeats, now_ns);
        return;
    }
    sample_round_trip(tcp, c, packet, &news, now_ns);
    bool uses_ecn = (c->traffic_class & ECN_MODES) != 0 && !old;
    if (uses_ecn)
        ecn_take_feedback(c, packet, &news);
    bool lost = recovery_process(tcp, c, &news, &before);
    account_acknowledged(tcp, c, &news);
    if (uses_ecn)
        ecn_respond(tcp, c, &news, &before);
    window_adapt(tcp, c, &news, &before, lost);
    if (news.acknowledged != 0 || news.sacked != 0) {
        c->flight->probe.owed = false; /* no longer silence: there may be nothing to ask for */
        /* RFC 8985, 7.2: what tells nothing new does not */
        tail_probe_put_off(c->flight, news.acknowledged != 0);
    }
    if (news.acknowledged != 0) {
        confirm_neighbour(tcp, c, now_ns);
        if (c->snd_nxt != c->snd_una)
            restart_timer(tcp, c, now_ns);
    } else if (reported_late(c, &news)) {
        tcp_restart_rto(tcp, c, now_ns); /* as Linux: it has not had that long yet */
    }
    tcp_await(tcp, c, now_ns);
    connection_wants_output(tcp, c);
}

/* An acknowledgement that was overtaken may still report what has arrived since, of what is in
 * flight now. */
static bool tells_of_arrivals(const struct tcp_connection *c, const struct packet *packet)
{
    return c->flight != NULL && c->snd_nxt != c->snd_una && has(c, TCPF_HAS_SACK) &&
           packet->tcp.sack_count != 0;
}

void tcp_acknowledge(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
                     uint64_t now_ns)
{
    uint32_t old_window = c->snd_wnd;
    bool old = seq_lt(packet->tcp.acknowledgment, c->snd_una);
    if (old && !tells_of_arrivals(c, packet))
        return;
    if (!old)
        update_window(c, packet);
    bool expected = packet->length != 0 && packet->tcp.sequence == c->rcv_nxt;
    if (!old && (!expected || seq_gt(packet->tcp.acknowledgment, c->snd_una)))
        c->flags &= ~(uint32_t)TCPF_MORE; /* what waited to be continued has waited enough */
    if (c->flight != NULL)
        acknowledge_flight(tcp, c, packet, old_window, now_ns);
    else if (seq_lt(c->snd_nxt, tcp_send_end(c)))
        connection_wants_output(tcp, c);
}
