/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/host/layout.h"
#include "core/udp/udp_sockets.h"

/* The public calls about UDP: the block's own, at the time of the last turn. */

int chaski_udp_bind(struct chaski *host, const struct chaski_udp_bind *bind, chaski_udp *socket)
{
    return udp_bind(&host->udp, bind, socket);
}

int host_udp_move(struct chaski *host, chaski_udp socket, const struct chaski_endpoint *local,
                  const struct chaski_endpoint *remote)
{
    return udp_move(&host->udp, socket, local, remote);
}

int host_udp_observe(struct chaski *host, chaski_udp socket, udp_error_observer *observer)
{
    return udp_observe(&host->udp, socket, observer);
}

int host_udp_waiting(const struct chaski *host, chaski_udp handle)
{
    const struct udp_socket *socket = udp_socket_of(&host->udp, handle);
    if (socket == NULL)
        return CHASKI_STALE;
    return (int)socket->queued;
}

bool host_udp_next(const struct chaski *host, chaski_udp handle, struct host_datagram *next)
{
    const struct udp_socket *socket = udp_socket_of(&host->udp, handle);
    if (socket == NULL || socket->first == NULL)
        return false;
    *next = (struct host_datagram){
        .received_ns = socket->first->udp.received_ns,
        .drops = socket->first->udp.drops,
        .ttl = socket->first->ip.ttl,
        .traffic_class = socket->first->ip.traffic_class,
    };
    return true;
}

uint32_t host_udp_drops(const struct chaski *host, chaski_udp handle)
{
    const struct udp_socket *socket = udp_socket_of(&host->udp, handle);
    return socket != NULL ? socket->drops : 0;
}

int chaski_udp_local(struct chaski *host, chaski_udp socket, struct chaski_endpoint *local)
{
    return udp_local(&host->udp, socket, local);
}

int chaski_udp_close(struct chaski *host, chaski_udp socket)
{
    return udp_close(&host->udp, socket, host->now_ns);
}

int chaski_udp_send(struct chaski *host, chaski_udp socket, const struct chaski_endpoint *remote,
                    const void *bytes, size_t length)
{
    return udp_send(&host->udp, socket, remote, bytes, length, host->now_ns);
}

int host_udp_send_watched(struct chaski *host, chaski_udp socket,
                          const struct chaski_endpoint *remote, const void *bytes, size_t length,
                          uint64_t position, sent_watcher *watcher)
{
    host->udp.watcher = watcher;
    return udp_send_watched(&host->udp, socket, remote, bytes, length, position, host->now_ns);
}

long chaski_udp_receive(struct chaski *host, chaski_udp socket, struct chaski_endpoint *local,
                        struct chaski_endpoint *remote, void *bytes, size_t length)
{
    return udp_take(&host->udp, socket, local, remote, bytes, length);
}

int chaski_udp_set(struct chaski *host, chaski_udp socket, enum chaski_udp_option option,
                   int64_t value)
{
    return udp_set(&host->udp, socket, option, value);
}

int chaski_udp_join(struct chaski *host, chaski_udp socket, const struct chaski_address *group,
                    uint16_t interface)
{
    if (host->follows)
        return CHASKI_NOT_PERMITTED;
    return udp_join(&host->udp, socket, group, interface, host->now_ns);
}

int chaski_udp_leave(struct chaski *host, chaski_udp socket, const struct chaski_address *group,
                     uint16_t interface)
{
    return udp_leave(&host->udp, socket, group, interface, host->now_ns);
}
