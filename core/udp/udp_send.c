/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/udp/udp_sockets.h"
#include "core/wire/ip4.h"
#include "core/wire/udp.h"

/* What IP may have in front of a datagram: the fixed part of its header. */
static uint32_t ip_header(enum family family)
{
    return family == FAMILY_IP4 ? WIRE_IP4_HEADER : 40;
}

/* The interface that is asked for, number plus one; 0: the one of the route. */
static uint16_t interface_for(const struct udp_socket *socket, const struct chaski_endpoint *remote)
{
    return remote->interface != 0 ? remote->interface : socket->local.interface;
}

static void fill_ip(struct packet *packet, const struct udp_socket *socket,
                    const struct ip_path *path, const struct chaski_endpoint *remote)
{
    packet->ip = (struct packet_ip){
        .source = path->source,
        .destination = remote->address,
        .protocol = WIRE_IP_UDP,
        .ttl = path->multicast ? socket->multicast_ttl : socket->ttl,
        .traffic_class = socket->traffic_class,
        .dont_fragment = socket->dont_fragment,
        .no_loop = !socket->multicast_loop,
        .interface = (uint8_t)interface_for(socket, remote),
    };
}

/* Writes the header; the checksum is left to the edge. */
static void push_header(struct packet *packet, uint16_t source_port, uint16_t destination_port)
{
    uint8_t *header = packet_push(packet, WIRE_UDP_HEADER);
    packet_set_transport(packet);
    wire_udp_build(header, source_port, destination_port, (uint16_t)packet->length);
    checksum_store(header + WIRE_UDP_CHECKSUM,
                   checksum_fold(address_pseudo_checksum(
                       &packet->ip.source, &packet->ip.destination, WIRE_IP_UDP, packet->length)));
    packet->checksum = CHECKSUM_PARTIAL;
    packet->checksum_field = WIRE_UDP_CHECKSUM;
}

static struct packet *build(struct udp *udp, const struct udp_socket *socket,
                            const struct ip_path *path, const struct chaski_endpoint *remote,
                            const void *bytes, size_t length)
{
    struct packet_memory *memory = udp->setup.memory;
    struct packet *packet = packet_take(&memory->packets, FOR_SEND);
    if (packet == NULL)
        return NULL;
    if (!packet_append_copy(packet, bytes, length, memory)) {
        packet_free(packet);
        return NULL;
    }
    fill_ip(packet, socket, path, remote);
    push_header(packet, socket->local.port, remote->port);
    return packet;
}

/* Whether the socket may send `length` bytes to `remote`, and how they get there. */
static int find_path(const struct udp *udp, const struct udp_socket *socket,
                     const struct chaski_endpoint *remote, size_t length, struct ip_path *path)
{
    static const struct chaski_address any;
    enum family family = address_family(&remote->address);
    const struct network *network = &udp->network[family];
    if (remote->port == 0 || address_unspecified(&remote->address))
        return CHASKI_INVALID;
    if (network->path == NULL)
        return CHASKI_NO_ROUTE;
    const struct chaski_address *source = &socket->local.address;
    if (socket->many)
        source = &any;
    int error = network->path(network->block, WIRE_IP_UDP, source, &remote->address,
                              interface_for(socket, remote), path);
    if (error != 0)
        return error;
    if (path->broadcast && !socket->broadcast)
        return CHASKI_NOT_PERMITTED;
    uint32_t headers = ip_header(family) + WIRE_UDP_HEADER;
    uint32_t most = socket->dont_fragment ? path->mtu : UDP_DATAGRAM_MAX;
    return most < headers || length > most - headers ? CHASKI_TOO_BIG : 0;
}

static int send(struct udp *udp, chaski_udp handle, const struct chaski_endpoint *remote,
                const void *bytes, size_t length, const struct packet_watch *watch, uint64_t now_ns)
{
    struct udp_socket *socket = udp_socket_of(udp, handle);
    if (socket == NULL)
        return CHASKI_STALE;
    if (socket->error != 0)
        return udp_error_once(socket);
    if (remote == NULL && !udp_connected(socket))
        return CHASKI_NOT_CONNECTED;
    if (remote == NULL)
        remote = &socket->remote;
    struct ip_path path;
    int error = find_path(udp, socket, remote, length, &path);
    if (error != 0)
        return error;
    enum family family = address_family(&remote->address);
    struct packet *packet = build(udp, socket, &path, remote, bytes, length);
    if (packet == NULL)
        return CHASKI_NO_MEMORY;
    if (watch != NULL) {
        packet->ip.watched = true;
        packet->watch = *watch;
    }
    count(udp->setup.counters, CHASKI_UDP_DATAGRAMS_SENT);
    burst_add(&udp->pending[family], packet, &udp->network[family].transmit, now_ns);
    return 0;
}

int udp_send(struct udp *udp, chaski_udp handle, const struct chaski_endpoint *remote,
             const void *bytes, size_t length, uint64_t now_ns)
{
    return send(udp, handle, remote, bytes, length, NULL, now_ns);
}

int udp_send_watched(struct udp *udp, chaski_udp handle, const struct chaski_endpoint *remote,
                     const void *bytes, size_t length, uint64_t position, uint64_t now_ns)
{
    struct packet_watch watch = {handle.index, handle.generation, position};
    return send(udp, handle, remote, bytes, length, &watch, now_ns);
}

void udp_show(struct udp *udp, const struct packet *packet)
{
    const struct packet_watch *watch = &packet->watch;
    const struct udp_socket *socket =
        udp_socket_of(udp, (chaski_udp){watch->index, watch->generation});
    if (socket != NULL)
        udp->watcher(socket->context, watch->position, packet);
}

void udp_flush(struct udp *udp, uint64_t now_ns)
{
    for (uint32_t i = 0; i < FAMILY_COUNT; i++)
        hook_call(&udp->network[i].transmit, &udp->pending[i], now_ns);
}
