/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_RATE_H
#define CHASKI_TCP_TCP_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_connection;
struct sent_news;

/*
 * How fast the path delivers (draft-ietf-ccwg-bbr, 4.1). Each transmission notes how much had been
 * delivered before it, and since when; when it arrives, what was delivered meanwhile took that
 * long. No rate is believed that is higher than that of sending was. Where the application had
 * nothing to send in between, the sample tells of the application and not of the path.
 *
 * Byte counts and times in microseconds wrap; only differences count.
 */

/* What a transmission notes. */
struct rate_mark {
    uint32_t delivered, delivered_us; /* by then, and when the last of it arrived */
    uint32_t first_sent_us;           /* when what arrived last then had been sent */
    uint32_t lost;                    /* by then */
    uint32_t in_flight : 31;          /* itself included */
    uint32_t app_limited : 1;
};

/* In a flight. */
struct rate {
    uint32_t delivered;     /* bytes that have arrived */
    uint32_t lost;          /* bytes found lost, and those that arrived marked */
    uint32_t delivered_us;  /* when the former last grew, or sending began after a pause */
    uint32_t first_sent_us; /* when what arrived last was sent */
    uint32_t bubble;        /* app-limited until more than this has been delivered */
    bool app_limited;
    bool sample_app_limited;   /* of the sample that last_bytes_per_s is of, */
    uint32_t segments;         /* that have arrived, as Linux counts them in tcpi_delivered */
    uint64_t last_bytes_per_s; /* as tcp_info shows it; 0: none yet */
    uint64_t now_ns;           /* of the event that is being processed: losses are dated by it */
};

/* What an acknowledgement tells. */
struct rate_sample {
    uint64_t bytes_per_s;     /* 0: no reliable one */
    uint32_t delivered;       /* bytes, since the newest segment that arrived was sent; */
    uint32_t prior_delivered; /* how many before then, */
    uint32_t lost;            /* how many were lost or marked since, */
    uint32_t in_flight;       /* and how many were in flight with it */
    bool arrived;             /* something has: the others hold */
    bool app_limited;
};

void rate_init(struct rate *rate, uint64_t now_ns);

/* What a transmission is to note; `in_flight` with it. */
struct rate_mark rate_sent(struct rate *rate, uint32_t in_flight, uint32_t length, uint64_t now_ns);

/* Everything is sent, and the window would allow more: `in_flight` is all there is. */
void rate_out_of_data(struct rate *rate, uint32_t in_flight);

/* Counts in what an acknowledgement brought; `min_rtt_us` is the shortest round trip known. */
struct rate_sample rate_acknowledged(struct rate *rate, const struct sent_news *news,
                                     uint32_t min_rtt_us);

#endif
