/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_SCOREBOARD_H
#define CHASKI_TCP_TCP_SCOREBOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/tree.h"
#include "core/packet/pool.h"

struct send_chunk;

/*
 * What is in flight, and what is known of it (RFC 6675). A record covers one transmitted range,
 * SYN excluded, FIN included; it is split where the peer's knowledge splits it. The sums stand
 * beside the tree, so that the amount in flight is known without a walk.
 */
enum sent_flag {
    SENT_SACKED = 1,             /* the peer reports it as received */
    SENT_LOST = 2,               /* we take it for lost */
    SENT_RETRANSMITTED = 4,      /* sent again since it was taken for lost, and in flight */
    SENT_EVER_RETRANSMITTED = 8, /* Karn: no round trip can be told from it */
};

struct tcp_sent {
    struct tree_node node; /* node.key: first sequence number */
    uint32_t end;          /* behind the last */
    uint32_t flags;        /* enum sent_flag */
    uint64_t sent_ns;
    struct send_chunk *chunk; /* where its first byte is; NULL: nothing but FIN */
};

static inline uint32_t sent_length(const struct tcp_sent *sent)
{
    return sent->end - sent->node.key;
}

struct tcp_scoreboard {
    struct tree sent;
    uint32_t sacked;         /* bytes SACKED */
    uint32_t lost;           /* bytes LOST, retransmitted or not */
    uint32_t retransmitted;  /* bytes RETRANSMITTED */
    uint32_t highest_sacked; /* behind the highest SACKed byte; SND.UNA when there is none */
    uint32_t judged;         /* everything before has been judged lost, or is SACKed */
    uint32_t resent;         /* nothing before is lost and still to be sent again */
};

/* What one acknowledgement told us. */
struct sent_news {
    uint32_t acknowledged;   /* bytes newly acknowledged by SND.UNA */
    uint32_t delivered;      /* of these, what had not been SACKed before */
    uint32_t sacked;         /* bytes newly SACKed */
    uint64_t newest_sent_ns; /* when the latest never-retransmitted newly delivered range was
                                sent; 0: there was none */
    bool retransmission_acknowledged;
};

void scoreboard_init(struct tcp_scoreboard *board, uint32_t una);

/* Notes a range that is about to be sent for the first time; its end may be set earlier afterwards.
 * NULL when no record is left. */
struct tcp_sent *scoreboard_sent(struct tcp_scoreboard *board, struct pool *pool, uint32_t sequence,
                                 uint32_t end, struct send_chunk *chunk, uint64_t now_ns);

/* Takes the note back: it could not be sent. */
void scoreboard_unsend(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent);

/* Drops records before `una`. */
void scoreboard_acknowledge(struct tcp_scoreboard *board, struct pool *pool, uint32_t una,
                            struct sent_news *news);

/* Marks what a SACK block covers; ranges that it covers in part are split at multiples of `mss`.
 * The block lies within what is in flight. */
void scoreboard_sack(struct tcp_scoreboard *board, struct pool *pool, uint32_t left, uint32_t right,
                     uint32_t mss, struct sent_news *news);

/* RFC 6675's IsLost() for everything below the third SACKed segment from the top: marks and
 * returns true when something new was marked. `threshold` is DupThresh * SMSS bytes. */
bool scoreboard_judge(struct tcp_scoreboard *board, uint32_t threshold_bytes);

/* Marks the first range lost (its first `mss` bytes), whatever is known of it (RFC 6582). */
void scoreboard_lose_first(struct tcp_scoreboard *board, struct pool *pool, uint32_t mss);

/* Marks everything lost that is not SACKed (RFC 6298, 5.4), and makes one range of neighbours. When
 * the first range is SACKed the peer has taken its word back, and all SACK marks go (RFC 2018, 8).
 */
void scoreboard_lose_all(struct tcp_scoreboard *board, struct pool *pool);

/* The first range to send again: lost and not retransmitted since; NULL for none. */
struct tcp_sent *scoreboard_next_lost(struct tcp_scoreboard *board);

/* RFC 6675, NextSeg rule 3: the first range below the highest SACKed one that is neither SACKed
 * nor sent again; NULL for none. */
struct tcp_sent *scoreboard_next_hole(const struct tcp_scoreboard *board);

/* The range that was sent last; NULL for none. */
struct tcp_sent *scoreboard_last(const struct tcp_scoreboard *board);

/* Shortens `sent` to `length` bytes; the rest becomes a range of its own. False when no record is
 * left, with nothing done. */
bool scoreboard_split(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent,
                      uint32_t length);

/* Notes that `sent` has been sent again. */
void scoreboard_resent(struct tcp_scoreboard *board, struct tcp_sent *sent, uint64_t now_ns);

void scoreboard_clear(struct tcp_scoreboard *board, struct pool *pool);

#endif
