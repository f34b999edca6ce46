/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_WIRE_TCP_H
#define CHASKI_WIRE_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/counters.h"
#include "core/base/checksum.h"
#include "core/base/endian.h"

/* TCP headers (RFC 9293, 3.1) and options (RFC 9293, 3.2; RFC 7323; RFC 2018; RFC 7413; RFC 5925).
 */

enum wire_tcp {
    WIRE_TCP_SOURCE_PORT = 0,
    WIRE_TCP_DESTINATION_PORT = 2,
    WIRE_TCP_SEQUENCE = 4,
    WIRE_TCP_ACKNOWLEDGMENT = 8,
    WIRE_TCP_OFFSET_FLAGS = 12,
    WIRE_TCP_WINDOW = 14,
    WIRE_TCP_CHECKSUM = 16,
    WIRE_TCP_URGENT = 18,
    WIRE_TCP_HEADER = 20, /* without options */
    WIRE_TCP_HEADER_MAX = 60,
    WIRE_TCP_OPTIONS_MAX = 40,
    WIRE_TCP_USER_TIMEOUT_SIZE = 4,
};

enum wire_tcp_flag {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80,
    TCP_AE = 0x100, /* accurate ECN (RFC 9768); not in the low byte */
};

enum wire_tcp_option {
    WIRE_TCP_OPTION_END = 0,
    WIRE_TCP_OPTION_NOP = 1,
    WIRE_TCP_OPTION_MSS = 2,
    WIRE_TCP_OPTION_WINDOW_SCALE = 3,
    WIRE_TCP_OPTION_SACK_PERMITTED = 4,
    WIRE_TCP_OPTION_SACK = 5,
    WIRE_TCP_OPTION_TIMESTAMP = 8,
    WIRE_TCP_OPTION_MD5 = 19, /* RFC 2385 */
    WIRE_TCP_OPTION_USER_TIMEOUT = 28,
    WIRE_TCP_OPTION_AO = 29, /* RFC 5925 */
    WIRE_TCP_OPTION_FAST_OPEN = 34,
    WIRE_TCP_OPTION_ACCECN_0 = 172, /* RFC 9768, 3.2.3: counters of ECT(0), CE, ECT(1) */
    WIRE_TCP_OPTION_ACCECN_1 = 174, /* ECT(1), CE, ECT(0) */
    WIRE_TCP_OPTION_EXPERIMENTAL = 254,
};

enum {
    WIRE_TCP_PROTOCOL = 6, /* what IP headers call it */
    WIRE_TCP_MSS_SIZE = 4,
    WIRE_TCP_WINDOW_SCALE_SIZE = 3,
    WIRE_TCP_SACK_PERMITTED_SIZE = 2,
    WIRE_TCP_TIMESTAMP_SIZE = 10,
    WIRE_TCP_WINDOW_SCALE_MAX = 14, /* RFC 7323, 2.3 */
    WIRE_TCP_SACK_MAX = 4,          /* blocks that a header has room for; 3 beside a timestamp */
    WIRE_TCP_TIMESTAMP_PADDED = 12,
    WIRE_TCP_ACCECN_PADDED = 12,       /* with all three counters */
    WIRE_TCP_AO_SIZE = 16,             /* with a code of 96 bits */
    WIRE_TCP_AO_CODE = 4,              /* within the option, behind KeyID and RNextKeyID */
    WIRE_TCP_COOKIE_MAX = 16,          /* RFC 7413, 4.1.1 */
    WIRE_TCP_FAST_OPEN_MAGIC = 0xf989, /* in the experimental option */
};

static inline uint16_t wire_tcp_source_port(const uint8_t *p)
{
    return load_be16(p + WIRE_TCP_SOURCE_PORT);
}

static inline uint16_t wire_tcp_destination_port(const uint8_t *p)
{
    return load_be16(p + WIRE_TCP_DESTINATION_PORT);
}

static inline uint32_t wire_tcp_sequence(const uint8_t *p)
{
    return load_be32(p + WIRE_TCP_SEQUENCE);
}

static inline uint32_t wire_tcp_acknowledgment(const uint8_t *p)
{
    return load_be32(p + WIRE_TCP_ACKNOWLEDGMENT);
}

/* In bytes, options included. */
static inline uint8_t wire_tcp_header_length(const uint8_t *p)
{
    return (uint8_t)(p[WIRE_TCP_OFFSET_FLAGS] >> 4 << 2);
}

/* A set of enum wire_tcp_flag, without TCP_AE. */
static inline uint8_t wire_tcp_flags(const uint8_t *p)
{
    return p[WIRE_TCP_OFFSET_FLAGS + 1];
}

/* The same with TCP_AE. */
static inline uint16_t wire_tcp_flags_ae(const uint8_t *p)
{
    return load_be16(p + WIRE_TCP_OFFSET_FLAGS) & 0x1ff;
}

/* As it stands there, not scaled. */
static inline uint16_t wire_tcp_window(const uint8_t *p)
{
    return load_be16(p + WIRE_TCP_WINDOW);
}

static inline uint16_t wire_tcp_checksum(const uint8_t *p)
{
    return checksum_load(p + WIRE_TCP_CHECKSUM);
}

/* Means something only with TCP_URG. */
static inline uint16_t wire_tcp_urgent(const uint8_t *p)
{
    return load_be16(p + WIRE_TCP_URGENT);
}

/* The header with its options lies within `length` bytes. */
static inline enum chaski_counter wire_tcp_check(const uint8_t *bytes, size_t length)
{
    if (length < WIRE_TCP_HEADER || wire_tcp_header_length(bytes) < WIRE_TCP_HEADER ||
        wire_tcp_header_length(bytes) > length)
        return CHASKI_DROP_TCP_HEADER;
    return 0;
}

static inline void wire_tcp_set_ports(uint8_t *p, uint16_t source, uint16_t destination)
{
    store_be16(p + WIRE_TCP_SOURCE_PORT, source);
    store_be16(p + WIRE_TCP_DESTINATION_PORT, destination);
}

static inline void wire_tcp_set_sequence(uint8_t *p, uint32_t sequence)
{
    store_be32(p + WIRE_TCP_SEQUENCE, sequence);
}

static inline void wire_tcp_set_acknowledgment(uint8_t *p, uint32_t acknowledgment)
{
    store_be32(p + WIRE_TCP_ACKNOWLEDGMENT, acknowledgment);
}

/* `header_length` in bytes, a multiple of 4; `flags` with or without TCP_AE. The reserved bits
 * become 0. */
static inline void wire_tcp_set_length_flags(uint8_t *p, uint8_t header_length, uint16_t flags)
{
    store_be16(p + WIRE_TCP_OFFSET_FLAGS, (uint16_t)(header_length << 10 | (flags & 0x1ff)));
}

static inline void wire_tcp_set_window(uint8_t *p, uint16_t window)
{
    store_be16(p + WIRE_TCP_WINDOW, window);
}

static inline void wire_tcp_set_checksum(uint8_t *p, uint16_t checksum)
{
    checksum_store(p + WIRE_TCP_CHECKSUM, checksum);
}

static inline void wire_tcp_set_urgent(uint8_t *p, uint16_t urgent)
{
    store_be16(p + WIRE_TCP_URGENT, urgent);
}

/* What a header's options say. Values count only where the has_ flag stands. */
struct wire_tcp_options {
    bool has_mss, has_window_scale, sack_permitted, has_timestamp, has_fast_open;
    bool window_scale_clamped; /* the peer asked for more than 14 */
    uint8_t window_scale;
    uint8_t sack_count;          /* 0: no SACK option */
    uint8_t sack_offset;         /* of the first edge, from the header's start */
    uint8_t fast_open_length;    /* of the cookie; 0 asks for one */
    uint8_t fast_open_offset;    /* of the cookie, from the header's start */
    bool fast_open_experimental; /* it stands in the option of RFC 6994 */
    uint8_t accecn_offset;       /* of the option itself; 0: no AccECN option */
    uint16_t mss;
    uint16_t
        user_timeout; /* RFC 5482, 3.3, as it stands there; 0: none, or a value without meaning */
    uint32_t timestamp, timestamp_echo;
};

/* Reads the options of a checked header. An option of a wrong length counts for nothing; one whose
 * length is under 2 or past the end ends the reading; of two of a kind the first counts. Whether
 * an option means anything in this segment (MSS without SYN) is for the caller to know. */
void wire_tcp_parse_options(const uint8_t *header, struct wire_tcp_options *options);

/* The usual case at once: true when NOP NOP timestamp are all the options. */
static inline bool wire_tcp_timestamp_only(const uint8_t *header, uint32_t *timestamp,
                                           uint32_t *timestamp_echo)
{
    if (wire_tcp_header_length(header) != WIRE_TCP_HEADER + WIRE_TCP_TIMESTAMP_PADDED ||
        load_be32(header + WIRE_TCP_HEADER) != 0x0101080a)
        return false;
    *timestamp = load_be32(header + WIRE_TCP_HEADER + 4);
    *timestamp_echo = load_be32(header + WIRE_TCP_HEADER + 8);
    return true;
}

/* Sequence numbers from `left` up to but not including `right`. What a peer sends may be any two
 * numbers in any order. */
struct wire_tcp_sack {
    uint32_t left, right;
};

/* Block i < sack_count of the option at `sack_offset`. */
static inline struct wire_tcp_sack wire_tcp_sack(const uint8_t *header, uint8_t sack_offset,
                                                 unsigned i)
{
    const uint8_t *at = header + sack_offset + 8 * i;
    return (struct wire_tcp_sack){load_be32(at), load_be32(at + 4)};
}

/* Builders write at `at`, always a multiple of 4 bytes, and return how many. */

/* The options of a SYN in Linux's order: MSS, SACK permitted, timestamp, AccECN with the counters
 * as they begin when accecn_offset is not 0, window scale; at most 32 bytes. SACK blocks and
 * cookies are not a SYN's here and are left out. */
size_t wire_tcp_build_syn_options(uint8_t *at, const struct wire_tcp_options *options);

/* The cookie of `length` bytes, 0 to ask for one, in the option of RFC 7413 or the experimental one
 * that came before it; filled up with NOPs. */
size_t wire_tcp_build_fast_open(uint8_t *at, const uint8_t *cookie, uint8_t length,
                                bool experimental);

/* NOP NOP timestamp: WIRE_TCP_TIMESTAMP_PADDED bytes. */
static inline size_t wire_tcp_build_timestamp(uint8_t *at, uint32_t timestamp,
                                              uint32_t timestamp_echo)
{
    store_be32(at, 0x0101080a);
    store_be32(at + 4, timestamp);
    store_be32(at + 8, timestamp_echo);
    return WIRE_TCP_TIMESTAMP_PADDED;
}

/* RFC 5482, 3.3: `value` with its granularity in the highest bit. 4 bytes. */
static inline size_t wire_tcp_build_user_timeout(uint8_t *at, uint16_t value)
{
    store_be32(at, (uint32_t)WIRE_TCP_OPTION_USER_TIMEOUT << 24 | WIRE_TCP_USER_TIMEOUT_SIZE << 16 |
                       value);
    return WIRE_TCP_USER_TIMEOUT_SIZE;
}

/* The counters of the AccECN option, 24 bits each; how many stand there is told by its length. */
struct wire_tcp_accecn {
    bool has_ect0, has_ce, has_ect1;
    uint32_t ect0_bytes, ce_bytes, ect1_bytes;
};

/* Reads the option at `offset`, either order; returns how many counters it has. */
unsigned wire_tcp_accecn(const uint8_t *header, uint8_t offset, struct wire_tcp_accecn *counts);

/* The option with the first `fields` (0 to 3) of ECT(1), CE, ECT(0), NOPs behind it. */
size_t wire_tcp_build_accecn(uint8_t *at, const struct wire_tcp_accecn *counts, unsigned fields);

/* What a header says about its authentication. */
enum wire_tcp_ao {
    WIRE_TCP_AO_NONE,
    WIRE_TCP_AO_ONE,
    WIRE_TCP_AO_WRONG, /* two of them, another length, or MD5 beside it (RFC 5925, 2.2) */
};

/* Finds the option in a checked header; *offset is from the header's start. */
enum wire_tcp_ao wire_tcp_find_ao(const uint8_t *header, uint8_t *offset);

static inline uint8_t wire_tcp_ao_key_id(const uint8_t *header, uint8_t offset)
{
    return header[offset + 2];
}

static inline uint8_t wire_tcp_ao_next_key_id(const uint8_t *header, uint8_t offset)
{
    return header[offset + 3];
}

/* The option, the code being zeros yet: WIRE_TCP_AO_SIZE bytes. */
size_t wire_tcp_build_ao(uint8_t *at, uint8_t key_id, uint8_t next_key_id);

/* NOP NOP SACK with 1 to 4 blocks: 4 + 8 * count bytes; 0 when count is 0. */
size_t wire_tcp_build_sack(uint8_t *at, const struct wire_tcp_sack *blocks, unsigned count);

#endif
