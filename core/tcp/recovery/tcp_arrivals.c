/* SPDX-License-Identifier: BSD-2-Clause */
/* What acknowledgements tell of a scoreboard's records. */
#include "core/tcp/recovery/tcp_records.h"
#include "core/tcp/sending/tcp_send_queue.h"

static void note_reordered(uint32_t sequence, struct sent_news *news)
{
    if (!news->reordered || seq_lt(sequence, news->reordered_from))
        news->reordered_from = sequence;
    news->reordered = true;
}

static bool sent_after(const struct tcp_sent *sent, uint64_t than_ns, uint32_t than_end)
{
    return sent->sent_ns > than_ns || (sent->sent_ns == than_ns && seq_gt(sent->end, than_end));
}

/* So many of a record's segments have arrived. */
static void note_rate(const struct tcp_sent *sent, uint32_t segments, struct sent_news *news)
{
    news->segments += segments;
    if (news->mark_sent_ns != 0 && !sent_after(sent, news->mark_sent_ns, news->mark_end))
        return;
    news->mark_sent_ns = sent->sent_ns;
    news->mark_end = sent->end;
    news->mark = sent->mark;
}

static void extend(struct sent_span *span, uint64_t sent_ns)
{
    if (span->first_ns == 0 || sent_ns < span->first_ns)
        span->first_ns = sent_ns;
    if (sent_ns > span->last_ns)
        span->last_ns = sent_ns;
}

/* What is delivered is news of the round trip, in `once`, of the order of arrival, of spurious
 * time-outs. False when it is not known which transmission it was. */
static bool note_delivery(const struct tcp_scoreboard *board, const struct tcp_sent *sent,
                          struct sent_span *once, struct sent_news *news)
{
    if (sent->flags & SENT_EVER_RETRANSMITTED) {
        if (news->now_ns - sent->sent_ns < news->min_rtt_us * 1000ull)
            return false; /* RFC 8985, 6.2, step 2: it was the original that arrived */
    } else {
        extend(once, sent->sent_ns);
        if (seq_lt(sent->end, board->highest_sacked))
            note_reordered(sent->node.key, news);
        news->original |= seq_le(sent->end, news->original_end);
    }
    if (sent_after(sent, news->latest_sent_ns, news->latest_end)) {
        news->latest_sent_ns = sent->sent_ns;
        news->latest_end = sent->end;
    }
    return true;
}

static void note_in_order(const struct tcp_scoreboard *board, const struct tcp_sent *sent,
                          struct sent_news *news)
{
    bool again = (sent->flags & SENT_EVER_RETRANSMITTED) != 0;
    news->retransmission_acknowledged |= again;
    /* RFC 8985, 6.2, step 2: the echo may tell, too, that it was the original. */
    if (again && news->has_echo && seq_lt(news->echo_ms, (uint32_t)(sent->sent_ns / 1000000)))
        return;
    if (note_delivery(board, sent, &news->once, news))
        news->in_order_sent_ns = sent->sent_ns;
}

/* Of a record, those that lie before `una` as a whole; what is left may end with a FIN beyond a
 * full segment. */
static uint16_t segments_before(const struct tcp_sent *sent, uint32_t una, uint32_t mss)
{
    if (seq_le(sent->end, una))
        return sent->segments;
    uint16_t left = sent_segments(sent->end - una - 1, mss);
    return left < sent->segments ? (uint16_t)(sent->segments - left) : 0;
}

/* Whether a whole segment at least lies before `una`. A part of one does not tell when it came. */
static bool segment_before(const struct tcp_sent *sent, uint32_t una)
{
    uint32_t n = una - sent->node.key;
    return seq_le(sent->end, una) || (uint64_t)n * sent->segments >= sent_length(sent);
}

/* Takes off a record what lies before `una`. */
static void behead(struct tcp_scoreboard *board, struct tcp_sent *sent, uint32_t una,
                   uint16_t segments)
{
    uint32_t n = una - sent->node.key;
    count_part(board, sent, 0u - n, 0u - segments);
    sent->segments -= segments;
    sent->node.key += n; /* not past a neighbour: the tree's order stands */
    sent->chunk = send_chunk_at(sent->chunk, sent->node.key);
}

void scoreboard_acknowledge(struct tcp_scoreboard *board, struct pool *pool, uint32_t una,
                            uint32_t mss, struct sent_news *news)
{
    struct tcp_sent *sent;
    while ((sent = first_sent(board)) != NULL && seq_lt(sent->node.key, una)) {
        uint32_t n = seq_min(sent->end, una) - sent->node.key;
        uint16_t segments = segments_before(sent, una, mss);
        news->acknowledged += n;
        if (!(sent->flags & SENT_SACKED)) {
            news->delivered += n;
            note_rate(sent, segments, news);
            if (segment_before(sent, una))
                note_in_order(board, sent, news);
        }
        if (seq_le(sent->end, una))
            record_drop(board, pool, sent);
        else
            behead(board, sent, una, segments);
    }
    board->highest_sacked = seq_max(board->highest_sacked, una);
    board->resent = seq_max(board->resent, una);
}

static void note_reported(const struct tcp_scoreboard *board, const struct tcp_sent *sent,
                          struct sent_news *news)
{
    if (!note_delivery(board, sent, &news->reported, news))
        return;
    if (news->reported_sent_ns != 0 && seq_lt(sent->end, news->reported_end))
        return;
    news->reported_sent_ns = sent->sent_ns;
    news->reported_end = sent->end;
}

/* Returns the record that covers it afterwards: neighbours that are SACKed become one, so that
 * what is known already costs nothing when it is reported again. */
static struct tcp_sent *mark_sacked(struct tcp_scoreboard *board, struct pool *pool,
                                    struct tcp_sent *sent, struct sent_news *news)
{
    note_reported(board, sent, news);
    note_rate(sent, sent->segments, news);
    set_flags(board, sent, (sent->flags & lasting) | SENT_SACKED);
    leave_network(board, sent);
    news->sacked += sent_length(sent);
    board->highest_sacked = seq_max(board->highest_sacked, sent->end);
    struct tcp_sent *behind = next_sent(sent), *before = previous_sent(sent);
    if (is_sacked(behind))
        record_join(board, pool, sent, behind);
    if (!is_sacked(before))
        return sent;
    record_join(board, pool, before, sent);
    return before;
}

/* Cuts the record at the block's edges, inwards to whole segments; NULL when no whole segment of it
 * is covered, or no record was left to split with. */
static struct tcp_sent *cut_to_block(struct tcp_scoreboard *board, struct pool *pool,
                                     struct tcp_sent *sent, uint32_t left, uint32_t right,
                                     uint32_t mss)
{
    uint32_t begin = sent->node.key, end = sent->end;
    if (seq_lt(begin, left))
        begin += (left - begin + mss - 1) / mss * mss;
    if (seq_ge(begin, seq_min(end, right)))
        return NULL;
    if (seq_gt(end, right))
        end = begin + (right - begin) / mss * mss;
    if (begin == end)
        return NULL;
    if (begin != sent->node.key) {
        if (!record_split(board, pool, sent, begin - sent->node.key, to_split))
            return NULL;
        sent = next_sent(sent);
    }
    return record_split(board, pool, sent, end - begin, to_split) ? sent : NULL;
}

void scoreboard_sack(struct tcp_scoreboard *board, struct pool *pool, uint32_t left, uint32_t right,
                     uint32_t mss, struct sent_news *news)
{
    struct tcp_sent *sent = sent_of(tree_floor(&board->sent, left));
    if (sent != NULL && seq_le(sent->end, left))
        sent = next_sent(sent);
    while (sent != NULL && seq_lt(sent->node.key, right)) {
        struct tcp_sent *covered = NULL;
        if (!is_sacked(sent))
            covered = cut_to_block(board, pool, sent, left, right, mss);
        if (covered != NULL)
            sent = mark_sacked(board, pool, covered, news);
        sent = next_sent(sent);
    }
}

bool scoreboard_reneges(const struct tcp_scoreboard *board)
{
    return is_sacked(sent_of(tree_first(&board->sent)));
}
