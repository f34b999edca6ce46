/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_SCOREBOARD_H
#define CHASKI_TCP_TCP_SCOREBOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"
#include "core/base/tree.h"
#include "core/packet/pool.h"
#include "core/tcp/recovery/tcp_news.h"
#include "core/tcp/recovery/tcp_rate.h"

struct send_chunk;

/*
 * What is in flight, and what is known of it (RFC 6675). A record covers one transmitted range,
 * SYN excluded, FIN included; it is split where the peer's knowledge splits it. The sums stand
 * beside the tree, so that the amount in flight is known without a walk.
 *
 * A record is SACKed; or it is owed: lost, and to be sent again; or it is in the network: as it
 * went first, or as it went again, or, where it went again needlessly, as both.
 */
enum sent_flag {
    SENT_SACKED = 1,             /* the peer reports it as received: neither of the next two */
    SENT_LOST = 2,               /* we take it for lost, */
    SENT_RETRANSMITTED = 4,      /* and it was sent again since: that is in the network */
    SENT_EVER_RETRANSMITTED = 8, /* Karn: no round trip can be told from it */
    SENT_PUSHED = 16,            /* nothing was written behind it when it was first sent */
    SENT_ENDS = 32,              /* it ends what was first sent at once */
};

struct tcp_sent {
    struct tree_node node; /* node.key: first sequence number */
    uint32_t end;          /* behind the last */
    uint16_t flags;        /* enum sent_flag */
    uint16_t segments;     /* that it went in */
    uint64_t sent_ns;
    struct send_chunk *chunk; /* where its first byte is; NULL: nothing but FIN */
    struct list by_time;      /* in board->by_time while it is in the network, as far as we know */
    struct rate_mark mark;    /* of the latest transmission: its sender's to set */
};

static inline uint32_t sent_length(const struct tcp_sent *sent)
{
    return sent->end - sent->node.key;
}

/* How many segments so much text goes in; a FIN goes with the last. */
static inline uint16_t sent_segments(uint32_t text, uint32_t mss)
{
    uint32_t n = text <= mss ? 1 : (text + mss - 1) / mss;
    return (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX);
}

/* Of everything in flight, or of a part of it. */
struct sent_sum {
    uint32_t bytes, segments;
};

/* Told of each range that is found lost, before it may be joined with others. */
typedef void sent_lost_function(void *context, const struct tcp_sent *sent);

struct tcp_scoreboard {
    struct tree sent;
    struct list by_time;           /* what is in the network, in the order of its last sending */
    struct list *passed;           /* the last of these that something sent later has overtaken; or
                                      the list itself */
    struct sent_sum out;           /* all of it */
    struct sent_sum sacked;        /* SACKED */
    struct sent_sum lost;          /* LOST, retransmitted or not */
    struct sent_sum retransmitted; /* RETRANSMITTED */
    uint32_t owed;                 /* bytes LOST and not RETRANSMITTED */
    uint32_t highest_sacked;       /* behind the highest SACKed byte; SND.UNA when there is none */
    uint32_t resent;               /* nothing before is lost and still to be sent again */
    sent_lost_function *on_lost;   /* NULL: nobody is told */
    void *on_lost_context;
};

void scoreboard_init(struct tcp_scoreboard *board, uint32_t una);

/* Notes a range that is about to be sent for the first time, in so many segments; it may be
 * shortened afterwards. NULL when no record is left. */
struct tcp_sent *scoreboard_sent(struct tcp_scoreboard *board, struct pool *pool, uint32_t sequence,
                                 uint32_t end, uint16_t segments, struct send_chunk *chunk,
                                 uint64_t now_ns);

/* Not all of what was noted last could be sent: it ends at `end`. */
void scoreboard_shorten(struct tcp_scoreboard *board, struct tcp_sent *sent, uint32_t end,
                        uint32_t mss);

/* Takes the note back: it could not be sent. */
void scoreboard_unsend(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent);

/* Drops records before `una`, SND.UNA now, and cuts off what of one lies before it: of that, whole
 * segments of `mss` have arrived. */
void scoreboard_acknowledge(struct tcp_scoreboard *board, struct pool *pool, uint32_t una,
                            uint32_t mss, struct sent_news *news);

/* Marks what a SACK block covers; ranges that it covers in part are split at multiples of `mss`.
 * The block lies within what is in flight. */
void scoreboard_sack(struct tcp_scoreboard *board, struct pool *pool, uint32_t left, uint32_t right,
                     uint32_t mss, struct sent_news *news);

/* Whether the first segment in flight is reported as received: the peer has taken its word back
 * (RFC 2018, 8), or the acknowledgement is to follow. */
bool scoreboard_reneges(const struct tcp_scoreboard *board);

/* RFC 8985, 6.2, step 5: marks lost what was sent no later than `before_ns` and before the segment
 * that was sent at `than_ns` and ends at `than_end`. True when something was. */
bool scoreboard_lose_older(struct tcp_scoreboard *board, struct pool *pool, uint64_t before_ns,
                           uint64_t than_ns, uint32_t than_end);

/* Of what is in the network and was sent before the segment that was sent at `than_ns` and ends at
 * `than_end`: when the last was sent; 0 for none. That segment is never an earlier one than in the
 * call before, so that each record is passed once for each time that it is sent. */
uint64_t scoreboard_overtaken(struct tcp_scoreboard *board, uint64_t than_ns, uint32_t than_end);

/* Marks the first `mss` bytes lost, sent again or not, unless they are SACKed (RFC 6582). */
void scoreboard_lose_first(struct tcp_scoreboard *board, struct pool *pool, uint32_t mss);

/* A time-out: marks lost the first range, and what was sent no later than `before_ns`. When the
 * first range is SACKed the peer has taken its word back: all SACK marks go (RFC 2018, 8), and all
 * is lost. */
void scoreboard_time_out(struct tcp_scoreboard *board, struct pool *pool, uint64_t before_ns);

/* Takes back that anything is lost: it was not. What has gone again is in the network twice. */
void scoreboard_unlose(struct tcp_scoreboard *board);

/* The first range to send again: lost and not retransmitted since; NULL for none. */
struct tcp_sent *scoreboard_next_lost(struct tcp_scoreboard *board);

/* The first range, and of what is in the network the one sent last; NULL for none. */
const struct tcp_sent *scoreboard_first(const struct tcp_scoreboard *board);
const struct tcp_sent *scoreboard_latest(const struct tcp_scoreboard *board);

/* The last range; NULL for none. */
struct tcp_sent *scoreboard_last(const struct tcp_scoreboard *board);

/* Shortens `sent` to `length` bytes; the rest becomes a range of its own. False when no record is
 * left, with nothing done. */
bool scoreboard_split(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent,
                      uint32_t length);

/* Where the last range ends that scoreboard_collapse() would join to `sent`. */
uint32_t scoreboard_collapsible(const struct tcp_sent *sent, uint32_t end);

/* Lets `sent`, which is to be sent again, cover the ranges that follow it and are to be sent again
 * as well, as long as they end no later than `end`. */
void scoreboard_collapse(struct tcp_scoreboard *board, struct pool *pool, struct tcp_sent *sent,
                         uint32_t end);

/* `sent`, which was sent last, had gone before, when nobody took note (on a SYN). */
void scoreboard_went_before(struct tcp_scoreboard *board, struct tcp_sent *sent);

/* Notes that `sent` has been sent again, in so many segments. */
void scoreboard_resent(struct tcp_scoreboard *board, struct tcp_sent *sent, uint16_t segments,
                       uint64_t now_ns);

/* What `sent` was sent again for was to ask, not to mend: it is in flight once, as before (RFC
 * 6675: pipe counts twice what goes again in a recovery). */
void scoreboard_probed(struct tcp_scoreboard *board, struct tcp_sent *sent);

void scoreboard_clear(struct tcp_scoreboard *board, struct pool *pool);

#endif
