/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_UDP_UDP_SOCKETS_H
#define CHASKI_UDP_UDP_SOCKETS_H

#include "core/base/address.h"
#include "core/udp/udp.h"

/* The table of sockets, for the files of this block. */

/* The socket, or NULL when the handle is stale. */
struct udp_socket *udp_socket_of(const struct udp *udp, chaski_udp handle);
chaski_udp udp_handle_of(const struct udp *udp, const struct udp_socket *socket);

/* The chain of the sockets that are bound to `port` and connected to `remote` (NULL: to nobody).
 * Others share it, so members must be compared. */
struct udp_socket **udp_chain_of(const struct udp *udp, uint16_t port,
                                 const struct chaski_endpoint *remote);

/* The socket that a datagram, or an error about one, belongs to; NULL for none. `local.interface`
 * is where it came in, number plus one; 0 fits every socket. */
struct udp_socket *udp_lookup(const struct udp *udp, const struct chaski_endpoint *local,
                              const struct chaski_endpoint *remote);

static inline bool udp_connected(const struct udp_socket *socket)
{
    return socket->remote.port != 0;
}

/* Whether `socket`, bound to the local port, is connected to exactly `remote` (NULL: to nobody). */
bool udp_remote_is(const struct udp_socket *socket, const struct chaski_endpoint *remote);

/* An error to be told, once: it is forgotten by being read. */
static inline int udp_error_once(struct udp_socket *socket)
{
    int error = socket->error;
    socket->error = 0;
    return error;
}

/* The first datagram of the queue, which is the caller's from now on; NULL when there is none. */
struct packet *udp_dequeue(struct udp *udp, struct udp_socket *socket);

/* Whether `socket` is in `group` on the interface (number plus one). */
bool udp_is_member(const struct udp_socket *socket, const struct chaski_address *group,
                   uint16_t interface);
void udp_leave_all(struct udp *udp, struct udp_socket *socket, uint64_t now_ns);

#endif
