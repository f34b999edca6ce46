/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/wire/arp.h"
#include "tests/exact.h"
#include "tests/fuzz/target.h"

/* A packet that passes is built anew from what the getters say. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *packet = exact_copy(bytes, size);
    if (wire_arp_check(packet, size) == 0) {
        struct wire_arp_fields fields = {
            .operation = wire_arp_operation(packet),
            .sender_ip = wire_arp_sender_ip(packet),
            .target_ip = wire_arp_target_ip(packet),
        };
        memcpy(fields.sender_mac, wire_arp_sender_mac(packet), sizeof fields.sender_mac);
        memcpy(fields.target_mac, wire_arp_target_mac(packet), sizeof fields.target_mac);
        uint8_t built[WIRE_ARP_SIZE];
        wire_arp_build(built, &fields);
        must(memcmp(built, packet, sizeof built) == 0);
    }
    exact_free(packet, size);
    return 0;
}
