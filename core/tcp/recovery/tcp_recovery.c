/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_recovery.h"

#include "core/tcp/window/tcp_cwnd.h"

/*
 * Losses, and where recovery stands. With SACK, time tells what is lost (RFC 8985); without, the
 * third duplicate acknowledgement and partial ones do (RFC 6582). Recovery lasts until all that was
 * in flight is acknowledged; it is taken back when it turns out that nothing was lost.
 */

bool recovery_active(const struct tcp_connection *c)
{
    return c->recovery == TCP_CA_RECOVERY || c->recovery == TCP_CA_LOSS;
}

/* ---- What is lost -------------------------------------------------------------------------- */

/* Forged duplicates must not make room for more than was in flight when the loss was found (RFC
 * 5681, 3.2, step 4). */
static uint32_t most_duplicates(const struct tcp_connection *c)
{
    uint32_t end = c->recovery == TCP_CA_RECOVERY ? c->flight->recovery_point : c->snd_nxt;
    uint32_t segments = (end - c->snd_una) / effective_mss(c);
    return maximum(segments, TCP_DUP_THRESHOLD);
}

/* After a time-out without SACK everything goes again, and what had arrived causes duplicates: they
 * tell nothing, least of all that there is room for more. But new data that went for F-RTO's sake
 * causes some as well, as long as something of what was in flight then is not acknowledged. */
static void count_after_time_out(struct tcp_connection *c, const struct sent_news *news)
{
    struct tcp_flight *flight = c->flight;
    uint32_t news_segments = 0;
    if (seq_gt(c->snd_nxt, flight->recovery_point))
        news_segments = full_segments(c, c->snd_nxt - flight->recovery_point);
    if (news->acknowledged != 0)
        flight->duplicate_acks = 0;
    else if (news->duplicate && flight->duplicate_acks < news_segments &&
             seq_lt(c->snd_una, flight->recovery_point))
        flight->duplicate_acks++;
}

/* Without SACK (RFC 6582): the third duplicate, or a partial acknowledgement, says that the first
 * segment is lost. Each duplicate says that another one has left the network. */
static bool detect_without_sack(struct tcp *tcp, struct tcp_connection *c,
                                const struct sent_news *news)
{
    uint32_t *duplicates = &c->flight->duplicate_acks;
    if (c->recovery == TCP_CA_LOSS) {
        count_after_time_out(c, news);
        return false;
    }
    if (news->duplicate && *duplicates < most_duplicates(c))
        ++*duplicates;
    if (news->acknowledged != 0) {
        uint32_t segments = full_segments(c, news->acknowledged) - 1;
        *duplicates -= minimum(*duplicates, segments);
        if (c->recovery != TCP_CA_RECOVERY || seq_ge(c->snd_una, c->flight->recovery_point)) {
            *duplicates = 0;
            return false;
        }
    } else if (*duplicates != TCP_DUP_THRESHOLD || c->recovery == TCP_CA_RECOVERY) {
        return false;
    }
    scoreboard_lose_first(&c->flight->scoreboard, &tcp->sent, effective_mss(c));
    return c->flight->scoreboard.lost.bytes != 0;
}

static bool detect(struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news)
{
    if (!has(c, TCPF_HAS_SACK))
        return detect_without_sack(tcp, c, news);
    if (news->acknowledged != 0 && scoreboard_reneges(&c->flight->scoreboard)) {
        c->flight->rack.due_ns = 0; /* reports are in doubt: the time-out, which is near, decides */
        return false;
    }
    if (news->latest_sent_ns == 0) { /* as Linux: none but what has arrived tells what has not */
        if (news->acknowledged != 0 || news->sacked != 0)
            c->flight->rack.due_ns = 0;
        return false;
    }
    return rack_detect(tcp, c, news->now_ns);
}

/* ---- Where recovery stands ----------------------------------------------------------------- */

static void enter(struct tcp *tcp, struct tcp_connection *c, const struct ack_before *before)
{
    if (mtu_probe_lost(c))
        return;
    bool reducing = c->recovery == TCP_CA_CWR; /* for this window already */
    if (!reducing)
        undo_begin(c);
    c->recovery = TCP_CA_RECOVERY;
    c->flight->recovery_point = c->snd_nxt;
    c->flags &= ~(uint32_t)TCPF_PARTIAL;
    if (reducing)
        window_reduction_meets_loss(c);
    else
        window_reduce(tcp, c, before, CONGESTION_LOSS);
    count(tcp->counters, CHASKI_TCP_RECOVERIES);
}

/* As Linux: what is first in flight has gone again, as a probe, and an acknowledgement told
 * nothing. One that shuts the window tells that. */
static bool waits_for_again(const struct tcp_connection *c, const struct sent_news *news)
{
    bool nothing = news->duplicate && c->snd_wnd != 0;
    if (!nothing && c->recovery != TCP_CA_DISORDER)
        return false;
    const struct tcp_sent *first = scoreboard_first(&c->flight->scoreboard);
    return first != NULL && (first->flags & SENT_EVER_RETRANSMITTED);
}

/* Open, or disorder while something behind a gap has arrived. */
static void settle_anew(struct tcp_connection *c, const struct sent_news *news)
{
    if (c->recovery == TCP_CA_CWR)
        return;
    bool disorder = c->flight->scoreboard.sacked.bytes != 0 || tcp_told_by_duplicates(c) != 0 ||
                    waits_for_again(c, news);
    c->recovery = disorder ? TCP_CA_DISORDER : TCP_CA_OPEN;
}

/* While all goes well nothing changes. */
static inline void settle(struct tcp_connection *c, const struct sent_news *news)
{
    uint32_t told = c->flight->scoreboard.sacked.bytes | c->flight->duplicate_acks;
    if (c->recovery != TCP_CA_OPEN || told != 0 || news->duplicate)
        settle_anew(c, news);
}

static void leave(struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news)
{
    if (undo_justified(c, news))
        undo_apply(tcp, c);
    else
        window_recovered(tcp, c);
    c->flight->duplicate_acks = 0;
    c->flight->frto = FRTO_OFF;
    settle(c, news);
    rack_recovered(c);
}

/* Nothing was lost: what waits to go again need not. */
static void take_back(struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news)
{
    scoreboard_unlose(&c->flight->scoreboard);
    undo_apply(tcp, c);
    c->retries = 0; /* none was due */
    settle(c, news);
}

/* Without SACK, what is sent again needlessly causes duplicates that look like a new loss, until
 * something later is acknowledged (RFC 6582, 4.1). */
static bool has_recovered(const struct tcp_connection *c)
{
    return has(c, TCPF_HAS_SACK) ? seq_ge(c->snd_una, c->flight->recovery_point)
                                 : seq_gt(c->snd_una, c->flight->recovery_point);
}

/* Something has arrived that went once. Where no SACK tells what arrived behind a gap, one that
 * filled it covers that too, and only what it covers alone tells more. */
static bool original_arrived(const struct tcp_connection *c, const struct sent_news *news)
{
    return news->original && (has(c, TCPF_HAS_SACK) || !news->retransmission_acknowledged);
}

/* RFC 5682, 3.1: whether the time-out was spurious. True when it is known to have been. With SACK
 * the first question waits for an acknowledgement of something; without, any duplicate ends it
 * (2.1, step 2). */
static bool frto_answers(struct tcp_connection *c, const struct sent_news *news)
{
    struct tcp_flight *flight = c->flight;
    bool advanced = news->acknowledged != 0;
    if (flight->frto == FRTO_OFF)
        return false;
    if (original_arrived(c, news))
        return true;
    if (flight->frto == FRTO_ARMED && has(c, TCPF_HAS_SACK) && !advanced)
        return false;
    if (flight->frto == FRTO_ARMED && advanced && news->sacked == 0 && !has_recovered(c)) {
        flight->recovery_point = c->snd_nxt;
        flight->frto = FRTO_NEW;
    } else if (advanced || news->sacked != 0 || news->duplicate) {
        flight->frto = FRTO_OFF;
    } else if (flight->frto == FRTO_SENT && !news->expected) {
        flight->frto = FRTO_OPEN;
    }
    return false;
}

/* True when newly something is lost. */
static bool go_on_after_time_out(struct tcp *tcp, struct tcp_connection *c,
                                 const struct sent_news *news)
{
    bool justified = news->acknowledged != 0 && undo_justified(c, news);
    /* What is lost all the same is found as if there had been no time-out. */
    if (justified || (c->flight->undo.possible && frto_answers(c, news)))
        take_back(tcp, c, news);
    else if (has_recovered(c))
        leave(tcp, c, news);
    return detect(tcp, c, news);
}

static bool go_on_recovering(struct tcp *tcp, struct tcp_connection *c,
                             const struct sent_news *news)
{
    if (has_recovered(c)) {
        leave(tcp, c, news);
    } else if (news->acknowledged != 0 && c->flight->undo.possible && news->original_answered &&
               c->flight->scoreboard.retransmitted.bytes == 0) {
        take_back(tcp, c, news);
        return false;
    } else if (news->dsack && undo_justified(c, news) && c->flight->scoreboard.lost.bytes == 0) {
        undo_apply(tcp, c); /* all that went again came twice: what is in flight is nobody's loss */
        settle(c, news);
    }
    return detect(tcp, c, news);
}

bool recovery_process(struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news,
                      const struct ack_before *before)
{
    bool lost;
    rack_update(tcp, c, news);
    if (news->dsack)
        undo_note_duplicate(c, news);
    if (tail_probe_acknowledged(c, news) && !before->recovering)
        window_reduce_now(tcp, c, before->flight);
    if (c->recovery == TCP_CA_LOSS)
        lost = go_on_after_time_out(tcp, c, news);
    else if (c->recovery == TCP_CA_RECOVERY)
        lost = go_on_recovering(tcp, c, news);
    else
        lost = detect(tcp, c, news);
    if (recovery_active(c))
        return lost;
    if (lost) {
        enter(tcp, c, before);
        return true;
    }
    if (news->dsack && undo_justified(c, news))
        undo_apply(tcp, c);
    settle(c, news);
    return false;
}

void recovery_reordering_over(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct ack_before before = {
        .flight = c->snd_nxt - c->snd_una,
        .sacked = c->flight->scoreboard.sacked.bytes,
        .recovering = recovery_active(c),
    };
    struct sent_news news;
    news_begin(&news, now_ns);
    c->flight->rate.now_ns = now_ns;
    bool lost = rack_detect(tcp, c, now_ns);
    tail_probe_none(c->flight); /* as Linux, which has awaited neither of the two meanwhile */
    recovery_await_first(tcp, c, now_ns);
    if (!lost)
        return;
    if (!before.recovering)
        enter(tcp, c, &before);
    window_adapt(tcp, c, &news, &before, true);
    connection_wants_output(tcp, c);
}

/* RFC 5681, 3.1; RFC 6298, 5.4; RFC 8985, 6.3: what was sent a moment ago may still arrive. */
void recovery_time_out(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_flight *flight = c->flight;
    flight->rate.now_ns = now_ns;
    bool began = !recovery_active(c);
    /* Once for one loss (RFC 5681, 3.1); but what went again may have been too much as well. */
    if (began || (c->recovery == TCP_CA_LOSS && c->retries == 0)) {
        undo_begin(c);
        window_threshold(tcp, c, c->snd_nxt - c->snd_una, CONGESTION_TIME_OUT);
    }
    bool by_time = has(c, TCPF_HAS_SACK) && flight->rack.rtt_us * 1000ull < now_ns;
    scoreboard_time_out(&flight->scoreboard, &tcp->sent,
                        by_time ? now_ns - flight->rack.rtt_us * 1000ull : UINT64_MAX);
    c->recovery = TCP_CA_LOSS;
    flight->recovery_point = c->snd_nxt;
    flight->duplicate_acks = 0;
    flight->rack.due_ns = 0;
    flight->probe = (struct tail_probe){0};
    flight->frto = tcp->knobs.frto != 0 && (began || c->retries != 0) ? FRTO_ARMED : FRTO_OFF;
    c->congestion.window = tcp_in_flight(c) + effective_mss(c);
}

void recovery_resend_all(struct tcp *tcp, struct tcp_connection *c)
{
    if (c->flight == NULL)
        return;
    struct tcp_scoreboard *board = &c->flight->scoreboard;
    sent_lost_function *on_lost = board->on_lost;
    board->on_lost = NULL;
    scoreboard_time_out(board, &tcp->sent, UINT64_MAX);
    board->on_lost = on_lost;
    connection_wants_output(tcp, c);
}
