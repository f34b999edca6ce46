/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "tests/script/packets/ip.h"

/* From what the stack sent to fields. Whatever is wrong with it is said in words: the stack must
 * not send such things. */

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

/* ---- Options ---- */

static void read_data(const uint8_t *at, size_t length, struct tcp_option *option)
{
    option->data_length = (uint8_t)(length - 2);
    memcpy(option->data, at + 2, length - 2);
}

static void read_sack(const uint8_t *at, size_t length, struct tcp_option *option)
{
    option->count = (uint8_t)((length - 2) / 8);
    for (unsigned i = 0; i < 2u * option->count; i++)
        option->numbers[i] = get32(at + 2 + 4 * i);
}

static void read_accecn(const uint8_t *at, size_t length, struct tcp_option *option)
{
    option->count = (uint8_t)((length - 2) / 3);
    for (unsigned i = 0; i < option->count; i++)
        option->numbers[i] = get24(at + 2 + 3 * i);
}

static bool length_fits(uint8_t kind, size_t length)
{
    switch (kind) {
    case OPTION_MSS:
    case OPTION_USER_TIMEOUT:
        return length == 4;
    case OPTION_WSCALE:
        return length == 3;
    case OPTION_SACK_OK:
        return length == 2;
    case OPTION_TIMESTAMP:
        return length == 10;
    case OPTION_SACK:
        return length >= 10 && length <= 34 && length % 8 == 2;
    case OPTION_ACCECN0:
    case OPTION_ACCECN1:
        return length <= 11 && length % 3 == 2;
    default:
        return true;
    }
}

static void read_option(const uint8_t *at, size_t length, struct tcp_option *option)
{
    read_data(at, length, option);
    switch (option->kind) {
    case OPTION_MSS:
    case OPTION_USER_TIMEOUT:
        option->value = get16(at + 2);
        break;
    case OPTION_WSCALE:
        option->value = at[2];
        break;
    case OPTION_SACK_OK:
        break;
    case OPTION_TIMESTAMP:
        option->value = get32(at + 2);
        option->echo = get32(at + 6);
        break;
    case OPTION_SACK:
        read_sack(at, length, option);
        break;
    case OPTION_ACCECN0:
    case OPTION_ACCECN1:
        read_accecn(at, length, option);
        break;
    default:
        break;
    }
}

static const char *read_options(struct arena *arena, const uint8_t *at, size_t length,
                                struct packet *packet)
{
    struct tcp_option **end = &packet->options;
    while (length > 0) {
        struct tcp_option *option = arena_take(arena, sizeof *option);
        size_t n = 1;
        option->kind = at[0];
        if (option->kind > OPTION_NOP) {
            n = length > 1 ? at[1] : 0;
            if (n < 2 || n > length || !length_fits(option->kind, n))
                return "a TCP option has a wrong length";
            read_option(at, n, option);
        }
        *end = option;
        end = &option->next;
        at += n;
        length -= n;
    }
    return NULL;
}

/* ---- Headers ---- */

/* `pseudo`: what the addresses add. */
static bool sum_is_right(uint64_t pseudo, const uint8_t *bytes, size_t length)
{
    return sum_fold(sum_bytes(bytes, length, pseudo)) == 0xffff;
}

static const char *read_tcp(struct arena *arena, uint64_t pseudo, const uint8_t *at, size_t length,
                            struct packet *packet)
{
    size_t header = length >= 20 ? (size_t)(at[12] >> 4) * 4 : 0;
    if (header < 20 || header > length)
        return "the TCP header does not fit";
    if (!sum_is_right(pseudo, at, length))
        return "the TCP checksum is wrong";
    if ((at[12] & 0x0e) != 0)
        return "reserved bits of the TCP header are set";
    packet->kind = PACKET_TCP;
    packet->source_port = (uint16_t)get16(at);
    packet->destination_port = (uint16_t)get16(at + 2);
    packet->sequence = get32(at + 4);
    packet->ack = get32(at + 8);
    packet->flags = (uint16_t)(at[13] | (at[12] & 1 ? FLAG_AE : 0));
    packet->window = (uint16_t)get16(at + 14);
    packet->has_window = true;
    packet->urgent = (uint16_t)get16(at + 18);
    packet->has_urgent = packet->urgent != 0;
    packet->length = (uint32_t)(length - header);
    return read_options(arena, at + 20, header - 20, packet);
}

static const char *read_udp(const struct ip_version *version, uint64_t pseudo, const uint8_t *at,
                            size_t length, struct packet *packet)
{
    if (length < 8 || get16(at + 4) != length)
        return "the UDP length is wrong";
    bool lacks_sum = version->udp_may_lack_sum && get16(at + 6) == 0;
    if (!lacks_sum && !sum_is_right(pseudo, at, length))
        return "the UDP checksum is wrong";
    packet->kind = PACKET_UDP;
    packet->source_port = (uint16_t)get16(at);
    packet->destination_port = (uint16_t)get16(at + 2);
    packet->length = (uint32_t)length - 8;
    return NULL;
}

static const char *read_icmp(uint64_t pseudo, const uint8_t *at, size_t length,
                             struct packet *packet)
{
    if (length < 8 || !sum_is_right(pseudo, at, length))
        return "the ICMP checksum is wrong";
    packet->kind = PACKET_ICMP;
    packet->icmp.type = at[0];
    packet->icmp.code = at[1];
    packet->icmp.identifier = (uint16_t)get16(at + 4);
    packet->icmp.sequence = (uint16_t)get16(at + 6);
    return NULL;
}

const char *packet_read(struct arena *arena, const struct ip_version *version, const uint8_t *bytes,
                        size_t length, struct packet *packet)
{
    *packet = (struct packet){0};
    const char *wrong = version->read(bytes, length, &packet->ip);
    if (wrong != NULL)
        return wrong;
    uint8_t protocol = bytes[version->protocol_at];
    const uint8_t *source = bytes + version->addresses_at, *at = bytes + version->header;
    length -= version->header;
    uint64_t pseudo =
        ip_pseudo_sum(version, source, source + version->address_length, protocol, length);
    if (protocol == version->icmp)
        return read_icmp(version->icmp_sums_addresses ? pseudo : 0, at, length, packet);
    switch (protocol) {
    case PROTOCOL_TCP:
        return read_tcp(arena, pseudo, at, length, packet);
    case PROTOCOL_UDP:
        return read_udp(version, pseudo, at, length, packet);
    default:
        return "a protocol that scripts do not speak of";
    }
}
