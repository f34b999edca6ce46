/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_COUNTERS_H
#define CHASKI_COUNTERS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * Everything that a host counts: X(NAME, "label", "what it means"). A name with DROP is a reason
 * for which a packet ends; every packet that ends has exactly one.
 */
#define CHASKI_COUNTERS(X)                                                                         \
    X(DROP_NOT_WIRED, "drop.not_wired", "no block is wired where the packet would go")             \
    X(DROP_NO_MEMORY, "drop.no_memory", "a pool had nothing left")                                 \
    X(DROP_LINK_REFUSED, "drop.link_refused",                                                      \
      "the link did not take it: too long, or it was full")                                        \
    X(LINK_FRAMES_RECEIVED, "link.frames_received", "frames that came in")                         \
    X(LINK_FRAMES_COALESCED, "link.frames_coalesced",                                              \
      "of these, those that went up as part of the one before")                                    \
    X(LINK_FRAMES_SENT, "link.frames_sent", "frames that went out")                                \
    X(LINK_BYTES_RECEIVED, "link.bytes_received", "bytes of those that came in")                   \
    X(LINK_BYTES_SENT, "link.bytes_sent", "bytes of those that went out")                          \
    X(DROP_ETHERNET_HEADER, "drop.ethernet_header", "a frame too short, or from a group address")  \
    X(DROP_BARE_VERSION, "drop.bare_version", "on a link of IP packets, neither IPv4 nor IPv6")    \
    X(DROP_ARP_MALFORMED, "drop.arp_malformed", "cut short, or not IPv4 on Ethernet")              \
    X(DROP_IP4_HEADER, "drop.ip4_header", "version or lengths disagree with the packet")           \
    X(DROP_IP4_OPTION, "drop.ip4_option", "a malformed or doubled option")                         \
    X(DROP_ICMP4_SHORT, "drop.icmp4_short", "shorter than its header")                             \
    X(DROP_ICMP4_QUOTE, "drop.icmp4_quote", "an error that quotes no usable header")               \
    X(DROP_IGMP_MALFORMED, "drop.igmp_malformed", "lengths or counts disagree with the packet")    \
    X(DROP_UDP_LENGTH, "drop.udp_length", "length under 8 or over the packet's")                   \
    X(DROP_UDP_PORT, "drop.udp_port", "sent to port 0")                                            \
    X(DROP_UDP_CHECKSUM, "drop.udp_checksum", "wrong checksum")                                    \
    X(DROP_UDP_NO_SOCKET, "drop.udp_no_socket", "to a group or broadcast that no socket wants")    \
    X(DROP_UDP_QUEUE_FULL, "drop.udp_queue_full", "receive queues hold no more")                   \
    X(DROP_UDP_FILTERED, "drop.udp_filtered", "the socket's filter refused it")                    \
    X(DROP_UDP_CLOSED, "drop.udp_closed", "unread when the socket was closed")                     \
    X(UDP_DATAGRAMS_RECEIVED, "udp.datagrams_received", "datagrams queued for a socket")           \
    X(UDP_DATAGRAMS_SENT, "udp.datagrams_sent", "datagrams that sockets sent")                     \
    X(DROP_TCP_HEADER, "drop.tcp_header", "data offset under 5 or past the segment")               \
    X(DROP_ETHERNET_NOT_OURS, "drop.ethernet_not_ours",                                            \
      "for another station, or a group not joined")                                                \
    X(DROP_ETHERNET_TAGGED, "drop.ethernet_tagged", "of a VLAN that is not ours")                  \
    X(DROP_ARP_QUEUE, "drop.arp_queue", "waited for a neighbour and was displaced by later ones")  \
    X(DROP_ARP_TABLE, "drop.arp_table", "no room for one more unresolved neighbour")               \
    X(DROP_ARP_UNREACHABLE, "drop.arp_unreachable", "the neighbour did not answer")                \
    X(DROP_ARP_NO_ADDRESS, "drop.arp_no_address", "the interface has no address to ask from")      \
    X(DROP_LOOPBACK_FULL, "drop.loopback_full", "too many packets to ourselves in one turn")       \
    X(DROP_CUT_MALFORMED, "drop.cut_malformed", "a segment to be cut without a TCP header")        \
    X(DROP_IP4_CHECKSUM, "drop.ip4_checksum", "wrong header checksum")                             \
    X(DROP_IP4_SOURCE_ROUTE, "drop.ip4_source_route", "carries a source route")                    \
    X(DROP_IP4_SOURCE, "drop.ip4_source", "from a group, broadcast, loopback or our own address")  \
    X(DROP_IP4_NOT_OURS, "drop.ip4_not_ours", "for another host")                                  \
    X(DROP_IP4_LINK_BROADCAST, "drop.ip4_link_broadcast",                                          \
      "for one host, but broadcast on the link")                                                   \
    X(DROP_IP4_FRAGMENT, "drop.ip4_fragment", "a fragment of impossible offset or length")         \
    X(DROP_IP4_FRAGMENT_OVERLAP, "drop.ip4_fragment_overlap",                                      \
      "of a datagram whose fragments contradict each other")                                       \
    X(DROP_IP4_FRAGMENT_TWICE, "drop.ip4_fragment_twice", "a fragment that we have already")       \
    X(DROP_IP4_FRAGMENT_EVICTED, "drop.ip4_fragment_evicted",                                      \
      "incomplete, displaced by newer datagrams")                                                  \
    X(DROP_IP4_FRAGMENT_TIMEOUT, "drop.ip4_fragment_timeout", "incomplete for too long")           \
    X(DROP_IP4_NO_ROUTE, "drop.ip4_no_route", "no route to the destination")                       \
    X(DROP_IP4_TOO_BIG, "drop.ip4_too_big", "over the path MTU and not to be fragmented")          \
    X(DROP_ICMP4_CHECKSUM, "drop.icmp4_checksum", "wrong checksum")                                \
    X(DROP_ICMP4_IGNORED, "drop.icmp4_ignored",                                                    \
      "a message that hosts ignore: redirect, mask, timestamp")                                    \
    X(DROP_ICMP4_BROADCAST, "drop.icmp4_broadcast",                                                \
      "an echo request to a group or a broadcast address")                                         \
    X(DROP_ICMP4_UNBELIEVED, "drop.icmp4_unbelieved", "an error about nothing that we sent")       \
    X(DROP_ICMP4_UNASKED, "drop.icmp4_unasked", "an echo reply that nobody waits for")             \
    X(DROP_ICMP4_QUEUE, "drop.icmp4_queue", "more echo replies than the queue holds")              \
    X(DROP_PROTOCOL_UNREACHABLE, "drop.protocol_unreachable", "no block for the IP protocol")      \
    X(DROP_PORT_UNREACHABLE, "drop.port_unreachable", "nobody listens on the port")                \
    X(DROP_IGMP_CHECKSUM, "drop.igmp_checksum", "wrong checksum")                                  \
    X(DROP_IGMP_IGNORED, "drop.igmp_ignored", "a message that hosts ignore")                       \
    X(DROP_IGMP_SCOPE, "drop.igmp_scope",                                                          \
      "a query that came from off the link or to a wrong address")                                 \
    X(ARP_REQUESTS_SENT, "arp.requests_sent", "requests for a neighbour")                          \
    X(ARP_REPLIES_SENT, "arp.replies_sent", "requests for our addresses that were answered")       \
    X(ARP_PROBES_SENT, "arp.probes_sent", "probes for an address of our own (RFC 5227)")           \
    X(ARP_ANNOUNCEMENTS_SENT, "arp.announcements_sent", "announcements of our addresses")          \
    X(ARP_CONFLICTS, "arp.conflicts", "frames from others that use an address of ours")            \
    X(ARP_FAILURES, "arp.failures", "neighbours that did not answer")                              \
    X(IP4_RECEIVED, "ip4.received", "datagrams and fragments that came in")                        \
    X(IP4_DELIVERED, "ip4.delivered", "datagrams given to a transport")                            \
    X(IP4_SENT, "ip4.sent", "datagrams that transports sent")                                      \
    X(IP4_FRAGMENTED, "ip4.fragmented", "datagrams sent in fragments")                             \
    X(IP4_FRAGMENTS_SENT, "ip4.fragments_sent", "fragments that went out")                         \
    X(IP4_FRAGMENTS_RECEIVED, "ip4.fragments_received", "fragments that came in")                  \
    X(IP4_REASSEMBLED, "ip4.reassembled", "datagrams put together from fragments")                 \
    X(IP4_PATH_LOWERED, "ip4.path_lowered", "times that a path MTU was lowered")                   \
    X(ICMP4_ECHOES_RECEIVED, "icmp4.echoes_received", "echo requests")                             \
    X(ICMP4_REPLIES_SENT, "icmp4.replies_sent", "echo replies")                                    \
    X(ICMP4_ERRORS_SENT, "icmp4.errors_sent", "errors about what we received")                     \
    X(ICMP4_ERRORS_SILENT, "icmp4.errors_silent", "errors that RFC 1122 forbids to send")          \
    X(ICMP4_ERRORS_LIMITED, "icmp4.errors_limited", "errors not sent because of the rate limit")   \
    X(ICMP4_ERRORS_RECEIVED, "icmp4.errors_received", "errors about what we sent")                 \
    X(IGMP_QUERIES_RECEIVED, "igmp.queries_received", "membership queries")                        \
    X(IGMP_REPORTS_SENT, "igmp.reports_sent", "reports and leaves")                                \
    X(DROP_TCP_CHECKSUM, "drop.tcp_checksum", "wrong TCP checksum")                                \
    X(DROP_TCP_MULTICAST, "drop.tcp_multicast", "TCP segment to a broadcast or multicast address") \
    X(DROP_TCP_PORT, "drop.tcp_port", "TCP port 0")                                                \
    X(DROP_TCP_LAND, "drop.tcp_land", "source and destination of a segment are the same")          \
    X(DROP_TCP_NO_CONNECTION, "drop.tcp_no_connection",                                            \
      "segment for no connection (a reset was sent unless it was one)")                            \
    X(DROP_TCP_UNACCEPTABLE, "drop.tcp_unacceptable",                                              \
      "segment that the state does not accept (RFC 9293, 3.10.7)")                                 \
    X(DROP_TCP_RESET, "drop.tcp_reset", "reset that was obeyed")                                   \
    X(DROP_TCP_DUPLICATE, "drop.tcp_duplicate", "segment without anything new")                    \
    X(DROP_TCP_PRUNED, "drop.tcp_pruned", "out-of-order segment given up for an earlier one")      \
    X(DROP_TCP_CLOSED, "drop.tcp_closed", "text that nobody will read any more")                   \
    X(DROP_TCP_QUEUE_FULL, "drop.tcp_queue_full",                                                  \
      "text beyond the memory that a connection may keep")                                         \
    X(DROP_TCP_AFTER_FIN, "drop.tcp_after_fin", "text behind the end of the stream")               \
    X(DROP_TCP_LISTENER_FULL, "drop.tcp_listener_full",                                            \
      "connection beyond the backlog or the limits")                                               \
    X(DROP_TCP_MIN_TTL, "drop.tcp_min_ttl",                                                        \
      "segment that came further than CHASKI_TCP_MIN_TTL lets")                                    \
    X(DROP_TCP_AO_MISSING, "drop.tcp_ao_missing",                                                  \
      "segment without TCP-AO for which there are keys")                                           \
    X(DROP_TCP_AO_BAD, "drop.tcp_ao_bad", "segment whose TCP-AO code is wrong")                    \
    X(DROP_TCP_AO_NO_KEY, "drop.tcp_ao_no_key",                                                    \
      "segment received with a KeyID of no key, or to be sent with a key that is gone")            \
    X(DROP_TCP_AO_UNEXPECTED, "drop.tcp_ao_unexpected",                                            \
      "segment with TCP-AO of a connection that no key is for, when a knob says so")               \
    X(TCP_AO_VERIFIED, "tcp.ao_verified", "segments whose TCP-AO code was right")                  \
    X(TCP_AO_UNEXPECTED, "tcp.ao_unexpected",                                                      \
      "segments with TCP-AO taken though no key is for their connection")                          \
    X(TCP_SEGMENTS_RECEIVED, "tcp.segments_received", "segments that passed the checks")           \
    X(TCP_SEGMENTS_SENT, "tcp.segments_sent", "segments sent, large ones counted once")            \
    X(TCP_RESETS_SENT, "tcp.resets_sent", "resets sent")                                           \
    X(TCP_REPLY_NO_MEMORY, "tcp.reply_no_memory",                                                  \
      "answers not sent because a pool had nothing left")                                          \
    X(TCP_OUTPUT_NO_MEMORY, "tcp.output_no_memory",                                                \
      "output put off because a pool had nothing left")                                            \
    X(TCP_RETRANSMITTED, "tcp.retransmitted", "segments sent again")                               \
    X(TCP_TIMEOUTS, "tcp.timeouts", "retransmission time-outs")                                    \
    X(TCP_RECOVERIES, "tcp.recoveries", "losses found by duplicate acknowledgements or SACK")      \
    X(TCP_DELAYED_ACKS, "tcp.delayed_acks", "acknowledgements sent because ack_delay had passed")  \
    X(TCP_WINDOW_PROBES, "tcp.window_probes", "probes of a window of zero")                        \
    X(TCP_KEEPALIVE_PROBES, "tcp.keepalive_probes", "keep-alive probes")                           \
    X(TCP_CHALLENGE_ACKS, "tcp.challenge_acks", "challenge acknowledgements (RFC 5961)")           \
    X(TCP_ANSWERS_LIMITED, "tcp.answers_limited",                                                  \
      "acknowledgements of unacceptable segments not sent: too many")                              \
    X(TCP_OUT_OF_ORDER, "tcp.out_of_order", "segments that came out of order")                     \
    X(TCP_COOKIES_SENT, "tcp.cookies_sent", "SYNs answered with a cookie")                         \
    X(TCP_COOKIES_ACCEPTED, "tcp.cookies_accepted", "connections opened by a cookie")              \
    X(TCP_COOKIES_REFUSED, "tcp.cookies_refused", "acknowledgements with a wrong or old cookie")   \
    X(TCP_HALF_OPEN_EXPIRED, "tcp.half_open_expired",                                              \
      "half-open connections that never completed")                                                \
    X(TCP_TIME_WAIT_OVERFLOWED, "tcp.time_wait_overflowed",                                        \
      "TIME-WAIT entries cut short for newer ones")                                                \
    X(TCP_CONNECTION_LIMIT, "tcp.connection_limit", "connections refused because of the limit")    \
    X(TCP_UNDONE, "tcp.undone", "reductions of the window taken back: nothing was lost")           \
    X(TCP_TAIL_PROBES, "tcp.tail_probes", "tail loss probes sent")                                 \
    X(TCP_FAST_OPENED, "tcp.fast_opened", "connections accepted with data on the SYN")             \
    X(TCP_FAST_OPEN_PAUSED, "tcp.fast_open_paused",                                                \
      "times that Fast Open to a server was put off: it does not get there")                       \
    X(TCP_FLIGHT_LIMIT, "tcp.flight_limit", "times that no state for sending was left")            \
    X(TCP_FLIGHTS_RECLAIMED, "tcp.flights_reclaimed",                                              \
      "idle connections whose state for sending another one took")                                 \
    X(TCP_FILTERED, "tcp.filtered", "connections that a listener's filter refused")                \
    X(TCP_ICMP_IGNORED, "tcp.icmp_ignored", "ICMP errors that quote nothing in flight")            \
    X(TCP_PATH_MTU_LOWERED, "tcp.path_mtu_lowered", "connections whose segments became smaller")   \
    X(TCP_SCALE_CLAMPED, "tcp.scale_clamped", "peers that asked for a window shift over 14")       \
    X(DROP_SHARD_FULL, "drop.shard_full", "another shard has not yet taken what it was handed")    \
    X(SHARD_HANDED, "shard.handed", "packets handed to another shard")                             \
    X(SHARD_TAKEN, "shard.taken", "packets taken over from another shard")

enum chaski_counter {
#define CHASKI_COUNTER_NAME(name, label, meaning) CHASKI_##name,
    CHASKI_COUNTERS(CHASKI_COUNTER_NAME)
#undef CHASKI_COUNTER_NAME
        CHASKI_COUNTER_COUNT,
};

/* The label ("drop.no_memory") and the meaning of a counter; NULL when out of range. */
const char *chaski_counter_label(enum chaski_counter counter);
const char *chaski_counter_meaning(enum chaski_counter counter);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
