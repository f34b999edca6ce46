/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_RECORDS_H
#define CHASKI_TCP_TCP_RECORDS_H

#include "core/base/sequence.h"
#include "core/tcp/recovery/tcp_scoreboard.h"

/* The records of a scoreboard, for the files that it consists of. */

/* Who may take how many of the records that all connections share: splitting by SACK blocks, on
 * which the peer decides, leaves some to new data, and both leave some to what goes again. */
static const enum purpose to_split = FOR_SEND, to_send = FOR_RECEIVE, to_send_again = FOR_CONTROL;

static inline struct tcp_sent *sent_of(struct tree_node *node)
{
    return node == NULL ? NULL : tree_entry(node, struct tcp_sent, node);
}

/* NULL for none. */
static inline struct tcp_sent *first_sent(const struct tcp_scoreboard *board)
{
    return sent_of(tree_first(&board->sent));
}

static inline struct tcp_sent *next_sent(const struct tcp_sent *sent)
{
    return sent_of(tree_next(&sent->node));
}

static inline struct tcp_sent *previous_sent(const struct tcp_sent *sent)
{
    return sent_of(tree_previous(&sent->node));
}

/* What stays of a record's flags whatever becomes of it. */
static const unsigned lasting = SENT_EVER_RETRANSMITTED | SENT_PUSHED | SENT_ENDS;

/* What is said of where it ends. */
static const unsigned of_its_end = SENT_PUSHED | SENT_ENDS;

/* Lost, and not sent again since. */
static inline bool is_owed(const struct tcp_sent *sent)
{
    return (sent->flags & (SENT_LOST | SENT_RETRANSMITTED)) == SENT_LOST;
}

static inline bool is_sacked(const struct tcp_sent *sent)
{
    return sent != NULL && (sent->flags & SENT_SACKED);
}

/* ---- Sums ---- */

static inline void sum_add(struct sent_sum *sum, uint32_t bytes, uint32_t segments)
{
    sum->bytes += bytes;
    sum->segments += segments;
}

/* Counts in, or with negative numbers out, what is or was part of a record. */
static inline void count_part(struct tcp_scoreboard *board, const struct tcp_sent *sent,
                              uint32_t bytes, uint32_t segments)
{
    sum_add(&board->out, bytes, segments);
    if (sent->flags & SENT_SACKED)
        sum_add(&board->sacked, bytes, segments);
    if (sent->flags & SENT_LOST)
        sum_add(&board->lost, bytes, segments);
    if (sent->flags & SENT_RETRANSMITTED)
        sum_add(&board->retransmitted, bytes, segments);
    if (is_owed(sent))
        board->owed += bytes;
}

static inline void count_in(struct tcp_scoreboard *board, const struct tcp_sent *sent)
{
    count_part(board, sent, sent_length(sent), sent->segments);
}

static inline void count_out(struct tcp_scoreboard *board, const struct tcp_sent *sent)
{
    count_part(board, sent, 0u - sent_length(sent), 0u - sent->segments);
}

/* It arrived, or is lost, or goes again. Harmless when it is not there. */
static inline void leave_network(struct tcp_scoreboard *board, struct tcp_sent *sent)
{
    if (board->passed == &sent->by_time)
        board->passed = sent->by_time.prev;
    list_remove(&sent->by_time);
}

static inline void set_flags(struct tcp_scoreboard *board, struct tcp_sent *sent, unsigned flags)
{
    count_out(board, sent);
    sent->flags = (uint16_t)flags;
    count_in(board, sent);
}

/* ---- How records end, and become more and fewer ---- */

void record_drop(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent);

/* Shortens `sent` to `length` bytes; the rest becomes a record of its own, in the same state. False
 * when none was left for `purpose`. */
bool record_split(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent,
                  uint32_t length, enum purpose purpose);

/* Lets `first` cover the range behind it as well, which is in the same state. */
void record_join(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *first,
                 struct tcp_sent *second);

#endif
