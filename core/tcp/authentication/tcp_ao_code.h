/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_AO_CODE_H
#define CHASKI_TCP_TCP_AO_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/address.h"
#include "core/base/aes128.h"
#include "core/base/sha1.h"

/*
 * What TCP-AO computes (RFC 5925, 5; RFC 5926): a traffic key for each direction of a connection
 * from a master key, and with it the code of each segment. Functions of bytes; who has which key
 * is tcp_ao.h's.
 */
enum {
    AO_CODE_LENGTH = 12, /* both algorithms' codes are cut to 96 bits */
    AO_TRAFFIC_KEY = 20, /* the longer one's */
};

/* Of a segment: who sends it to whom, in a connection that began with these numbers; 0 for what is
 * not known yet, when it is the first one (RFC 5925, 5.2). */
struct ao_ends {
    const struct chaski_address *from, *to;
    uint16_t from_port, to_port;
    uint32_t from_isn, to_isn;
};

/* The traffic key (RFC 5926, 3.1). `algorithm` is enum chaski_tcp_ao_algorithm, here and below. */
void ao_derive(uint8_t algorithm, const uint8_t *secret, size_t length, const struct ao_ends *ends,
               uint8_t key[AO_TRAFFIC_KEY]);

struct ao_code {
    uint8_t algorithm;
    union {
        struct hmac_sha1 hmac;
        struct aes128_cmac cmac;
    };
};

void ao_code_begin(struct ao_code *code, uint8_t algorithm, const uint8_t key[AO_TRAFFIC_KEY]);

/* What comes before the payload (RFC 5925, 5.1): the sequence number's extension, the pseudo-header
 * for a segment of `length` bytes, and the header as it stands at `header`, its checksum and the
 * code within the option at `option` taken for zeros; `bare`: of options only that one. */
void ao_code_add_header(struct ao_code *code, uint32_t extension, const struct ao_ends *ends,
                        uint32_t length, const uint8_t *header, uint8_t option, bool bare);

/* The payload, in any number of pieces. */
void ao_code_add(struct ao_code *code, const void *bytes, size_t length);

void ao_code_end(struct ao_code *code, uint8_t bytes[AO_CODE_LENGTH]);

#endif
