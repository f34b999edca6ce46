/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/udp/udp_sockets.h"
#include "core/wire/ip4.h"

/*
 * Which sockets are in which groups. The IP block knows what the host is in, counted, an
 * interface; here stands for whom.
 */

static struct udp_membership **find(struct udp_socket *socket, const struct chaski_address *group,
                                    uint16_t interface)
{
    struct udp_membership **at = &socket->memberships;
    while (*at != NULL && ((*at)->interface != interface || !address_equal(&(*at)->group, group)))
        at = &(*at)->next;
    return at;
}

bool udp_is_member(const struct udp_socket *socket, const struct chaski_address *group,
                   uint16_t interface)
{
    for (const struct udp_membership *m = socket->memberships; m != NULL; m = m->next)
        if (m->interface == interface && address_equal(&m->group, group))
            return true;
    return false;
}

/* The interface, number plus one, that 0 stands for: the one that the route to the group takes. */
static int settle_interface(const struct network *network, const struct chaski_address *group,
                            uint16_t *interface)
{
    static const struct chaski_address any;
    struct ip_path path;
    if (*interface != 0)
        return 0;
    int error = network->path(network->block, WIRE_IP_UDP, &any, group, 0, &path);
    if (error == 0)
        *interface = (uint16_t)(path.interface + 1);
    return error;
}

/* What joining and leaving check alike. */
static int prepare(struct udp *udp, chaski_udp handle, const struct chaski_address *group,
                   struct udp_socket **socket, const struct network **network, uint16_t *interface)
{
    *socket = udp_socket_of(udp, handle);
    if (*socket == NULL)
        return CHASKI_STALE;
    if (!address_is_multicast(group))
        return CHASKI_INVALID;
    *network = &udp->network[address_family(group)];
    if ((*network)->path == NULL)
        return CHASKI_NO_ROUTE;
    return settle_interface(*network, group, interface);
}

int udp_join(struct udp *udp, chaski_udp handle, const struct chaski_address *group,
             uint16_t interface, uint64_t now_ns)
{
    struct udp_socket *socket;
    const struct network *network;
    int error = prepare(udp, handle, group, &socket, &network, &interface);
    if (error != 0)
        return error;
    if (udp_is_member(socket, group, interface))
        return CHASKI_IN_USE;
    struct udp_membership *membership = udp->free_memberships;
    if (membership == NULL)
        return CHASKI_NO_MEMORY;
    error = network->join(network->block, group, interface, now_ns);
    if (error != 0)
        return error;
    udp->free_memberships = membership->next;
    membership->group = *group;
    membership->interface = interface;
    membership->next = socket->memberships;
    socket->memberships = membership;
    return 0;
}

static void leave(struct udp *udp, struct udp_membership **at, uint64_t now_ns)
{
    struct udp_membership *membership = *at;
    const struct network *network = &udp->network[address_family(&membership->group)];
    *at = membership->next;
    network->leave(network->block, &membership->group, membership->interface, now_ns);
    membership->next = udp->free_memberships;
    udp->free_memberships = membership;
}

int udp_leave(struct udp *udp, chaski_udp handle, const struct chaski_address *group,
              uint16_t interface, uint64_t now_ns)
{
    struct udp_socket *socket;
    const struct network *network;
    int error = prepare(udp, handle, group, &socket, &network, &interface);
    if (error != 0)
        return error;
    struct udp_membership **at = find(socket, group, interface);
    if (*at == NULL)
        return CHASKI_INVALID;
    leave(udp, at, now_ns);
    return 0;
}

void udp_leave_all(struct udp *udp, struct udp_socket *socket, uint64_t now_ns)
{
    while (socket->memberships != NULL)
        leave(udp, &socket->memberships, now_ns);
}
