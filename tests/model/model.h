/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_MODEL_MODEL_H
#define CHASKI_TESTS_MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A model of TCP, written from the text of RFC 9293, 7323 and 2018 alone: it is shown what one host
 * receives, what its applications call and what it sends, and says whether each segment sent is one
 * that the RFCs allow in that state. It includes nothing of the stack.
 *
 * What a host receives it may lose for want of memory, so the model knows only what the host knows
 * at most: a segment is wrong when it is wrong whichever of the received segments were taken in.
 * With `exact`, the host is known to take everything in, and what it owes is checked as well.
 */
struct model;

struct model_options {
    bool calls;     /* every call is shown, too: model_call() */
    bool fast_open; /* text may come with a SYN, even without a cookie (RFC 7413) */
    bool exact;     /* the host drops nothing, and its segments reach the wire at once */
    bool shrinks;   /* a window with a scale may become less than was told (RFC 7323, 2.4) */
};

/* NULL when there is no memory. */
struct model *model_make(const struct model_options *options);
void model_free(struct model *model);

/* An IP packet. */
struct model_packet {
    const uint8_t *bytes; /* at the IPv4 header; what is none is ignored */
    uint32_t length;      /* bytes, all of them contiguous */
    uint32_t unit;        /* payload of each segment that the link will cut this one into; 0: one */
    bool trusted;         /* checksums are somebody else's business */
};

/* The two ends, as the host sees them; addresses of IPv4 as numbers. */
struct model_tuple {
    uint32_t local, remote;
    uint16_t local_port, remote_port;
};

enum model_call {
    MODEL_CONNECT,
    MODEL_WRITE,    /* that many more bytes were taken */
    MODEL_SHUTDOWN, /* no more will be written */
    MODEL_CLOSE,
    MODEL_ABORT,
};

/* The host is given a packet. */
void model_in(struct model *model, const struct model_packet *packet, uint64_t now_ns);

/* From now on the host may have lost anything that it was given, or was about to send: no longer
 * `exact`. */
void model_may_lose(struct model *model);

/* An application has called, with success. Which connection is meant, of all that there are and
 * were between two ends, says its initial sequence number, whether or not that has been sent. */
void model_call(struct model *model, const struct model_tuple *tuple, uint32_t iss,
                enum model_call call, uint32_t amount);

/* The host sends a packet. NULL, or the rule that it breaks: a sentence with the RFC's section. */
const char *model_out(struct model *model, const struct model_packet *packet, uint64_t now_ns);

/* The host has done all that it wants to do at this time. NULL, or what it should have sent. */
const char *model_turn(struct model *model, uint64_t now_ns);

#endif
