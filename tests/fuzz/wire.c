/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wire formats: whatever passes a check must be readable within its length, to the last option
 * and record. The first byte chooses the format.
 */
#include <stdlib.h>

#include "core/wire/arp.h"
#include "core/wire/ethernet.h"
#include "core/wire/icmp4.h"
#include "core/wire/igmp.h"
#include "core/wire/ip4.h"
#include "core/wire/tcp.h"
#include "core/wire/udp.h"
#include "tests/exact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void arp(const uint8_t *p, size_t length)
{
    uint8_t again[WIRE_ARP_SIZE];
    if (wire_arp_check(p, length) != 0)
        return;
    struct wire_arp_fields fields = {.operation = wire_arp_operation(p),
                                     .sender_ip = wire_arp_sender_ip(p),
                                     .target_ip = wire_arp_target_ip(p)};
    memcpy(fields.sender_mac, wire_arp_sender_mac(p), 6);
    memcpy(fields.target_mac, wire_arp_target_mac(p), 6);
    wire_arp_build(again, &fields);
    require(memcmp(again, p, WIRE_ARP_SIZE) == 0);
}

static void ip4(const uint8_t *p, size_t length)
{
    struct wire_ip4_options options;
    if (wire_ip4_check(p, length) != 0)
        return;
    uint8_t header = wire_ip4_header_length(p);
    wire_ip4_header_checksum_ok(p);
    require(header + wire_ip4_payload_length(p) <= length);
    if (wire_ip4_parse_options(p, &options) != 0) {
        require(options.error >= WIRE_IP4_HEADER && options.error < header);
        return;
    }
    require(options.source_route < header && options.record_route < header);
    require(options.timestamp < header && options.router_alert < header);
}

static void icmp4(const uint8_t *p, size_t length)
{
    struct wire_icmp4_quote quote;
    if (wire_icmp4_check(p, length) != 0 || !wire_icmp4_is_error(wire_icmp4_type(p)))
        return;
    if (wire_icmp4_quote(p, length, &quote) != 0)
        return;
    require(quote.header >= p + WIRE_ICMP4_HEADER && quote.transport > quote.header);
    require(quote.transport + quote.transport_length <= p + length);
    require(quote.transport_length >= WIRE_ICMP4_QUOTE_MIN);
}

static void igmp(const uint8_t *p, size_t length)
{
    if (wire_igmp_check(p, length) != 0)
        return;
    uint32_t sum = 0;
    if (wire_igmp_type(p) == WIRE_IGMP_QUERY && wire_igmp_query_version(p, length) == 3) {
        for (unsigned i = 0; i < wire_igmp_source_count(p); i++)
            sum += wire_igmp_source(p, i);
    } else if (wire_igmp_type(p) == WIRE_IGMP_REPORT3) {
        const uint8_t *record = p + WIRE_IGMP_HEADER;
        for (unsigned i = 0; i < wire_igmp_record_count(p); i++) {
            for (unsigned k = 0; k < wire_igmp_record_source_count(record); k++)
                sum += wire_igmp_record_source(record, k);
            record += wire_igmp_record_length(record);
        }
        require(record <= p + length);
    }
    volatile uint32_t kept = sum; /* so that the reads happen */
    (void)kept;
    wire_igmp_checksum_ok(p, length);
}

static void tcp(const uint8_t *p, size_t length)
{
    struct wire_tcp_options options;
    if (wire_tcp_check(p, length) != 0)
        return;
    uint8_t header = wire_tcp_header_length(p);
    wire_tcp_parse_options(p, &options);
    require(!options.has_window_scale || options.window_scale <= WIRE_TCP_WINDOW_SCALE_MAX);
    require(options.sack_count == 0 || options.sack_offset + 8 * options.sack_count <= header);
    require(!options.has_fast_open ||
            options.fast_open_offset + options.fast_open_length <= header);
}

static void udp(const uint8_t *p, size_t length)
{
    if (wire_udp_check(p, length) == 0)
        require(wire_udp_length(p) <= length && wire_udp_destination_port(p) != 0);
}

static void ethernet(const uint8_t *p, size_t length)
{
    if (wire_ethernet_check(p, length) == 0)
        require(!wire_ethernet_is_group(wire_ethernet_source(p)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    static void (*const formats[])(const uint8_t *, size_t) = {arp, ip4, icmp4,   igmp,
                                                               tcp, udp, ethernet};
    if (length == 0)
        return 0;
    uint8_t *packet = exact_copy(data + 1, length - 1);
    formats[data[0] % (sizeof formats / sizeof formats[0])](packet, length - 1);
    exact_free(packet, length - 1);
    return 0;
}
