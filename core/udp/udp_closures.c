/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/udp/udp_sockets.h"

/*
 * Where datagrams reach the application: told to closures, or taken out by those who poll. A
 * closure may close its socket, or another one, and bind new ones; so after each call the socket is
 * looked up again by its handle.
 */

enum {
    CLOSURES_A_TURN = 256,  /* datagrams told of in one udp_closures() */
    CLOSURES_A_SOCKET = 32, /* of one socket, before the next one has its turn */
};

static void endpoints_of(const struct packet *packet, struct chaski_endpoint *local,
                         struct chaski_endpoint *remote)
{
    local->address = packet->ip.destination;
    local->port = packet->udp.destination_port;
    local->interface = (uint16_t)(packet->interface + 1);
    remote->address = packet->ip.source;
    remote->port = packet->udp.source_port;
    remote->interface = 0;
}

/* Tells one datagram, unless the filter does not want it. */
static void tell(struct udp *udp, const struct udp_socket *socket, struct packet *packet)
{
    struct chaski_endpoint local, remote;
    endpoints_of(packet, &local, &remote);
    chaski_udp handle = udp_handle_of(udp, socket);
    chaski_udp_closure *receive = socket->receive;
    void *context = socket->context;
    if (socket->filter != NULL && !socket->filter(context, &local, &remote)) {
        packet_drop(packet, udp->setup.counters, CHASKI_DROP_UDP_FILTERED);
        return;
    }
    receive(context, udp->setup.host, handle, &local, &remote,
            packet_in_one_place(packet, udp->scratch), packet->length);
    packet_free(packet);
}

/* Tells up to `most` datagrams of one socket; returns how many. */
static uint32_t tell_socket(struct udp *udp, struct udp_socket *socket, uint32_t most)
{
    chaski_udp handle = udp_handle_of(udp, socket);
    uint32_t told = 0;
    while (told < most && udp_socket_of(udp, handle) != NULL && socket->first != NULL) {
        tell(udp, socket, udp_dequeue(udp, socket));
        told++;
    }
    if (udp_socket_of(udp, handle) != NULL && socket->first != NULL && list_empty(&socket->event))
        list_append(&udp->events, &socket->event);
    return told;
}

void udp_closures(struct udp *udp)
{
    uint32_t budget = CLOSURES_A_TURN;
    while (budget > 0 && !list_empty(&udp->events)) {
        struct udp_socket *socket = list_entry(udp->events.next, struct udp_socket, event);
        list_remove(&socket->event);
        uint32_t share = budget < CLOSURES_A_SOCKET ? budget : CLOSURES_A_SOCKET;
        uint32_t told = tell_socket(udp, socket, share);
        budget -= told != 0 ? told : 1;
    }
}

bool udp_busy(const struct udp *udp)
{
    for (uint32_t i = 0; i < FAMILY_COUNT; i++)
        if (udp->pending[i].count != 0)
            return true;
    return !list_empty(&udp->events);
}

long udp_take(struct udp *udp, chaski_udp handle, struct chaski_endpoint *local,
              struct chaski_endpoint *remote, void *bytes, size_t length)
{
    struct udp_socket *socket = udp_socket_of(udp, handle);
    if (socket == NULL)
        return CHASKI_STALE;
    if (socket->error != 0)
        return udp_error_once(socket);
    for (struct packet *packet; (packet = udp_dequeue(udp, socket)) != NULL;) {
        struct chaski_endpoint to, from;
        endpoints_of(packet, &to, &from);
        if (socket->filter != NULL && !socket->filter(socket->context, &to, &from)) {
            packet_drop(packet, udp->setup.counters, CHASKI_DROP_UDP_FILTERED);
            continue;
        }
        if (local != NULL)
            *local = to;
        if (remote != NULL)
            *remote = from;
        uint32_t whole = packet->length;
        packet_copy_out(packet, 0, bytes, whole < length ? whole : (uint32_t)length);
        packet_free(packet);
        return (long)whole;
    }
    return CHASKI_AGAIN;
}
