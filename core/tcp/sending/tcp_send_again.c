/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_recovery.h"
#include "core/tcp/sending/tcp_build.h"
#include "core/tcp/sending/tcp_output_internal.h"

/* What is sent once more: lost ranges, and the last one as a probe. */

/* Small ranges that follow each other go again in one segment, which ends here at most; but those
 * of several records do not share any. FIN takes no room in it. */
static uint32_t collapse_end(const struct tcp *tcp, const struct tcp_connection *c,
                             const struct tcp_sent *sent)
{
    uint32_t size = c->flight->segment_size, end = sent->node.key + size;
    if (!tcp->knobs.retrans_collapse || c->flight->queue.records != 0 || sent_length(sent) >= size)
        return sent->end;
    return seq_min(end + (end == c->snd_end), c->snd_una + c->snd_wnd);
}

/* How much may go again from `sequence` on. The window may have shrunk (RFC 9293, 3.8.6): what lies
 * beyond waits, but the first segment goes again as a probe of a shut one. */
static uint32_t window_again(const struct tcp_connection *c, uint32_t sequence)
{
    int32_t open = seq_distance(sequence, c->snd_una + c->snd_wnd);
    if (open > 0)
        return (uint32_t)open;
    return sequence == c->snd_una ? c->flight->segment_size : 0;
}

/* What of it the windows and pacing allow; a segment in any case. */
static uint32_t most_again(const struct tcp *tcp, const struct tcp_connection *c, uint32_t sequence,
                           uint32_t pace)
{
    uint32_t open = window_again(c, sequence), size = c->flight->segment_size;
    uint32_t room = minimum(maximum(congestion_room(c), size), pace);
    uint32_t segments = minimum(minimum(room, open) / size, tcp_largest_burst(tcp, c, size));
    return maximum(segments * size, minimum(open, size));
}

/* Sends one lost range, or as much of it as may go, again. */
static enum outcome resend(struct tcp *tcp, struct tcp_connection *c, struct tcp_sent *sent,
                           uint32_t pace, uint64_t now_ns)
{
    uint32_t in_flight = tcp_in_flight(c), size = c->flight->segment_size;
    uint32_t most = most_again(tcp, c, sent->node.key, pace);
    uint32_t data = seq_min(sent->end, c->snd_end) - sent->node.key;
    bool fin = data != sent_length(sent);
    if (data > most) {
        data = most;
        fin = false;
    }
    bool pushed = (sent->flags & SENT_PUSHED) && data + fin == sent_length(sent);
    bool ends = sent->node.key + data == c->snd_end && !c->flight->unpushed;
    bool last = pushed || (data != 0 && ends); /* FIN alone, too, that went with text (Linux) */
    uint8_t flags = TCP_ACK | (last || data > size ? TCP_PSH : 0) | (fin ? TCP_FIN : 0);
    if (!scoreboard_split(&c->flight->scoreboard, &tcp->sent, sent, data + fin))
        return OUT_OF_MEMORY;
    int32_t done = tcp_build_segment(tcp, c, sent->chunk, sent->node.key, data, flags, now_ns);
    if (done < 0)
        return OUT_OF_MEMORY;
    if ((uint32_t)done < data &&
        !scoreboard_split(&c->flight->scoreboard, &tcp->sent, sent, (uint32_t)done))
        return OUT_OF_MEMORY;
    uint16_t segments = sent_segments((uint32_t)done, size);
    scoreboard_resent(&c->flight->scoreboard, sent, segments, now_ns);
    sent->mark = rate_sent(&c->flight->rate, in_flight, sent_length(sent), now_ns);
    pace_sent(tcp, c, sent_length(sent), now_ns);
    undo_note_resent(c, sent->segments, now_ns);
    mtu_note_resent(c, sent->node.key);
    account_sent(tcp, c, (uint32_t)done, sent->segments, true);
    c->retransmitted += sent->segments;
    c->flight->prr.out += sent_length(sent);
    if (done != 0)
        c->sent_ms = clock_ms(now_ns);
    count(tcp->counters, CHASKI_TCP_RETRANSMITTED);
    /* As Linux; but without SACK each round trip mends one loss, and the time-out shall come (RFC
     * 6582, 4): only the first of a recovery puts it off. */
    bool fast = c->recovery != TCP_CA_LOSS && (has(c, TCPF_HAS_SACK) || !has(c, TCPF_PARTIAL));
    if (sent->node.key == c->snd_una && fast)
        tcp_restart_rto(tcp, c, now_ns);
    return SENT;
}

/* So much must there be room for. What a report has cut off a full segment is one more, which waits
 * for an acknowledgement where the window is of one. */
static uint32_t least_again(const struct tcp_connection *c, const struct tcp_sent *sent,
                            uint32_t end)
{
    uint32_t size = c->flight->segment_size;
    uint32_t length = scoreboard_collapsible(sent, end) - sent->node.key;
    return c->flight->report_length != 0 ? size : minimum(size, length);
}

/* As Linux: while the time-out is to decide whether reports count, and where so much that went
 * again is in the network as is lost, though some of it was found not to be. */
static bool is_kept_back(const struct tcp_scoreboard *board)
{
    return board->retransmitted.segments >= board->lost.segments || scoreboard_reneges(board);
}

enum outcome send_again_lost(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_sent *sent;
    while ((sent = scoreboard_next_lost(&c->flight->scoreboard)) != NULL) {
        if (window_again(c, sent->node.key) == 0)
            return SENT;
        if (is_kept_back(&c->flight->scoreboard))
            return NOTHING_TO_SEND;
        /* Without SACK one segment a round trip is known to be lost; it goes at once (RFC 6582,
         * 3.2). */
        bool at_once = c->recovery == TCP_CA_RECOVERY && !has(c, TCPF_HAS_SACK);
        uint32_t end = collapse_end(tcp, c, sent);
        if (!at_once && congestion_room(c) < least_again(c, sent, end) && tcp_in_flight(c) != 0) {
            note_limited(c);
            return SENT;
        }
        uint32_t pace = pace_room(tcp, c, now_ns);
        if (pace == 0)
            return SENT;
        scoreboard_collapse(&c->flight->scoreboard, &tcp->sent, sent, end);
        if (resend(tcp, c, sent, pace, now_ns) == OUT_OF_MEMORY)
            return OUT_OF_MEMORY;
    }
    return NOTHING_TO_SEND;
}

enum outcome send_again_last(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_scoreboard *board = &c->flight->scoreboard;
    struct tcp_sent *last = scoreboard_last(board);
    uint32_t size = c->flight->segment_size, before = (last->segments - 1u) * size;
    if (before >= sent_length(last)) /* they were short */
        before = 0;
    if (window_again(c, last->node.key + before) == 0)
        return NOTHING_TO_SEND;
    if (before != 0 && !scoreboard_split(board, &tcp->sent, last, before))
        return OUT_OF_MEMORY;
    last = scoreboard_last(board);
    enum outcome outcome = resend(tcp, c, last, size, now_ns);
    if (outcome == SENT)
        scoreboard_probed(board, last);
    return outcome;
}
