/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/address.h"
#include "core/host/layout.h"

/* The public calls about addresses, routes and ping. */

/* ---- Addresses ---- */

int chaski_address_add(struct chaski *host, int interface, const struct chaski_address *address,
                       unsigned prefix_length)
{
    const struct host_port *port = host_port_of(host, interface);
    if (host->follows)
        return CHASKI_NOT_PERMITTED;
    if (port == NULL || !address_is_ip4(address) || prefix_length > 32)
        return CHASKI_INVALID;
    uint32_t ip4 = address_ip4(address);
    int error = ip4_address_add(&host->ip4, (uint8_t)interface, ip4, prefix_length);
    if (error != 0 || port->kind != CHASKI_ETHERNET)
        return error;
    error = arp_address_add(&host->arp, (uint8_t)interface, ip4, prefix_length, prefix_length < 32,
                            host->now_ns);
    if (error != 0)
        ip4_address_remove(&host->ip4, (uint8_t)interface, ip4);
    return error;
}

int chaski_address_remove(struct chaski *host, int interface, const struct chaski_address *address)
{
    if (host->follows)
        return CHASKI_NOT_PERMITTED;
    if (host_port_of(host, interface) == NULL || !address_is_ip4(address))
        return CHASKI_INVALID;
    int error = ip4_address_remove(&host->ip4, (uint8_t)interface, address_ip4(address));
    if (error == 0)
        arp_address_remove(&host->arp, (uint8_t)interface, address_ip4(address));
    return error;
}

bool host_is_local(const struct chaski *host, const struct chaski_address *address)
{
    return address_is_ip4(address) && ip4_is_local(&host->ip4, address_ip4(address));
}

int host_path(const struct chaski *host, uint8_t protocol, const struct chaski_endpoint *remote,
              struct ip_path *path)
{
    static const struct chaski_address any;
    const struct network *network = &host->udp.network[address_family(&remote->address)];
    if (network->path == NULL)
        return CHASKI_NO_ROUTE;
    return network->path(network->block, protocol, &any, &remote->address, remote->interface, path);
}

/* ---- Routes ---- */

/* The IPv4 address that a call means, the unspecified one being 0.0.0.0. False for IPv6. */
static bool ip4_or_any(const struct chaski_address *address, uint32_t *ip4)
{
    bool any = address_unspecified(address);
    *ip4 = any ? 0 : address_ip4(address);
    return any || address_is_ip4(address);
}

int chaski_route_add(struct chaski *host, const struct chaski_address *prefix,
                     unsigned prefix_length, const struct chaski_address *gateway, int interface)
{
    uint32_t to, by;
    if (host->follows)
        return CHASKI_NOT_PERMITTED;
    if (host_port_of(host, interface) == NULL || prefix_length > 32 || !ip4_or_any(prefix, &to) ||
        !ip4_or_any(gateway, &by))
        return CHASKI_INVALID;
    return ip4_route_add(&host->ip4, to, prefix_length, by, (uint8_t)interface);
}

int chaski_route_remove(struct chaski *host, const struct chaski_address *prefix,
                        unsigned prefix_length)
{
    uint32_t to;
    if (host->follows)
        return CHASKI_NOT_PERMITTED;
    if (prefix_length > 32 || !ip4_or_any(prefix, &to))
        return CHASKI_INVALID;
    return ip4_route_remove(&host->ip4, to, prefix_length);
}

/* ---- Ping ---- */

int chaski_ping_on(struct chaski *host, uint16_t identifier, chaski_ping_closure *reply,
                   void *context)
{
    return icmp4_ping_on(&host->icmp4, identifier, reply, context);
}

int chaski_ping(struct chaski *host, const struct chaski_address *to, uint16_t identifier,
                uint16_t sequence, const void *bytes, size_t length)
{
    return icmp4_ping(&host->icmp4, to, identifier, sequence, bytes, length, host->now_ns);
}
