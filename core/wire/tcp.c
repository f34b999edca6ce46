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
    case WIRE_TCP_OPTION_FAST_OPEN:
        read_fast_open(header, at, length, options);
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
    } else if (options->sack_permitted) {
        store_be32(to, 0x01010402);
        to += 4;
    }
    if (options->has_window_scale) {
        store_be32(to, 0x01030300u | options->window_scale);
        to += 4;
    }
    return (size_t)(to - at);
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
