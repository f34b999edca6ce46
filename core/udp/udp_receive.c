/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/udp/udp_sockets.h"
#include "core/wire/ip4.h"
#include "core/wire/udp.h"

/* What the datagram keeps busy, whole buffers counted: that is what its queueing costs the host. */
static uint32_t charge_of(const struct packet *packet)
{
    uint32_t charge = (uint32_t)sizeof *packet;
    if (packet->linear != NULL)
        charge += BUFFER_HEADER + packet->linear->size;
    for (uint32_t i = 0; i < packet->fragment_count; i++)
        charge += BUFFER_HEADER + packet->fragments[i].buffer->size;
    return charge;
}

static bool has_room(const struct udp *udp, const struct udp_socket *socket, uint32_t charge)
{
    return socket->queued < socket->queued_max && socket->charge < socket->charge_max &&
           udp->queued_packets < udp->setup.queued_packets_max &&
           udp->queued_bytes + charge <= udp->setup.queued_bytes_max;
}

/* Queues a datagram whose header has been pulled and noted. */
static void enqueue(struct udp *udp, struct udp_socket *socket, struct packet *packet)
{
    uint32_t charge = charge_of(packet);
    if (!has_room(udp, socket, charge)) {
        socket->drops++;
        packet_drop(packet, udp->setup.counters, CHASKI_DROP_UDP_QUEUE_FULL);
        return;
    }
    packet->udp.charge = charge;
    packet->udp.drops = socket->drops;
    packet->next = NULL;
    *socket->last = packet;
    socket->last = &packet->next;
    socket->queued++;
    socket->charge += charge;
    udp->queued_packets++;
    udp->queued_bytes += charge;
    count(udp->setup.counters, CHASKI_UDP_DATAGRAMS_RECEIVED);
    if (socket->receive != NULL && list_empty(&socket->event))
        list_append(&udp->events, &socket->event);
}

struct packet *udp_dequeue(struct udp *udp, struct udp_socket *socket)
{
    struct packet *packet = socket->first;
    if (packet == NULL)
        return NULL;
    socket->first = packet->next;
    if (socket->first == NULL)
        socket->last = &socket->first;
    socket->queued--;
    socket->charge -= packet->udp.charge;
    udp->queued_packets--;
    udp->queued_bytes -= packet->udp.charge;
    return packet;
}

static bool checksum_good(const struct packet *packet)
{
    const struct packet_ip *ip = &packet->ip;
    if (!wire_udp_has_checksum(packet->data))
        return address_is_ip4(&ip->source); /* RFC 8200, 8.1 wants one, RFC 768 does not */
    if (packet->checksum != CHECKSUM_UNKNOWN)
        return true;
    uint64_t sum =
        address_pseudo_checksum(&ip->source, &ip->destination, WIRE_IP_UDP, packet->length) +
        packet_checksum_partial(packet, 0);
    return checksum_finish(sum) == 0;
}

/* Makes the header linear and looks whether the datagram may be believed; why not, else 0. */
static enum chaski_counter check(struct udp *udp, struct packet *packet)
{
    if (packet->length < WIRE_UDP_HEADER)
        return CHASKI_DROP_UDP_LENGTH;
    if (packet->linear_length < WIRE_UDP_HEADER &&
        !packet_pull_up(packet, WIRE_UDP_HEADER, udp->setup.memory))
        return CHASKI_DROP_NO_MEMORY;
    enum chaski_counter why = wire_udp_check(packet->data, packet->length);
    if (why != 0)
        return why;
    if (wire_udp_length(packet->data) > WIRE_UDP_HEADER + udp->setup.datagram_max)
        return CHASKI_DROP_NO_MEMORY;
    packet_trim(packet, wire_udp_length(packet->data));
    return checksum_good(packet) ? 0 : CHASKI_DROP_UDP_CHECKSUM;
}

/* A second packet with the same payload, for one more socket. */
static struct packet *copy_of(struct udp *udp, const struct packet *packet)
{
    struct packet *copy =
        packet_slice(packet, 0, packet->length, &udp->setup.memory->packets, FOR_RECEIVE);
    if (copy == NULL) {
        count(udp->setup.counters, CHASKI_DROP_NO_MEMORY);
        return NULL;
    }
    copy->ip = packet->ip;
    copy->udp = packet->udp;
    copy->interface = packet->interface;
    return copy;
}

/* Who hears what is sent to a group or a broadcast address: members, and sockets that are not
 * bound to a single address of ours. */
static bool hears(const struct udp_socket *socket, const struct chaski_endpoint *local)
{
    if (socket->local.port != local->port)
        return false;
    if (socket->local.interface != 0 && socket->local.interface != local->interface)
        return false;
    if (address_is_multicast(&local->address))
        return (!address_is_multicast(&socket->local.address) ||
                address_equal(&socket->local.address, &local->address)) &&
               udp_is_member(socket, &local->address, local->interface);
    return udp_connected(socket) || address_unspecified(&socket->local.address) ||
           address_equal(&socket->local.address, &local->address);
}

/* Gives a copy to every socket of a chain that wants the datagram except the last one, which is
 * returned; `last` is the one found so far. */
static struct udp_socket *deliver_in_chain(struct udp *udp, const struct packet *packet,
                                           const struct chaski_endpoint *local,
                                           const struct chaski_endpoint *remote,
                                           struct udp_socket *last)
{
    for (struct udp_socket *s = *udp_chain_of(udp, local->port, remote); s != NULL; s = s->chain) {
        if (!udp_remote_is(s, remote) || !hears(s, local))
            continue;
        struct packet *copy = last != NULL ? copy_of(udp, packet) : NULL;
        if (copy != NULL)
            enqueue(udp, last, copy);
        last = s;
    }
    return last;
}

static void deliver_to_all(struct udp *udp, struct packet *packet,
                           const struct chaski_endpoint *local,
                           const struct chaski_endpoint *remote)
{
    struct udp_socket *last = NULL;
    packet_pull(packet, WIRE_UDP_HEADER);
    if (udp->connected != 0)
        last = deliver_in_chain(udp, packet, local, remote, last);
    last = deliver_in_chain(udp, packet, local, NULL, last);
    if (last != NULL)
        enqueue(udp, last, packet);
    else
        packet_drop(packet, udp->setup.counters, CHASKI_DROP_UDP_NO_SOCKET);
}

static void deliver(struct udp *udp, struct packet *packet, const struct chaski_endpoint *local,
                    const struct chaski_endpoint *remote, uint64_t now_ns)
{
    struct udp_socket *socket = udp_lookup(udp, local, remote);
    if (socket != NULL) {
        packet_pull(packet, WIRE_UDP_HEADER);
        enqueue(udp, socket, packet);
        return;
    }
    const struct network *network = &udp->network[address_family(&local->address)];
    if (network->port_unreachable != NULL)
        network->port_unreachable(network->block, packet, now_ns);
    else
        packet_drop(packet, udp->setup.counters, CHASKI_DROP_UDP_NO_SOCKET);
}

static void receive_one(struct udp *udp, struct packet *packet, uint64_t now_ns)
{
    enum chaski_counter why = check(udp, packet);
    if (why != 0) {
        packet_drop(packet, udp->setup.counters, why);
        return;
    }
    packet->udp.source_port = wire_udp_source_port(packet->data);
    packet->udp.destination_port = wire_udp_destination_port(packet->data);
    packet->udp.received_ns = now_ns;
    struct chaski_endpoint local = {packet->ip.destination, packet->udp.destination_port,
                                    (uint16_t)(packet->interface + 1)};
    struct chaski_endpoint remote = {packet->ip.source, packet->udp.source_port, 0};
    if (packet->ip.destination_multicast)
        deliver_to_all(udp, packet, &local, &remote);
    else
        deliver(udp, packet, &local, &remote, now_ns);
}

void udp_receive(void *block, struct burst *burst, uint64_t now_ns)
{
    struct udp *udp = block;
    for (uint32_t i = 0; i < burst->count; i++)
        receive_one(udp, burst->packets[i], now_ns);
    burst->count = 0;
}

bool udp_error(void *block, const struct ip_error *error, uint64_t now_ns)
{
    struct udp *udp = block;
    (void)now_ns;
    struct chaski_endpoint local = {error->source, wire_udp_source_port(error->quoted), 0};
    struct chaski_endpoint remote = {error->destination, wire_udp_destination_port(error->quoted),
                                     0};
    struct udp_socket *socket = udp_lookup(udp, &local, &remote);
    if (socket == NULL)
        return false;
    /* Routers cut what may be cut: who says otherwise is none. */
    if (error->kind == IP_ERROR_TOO_BIG && !socket->dont_fragment)
        return false;
    /* Of a narrow path the next send hears itself, or cuts. */
    if (socket->observer != NULL)
        socket->observer(socket->context, error);
    else if (udp_connected(socket) && error->kind != IP_ERROR_TOO_BIG)
        socket->error = error->told;
    return true;
}
