/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/wire/ip4.h"
#include "tests/exact.h"
#include "tests/fuzz/target.h"

static void claim_seen_at(const uint8_t *p, uint8_t at, uint8_t type, uint8_t least)
{
    if (at == 0)
        return;
    must(at >= WIRE_IP4_HEADER && at + least <= wire_ip4_header_length(p));
    must(p[at] == type);
    must(p[at + 1] >= least && at + p[at + 1] <= wire_ip4_header_length(p));
}

static void claim_options(const uint8_t *p)
{
    struct wire_ip4_options options;
    if (wire_ip4_parse_options(p, &options) != 0) {
        must(options.error >= WIRE_IP4_HEADER && options.error < wire_ip4_header_length(p));
        return;
    }
    claim_seen_at(p, options.source_route,
                  options.source_route_strict ? WIRE_IP4_OPTION_STRICT_ROUTE
                                              : WIRE_IP4_OPTION_LOOSE_ROUTE,
                  3);
    claim_seen_at(p, options.record_route, WIRE_IP4_OPTION_RECORD_ROUTE, 3);
    claim_seen_at(p, options.timestamp, WIRE_IP4_OPTION_TIMESTAMP, 4);
    claim_seen_at(p, options.router_alert, WIRE_IP4_OPTION_ROUTER_ALERT, 4);
    must(options.source_route != 0 || !options.source_route_ended);
}

/* Built anew without its options, a header differs in lengths and checksum alone. */
static void claim_built(const uint8_t *p)
{
    struct wire_ip4_fields fields = {
        .source = wire_ip4_source(p),
        .destination = wire_ip4_destination(p),
        .payload_length = wire_ip4_payload_length(p),
        .identification = wire_ip4_identification(p),
        .fragment = wire_ip4_fragment(p),
        .traffic_class = wire_ip4_traffic_class(p),
        .ttl = wire_ip4_ttl(p),
        .protocol = wire_ip4_protocol(p),
    };
    uint8_t built[WIRE_IP4_HEADER];
    must(wire_ip4_build(built, &fields) == sizeof built);
    must(wire_ip4_header_checksum_ok(built));
    must(wire_ip4_check(built, wire_ip4_total_length(built)) == 0);
    must(wire_ip4_payload_length(built) == wire_ip4_payload_length(p));
    wire_ip4_set_header_length(built, wire_ip4_header_length(p));
    wire_ip4_set_total_length(built, wire_ip4_total_length(p));
    wire_ip4_set_checksum(built, wire_ip4_checksum(p));
    must(memcmp(built, p, sizeof built) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *packet = exact_copy(bytes, size);
    if (wire_ip4_check(packet, size) == 0) {
        must(wire_ip4_header_length(packet) + wire_ip4_payload_length(packet) <= (long)size);
        must(wire_ip4_fragment_offset(packet) <= 65528);
        claim_options(packet);
        claim_built(packet);
        wire_ip4_finish_checksum(packet);
        must(wire_ip4_header_checksum_ok(packet));
    }
    exact_free(packet, size);
    return 0;
}
