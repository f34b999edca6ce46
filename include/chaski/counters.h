/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_COUNTERS_H
#define CHASKI_COUNTERS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Everything that a host counts: X(NAME, "label", "what it means"). A name with DROP is a reason
 * for which a packet ends; every packet that ends has exactly one.
 */
#define CHASKI_COUNTERS(X)                                                                         \
    X(DROP_NOT_WIRED, "drop.not_wired", "no block is wired where the packet would go")             \
    X(DROP_NO_MEMORY, "drop.no_memory", "a pool had nothing left")                                 \
    X(DROP_UNKNOWN_PROTOCOL, "drop.unknown_protocol", "no block for the EtherType or IP protocol") \
    X(LINK_FRAMES_RECEIVED, "link.frames_received", "frames that came in")                         \
    X(LINK_FRAMES_SENT, "link.frames_sent", "frames that went out")                                \
    X(LINK_BYTES_RECEIVED, "link.bytes_received", "bytes of those that came in")                   \
    X(LINK_BYTES_SENT, "link.bytes_sent", "bytes of those that went out")

enum chaski_counter {
#define CHASKI_COUNTER_NAME(name, label, meaning) CHASKI_##name,
    CHASKI_COUNTERS(CHASKI_COUNTER_NAME)
#undef CHASKI_COUNTER_NAME
        CHASKI_COUNTER_COUNT,
};

/* The label ("drop.no_memory") and the meaning of a counter; NULL when out of range. */
const char *chaski_counter_label(enum chaski_counter counter);
const char *chaski_counter_meaning(enum chaski_counter counter);

#ifdef __cplusplus
}
#endif

#endif
