/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_scoreboard.h"

#include "core/base/sequence.h"
#include "core/tcp/sending/tcp_send_queue.h"

/*
 * Theory of operation. Every byte in flight belongs to exactly one record; records do not overlap
 * and leave no gap between SND.UNA and SND.NXT. The peer decides how finely records are split,
 * therefore they stand in a balanced tree, and splits happen at multiples of the segment size only,
 * so that one-byte SACK blocks cannot multiply them.
 *
 * What is in the network, which is all that is neither SACKed nor owed, stands in a list as well,
 * in the order of sending. Losses are found from its front (RFC 8985), so that each record is
 * visited once for each time that it is sent, whatever the peer reports.
 */

/* Who may take how many of the records that all connections share: splitting by SACK blocks, on
 * which the peer decides, leaves some to new data, and both leave some to what goes again. */
static const enum purpose to_split = FOR_SEND, to_send = FOR_RECEIVE, to_send_again = FOR_CONTROL;

static struct tcp_sent *sent_of(struct tree_node *node)
{
    return node == NULL ? NULL : tree_entry(node, struct tcp_sent, node);
}

/* NULL for none. */
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
    *board = (struct tcp_scoreboard){.highest_sacked = una, .resent = una};
    list_init(&board->by_time);
    board->passed = &board->by_time;
}

/* Lost, and not sent again since. */
static bool is_owed(const struct tcp_sent *sent)
{
    return (sent->flags & (SENT_LOST | SENT_RETRANSMITTED)) == SENT_LOST;
}

/* ---- Sums ---------------------------------------------------------------------------------- */

static void add(struct sent_sum *sum, uint32_t bytes, uint32_t segments)
{
    sum->bytes += bytes;
    sum->segments += segments;
}

/* Counts in, or with negative numbers out, what is or was part of a record. */
static void count_part(struct tcp_scoreboard *board, const struct tcp_sent *sent, uint32_t bytes,
                       uint32_t segments)
{
    add(&board->out, bytes, segments);
    if (sent->flags & SENT_SACKED)
        add(&board->sacked, bytes, segments);
    if (sent->flags & SENT_LOST)
        add(&board->lost, bytes, segments);
    if (sent->flags & SENT_RETRANSMITTED)
        add(&board->retransmitted, bytes, segments);
    if (is_owed(sent))
        board->owed += bytes;
}

static void count_in(struct tcp_scoreboard *board, const struct tcp_sent *sent)
{
    count_part(board, sent, sent_length(sent), sent->segments);
}

static void count_out(struct tcp_scoreboard *board, const struct tcp_sent *sent)
{
    count_part(board, sent, 0u - sent_length(sent), 0u - sent->segments);
}

/* It arrived, or is lost, or goes again. Harmless when it is not there. */
static void leave_network(struct tcp_scoreboard *board, struct tcp_sent *sent)
{
    if (board->passed == &sent->by_time)
        board->passed = sent->by_time.prev;
    list_remove(&sent->by_time);
}

/* What stays of a record's flags whatever becomes of it. */
static const unsigned lasting = SENT_EVER_RETRANSMITTED | SENT_PUSHED | SENT_ENDS;

/* What is said of where it ends. */
static const unsigned of_its_end = SENT_PUSHED | SENT_ENDS;

static void set_flags(struct tcp_scoreboard *board, struct tcp_sent *sent, unsigned flags)
{
    count_out(board, sent);
    sent->flags = (uint16_t)flags;
    count_in(board, sent);
}

/* Of the first `length` bytes of a record, at least one and leaving one. */
static uint16_t segments_of_part(const struct tcp_sent *sent, uint32_t length)
{
    uint32_t n =
        (uint32_t)(((uint64_t)length * sent->segments + sent_length(sent) - 1) / sent_length(sent));
    if (n >= sent->segments)
        n = sent->segments - 1u;
    return (uint16_t)(n != 0 ? n : 1);
}

/* ---- Records ------------------------------------------------------------------------------- */

struct tcp_sent *scoreboard_sent(struct tcp_scoreboard *board, struct pool *pool, uint32_t sequence,
                                 uint32_t end, uint16_t segments, struct send_chunk *chunk,
                                 uint64_t now_ns)
{
    struct tcp_sent *sent = pool_take(pool, to_send);
    if (sent == NULL)
        return NULL;
    sent->node.key = sequence;
    sent->end = end;
    sent->flags = 0;
    sent->segments = segments;
    sent->sent_ns = now_ns;
    sent->chunk = chunk;
    tree_insert(&board->sent, &sent->node);
    list_append(&board->by_time, &sent->by_time);
    count_in(board, sent);
    return sent;
}

void scoreboard_shorten(struct tcp_scoreboard *board, struct tcp_sent *sent, uint32_t end,
                        uint32_t mss)
{
    count_out(board, sent);
    sent->end = end;
    sent->segments = sent_segments(sent_length(sent), mss);
    count_in(board, sent);
}

/* ---- What arrivals tell -------------------------------------------------------------------- */

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
    news->retransmission_acknowledged |= (sent->flags & SENT_EVER_RETRANSMITTED) != 0;
    if (note_delivery(board, sent, &news->once, news))
        news->in_order_sent_ns = sent->sent_ns;
}

/* ---- Records that end, are cut, become one ------------------------------------------------- */

static void free_record(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent)
{
    tree_remove(&board->sent, &sent->node);
    leave_network(board, sent);
    pool_give(pool, sent);
}

static void drop_record(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent)
{
    count_out(board, sent);
    free_record(board, pool, sent);
}

void scoreboard_unsend(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent)
{
    drop_record(board, pool, sent);
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
            drop_record(board, pool, sent);
        else
            behead(board, sent, una, segments);
    }
    board->highest_sacked = seq_max(board->highest_sacked, una);
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
    count_out(board, sent);
    *rest = *sent;
    rest->node.key = sent->node.key + length;
    rest->chunk = send_chunk_at(sent->chunk, rest->node.key);
    if (sent->segments > 1) {
        sent->segments = segments_of_part(sent, length);
        rest->segments -= sent->segments;
    }
    sent->end = rest->node.key;
    sent->flags &= (uint16_t)~of_its_end;
    tree_insert(&board->sent, &rest->node);
    list_init(&rest->by_time);
    if (!list_empty(&sent->by_time))
        list_prepend(&sent->by_time, &rest->by_time);
    count_in(board, sent);
    count_in(board, rest);
    return true;
}

/* Lets `first` cover the range behind it as well, which is in the same state. */
static void join(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *first,
                 struct tcp_sent *second)
{
    uint32_t segments = (uint32_t)first->segments + second->segments;
    count_out(board, first);
    count_out(board, second);
    first->end = second->end;
    first->flags |= second->flags;
    first->segments = (uint16_t)(segments < UINT16_MAX ? segments : UINT16_MAX);
    free_record(board, pool, second);
    count_in(board, first);
}

void scoreboard_collapse(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent,
                         uint32_t end)
{
    struct tcp_sent *behind;
    while ((behind = next_sent(sent)) != NULL && is_owed(behind) && seq_le(behind->end, end))
        join(board, pool, sent, behind);
}

/* ---- What is reported ---------------------------------------------------------------------- */

static bool is_sacked(const struct tcp_sent *sent)
{
    return sent != NULL && (sent->flags & SENT_SACKED);
}

/* Returns the record that covers it afterwards: neighbours that are SACKed become one, so that
 * what is known already costs nothing when it is reported again. */
static struct tcp_sent *mark_sacked(struct tcp_scoreboard *board, struct pool *pool,
                                    struct tcp_sent *sent, struct sent_news *news)
{
    note_delivery(board, sent, &news->reported, news);
    note_rate(sent, sent->segments, news);
    set_flags(board, sent, (sent->flags & lasting) | SENT_SACKED);
    leave_network(board, sent);
    news->sacked += sent_length(sent);
    board->highest_sacked = seq_max(board->highest_sacked, sent->end);
    struct tcp_sent *behind = next_sent(sent), *before = sent_of(tree_previous(&sent->node));
    if (is_sacked(behind))
        join(board, pool, sent, behind);
    if (!is_sacked(before))
        return sent;
    join(board, pool, before, sent);
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

bool scoreboard_reneges(const struct tcp_scoreboard *board)
{
    return is_sacked(sent_of(tree_first(&board->sent)));
}

/* ---- Losses -------------------------------------------------------------------------------- */

static void mark_lost(struct tcp_scoreboard *board, struct tcp_sent *sent)
{
    if (board->on_lost != NULL)
        board->on_lost(board->on_lost_context, sent);
    set_flags(board, sent, (sent->flags & lasting) | SENT_LOST);
    leave_network(board, sent);
    board->resent = seq_min(board->resent, sent->node.key);
}

/* Both are owed, and none has ever been sent again, or both have. */
static bool are_lost_alike(const struct tcp_sent *a, const struct tcp_sent *b)
{
    return ((a->flags ^ b->flags) & (uint16_t)~of_its_end) == 0 && is_owed(a);
}

/* What was sent at once becomes one record again; what was not goes again apart, as it went. */
static bool may_join(const struct tcp_sent *a, const struct tcp_sent *b)
{
    return a != NULL && b != NULL && (a->flags & of_its_end) == 0 && are_lost_alike(a, b);
}

/* For want of a record: gives up one that says nothing but that it did not go with the one before.
 * False when the next one says more. */
static bool join_next(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent)
{
    struct tcp_sent *behind = next_sent(sent);
    if (behind == NULL || !are_lost_alike(sent, behind))
        return false;
    join(board, pool, sent, behind);
    return true;
}

bool scoreboard_split(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent,
                      uint32_t length)
{
    return split(board, pool, sent, length, to_send_again) ||
           (join_next(board, pool, sent) && split(board, pool, sent, length, to_send_again));
}

/* Marks lost, and makes one range of neighbours. */
static void lose(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent)
{
    mark_lost(board, sent);
    struct tcp_sent *behind = next_sent(sent), *before = sent_of(tree_previous(&sent->node));
    if (may_join(sent, behind))
        join(board, pool, sent, behind);
    if (may_join(before, sent))
        join(board, pool, before, sent);
}

static struct tcp_sent *oldest(const struct tcp_scoreboard *board)
{
    return list_empty(&board->by_time) ? NULL
                                       : list_entry(board->by_time.next, struct tcp_sent, by_time);
}

static bool sent_before(const struct tcp_sent *sent, uint64_t than_ns, uint32_t than_end)
{
    return sent != NULL &&
           (sent->sent_ns < than_ns || (sent->sent_ns == than_ns && seq_lt(sent->end, than_end)));
}

uint64_t scoreboard_overtaken(struct tcp_scoreboard *board, uint64_t than_ns, uint32_t than_end)
{
    struct list *next;
    while ((next = board->passed->next) != &board->by_time &&
           sent_before(list_entry(next, struct tcp_sent, by_time), than_ns, than_end))
        board->passed = next;
    if (board->passed == &board->by_time)
        return 0;
    /* What went again and was found not to be lost stands in front, though it was sent later. */
    uint64_t last_ns = list_entry(board->passed, struct tcp_sent, by_time)->sent_ns;
    uint64_t first_ns = oldest(board)->sent_ns;
    return last_ns > first_ns ? last_ns : first_ns;
}

bool scoreboard_lose_older(struct tcp_scoreboard *board, struct pool *pool, uint64_t before_ns,
                           uint64_t than_ns, uint32_t than_end)
{
    bool marked = false;
    struct tcp_sent *sent;
    while (sent_before(sent = oldest(board), than_ns, than_end) && sent->sent_ns <= before_ns) {
        lose(board, pool, sent);
        marked = true;
    }
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

static void forget_sacks(struct tcp_scoreboard *board, struct pool *pool)
{
    struct tcp_sent *next;
    for (struct tcp_sent *sent = first_sent(board); sent != NULL; sent = next) {
        next = next_sent(sent);
        if (!(sent->flags & SENT_SACKED))
            continue;
        set_flags(board, sent, sent->flags & ~(unsigned)SENT_SACKED);
        mark_lost(board, sent);
        struct tcp_sent *before = sent_of(tree_previous(&sent->node));
        if (may_join(before, sent))
            join(board, pool, before, sent);
    }
    board->highest_sacked = first_sent(board)->node.key;
}

void scoreboard_time_out(struct tcp_scoreboard *board, struct pool *pool, uint64_t before_ns)
{
    struct tcp_sent *first = first_sent(board), *sent;
    if (first == NULL)
        return;
    if (first->flags & SENT_SACKED)
        forget_sacks(board, pool);
    else
        lose(board, pool, first);
    while ((sent = oldest(board)) != NULL && sent->sent_ns <= before_ns)
        lose(board, pool, sent);
}

void scoreboard_unlose(struct tcp_scoreboard *board)
{
    board->passed = &board->by_time;
    struct tcp_sent *sent = scoreboard_last(board);
    /* Backwards, since each goes to the front of the list. */
    for (; sent != NULL; sent = sent_of(tree_previous(&sent->node))) {
        if (!is_owed(sent))
            continue;
        set_flags(board, sent, sent->flags & ~(unsigned)SENT_LOST);
        list_prepend(&board->by_time, &sent->by_time);
    }
}

struct tcp_sent *scoreboard_next_lost(struct tcp_scoreboard *board)
{
    if (board->owed == 0)
        return NULL;
    struct tcp_sent *sent = sent_of(tree_ceiling(&board->sent, board->resent));
    while (sent != NULL && !is_owed(sent))
        sent = next_sent(sent);
    if (sent != NULL)
        board->resent = sent->node.key;
    return sent;
}

const struct tcp_sent *scoreboard_first(const struct tcp_scoreboard *board)
{
    return first_sent(board);
}

const struct tcp_sent *scoreboard_latest(const struct tcp_scoreboard *board)
{
    return list_empty(&board->by_time) ? NULL
                                       : list_entry(board->by_time.prev, struct tcp_sent, by_time);
}

struct tcp_sent *scoreboard_last(const struct tcp_scoreboard *board)
{
    return sent_of(tree_last(&board->sent));
}

void scoreboard_went_before(struct tcp_scoreboard *board, struct tcp_sent *sent)
{
    set_flags(board, sent, sent->flags | SENT_LOST | SENT_RETRANSMITTED | SENT_EVER_RETRANSMITTED);
}

void scoreboard_resent(struct tcp_scoreboard *board, struct tcp_sent *sent, uint16_t segments,
                       uint64_t now_ns)
{
    count_out(board, sent);
    sent->flags |= SENT_RETRANSMITTED | SENT_EVER_RETRANSMITTED;
    sent->segments = segments;
    sent->sent_ns = now_ns;
    count_in(board, sent);
    leave_network(board, sent);
    list_append(&board->by_time, &sent->by_time);
}

void scoreboard_probed(struct tcp_scoreboard *board, struct tcp_sent *sent)
{
    if (!(sent->flags & SENT_LOST)) /* else it is mended */
        set_flags(board, sent, sent->flags & ~(unsigned)SENT_RETRANSMITTED);
}

void scoreboard_clear(struct tcp_scoreboard *board, struct pool *pool)
{
    struct tcp_sent *sent;
    while ((sent = first_sent(board)) != NULL)
        drop_record(board, pool, sent);
}
