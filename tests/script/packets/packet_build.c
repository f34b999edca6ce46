/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "tests/script/packets/ip.h"

/* From fields to bytes. Payload is zeros. */

enum { TCP_HEADER = 20, UDP_HEADER = 8, ICMP_HEADER = 8, OPTIONS_MAX = 40 };
enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

/* ---- Options ---- */

static size_t put_numbers(const struct tcp_option *option, uint8_t *at)
{
    size_t length = 2;
    bool is_sack = option->kind == OPTION_SACK;
    unsigned count = is_sack ? 2u * option->count : option->count;
    for (unsigned i = 0; i < count; i++) {
        if (is_sack) {
            put32(at + length, option->numbers[i]);
            length += 4;
        } else {
            at[length] = (uint8_t)(option->numbers[i] >> 16);
            put16(at + length + 1, option->numbers[i]);
            length += 3;
        }
    }
    return length;
}

static size_t put_bytes(const struct tcp_option *option, uint8_t *at)
{
    at[0] = option->kind;
    at[1] = (uint8_t)(2u + option->data_length);
    memcpy(at + 2, option->data, option->data_length);
    return at[1];
}

/* Writes one option, up to 40 bytes, and returns its length. */
static size_t put_option(const struct tcp_option *option, uint8_t *at)
{
    size_t length = 2;
    if (option->is_bytes)
        return put_bytes(option, at);
    at[0] = option->kind;
    switch (option->kind) {
    case OPTION_EOL:
    case OPTION_NOP:
        return 1;
    case OPTION_MSS:
    case OPTION_USER_TIMEOUT:
        put16(at + 2, option->value);
        length = 4;
        break;
    case OPTION_WSCALE:
        at[2] = (uint8_t)option->value;
        length = 3;
        break;
    case OPTION_SACK_OK:
        break;
    case OPTION_TIMESTAMP:
        put32(at + 2, option->value);
        put32(at + 6, option->echo);
        length = 10;
        break;
    case OPTION_SACK:
    case OPTION_ACCECN0:
    case OPTION_ACCECN1:
        length = put_numbers(option, at);
        break;
    default:
        return put_bytes(option, at);
    }
    at[1] = (uint8_t)length;
    return length;
}

/* Up to whole words, filled up with end of list; 0xff..: they do not fit into 40 bytes. */
static size_t put_options(const struct tcp_option *options, uint8_t *at)
{
    uint8_t one[64];
    size_t length = 0;
    for (; options != NULL; options = options->next) {
        size_t n = put_option(options, one);
        if (length + n > OPTIONS_MAX)
            return SIZE_MAX;
        memcpy(at + length, one, n);
        length += n;
    }
    while (length % 4 != 0)
        at[length++] = 0;
    return length;
}

/* ---- Headers ---- */

static uint16_t transport_sum(const struct ends *ends, uint8_t protocol, const uint8_t *bytes,
                              size_t length)
{
    uint64_t sum = ip_pseudo_sum(ends->version, ends->local, ends->remote, protocol, length);
    return (uint16_t)~sum_fold(sum_bytes(bytes, length, sum));
}

static size_t put_tcp(const struct packet *packet, const struct ends *ends, uint8_t *at)
{
    size_t options = put_options(packet->options, at + TCP_HEADER);
    if (options == SIZE_MAX || packet->length > PACKET_BYTES_MAX - 80)
        return 0;
    size_t header = TCP_HEADER + options, length = header + packet->length;
    memset(at, 0, TCP_HEADER);
    put16(at, packet->source_port);
    put16(at + 2, packet->destination_port);
    put32(at + 4, packet->sequence);
    put32(at + 8, packet->ack);
    at[12] = (uint8_t)(header / 4 << 4 | (packet->flags & FLAG_AE ? 1 : 0));
    at[13] = (uint8_t)packet->flags;
    put16(at + 14, packet->window);
    put16(at + 18, packet->urgent);
    memset(at + header, 0, packet->length);
    put16(at + 16, transport_sum(ends, PROTOCOL_TCP, at, length));
    return length;
}

static size_t put_udp(const struct packet *packet, const struct ends *ends, uint8_t *at)
{
    size_t length = UDP_HEADER + packet->length;
    if (packet->length > PACKET_BYTES_MAX - 80)
        return 0;
    memset(at, 0, length);
    put16(at, packet->source_port);
    put16(at + 2, packet->destination_port);
    put16(at + 4, (uint32_t)length);
    uint16_t sum = transport_sum(ends, PROTOCOL_UDP, at, length);
    put16(at + 6, sum != 0 ? sum : 0xffff); /* 0 is none (RFC 768) */
    return length;
}

static bool is_echo(const struct packet *packet, const struct ip_version *version)
{
    return packet->icmp.type == version->echo_request || packet->icmp.type == version->echo_reply;
}

/* What the error is about: the first bytes of a packet of the stack's. Its ports are those of an
 * answer, the wrong way round. */
static size_t put_quote(const struct packet *packet, const struct ends *ends, uint8_t *at)
{
    const struct ip_version *version = ends->version;
    struct ends turned = {.version = version};
    struct ip_part plain = {0};
    bool udp = packet->flags == 0;
    size_t length = (udp ? UDP_HEADER : TCP_HEADER) + packet->icmp.quoted_length;
    /* What a script says nothing of was longer than the error allows. */
    if (!packet->icmp.has_quote && version->header + length <= packet->icmp.mtu)
        length = packet->icmp.mtu + 1u - version->header;
    memcpy(turned.local, ends->remote, version->address_length);
    memcpy(turned.remote, ends->local, version->address_length);
    version->write(&plain, &turned, udp ? PROTOCOL_UDP : PROTOCOL_TCP, length, at);
    uint8_t *quoted = at + version->header;
    memset(quoted, 0, 8);
    put16(quoted, packet->destination_port);
    put16(quoted + 2, packet->source_port);
    if (udp)
        put16(quoted + 4, UDP_HEADER + packet->icmp.quoted_length);
    else
        put32(quoted + 4, packet->icmp.quoted_sequence);
    return version->header + 8u;
}

static size_t put_icmp(const struct packet *packet, const struct ends *ends, uint8_t *at)
{
    const struct ip_version *version = ends->version;
    size_t length = ICMP_HEADER;
    memset(at, 0, ICMP_HEADER);
    at[0] = packet->icmp.type;
    at[1] = packet->icmp.code;
    if (is_echo(packet, version)) {
        put16(at + 4, packet->icmp.identifier);
        put16(at + 6, packet->icmp.sequence);
    } else {
        put32(at + 4, packet->icmp.mtu); /* 16 bits behind zeros in IPv4 (RFC 1191) */
        length += put_quote(packet, ends, at + ICMP_HEADER);
    }
    uint64_t sum = version->icmp_sums_addresses
                       ? ip_pseudo_sum(version, ends->local, ends->remote, version->icmp, length)
                       : 0;
    put16(at + 2, (uint16_t)~sum_fold(sum_bytes(at, length, sum)));
    return length;
}

size_t packet_build(const struct packet *packet, const struct ends *ends, uint8_t *bytes)
{
    const struct ip_version *version = ends->version;
    uint8_t protocol = PROTOCOL_TCP, *at = bytes + version->header;
    size_t length = 0, sum_at = 16;
    switch (packet->kind) {
    case PACKET_TCP:
        length = put_tcp(packet, ends, at);
        break;
    case PACKET_UDP:
        length = put_udp(packet, ends, at);
        protocol = PROTOCOL_UDP;
        sum_at = 6;
        break;
    case PACKET_ICMP:
        length = put_icmp(packet, ends, at);
        protocol = version->icmp;
        sum_at = 2;
        break;
    }
    if (length == 0)
        return 0;
    version->write(&packet->ip, ends, protocol, length, bytes);
    if (packet->ip.bad_checksum)
        at[sum_at] ^= 0x55;
    return version->header + length;
}
