/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/sent_packet.h"

#include <stdlib.h>

#include "core/base/address.h"
#include "core/base/checksum.h"
#include "core/packet/packet.h"
#include "core/wire/ip4.h"
#include "core/wire/tcp.h"
#include "core/wire/udp.h"

/* The headers are linear: the host has just built them. */
static size_t headers_of(const struct packet *packet)
{
    size_t ip = wire_ip4_header_length(packet->data);
    if (packet->ip.protocol == WIRE_IP_TCP)
        return ip + wire_tcp_header_length(packet->data + ip);
    return ip + WIRE_UDP_HEADER;
}

size_t sent_packet_text(const struct packet *packet)
{
    return packet->length - headers_of(packet);
}

/* A header of IPv4; both transports begin with their ports. */
static struct header_told read_header(const struct packet *packet)
{
    const uint8_t *ip = packet->data;
    const uint8_t *transport = ip + wire_ip4_header_length(ip);
    return (struct header_told){
        .to = {.address = address_from_ip4(wire_ip4_destination(ip)),
               .port = wire_udp_destination_port(transport),
               .interface = (uint16_t)(packet->interface + 1)},
        .own = address_from_ip4(wire_ip4_source(ip)),
        .ttl = wire_ip4_ttl(ip),
        .traffic_class = wire_ip4_traffic_class(ip),
    };
}

struct sent_packet *sent_packet_keep(const struct packet *packet)
{
    struct sent_packet *kept = malloc(sizeof *kept + packet->length);
    if (kept == NULL)
        return NULL;
    *kept = (struct sent_packet){
        .users = 1,
        .length = packet->length,
        .text = headers_of(packet),
        .checksum = wire_ip4_header_length(packet->data) + packet->checksum_field,
        .partial = packet->checksum == CHECKSUM_PARTIAL,
        .header = read_header(packet),
    };
    packet_copy_out(packet, 0, kept->bytes, packet->length);
    return kept;
}

void sent_packet_drop(struct sent_packet *kept)
{
    if (kept != NULL && --kept->users == 0)
        free(kept);
}

void sent_packet_finish_checksum(struct sent_packet *kept)
{
    size_t ip = wire_ip4_header_length(kept->bytes);
    if (!kept->partial)
        return;
    uint16_t sum = checksum_finish(checksum_partial(kept->bytes + ip, kept->length - ip));
    checksum_store(kept->bytes + kept->checksum, sum != 0 ? sum : UINT16_MAX);
    kept->partial = false;
}
