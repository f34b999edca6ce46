/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/wire/tcp.h"
#include "tests/exact.h"
#include "tests/fuzz/target.h"

/* Options behind a header of zeros, parsed. */
static struct wire_tcp_options parse(uint8_t *header, size_t length)
{
    struct wire_tcp_options options;
    must(length % 4 == 0 && length <= WIRE_TCP_OPTIONS_MAX);
    wire_tcp_set_length_flags(header, (uint8_t)(WIRE_TCP_HEADER + length), 0);
    must(wire_tcp_check(header, WIRE_TCP_HEADER + length) == 0);
    wire_tcp_parse_options(header, &options);
    return options;
}

static void claim_built_header(const uint8_t *p)
{
    uint8_t built[WIRE_TCP_HEADER];
    wire_tcp_set_ports(built, wire_tcp_source_port(p), wire_tcp_destination_port(p));
    wire_tcp_set_sequence(built, wire_tcp_sequence(p));
    wire_tcp_set_acknowledgment(built, wire_tcp_acknowledgment(p));
    wire_tcp_set_length_flags(built, wire_tcp_header_length(p), wire_tcp_flags_ae(p));
    wire_tcp_set_window(built, wire_tcp_window(p));
    wire_tcp_set_checksum(built, wire_tcp_checksum(p));
    wire_tcp_set_urgent(built, wire_tcp_urgent(p));
    built[WIRE_TCP_OFFSET_FLAGS] |= p[WIRE_TCP_OFFSET_FLAGS] & 0x0e; /* the reserved bits */
    must(memcmp(built, p, sizeof built) == 0);
    must(wire_tcp_flags(p) == (wire_tcp_flags_ae(p) & 0xff));
}

static void claim_bounds(const uint8_t *p, const struct wire_tcp_options *o)
{
    uint8_t end = wire_tcp_header_length(p);
    must(o->window_scale <= WIRE_TCP_WINDOW_SCALE_MAX);
    must(o->has_window_scale || !o->window_scale_clamped);
    must(o->sack_count <= WIRE_TCP_SACK_MAX);
    must(o->sack_count == 0 || o->sack_offset >= WIRE_TCP_HEADER + 2);
    must(o->sack_count == 0 || o->sack_offset + 8 * o->sack_count <= end);
    must(o->has_fast_open || o->fast_open_length == 0);
    must(!o->has_fast_open || o->fast_open_offset + o->fast_open_length <= end);
    must(o->fast_open_length <= WIRE_TCP_COOKIE_MAX);
    must(o->has_fast_open || !o->fast_open_experimental);
    must(o->accecn_offset == 0 || o->accecn_offset + p[o->accecn_offset + 1] <= end);
}

static void claim_fast_path(const uint8_t *p, const struct wire_tcp_options *o)
{
    uint32_t timestamp, echo;
    if (!wire_tcp_timestamp_only(p, &timestamp, &echo))
        return;
    must(o->has_timestamp && o->timestamp == timestamp && o->timestamp_echo == echo);
    must(!o->has_mss && !o->has_window_scale && !o->sack_permitted && o->sack_count == 0);
}

/* What the builder of SYN options writes says the same. */
static void claim_built_syn(const struct wire_tcp_options *o)
{
    uint8_t header[WIRE_TCP_HEADER_MAX] = {0};
    size_t length = wire_tcp_build_syn_options(header + WIRE_TCP_HEADER, o);
    struct wire_tcp_options again = parse(header, length);
    must(length <= 20 + WIRE_TCP_ACCECN_PADDED);
    must((again.accecn_offset != 0) == (o->accecn_offset != 0));
    must(again.has_mss == o->has_mss && again.mss == o->mss);
    must(again.has_window_scale == o->has_window_scale && again.window_scale == o->window_scale);
    must(again.sack_permitted == o->sack_permitted);
    must(again.has_timestamp == o->has_timestamp && again.timestamp == o->timestamp);
    must(again.timestamp_echo == o->timestamp_echo && !again.window_scale_clamped);
}

static void claim_built_sack(const uint8_t *p, const struct wire_tcp_options *o)
{
    uint8_t header[WIRE_TCP_HEADER_MAX] = {0};
    struct wire_tcp_sack blocks[WIRE_TCP_SACK_MAX];
    for (unsigned i = 0; i < o->sack_count; i++)
        blocks[i] = wire_tcp_sack(p, o->sack_offset, i);
    size_t length = wire_tcp_build_sack(header + WIRE_TCP_HEADER, blocks, o->sack_count);
    struct wire_tcp_options again = parse(header, length);
    must(again.sack_count == o->sack_count);
    if (o->sack_count != 0)
        must(memcmp(header + again.sack_offset, p + o->sack_offset, 8u * o->sack_count) == 0);
}

static void claim_built_fast_open(const uint8_t *p, const struct wire_tcp_options *o)
{
    uint8_t header[WIRE_TCP_HEADER_MAX] = {0};
    if (!o->has_fast_open)
        return;
    const uint8_t *cookie = p + o->fast_open_offset;
    struct wire_tcp_options again =
        parse(header, wire_tcp_build_fast_open(header + WIRE_TCP_HEADER, cookie,
                                               o->fast_open_length, o->fast_open_experimental));
    must(again.has_fast_open && again.fast_open_experimental == o->fast_open_experimental);
    must(again.fast_open_length == o->fast_open_length);
    must(memcmp(header + again.fast_open_offset, cookie, o->fast_open_length) == 0);
}

/* Counters read from either order of the option, built again in ours. */
static void claim_built_accecn(const uint8_t *p, const struct wire_tcp_options *o)
{
    uint8_t header[WIRE_TCP_HEADER_MAX] = {0};
    struct wire_tcp_accecn counts, again;
    if (o->accecn_offset == 0)
        return;
    unsigned fields = wire_tcp_accecn(p, o->accecn_offset, &counts);
    must(fields <= 3 && fields == (unsigned)counts.has_ect0 + counts.has_ce + counts.has_ect1);
    must((counts.ect0_bytes | counts.ce_bytes | counts.ect1_bytes) < 1u << 24);
    struct wire_tcp_options options =
        parse(header, wire_tcp_build_accecn(header + WIRE_TCP_HEADER, &counts, 3));
    must(options.accecn_offset != 0);
    must(wire_tcp_accecn(header, options.accecn_offset, &again) == 3);
    must(again.ect0_bytes == counts.ect0_bytes && again.ce_bytes == counts.ce_bytes);
    must(again.ect1_bytes == counts.ect1_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *segment = exact_copy(bytes, size);
    if (wire_tcp_check(segment, size) == 0) {
        struct wire_tcp_options options;
        wire_tcp_parse_options(segment, &options);
        claim_built_header(segment);
        claim_bounds(segment, &options);
        claim_fast_path(segment, &options);
        claim_built_syn(&options);
        claim_built_sack(segment, &options);
        claim_built_fast_open(segment, &options);
        claim_built_accecn(segment, &options);
    }
    exact_free(segment, size);
    return 0;
}
