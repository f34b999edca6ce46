/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/wire/ethernet.h"
#include "tests/exact.h"
#include "tests/fuzz/target.h"

/* A header that passes is built anew from what the getters say. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *frame = exact_copy(bytes, size);
    if (wire_ethernet_check(frame, size) == 0) {
        uint8_t built[WIRE_ETHERNET_HEADER];
        wire_ethernet_build(built, wire_ethernet_destination(frame), wire_ethernet_source(frame),
                            wire_ethernet_type(frame));
        must(memcmp(built, frame, sizeof built) == 0);
        must(!wire_ethernet_is_broadcast(wire_ethernet_source(frame)));
        must(wire_ethernet_is_group(frame) || !wire_ethernet_is_broadcast(frame));
    }
    exact_free(frame, size);
    return 0;
}
