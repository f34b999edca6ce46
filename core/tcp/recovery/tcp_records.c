/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_records.h"

#include "core/tcp/sending/tcp_send_queue.h"

static void free_record(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent)
{
    tree_remove(&board->sent, &sent->node);
    leave_network(board, sent);
    pool_give(pool, sent);
}

void record_drop(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent)
{
    count_out(board, sent);
    free_record(board, pool, sent);
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

bool record_split(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent,
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

void record_join(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *first,
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
