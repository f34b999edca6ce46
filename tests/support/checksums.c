/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/world.h"

/*
 * Checksums as RFC 791, 768, 793 and 792 describe them, written without the code under test.
 */

static uint32_t sum_words(const uint8_t *bytes, size_t length, uint32_t sum)
{
    for (size_t i = 0; i < length; i++)
        sum += (uint32_t)(i % 2 == 0 ? bytes[i] << 8 : bytes[i]);
    return sum;
}

static uint16_t fold(uint32_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* Where the parts are; transport checksum -1: the protocol has none, or the packet is cut. */
struct parts {
    size_t header, total;
    long checksum; /* offset of the transport checksum */
    uint32_t pseudo;
};

static bool find_parts(const uint8_t *packet, size_t length, struct parts *parts)
{
    if (length < 20 || packet[0] >> 4 != 4)
        return false;
    parts->header = (size_t)(packet[0] & 0xf) * 4;
    parts->total = (size_t)packet[2] << 8 | packet[3];
    if (parts->header < 20 || parts->header > length)
        return false;
    static const uint8_t offsets[256] = {[1] = 2, [2] = 2, [6] = 16, [17] = 6};
    uint8_t protocol = packet[9];
    bool fragment = ((packet[6] & 0x3f) | packet[7]) != 0;
    size_t field = parts->header + offsets[protocol];
    bool whole = parts->total <= length && field + 2 <= parts->total;
    parts->checksum = offsets[protocol] != 0 && whole && !fragment ? (long)field : -1;
    parts->pseudo = 0;
    if (protocol == 6 || protocol == 17)
        parts->pseudo = sum_words(packet + 12, 8, (uint32_t)(protocol + parts->total)) -
                        (uint32_t)parts->header;
    return true;
}

static void store(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

void ip4_make_right(uint8_t *packet, size_t length)
{
    struct parts parts;
    if (!find_parts(packet, length, &parts))
        return;
    store(packet + 10, 0);
    store(packet + 10, (uint16_t)~fold(sum_words(packet, parts.header, 0)));
    if (parts.checksum < 0)
        return;
    store(packet + parts.checksum, 0);
    uint16_t checksum =
        (uint16_t)~fold(sum_words(packet + parts.header, parts.total - parts.header, parts.pseudo));
    store(packet + parts.checksum, checksum == 0 && packet[9] == 17 ? 0xffff : checksum);
}

bool ip4_is_right(const uint8_t *packet, size_t length)
{
    struct parts parts;
    if (!find_parts(packet, length, &parts) || parts.total > length)
        return false;
    if (fold(sum_words(packet, parts.header, 0)) != 0xffff)
        return false;
    if (parts.checksum < 0)
        return true;
    if (packet[9] == 17 && packet[parts.checksum] == 0 && packet[parts.checksum + 1] == 0)
        return true;
    return fold(sum_words(packet + parts.header, parts.total - parts.header, parts.pseudo)) ==
           0xffff;
}
