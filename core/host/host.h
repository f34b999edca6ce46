/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_HOST_HOST_H
#define CHASKI_HOST_HOST_H

#include <stdint.h>

#include "chaski/chaski.h"
#include "core/base/counters.h"
#include "core/link/feature.h"
#include "core/packet/burst.h"

/*
 * What those who live in this tree ask of a host beyond chaski/chaski.h: drivers, the loop and
 * tests, which hand over packets instead of bytes. What a host consists of stands in
 * core/host/layout.h.
 */

/* A link as the host sees it. */
struct host_interface {
    uint8_t mac[6];
    uint8_t kind;       /* enum chaski_interface_kind */
    uint16_t mtu;       /* of IP packets: 68 to 65535 */
    unsigned features;  /* enum link_feature: what the host need not do itself */
    struct hook output; /* takes whole frames; called inside chaski_poll() and host_receive() */
};

/* Adds an interface; returns its number or a negative enum chaski_error. */
int host_interface_add(struct chaski *host, const struct host_interface *interface);

/* Takes in received frames, data at the link header (or IP's, without one), in packets of
 * host_memory(). Replies that are built in the packet that asked leave before it returns; the rest
 * waits for chaski_poll(). */
void host_receive(struct chaski *host, int interface, struct burst *burst, uint64_t now_ns);

/* The time of the last turn: the time that calls have. */
uint64_t host_now(const struct chaski *host);

/* The time that calls have from now on, for calls between two turns. */
void host_set_now(struct chaski *host, uint64_t now_ns);

/* From now on windows that may grow are scaled for buffers of so many bytes at least. */
void host_scale_windows(struct chaski *host, uint32_t bytes);

/* How many connections wait for chaski_tcp_accept(), or CHASKI_STALE. */
int host_tcp_waiting(const struct chaski *host, chaski_listener listener);

/* Whether the peer's FIN has come, read or not, also of a connection that is over. */
bool host_tcp_fin_received(struct chaski *host, chaski_tcp connection);

/* How much of the sequence space, a FIN included, the peer has not acknowledged, or never did. */
uint32_t host_tcp_unacknowledged(struct chaski *host, chaski_tcp connection);

/* Whether acknowledgements wait for answers, since there have been some (TCP_QUICKACK). */
bool host_tcp_in_dialogue(struct chaski *host, chaski_tcp connection);

struct congestion_report;
/* What the congestion control tells of itself (TCP_CC_INFO): 0 or CHASKI_STALE. */
int host_tcp_report(struct chaski *host, chaski_tcp connection, struct congestion_report *report);

/* chaski_tcp_end_record(), which without `pushes` leaves the end of the record unpushed. */
int host_tcp_end_record(struct chaski *host, chaski_tcp connection, bool pushes);

/* What the timestamp of a segment would be that left now (RFC 7323, 5.4). */
uint32_t host_tcp_timestamp(struct chaski *host, chaski_tcp connection);

/* From now on as many may wait; those that already do stay. */
int host_tcp_listener_backlog(struct chaski *host, chaski_listener listener, uint32_t backlog);

/* Binds and connects a socket anew, as chaski_udp_bind() does (to local port 0: to none, so that
 * nothing arrives); besides CHASKI_NOT_PERMITTED: to a broadcast address. What waits, groups and
 * options stay. */
int host_udp_move(struct chaski *host, chaski_udp socket, const struct chaski_endpoint *local,
                  const struct chaski_endpoint *remote);

/* How many datagrams wait for chaski_udp_receive(), or CHASKI_STALE. */
int host_udp_waiting(const struct chaski *host, chaski_udp socket);

struct host_datagram {
    uint64_t received_ns;
    uint32_t drops; /* for the same socket, that had found no room before it */
    uint8_t ttl, traffic_class;
};

/* What the datagram is like that chaski_udp_receive() takes next; false: there is none. */
bool host_udp_next(const struct chaski *host, chaski_udp socket, struct host_datagram *next);

/* How many datagrams have found no room in its queue. */
uint32_t host_udp_drops(const struct chaski *host, chaski_udp socket);

/* Copies up to `n` bytes that wait to be read behind the first `over` ones, and leaves them there;
 * how many there were. */
uint32_t host_tcp_copy(struct chaski *host, chaski_tcp connection, uint32_t over, void *bytes,
                       uint32_t n);

/* Behind chaski_tcp_shutdown(): nobody will read what comes from now on; it resets the connection.
 */
int host_tcp_refuse_text(struct chaski *host, chaski_tcp connection);

/* When the segment came that the n-th byte that waits to be read is of; 0: there is none. */
uint64_t host_tcp_arrival(struct chaski *host, chaski_tcp connection, uint32_t n);

struct ip_error;
/* From now on errors about what the socket sent are told to `observer` with the socket's context,
 * in the midst of input and whether it is connected or not, and no longer by calls. The observer
 * may note them, and call nothing; what it is given is valid during the call. */
int host_udp_observe(struct chaski *host, chaski_udp socket,
                     void (*observer)(void *context, const struct ip_error *error));

struct packet;
/* chaski_udp_send(); the datagram is shown to `watcher` as it goes, its data at the IP header (of
 * the first fragment, where there are several), with the socket's context and `position`. The
 * watcher may note it, and call nothing. It is that of all sockets. */
int host_udp_send_watched(struct chaski *host, chaski_udp socket,
                          const struct chaski_endpoint *remote, const void *bytes, size_t length,
                          uint64_t position,
                          void (*watcher)(void *context, uint64_t position,
                                          const struct packet *packet));
/* From now on segments with text are shown likewise, with the closure's context and how many bytes
 * of the stream go before them; NULL: no longer. */
int host_tcp_watch(struct chaski *host, chaski_tcp connection,
                   void (*watcher)(void *context, uint64_t position, const struct packet *packet));

/* Whether the address is one of the host's own (unicast). */
bool host_is_local(const struct chaski *host, const struct chaski_address *address);

struct ip_path;
/* How packets of an IP protocol reach `remote`: 0, CHASKI_NO_ROUTE or its like. */
int host_path(const struct chaski *host, uint8_t protocol, const struct chaski_endpoint *remote,
              struct ip_path *path);

/* A number that nobody can guess, each time another one. */
uint64_t host_draw(struct chaski *host);

/* Where drivers take packets from. */
struct packet_memory *host_memory(struct chaski *host);
struct counters *host_counters(struct chaski *host);

#endif
