/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/wire/arp.h"

#include "core/wire/ethernet.h"

enum { HARDWARE_ETHERNET = 1 };

enum chaski_counter wire_arp_check(const uint8_t *bytes, size_t length)
{
    if (length < WIRE_ARP_SIZE || load_be16(bytes + WIRE_ARP_HARDWARE) != HARDWARE_ETHERNET ||
        load_be16(bytes + WIRE_ARP_PROTOCOL) != WIRE_ETHERNET_IP4 ||
        bytes[WIRE_ARP_HARDWARE_LENGTH] != WIRE_ETHERNET_ADDRESS ||
        bytes[WIRE_ARP_PROTOCOL_LENGTH] != 4)
        return CHASKI_DROP_ARP_MALFORMED;
    if (wire_arp_operation(bytes) != WIRE_ARP_REQUEST &&
        wire_arp_operation(bytes) != WIRE_ARP_REPLY)
        return CHASKI_DROP_ARP_MALFORMED;
    return 0;
}

void wire_arp_build(uint8_t *p, const struct wire_arp_fields *fields)
{
    store_be16(p + WIRE_ARP_HARDWARE, HARDWARE_ETHERNET);
    store_be16(p + WIRE_ARP_PROTOCOL, WIRE_ETHERNET_IP4);
    p[WIRE_ARP_HARDWARE_LENGTH] = WIRE_ETHERNET_ADDRESS;
    p[WIRE_ARP_PROTOCOL_LENGTH] = 4;
    store_be16(p + WIRE_ARP_OPERATION, fields->operation);
    memcpy(p + WIRE_ARP_SENDER_MAC, fields->sender_mac, WIRE_ETHERNET_ADDRESS);
    store_be32(p + WIRE_ARP_SENDER_IP, fields->sender_ip);
    memcpy(p + WIRE_ARP_TARGET_MAC, fields->target_mac, WIRE_ETHERNET_ADDRESS);
    store_be32(p + WIRE_ARP_TARGET_IP, fields->target_ip);
}
