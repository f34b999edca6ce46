/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_scoreboard.h"

#include "core/tcp/recovery/tcp_records.h"

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

void scoreboard_init(struct tcp_scoreboard *board, uint32_t una)
{
    *board = (struct tcp_scoreboard){.highest_sacked = una, .resent = una};
    list_init(&board->by_time);
    board->passed = &board->by_time;
}

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

void scoreboard_unsend(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent)
{
    record_drop(board, pool, sent);
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

void scoreboard_clear(struct tcp_scoreboard *board, struct pool *pool)
{
    struct tcp_sent *sent;
    while ((sent = first_sent(board)) != NULL)
        record_drop(board, pool, sent);
}
