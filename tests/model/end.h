/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_MODEL_END_H
#define CHASKI_TESTS_MODEL_END_H

#include <stddef.h>

#include "tests/model/ranges.h"
#include "tests/model/segment.h"

/*
 * One end of one incarnation of a connection. Positions count from the initial sequence number of
 * their direction: the SYN stands at 0, the first byte at 1. What came in is an upper bound, since
 * the host may have lost any of it; what went out is exact.
 */
struct model_end {
    struct model_end *next; /* older ones of the same host */
    struct model_tuple ends;
    bool active;              /* opened from here */
    bool sent_syn, heard_syn; /* iss, and irs, are known */
    bool awaited;  /* nothing but calls is known of it, and its iss: SYN+ACK is to come */
    bool answered; /* something was sent that acknowledges the peer's SYN */
    uint32_t iss, irs;
    uint32_t peer_mss, our_mss;

    /* What was offered on our SYN, and by the peer's. */
    bool our_scaling, our_sack, our_timestamps, peer_scaling, peer_sack, peer_timestamps;
    uint8_t our_scale, peer_scale;

    /* Sending. */
    int64_t sent;         /* behind the last that was sent, FIN included */
    int64_t acknowledged; /* at most */
    int64_t settled;      /* acknowledged, at least */
    int64_t peer_edge;    /* right edge of the peer's window, at most */
    int64_t peer_window;  /* the largest that the peer told */
    int64_t least_edge;   /* the least of the edges told with the latest acknowledgement */
    int64_t fin_at;       /* of our FIN; 0: none yet */
    uint64_t written;     /* bytes that applications wrote */
    bool shut;            /* and will write no more */
    bool gone;            /* closed or aborted */
    bool fast;            /* a SYN has had the option of RFC 7413: text may come with it */
    bool reset;           /* we have reset it */
    bool waits;           /* our FIN went before the peer's came: TIME-WAIT is to follow */
    uint8_t *bytes;       /* as they were sent the first time, from position bytes_from on */
    int64_t bytes_from;
    uint64_t bytes_length, bytes_room;
    uint32_t first_timestamp, last_timestamp;

    /* Receiving. */
    struct model_ranges received;
    int64_t expected;          /* RCV.NXT, at most */
    int64_t told;              /* acknowledgement that was sent last */
    int64_t edge;              /* right edge of the window that was told, at most */
    int64_t kept;              /* the same, at least: the window may not shrink to before it */
    int64_t peer_fin;          /* of the peer's FIN; 0: unknown */
    uint32_t echoed;           /* TS.Recent as it was sent last */
    uint32_t recent;           /* TS.Recent, at least */
    uint32_t latest_timestamp; /* the peer's newest */
    uint32_t syn_timestamp;    /* of the peer's SYN, as it came first */
    bool has_echoed, reset_in;
    uint64_t text_ns;     /* when something came last that an acknowledgement may answer */
    uint64_t reset_in_ns; /* since when reset_in */
    bool echoed_on_syn;   /* only there: a cookie is answered and forgotten */
    uint64_t fin_ns;      /* when the peer's FIN came last */
    uint64_t seen_ns;     /* when it last heard or said something */
    bool may_be_gone;     /* it was silent for so long that it may have given up */
    bool unsure;          /* of scales: a cookie's echo tells them, or what looks like one */
    bool timeless;        /* it was silent for so long that its timestamps mean nothing any more */
    uint64_t owed_ns;     /* since when an acknowledgement is owed; 0: none is */
    int64_t owed_bytes;   /* in order since the last one */
};

/* Both have closed, and know it of each other. */
bool model_end_is_over(const struct model_end *end);

/* RFC 9293, 3.8.3 (d): it has waited for an acknowledgement for so long. */
bool model_end_may_give_up(const struct model_end *end, uint64_t now_ns);

/* The host may have nothing left of it: both have closed, one has reset it, or it was given up or,
 * when both had closed, aborted, which the peer is not told (RFC 9293, 3.8.3 and 3.10.5). */
bool model_end_may_be_forgotten(const struct model_end *end, const struct model_options *options);

/* Of an old end only the SYN cookie is left, which this segment acknowledges, and becomes a new
 * one. Without a timestamp nothing tells any more what was agreed on. */
void model_end_begins_anew(struct model_end *end, const struct model_end *old,
                           const struct model_segment *segment);

/* The end hears or says something now. */
void model_end_lives(struct model_end *end, uint64_t now_ns);

/* Whether a timestamp of the peer's is older than one that it sent before (RFC 7323, 5.3). */
bool model_end_before(const struct model_end *end, uint32_t timestamp, uint32_t recent);

/* The position of a sequence number close to `near`. */
int64_t model_position(uint32_t sequence, uint32_t origin, int64_t near);

void model_end_free(struct model_end *end);

/* received.c: a segment comes in for this end. */
void model_end_hears(struct model_end *end, const struct model_segment *segment,
                     const struct model_options *options, uint64_t now_ns);
/* The peer's SYN is taken as the one to answer. */
void model_end_hears_syn(struct model_end *end, const struct model_segment *segment);

/* sent.c: whether this end may send it; NULL, or what forbids it. */
const char *model_end_judges(const struct model_end *end, const struct model_segment *segment,
                             const struct model_options *options, uint64_t now_ns);
/* Text goes out for the first time. */
void model_end_notes(struct model_end *end, const uint8_t *bytes, uint64_t length);
/* It was sent. */
void model_end_sends(struct model_end *end, const struct model_segment *segment);

/* syn.c: the same for SYNs, and for the first ones of an end. */
const char *model_syn_judges(const struct model_end *end, const struct model_segment *segment,
                             const struct model_options *options);
void model_syn_sends(struct model_end *end, const struct model_segment *segment);

#endif
