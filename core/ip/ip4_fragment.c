/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/ip/ip4.h"
#include "core/wire/ip4.h"

/* Fragments (RFC 791, 3.2): each is a copy of the header before a slice of the payload. The only
 * option that we ever send, router alert, is one of those that go into every fragment. */

static void write_header(struct packet *fragment, const uint8_t *header, uint32_t header_length,
                         uint32_t offset, bool more)
{
    uint8_t *copy = packet_push(fragment, header_length);
    uint16_t field = (uint16_t)(offset / 8);
    memcpy(copy, header, header_length);
    if (more)
        field |= WIRE_IP4_MORE_FRAGMENTS;
    wire_ip4_set_total_length(copy, (uint16_t)fragment->length);
    wire_ip4_set_fragment(copy, field);
    wire_ip4_finish_checksum(copy);
    packet_set_network(fragment);
}

static void take_over(struct packet *fragment, const struct packet *packet)
{
    fragment->protocol = packet->protocol;
    fragment->interface = packet->interface;
    fragment->next_hop = packet->next_hop;
    fragment->checksum = CHECKSUM_COMPLETE;
}

/* Of a datagram that is watched. */
static void show_first(const struct ip4 *ip4, struct packet *fragment, const struct packet *packet)
{
    if (!packet->ip.watched)
        return;
    fragment->ip = packet->ip;
    fragment->watch = packet->watch;
    ip4_show(ip4, fragment);
}

void ip4_fragment(struct ip4 *ip4, struct packet *packet, uint16_t mtu, struct burst *out,
                  const struct hook *hook, uint64_t now_ns)
{
    uint32_t header = wire_ip4_header_length(packet->data);
    uint32_t payload = packet->length - header;
    uint32_t most = (mtu - header) & ~UINT32_C(7);
    packet_checksum_complete(packet);
    for (uint32_t offset = 0; offset < payload; offset += most) {
        bool more = payload - offset > most;
        uint32_t n = more ? most : payload - offset;
        struct packet *fragment =
            packet_slice(packet, header + offset, n, &ip4->memory->packets, FOR_SEND);
        if (fragment == NULL) {
            packet_drop(packet, ip4->counters, CHASKI_DROP_NO_MEMORY);
            return;
        }
        write_header(fragment, packet->data, header, offset, more);
        take_over(fragment, packet);
        if (offset == 0)
            show_first(ip4, fragment, packet);
        count(ip4->counters, CHASKI_IP4_FRAGMENTS_SENT);
        burst_add(out, fragment, hook, now_ns);
    }
    count(ip4->counters, CHASKI_IP4_FRAGMENTED);
    packet_free(packet);
}
