/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/wire/udp.h"
#include "tests/exact.h"
#include "tests/fuzz/target.h"

/* A header that passes is built anew from what the getters say, and its length is there. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *datagram = exact_copy(bytes, size);
    if (wire_udp_check(datagram, size) == 0) {
        uint8_t built[WIRE_UDP_HEADER];
        wire_udp_build(built, wire_udp_source_port(datagram), wire_udp_destination_port(datagram),
                       wire_udp_length(datagram));
        must(!wire_udp_has_checksum(built));
        if (wire_udp_has_checksum(datagram))
            wire_udp_set_checksum(built, wire_udp_checksum(datagram));
        must(memcmp(built, datagram, sizeof built) == 0);
        touch(datagram, wire_udp_length(datagram));
    }
    exact_free(datagram, size);
    return 0;
}
