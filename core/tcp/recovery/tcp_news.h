/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_NEWS_H
#define CHASKI_TCP_TCP_NEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/tcp/recovery/tcp_rate.h"

/* When the first and the last of some ranges were sent; 0: there are none. */
struct sent_span {
    uint64_t first_ns, last_ns;
};

/* What one acknowledgement told us. */
struct sent_news {
    uint64_t now_ns;
    struct sent_span once;     /* of what went once, and SND.UNA passed now */
    struct sent_span reported; /* of what went once, and is SACKed now */
    uint64_t latest_sent_ns;   /* when what was sent last of all that newly arrived was, what went
                                  again too (RFC 8985); 0: nothing did; its end is latest_end */
    uint64_t in_order_sent_ns; /* of these, when the last that SND.UNA passed was; 0: none */
    uint64_t reported_sent_ns; /* and the last that is SACKed; its end is reported_end */
    uint64_t mark_sent_ns;     /* when what was sent latest of all that newly arrived was sent */
    uint32_t echo_ms;          /* what is echoed was sent then; where has_echo */
    uint32_t rtt_us;           /* the round trip of what was sent last; 0: it tells of none */
    uint32_t min_rtt_us;       /* known before; a retransmission cannot be acknowledged sooner */
    uint32_t original_end;     /* of what lies before, `original` is told */
    uint32_t acknowledged;     /* bytes newly acknowledged by SND.UNA */
    uint32_t delivered;        /* of these, what had not been SACKed before */
    uint32_t sacked;           /* bytes newly SACKed */
    uint32_t segments;         /* that newly arrived */
    uint32_t latest_end, reported_end, mark_end;
    uint32_t marked; /* bytes of those that arrived, about, on which the peer reports marks */
    bool has_echo;   /* in a recovery, with timestamps */
    bool retransmission_acknowledged;
    bool reordered; /* something arrived that was sent once, before what had arrived earlier */
    bool original;  /* something arrived that was sent once, from before `original_end` */
    bool expected;  /* the segment was text in order, and acknowledged nothing */
    bool duplicate; /* the segment was a duplicate acknowledgement (RFC 5681) */
    bool original_answered; /* the timestamp echoed is of before the first retransmission */
    bool congestion;        /* the peer reports marks (RFC 3168) */
    bool dsack;             /* it reported a duplicate arrival (RFC 2883) */
    /* What follows holds when something above says so. */
    struct rate_mark mark;            /* mark_sent_ns: what was noted then */
    uint32_t reordered_from;          /* the first such byte */
    uint32_t dsack_left, dsack_right; /* of that range */
};

/* Nothing is told yet. */
static inline void news_begin(struct sent_news *news, uint64_t now_ns)
{
    memset(news, 0, offsetof(struct sent_news, mark));
    news->now_ns = now_ns;
}

#endif
