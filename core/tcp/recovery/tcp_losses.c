/* SPDX-License-Identifier: BSD-2-Clause */
/* What of a scoreboard is lost, and goes again. */
#include "core/tcp/recovery/tcp_records.h"

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
    record_join(board, pool, sent, behind);
    return true;
}

bool scoreboard_split(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent,
                      uint32_t length)
{
    return record_split(board, pool, sent, length, to_send_again) ||
           (join_next(board, pool, sent) && record_split(board, pool, sent, length, to_send_again));
}

/* Marks lost, and makes one range of neighbours. */
static void lose(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent)
{
    mark_lost(board, sent);
    struct tcp_sent *behind = next_sent(sent), *before = previous_sent(sent);
    if (may_join(sent, behind))
        record_join(board, pool, sent, behind);
    if (may_join(before, sent))
        record_join(board, pool, before, sent);
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
        struct tcp_sent *before = previous_sent(sent);
        if (may_join(before, sent))
            record_join(board, pool, before, sent);
    }
    board->highest_sacked = first_sent(board)->node.key;
}

void scoreboard_time_out(struct tcp_scoreboard *board, struct pool *pool, uint64_t before_ns)
{
    struct tcp_sent *first = first_sent(board), *sent;
    if (first == NULL)
        return;
    if (first->flags & SENT_SACKED) {
        forget_sacks(board, pool);
        before_ns = UINT64_MAX;
    } else {
        lose(board, pool, first);
    }
    while ((sent = oldest(board)) != NULL && sent->sent_ns <= before_ns)
        lose(board, pool, sent);
}

void scoreboard_unlose(struct tcp_scoreboard *board)
{
    board->passed = &board->by_time;
    struct tcp_sent *sent = scoreboard_last(board);
    /* Backwards, since each goes to the front of the list. */
    for (; sent != NULL; sent = previous_sent(sent)) {
        if (is_owed(sent))
            list_prepend(&board->by_time, &sent->by_time);
        set_flags(board, sent, sent->flags & ~(unsigned)SENT_LOST);
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

uint32_t scoreboard_collapsible(const struct tcp_sent *sent, uint32_t end)
{
    struct tcp_sent *behind;
    while ((behind = next_sent(sent)) != NULL && is_owed(behind) && seq_le(behind->end, end))
        sent = behind;
    return sent->end;
}

void scoreboard_collapse(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent,
                         uint32_t end)
{
    struct tcp_sent *behind;
    while ((behind = next_sent(sent)) != NULL && is_owed(behind) && seq_le(behind->end, end))
        record_join(board, pool, sent, behind);
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
