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
    X(LINK_BYTES_SENT, "link.bytes_sent", "bytes of those that went out")                          \
    X(DROP_ETHERNET_HEADER, "drop.ethernet_header", "a frame too short, or from a group address")  \
    X(DROP_ARP_MALFORMED, "drop.arp_malformed", "cut short, or not IPv4 on Ethernet")              \
    X(DROP_IP4_HEADER, "drop.ip4_header", "version or lengths disagree with the packet")           \
    X(DROP_IP4_OPTION, "drop.ip4_option", "a malformed or doubled option")                         \
    X(DROP_ICMP4_SHORT, "drop.icmp4_short", "shorter than its header")                             \
    X(DROP_ICMP4_QUOTE, "drop.icmp4_quote", "an error that quotes no usable header")               \
    X(DROP_IGMP_MALFORMED, "drop.igmp_malformed", "lengths or counts disagree with the packet")    \
    X(DROP_UDP_LENGTH, "drop.udp_length", "length under 8 or over the packet's")                   \
    X(DROP_UDP_PORT, "drop.udp_port", "sent to port 0")                                            \
    X(DROP_TCP_HEADER, "drop.tcp_header", "data offset under 5 or past the segment")

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
