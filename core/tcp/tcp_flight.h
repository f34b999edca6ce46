/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_FLIGHT_H
#define CHASKI_TCP_TCP_FLIGHT_H

#include <stdint.h>

#include "core/base/memory.h"
#include "core/tcp/congestion/congestion.h"
#include "core/tcp/recovery/tcp_min_rtt.h"
#include "core/tcp/recovery/tcp_rate.h"
#include "core/tcp/recovery/tcp_scoreboard.h"
#include "core/tcp/sending/tcp_mtu_search.h"
#include "core/tcp/sending/tcp_send_queue.h"
#include "core/tcp/window/tcp_ecn.h"
#include "core/tcp/window/tcp_pace.h"
#include "core/tcp/window/tcp_validate.h"

struct tcp;
struct tcp_connection;

/* Loss detection by time (RFC 8985), with its names. */
struct rack {
    uint64_t xmit_ns; /* when the latest sent segment that has arrived was sent; 0: none has */
    uint64_t due_ns;  /* when the reordering window of the rest ends; 0: nothing waits for it */
    uint32_t end_seq, rtt_us;
    uint32_t dsack_round; /* the window grows once before this is acknowledged */
    uint16_t reordering;  /* by how many segments something was overtaken at most, in former
                             connections too; 0: not known */
    uint8_t more_steps;   /* RACK.reo_wnd_mult, less one */
    uint8_t persist : 6;  /* recoveries for which it stays so */
    bool round_known : 1; /* dsack_round holds */
    bool reordering_seen : 1;
};

/* A tail loss probe (RFC 8985, 7). */
struct tail_probe {
    uint64_t at_ns;       /* when it is due unless something arrives; TIMER_NEVER: none may go */
    uint32_t end_seq;     /* SND.NXT when it went */
    bool at_known : 1;    /* at_ns holds; else it counts from when the answer is next awaited, */
    bool advanced : 1;    /* which is when something was acknowledged, not sent */
    bool outstanding : 1; /* it has gone, and its answer has not come */
    bool again : 1;       /* it was a retransmission, not new data */
    bool owed : 1;        /* to be sent at the next output */
};

/* Proportional rate reduction (RFC 9937), in bytes. */
struct prr {
    uint32_t delivered, out;
    uint32_t flight; /* RecoverFS: in the network when recovery began */
};

/* Forward RTO-recovery (RFC 5682): how far the answer to whether a time-out was spurious is. */
enum frto {
    FRTO_OFF,
    FRTO_ARMED, /* the first segment goes again; what comes back then? */
    FRTO_NEW,   /* it advanced SND.UNA: new data goes now, */
    FRTO_SENT,  /* has gone; what comes back then? */
    FRTO_OPEN, /* a segment came that told nothing: the same, but what is lost goes again (Linux) */
};

/* What to go back to when it turns out that nothing was lost. */
struct undo {
    bool possible;
    bool full;               /* what the flight said of the window then */
    uint32_t marker;         /* SND.UNA when the window was reduced */
    int32_t retransmissions; /* segments sent again and not reported as duplicates; -1: none sent */
    uint32_t first_timestamp; /* of ours when the first one went; 0: none went */
    uint32_t window, threshold;
};

/* Where PSH is set within what was written at once (tcp_push.c), by sequence number. */
struct push {
    uint32_t buffer; /* where the last buffer of what waits begins, if there were such */
    uint32_t last;   /* set there last, by what has been written */
    uint32_t from;   /* what the distance to the next is counted from */
    uint32_t next;
    bool ahead; /* `next` holds */
};

/*
 * What a connection has only while it sends: the bytes queued, what is known of those in flight,
 * where recovery stands, and what congestion control has learned. Most of many connections are
 * idle, so flights stand in an array of their own, smaller than that of connections when packets
 * are fewer. A connection takes one when it first has something to send, and keeps it when all is
 * acknowledged, since it will often send again; but when none is left, one whose connection is
 * idle is taken away, and what that connection knows of its path is then only its window, its
 * threshold and its round trip.
 */
struct tcp_flight {
    struct tcp_send_queue queue;
    struct tcp_scoreboard scoreboard;
    uint32_t connection;     /* its index plus one; 0: free */
    uint32_t next_free;      /* index plus one */
    uint32_t snd_small;      /* behind the last segment that was not full (Nagle) */
    uint32_t recovery_point; /* SND.NXT when recovery began */
    uint32_t duplicate_acks; /* without SACK: each stands for a segment that left the network */
    uint8_t tells_progress;  /* CHASKI_TCP_PROGRESS */
    bool unpushed;           /* the application will go on with what it wrote last */
    bool released;           /* what was written until now need not wait */
    uint16_t proven_mss;     /* segments of this size were acknowledged lately */
    uint16_t syn_data;       /* bytes that our SYN carried, while it is not answered */
    uint16_t syn_again;      /* of those, what is still to be sent again */
    uint8_t awaited;         /* enum flight_deadline: what send_at stands for */
    uint8_t frto;            /* enum frto */
    uint64_t rto_at;         /* when the retransmission timer expires; send_at may come before */
    struct rack rack;
    struct tail_probe probe;
    struct prr prr;
    struct undo undo;
    struct ecn_told told;
    uint32_t confirmed_ms; /* when the neighbour was last said to be there */
    struct mtu_search mtu;
    struct rate rate;
    struct min_rtt min_rtt;
    struct pace pace;
    struct validation validation;
    struct push push;
    uint32_t timeout_at;   /* where the segment begins that told our user time-out */
    uint16_t peer_timeout; /* the option's value, which was not adopted; 0: none came */
    bool timeout_told;     /* timeout_at holds */
    bool limited;          /* the window has held something back since the last acknowledgement */
    bool full;             /* the window was full, and lately */
    uint8_t report_length; /* bytes of SACK blocks in each segment of this visit of the output; */
    uint16_t segment_size; /* payload of a full one, beside them; or an MTU probe's */
    uint32_t full_end;     /* SND.NXT when the window was full */
    uint32_t peak;         /* most bytes in flight in the round that ends at peak_end */
    uint32_t peak_end;
    union congestion_state congestion;
};

enum flight_deadline {
    AWAIT_RTO,     /* RFC 6298 */
    AWAIT_PROBE,   /* RFC 8985, 7: a tail loss probe is to be sent */
    AWAIT_PACE,    /* what may be sent has been sent; the next goes then (tcp_pace.h) */
    AWAIT_REORDER, /* RFC 8985, 6.3: what has not arrived by then is lost */
};

struct tcp_flights {
    struct tcp_flight *array;
    uint32_t limit;
    uint32_t fresh; /* those from here on were never used */
    uint32_t free;  /* chain, index plus one */
    uint32_t hand;  /* where the search for an idle connection's goes on */
};

void flights_setup(struct tcp_flights *flights, struct memory *memory, uint32_t limit);

/* The connection's flight, which it gets when it has none; NULL when all are needed elsewhere. */
struct tcp_flight *flight_take(struct tcp *tcp, struct tcp_connection *c);

/* Drops what is queued and the records of what is in flight; the connection has none afterwards. */
void flight_give(struct tcp *tcp, struct tcp_connection *c);

#endif
