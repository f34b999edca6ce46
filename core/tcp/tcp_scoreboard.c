/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_scoreboard.h"

#include "core/base/sequence.h"
#include "core/tcp/tcp_send_queue.h"

/*
 * Theory of operation. Every byte in flight belongs to exactly one record; records do not overlap
 * and leave no gap between SND.UNA and SND.NXT. The peer decides how finely records are split,
 * therefore they stand in a balanced tree, and splits happen at multiples of the segment size only,
 * so that one-byte SACK blocks cannot multiply them.
 *
 * Judging is incremental. What lies below `judged` has been marked lost, or is SACKed; when
 * the limit below which RFC 6675 takes everything for lost moves up, only the part between is
 * walked. So the work over a whole window is one visit a record, whatever the peer sends.
 */

/* Who may take how many of the records that all connections share: splitting by SACK blocks, on
 * which the peer decides, leaves some to new data, and both leave some to what goes again. */
static const enum purpose to_split = FOR_SEND, to_send = FOR_RECEIVE, to_send_again = FOR_CONTROL;

static struct tcp_sent *sent_of(struct tree_node *node)
{
    return node == NULL ? NULL : tree_entry(node, struct tcp_sent, node);
}

static struct tcp_sent *first_sent(const struct tcp_scoreboard *board)
{
    return sent_of(tree_first(&board->sent));
}

static struct tcp_sent *next_sent(const struct tcp_sent *sent)
{
    return sent_of(tree_next(&sent->node));
}

void scoreboard_init(struct tcp_scoreboard *board, uint32_t una)
{
    *board = (struct tcp_scoreboard){.highest_sacked = una, .judged = una, .resent = una};
}

struct tcp_sent *scoreboard_sent(struct tcp_scoreboard *board, struct pool *pool, uint32_t sequence,
                                 uint32_t end, struct send_chunk *chunk, uint64_t now_ns)
{
    struct tcp_sent *sent = pool_take(pool, to_send);
    if (sent == NULL)
        return NULL;
    *sent = (struct tcp_sent){
        .node.key = sequence,
        .end = end,
        .sent_ns = now_ns,
        .chunk = chunk,
    };
    tree_insert(&board->sent, &sent->node);
    return sent;
}

/* The sums that a record counts in, to be taken away or added for `n` of its bytes. */
static void count_bytes(struct tcp_scoreboard *board, const struct tcp_sent *sent, uint32_t n)
{
    if (sent->flags & SENT_SACKED)
        board->sacked += n;
    if (sent->flags & SENT_LOST)
        board->lost += n;
    if (sent->flags & SENT_RETRANSMITTED)
        board->retransmitted += n;
}

static void uncount_bytes(struct tcp_scoreboard *board, const struct tcp_sent *sent, uint32_t n)
{
    if (sent->flags & SENT_SACKED)
        board->sacked -= n;
    if (sent->flags & SENT_LOST)
        board->lost -= n;
    if (sent->flags & SENT_RETRANSMITTED)
        board->retransmitted -= n;
}

static void note_delivery(const struct tcp_sent *sent, struct sent_news *news)
{
    if (sent->flags & SENT_EVER_RETRANSMITTED)
        news->retransmission_acknowledged = true;
    else if (sent->sent_ns > news->newest_sent_ns)
        news->newest_sent_ns = sent->sent_ns;
}

static void drop_record(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent)
{
    uncount_bytes(board, sent, sent_length(sent));
    tree_remove(&board->sent, &sent->node);
    pool_give(pool, sent);
}

void scoreboard_unsend(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent)
{
    drop_record(board, pool, sent);
}

void scoreboard_acknowledge(struct tcp_scoreboard *board, struct pool *pool, uint32_t una,
                            struct sent_news *news)
{
    struct tcp_sent *sent;
    while ((sent = first_sent(board)) != NULL && seq_lt(sent->node.key, una)) {
        uint32_t n = seq_min(sent->end, una) - sent->node.key;
        news->acknowledged += n;
        if (!(sent->flags & SENT_SACKED)) {
            news->delivered += n;
            note_delivery(sent, news);
        }
        if (seq_le(sent->end, una)) {
            drop_record(board, pool, sent);
            continue;
        }
        /* The key moves up, but not past a neighbour: the tree's order stands. */
        uncount_bytes(board, sent, n);
        sent->node.key = una;
        sent->chunk = send_chunk_at(sent->chunk, una);
    }
    board->highest_sacked = seq_max(board->highest_sacked, una);
    board->judged = seq_max(board->judged, una);
    board->resent = seq_max(board->resent, una);
}

static bool split(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent,
                  uint32_t length, enum purpose purpose)
{
    if (length >= sent_length(sent))
        return true;
    struct tcp_sent *rest = pool_take(pool, purpose);
    if (rest == NULL)
        return false;
    *rest = *sent;
    rest->node.key = sent->node.key + length;
    rest->chunk = send_chunk_at(sent->chunk, rest->node.key);
    sent->end = rest->node.key;
    tree_insert(&board->sent, &rest->node);
    return true;
}

bool scoreboard_split(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent,
                      uint32_t length)
{
    return split(board, pool, sent, length, to_send_again);
}

/* Lets `first` cover the SACKed range behind it as well. */
static void join_sacked(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *first,
                        struct tcp_sent *second)
{
    first->end = second->end;
    first->flags |= second->flags;
    tree_remove(&board->sent, &second->node);
    pool_give(pool, second);
}

static bool is_sacked(const struct tcp_sent *sent)
{
    return sent != NULL && (sent->flags & SENT_SACKED);
}

/* Returns the record that covers it afterwards: neighbours that are SACKed become one, so that
 * what is known already costs nothing when it is reported again. */
static struct tcp_sent *mark_sacked(struct tcp_scoreboard *board, struct pool *pool,
                                    struct tcp_sent *sent, struct sent_news *news)
{
    uncount_bytes(board, sent, sent_length(sent));
    sent->flags &= ~(uint32_t)(SENT_LOST | SENT_RETRANSMITTED);
    sent->flags |= SENT_SACKED;
    count_bytes(board, sent, sent_length(sent));
    news->sacked += sent_length(sent);
    note_delivery(sent, news);
    board->highest_sacked = seq_max(board->highest_sacked, sent->end);
    struct tcp_sent *behind = next_sent(sent), *before = sent_of(tree_previous(&sent->node));
    if (is_sacked(behind))
        join_sacked(board, pool, sent, behind);
    if (!is_sacked(before))
        return sent;
    join_sacked(board, pool, before, sent);
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
        if (!split(board, pool, sent, begin - sent->node.key, to_split))
            return NULL;
        sent = next_sent(sent);
    }
    return split(board, pool, sent, end - begin, to_split) ? sent : NULL;
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

static void mark_lost(struct tcp_scoreboard *board, struct tcp_sent *sent)
{
    uncount_bytes(board, sent, sent_length(sent));
    sent->flags &= ~(uint32_t)SENT_RETRANSMITTED;
    sent->flags |= SENT_LOST;
    count_bytes(board, sent, sent_length(sent));
    board->resent = seq_min(board->resent, sent->node.key);
}

/* Where RFC 6675's limit is: behind it lie `threshold` SACKed bytes, or three SACKed ranges. */
static uint32_t loss_limit(const struct tcp_scoreboard *board, uint32_t threshold_bytes)
{
    uint32_t bytes = 0, ranges = 0, upper = board->highest_sacked;
    struct tcp_sent *sent = sent_of(tree_floor(&board->sent, board->highest_sacked - 1));
    while (sent != NULL && seq_ge(sent->node.key, board->judged)) {
        if (sent->flags & SENT_SACKED) {
            bytes += sent_length(sent);
            ranges += ranges == 0 || sent->end != upper;
            upper = sent->node.key;
            if (bytes >= threshold_bytes || ranges >= 3)
                return upper;
        }
        sent = sent_of(tree_previous(&sent->node));
    }
    return board->judged;
}

bool scoreboard_judge(struct tcp_scoreboard *board, uint32_t threshold_bytes)
{
    if (board->sacked == 0)
        return false;
    uint32_t limit = loss_limit(board, threshold_bytes);
    bool marked = false;
    struct tcp_sent *sent = sent_of(tree_ceiling(&board->sent, board->judged));
    while (sent != NULL && seq_lt(sent->node.key, limit)) {
        if (!(sent->flags & (SENT_SACKED | SENT_LOST))) {
            mark_lost(board, sent);
            marked = true;
        }
        sent = next_sent(sent);
    }
    board->judged = seq_max(board->judged, limit);
    return marked;
}

void scoreboard_lose_first(struct tcp_scoreboard *board, struct pool *pool, uint32_t mss)
{
    struct tcp_sent *sent = first_sent(board);
    if (sent == NULL || (sent->flags & SENT_SACKED))
        return;
    scoreboard_split(board, pool, sent, mss);
    mark_lost(board, sent);
}

/* Lets the lost range before `sent`, which is lost too, cover both. What is sent again is cut
 * anew, so records that were needed to tell ranges apart are not missing when that begins. */
static void join_lost(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent)
{
    struct tcp_sent *before = sent_of(tree_previous(&sent->node));
    if (before == NULL || (before->flags & SENT_SACKED))
        return;
    before->end = sent->end;
    before->flags |= sent->flags;
    tree_remove(&board->sent, &sent->node);
    pool_give(pool, sent);
}

void scoreboard_lose_all(struct tcp_scoreboard *board, struct pool *pool)
{
    struct tcp_sent *first = first_sent(board), *next;
    bool reneged = first != NULL && (first->flags & SENT_SACKED);
    for (struct tcp_sent *sent = first; sent != NULL; sent = next) {
        next = next_sent(sent);
        if (reneged && (sent->flags & SENT_SACKED)) {
            uncount_bytes(board, sent, sent_length(sent));
            sent->flags &= ~(uint32_t)SENT_SACKED;
            count_bytes(board, sent, sent_length(sent));
        }
        if (sent->flags & SENT_SACKED)
            continue;
        mark_lost(board, sent);
        join_lost(board, pool, sent);
    }
    if (first != NULL && reneged)
        board->highest_sacked = first->node.key;
    struct tcp_sent *last = sent_of(tree_last(&board->sent));
    if (last != NULL)
        board->judged = last->end;
}

struct tcp_sent *scoreboard_next_lost(struct tcp_scoreboard *board)
{
    if (board->lost == board->retransmitted)
        return NULL;
    struct tcp_sent *sent = sent_of(tree_ceiling(&board->sent, board->resent));
    while (sent != NULL && (sent->flags & (SENT_LOST | SENT_RETRANSMITTED)) != SENT_LOST)
        sent = next_sent(sent);
    if (sent != NULL)
        board->resent = sent->node.key;
    return sent;
}

struct tcp_sent *scoreboard_next_hole(const struct tcp_scoreboard *board)
{
    struct tcp_sent *sent = sent_of(tree_ceiling(&board->sent, board->judged));
    while (sent != NULL && seq_lt(sent->node.key, board->highest_sacked)) {
        if (!(sent->flags & (SENT_SACKED | SENT_LOST)))
            return sent;
        sent = next_sent(sent);
    }
    return NULL;
}

struct tcp_sent *scoreboard_last(const struct tcp_scoreboard *board)
{
    return sent_of(tree_last(&board->sent));
}

void scoreboard_resent(struct tcp_scoreboard *board, struct tcp_sent *sent, uint64_t now_ns)
{
    uncount_bytes(board, sent, sent_length(sent));
    sent->flags |= SENT_LOST | SENT_RETRANSMITTED | SENT_EVER_RETRANSMITTED;
    sent->sent_ns = now_ns;
    count_bytes(board, sent, sent_length(sent));
}

void scoreboard_clear(struct tcp_scoreboard *board, struct pool *pool)
{
    struct tcp_sent *sent;
    while ((sent = first_sent(board)) != NULL)
        drop_record(board, pool, sent);
}
