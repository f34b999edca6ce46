/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "core/base/checksum.h"
#include "core/base/endian.h"
#include "packetdrill/machine.h"

/*
 * What packetdrill sends as "fragmentation needed" quotes a datagram of headers only, and the stack
 * does not believe that those were too long (RFC 5927, 7). What was too long is what went last.
 */

enum {
    IP_PROTOCOL = 9,
    IP_LENGTH = 2,
    IP_CHECKSUM = 10,
    IP_LEAST = 20,
    ICMP = 1,
    ICMP_LENGTH = 8,
    ICMP_CHECKSUM = 2,
    ICMP_MTU = 6,
    UNREACHABLE = 3,
    FRAGMENTATION_NEEDED = 4,
};

static uint16_t changed(uint8_t *checksum, uint16_t old, const uint8_t *field)
{
    uint16_t sum = checksum_update(checksum_load(checksum), old, checksum_load(field));
    uint16_t before = checksum_load(checksum);
    checksum_store(checksum, sum);
    return before;
}

void quote_lengthen(uint8_t *packet, size_t length)
{
    size_t header = (size_t)(packet[0] & 15) * 4;
    if (length < header + ICMP_LENGTH + IP_LEAST || packet[IP_PROTOCOL] != ICMP)
        return;
    uint8_t *icmp = packet + header, *quoted = icmp + ICMP_LENGTH;
    uint16_t mtu = load_be16(icmp + ICMP_MTU);
    if (icmp[0] != UNREACHABLE || icmp[1] != FRAGMENTATION_NEEDED || mtu == UINT16_MAX ||
        load_be16(quoted + IP_LENGTH) > mtu)
        return;
    uint16_t old = checksum_load(quoted + IP_LENGTH);
    store_be16(quoted + IP_LENGTH, (uint16_t)(mtu + 1));
    uint16_t before = changed(quoted + IP_CHECKSUM, old, quoted + IP_LENGTH);
    changed(icmp + ICMP_CHECKSUM, old, quoted + IP_LENGTH);
    changed(icmp + ICMP_CHECKSUM, before, quoted + IP_CHECKSUM);
}
