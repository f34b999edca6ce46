/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_MODEL_SEGMENT_H
#define CHASKI_TESTS_MODEL_SEGMENT_H

#include "tests/model/model.h"

/* A segment as the model reads it (RFC 9293, 3.1 and 3.2). */

enum model_flag {
    MODEL_FIN = 1,
    MODEL_SYN = 2,
    MODEL_RST = 4,
    MODEL_PSH = 8,
    MODEL_ACK = 16,
    MODEL_URG = 32,
};

struct model_segment {
    struct model_tuple ends; /* local is who sent it */
    uint32_t sequence, acknowledgment;
    uint8_t flags;
    uint16_t window, urgent;
    const uint8_t *payload;
    uint32_t length; /* of the payload */
    uint32_t unit;   /* of the longest segment that it will be cut into */
    uint32_t options_length;
    bool reserved, malformed; /* reserved bits are set; options do not parse */
    bool has_mss, has_scale, has_sack_permitted, has_timestamp;
    uint16_t mss;
    uint8_t scale;
    uint32_t timestamp, echo;
    bool opens_fast; /* it has RFC 7413's option, in either shape */
    uint32_t blocks; /* of SACK */
    uint32_t block[4][2];
};

enum model_reading {
    MODEL_READ,    /* it is a segment */
    MODEL_NO_TCP,  /* something else */
    MODEL_PIECE,   /* a fragment of something that may be one */
    MODEL_DAMAGED, /* a checksum or a length is wrong */
};

enum model_reading model_read(const struct model_packet *packet, struct model_segment *segment);

#endif
