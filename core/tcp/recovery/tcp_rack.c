/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_recovery.h"
#include "core/tcp/tcp_internal.h"

/*
 * Loss detection by time (RFC 8985, 6). When a segment has arrived, what was sent before it and has
 * not arrived either is lost, but for the time that reordering may take: the reordering window. It
 * is nought until the path is seen to reorder, if there is other evidence of a loss; it grows
 * while the peer reports that retransmissions were needless.
 */

enum {
    PERSISTS = 16,         /* recoveries that a grown window outlasts */
    STEPS_MAX = 255,       /* of a quarter of the minimum round trip */
    TIMER_SLACK_US = 2000, /* as Linux, lest the timer come just before an acknowledgement */
};

/* 6.2, step 4: once a round trip. */
static void widen(struct tcp_connection *c)
{
    struct rack *rack = &c->flight->rack;
    if (rack->round_known && seq_lt(c->snd_una, rack->dsack_round))
        return;
    rack->round_known = true;
    rack->dsack_round = c->snd_nxt;
    rack->persist = PERSISTS;
    if (rack->more_steps < STEPS_MAX)
        rack->more_steps++;
}

/* How far something was overtaken, as Linux has it: by how many segments the highest SACKed one is
 * ahead of where it begins. */
static void note_reordering(const struct tcp *tcp, struct tcp_connection *c,
                            const struct sent_news *news)
{
    struct rack *rack = &c->flight->rack;
    uint32_t ahead = c->flight->scoreboard.highest_sacked - news->reordered_from;
    uint32_t segments = minimum(full_segments(c, ahead), tcp->knobs.max_reordering);
    rack->reordering_seen = true;
    rack->reordering = (uint16_t)maximum(segments, tcp_reordering(tcp, c));
}

void rack_update(const struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news)
{
    struct rack *rack = &c->flight->rack;
    if (news->reordered)
        note_reordering(tcp, c, news);
    if (news->dsack)
        widen(c);
    if (news->latest_sent_ns == 0)
        return;
    /* The round trip of what moved SND.UNA last, or of the last that is SACKed, as Linux: an
     * original that came together with a retransmission shows that others may still come. Never
     * nought: what was sent again this very moment cannot be lost again yet. */
    uint64_t sent_ns =
        news->in_order_sent_ns != 0 ? news->in_order_sent_ns : news->reported_sent_ns;
    rack->rtt_us = maximum((uint32_t)((news->now_ns - sent_ns) / 1000), 1);
    if (news->latest_sent_ns > rack->xmit_ns ||
        (news->latest_sent_ns == rack->xmit_ns && seq_gt(news->latest_end, rack->end_seq))) {
        rack->xmit_ns = news->latest_sent_ns;
        rack->end_seq = news->latest_end;
    }
}

void rack_recovered(struct tcp_connection *c)
{
    struct rack *rack = &c->flight->rack;
    if (rack->persist != 0 && --rack->persist == 0)
        rack->more_steps = 0;
}

/* 6.2, step 4 */
static uint32_t reordering_window_us(const struct tcp *tcp, const struct tcp_connection *c)
{
    const struct rack *rack = &c->flight->rack;
    bool widens = !(tcp->knobs.recovery & RECOVERY_STATIC_WINDOW);
    bool enough = c->flight->scoreboard.sacked.segments >= tcp_reordering(tcp, c) &&
                  !(tcp->knobs.recovery & RECOVERY_NO_THRESHOLD);
    if (!rack->reordering_seen && (enough || recovery_active(c)))
        return 0;
    return minimum(c->min_rtt_us / 4 * (1u + (widens ? rack->more_steps : 0u)), c->srtt_us8 / 8);
}

bool rack_detect(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct rack *rack = &c->flight->rack;
    struct tcp_scoreboard *board = &c->flight->scoreboard;
    rack->due_ns = 0;
    if (rack->xmit_ns == 0 || list_empty(&board->by_time))
        return false;
    uint64_t wait_ns = (rack->rtt_us + (uint64_t)reordering_window_us(tcp, c)) * 1000;
    if (now_ns < wait_ns)
        return false;
    bool marked =
        scoreboard_lose_older(board, &tcp->sent, now_ns - wait_ns, rack->xmit_ns, rack->end_seq);
    /* 6.2, step 5: then the last of those is due that were sent before what has arrived. */
    uint64_t last_ns = scoreboard_overtaken(board, rack->xmit_ns, rack->end_seq);
    if (last_ns != 0)
        rack->due_ns = last_ns + wait_ns + TIMER_SLACK_US * 1000ull;
    return marked;
}
