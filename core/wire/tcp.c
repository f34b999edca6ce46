/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/wire/tcp.h"

#include "core/base/bytes.h"

/* The option of `length` bytes, all of them there, at `at`; its value begins two bytes further. */
static void read_mss(const uint8_t *at, uint8_t length, struct wire_tcp_options *options)
{
    if (length != WIRE_TCP_MSS_SIZE || options->has_mss)
        return;
    options->has_mss = true;
    options->mss = load_be16(at + 2);
}

static void read_window_scale(const uint8_t *at, uint8_t length, struct wire_tcp_options *options)
{
    if (length != WIRE_TCP_WINDOW_SCALE_SIZE || options->has_window_scale)
        return;
    options->has_window_scale = true;
    options->window_scale_clamped = at[2] > WIRE_TCP_WINDOW_SCALE_MAX;
    options->window_scale = options->window_scale_clamped ? WIRE_TCP_WINDOW_SCALE_MAX : at[2];
}

static void read_timestamp(const uint8_t *at, uint8_t length, struct wire_tcp_options *options)
{
    if (length != WIRE_TCP_TIMESTAMP_SIZE || options->has_timestamp)
        return;
    options->has_timestamp = true;
    options->timestamp = load_be32(at + 2);
    options->timestamp_echo = load_be32(at + 6);
}

static void read_sack(const uint8_t *header, const uint8_t *at, uint8_t length,
                      struct wire_tcp_options *options)
{
    if (length < 10 || length % 8 != 2 || options->sack_count != 0)
        return;
    options->sack_count = length / 8;
    options->sack_offset = (uint8_t)(at + 2 - header);
}

/* RFC 7413, 4.1.1: cookies are 4 to 16 bytes, an even number. */
static void read_fast_open(const uint8_t *header, const uint8_t *at, uint8_t length,
                           struct wire_tcp_options *options)
{
    if ((length != 2 && (length < 6 || length > 18 || length % 2 != 0)) || options->has_fast_open)
        return;
    options->has_fast_open = true;
    options->fast_open_length = (uint8_t)(length - 2);
    options->fast_open_offset = (uint8_t)(at + 2 - header);
}

/* RFC 9768, 3.2.3: up to three counters of three bytes. */
static void read_accecn(const uint8_t *header, const uint8_t *at, uint8_t length,
                        struct wire_tcp_options *options)
{
    if (length > 11 || length % 3 != 2 || options->accecn_offset != 0)
        return;
    options->accecn_offset = (uint8_t)(at - header);
}

/* RFC 7413, 4.1.1, in the shared experimental option (RFC 6994) with this magic number. */
static void read_experimental(const uint8_t *header, const uint8_t *at, uint8_t length,
                              struct wire_tcp_options *options)
{
    if (length < 4 || load_be16(at + 2) != WIRE_TCP_FAST_OPEN_MAGIC || options->has_fast_open ||
        (length != 4 && (length < 8 || length > 20 || length % 2 != 0)))
        return;
    options->has_fast_open = options->fast_open_experimental = true;
    options->fast_open_length = (uint8_t)(length - 4);
    options->fast_open_offset = (uint8_t)(at + 4 - header);
}

static void read_option(const uint8_t *header, const uint8_t *at, uint8_t length,
                        struct wire_tcp_options *options)
{
    switch (at[0]) {
    case WIRE_TCP_OPTION_MSS:
        read_mss(at, length, options);
        break;
    case WIRE_TCP_OPTION_WINDOW_SCALE:
        read_window_scale(at, length, options);
        break;
    case WIRE_TCP_OPTION_SACK_PERMITTED:
        options->sack_permitted |= length == WIRE_TCP_SACK_PERMITTED_SIZE;
        break;
    case WIRE_TCP_OPTION_SACK:
        read_sack(header, at, length, options);
        break;
    case WIRE_TCP_OPTION_TIMESTAMP:
        read_timestamp(at, length, options);
        break;
    case WIRE_TCP_OPTION_USER_TIMEOUT:
        if (length == WIRE_TCP_USER_TIMEOUT_SIZE && options->user_timeout == 0)
            options->user_timeout = load_be16(at + 2);
        break;
    case WIRE_TCP_OPTION_FAST_OPEN:
        read_fast_open(header, at, length, options);
        break;
    case WIRE_TCP_OPTION_ACCECN_0:
    case WIRE_TCP_OPTION_ACCECN_1:
        read_accecn(header, at, length, options);
        break;
    case WIRE_TCP_OPTION_EXPERIMENTAL:
        read_experimental(header, at, length, options);
        break;
    default:
        break;
    }
}

void wire_tcp_parse_options(const uint8_t *header, struct wire_tcp_options *options)
{
    memset(options, 0, sizeof *options);
    const uint8_t *end = header + wire_tcp_header_length(header);
    const uint8_t *at = header + WIRE_TCP_HEADER;
    while (at < end && at[0] != WIRE_TCP_OPTION_END) {
        if (at[0] == WIRE_TCP_OPTION_NOP) {
            at++;
            continue;
        }
        if (end - at < 2 || at[1] < 2 || at[1] > end - at)
            return;
        read_option(header, at, at[1], options);
        at += at[1];
    }
}

/* Three-byte and two-byte options are filled up to four with NOPs before them, so that everything
 * behind starts at a multiple of four. */
size_t wire_tcp_build_syn_options(uint8_t *at, const struct wire_tcp_options *options)
{
    uint8_t *to = at;
    if (options->has_mss) {
        store_be32(to, 0x02040000u | options->mss);
        to += 4;
    }
    if (options->has_timestamp) {
        to += wire_tcp_build_timestamp(to, options->timestamp, options->timestamp_echo);
        if (options->sack_permitted)
            store_be16(to - WIRE_TCP_TIMESTAMP_PADDED, 0x0402);
    }
    if (options->accecn_offset != 0) {
        static const struct wire_tcp_accecn begun = {.ect0_bytes = 1, .ect1_bytes = 1};
        to += wire_tcp_build_accecn(to, &begun, 3);
    }
    if (options->sack_permitted && !options->has_timestamp) {
        store_be32(to, 0x01010402);
        to += 4;
    }
    if (options->has_window_scale) {
        store_be32(to, 0x01030300u | options->window_scale);
        to += 4;
    }
    return (size_t)(to - at);
}

static uint32_t load_24(const uint8_t *at)
{
    return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

unsigned wire_tcp_accecn(const uint8_t *header, uint8_t offset, struct wire_tcp_accecn *counts)
{
    const uint8_t *at = header + offset;
    unsigned fields = (at[1] - 2u) / 3;
    bool ect0_first = at[0] == WIRE_TCP_OPTION_ACCECN_0;
    uint32_t first = fields > 0 ? load_24(at + 2) : 0, third = fields > 2 ? load_24(at + 8) : 0;
    *counts = (struct wire_tcp_accecn){
        .has_ect0 = fields > (ect0_first ? 0 : 2),
        .has_ce = fields > 1,
        .has_ect1 = fields > (ect0_first ? 2 : 0),
        .ect0_bytes = ect0_first ? first : third,
        .ce_bytes = fields > 1 ? load_24(at + 5) : 0,
        .ect1_bytes = ect0_first ? third : first,
    };
    return fields;
}

static void store_24(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 16);
    at[1] = (uint8_t)(value >> 8);
    at[2] = (uint8_t)value;
}

size_t wire_tcp_build_accecn(uint8_t *at, const struct wire_tcp_accecn *counts, unsigned fields)
{
    size_t length = 2 + 3 * (size_t)fields, padded = (length + 3) & ~(size_t)3;
    const uint32_t values[3] = {counts->ect1_bytes, counts->ce_bytes, counts->ect0_bytes};
    memset(at, WIRE_TCP_OPTION_NOP, padded);
    at[0] = WIRE_TCP_OPTION_ACCECN_1;
    at[1] = (uint8_t)length;
    for (unsigned i = 0; i < fields; i++)
        store_24(at + 2 + 3 * i, values[i]);
    return padded;
}

size_t wire_tcp_build_fast_open(uint8_t *at, const uint8_t *cookie, uint8_t length,
                                bool experimental)
{
    uint8_t *to = at;
    *to++ = experimental ? WIRE_TCP_OPTION_EXPERIMENTAL : WIRE_TCP_OPTION_FAST_OPEN;
    *to++ = (uint8_t)(length + (experimental ? 4 : 2));
    if (experimental) {
        store_be16(to, WIRE_TCP_FAST_OPEN_MAGIC);
        to += 2;
    }
    for (uint8_t i = 0; i < length; i++)
        *to++ = cookie[i];
    while ((to - at) % 4 != 0)
        *to++ = WIRE_TCP_OPTION_NOP;
    return (size_t)(to - at);
}

size_t wire_tcp_build_sack(uint8_t *at, const struct wire_tcp_sack *blocks, unsigned count)
{
    if (count == 0)
        return 0;
    store_be32(at, 0x01010502u + 8 * count);
    for (unsigned i = 0; i < count; i++) {
        store_be32(at + 4 + 8 * i, blocks[i].left);
        store_be32(at + 8 + 8 * i, blocks[i].right);
    }
    return 4 + (size_t)count * 8;
}
