/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/options/option.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "core/base/address.h"
#include "core/ip/network.h"

/* Options of level IPPROTO_IP that are more than a number within limits. */

enum { LOCAL_PORT_RANGE = 51 }; /* IP_LOCAL_PORT_RANGE of later headers */

static int set_ttl(struct socket *socket, const struct option_in *in)
{
    int value;
    int error = option_read_ip(in, &value);
    if (error != 0 || in->length == 0)
        return error != 0 ? error : -EINVAL;
    if (value != -1 && (value < 1 || value > 255))
        return -EINVAL;
    socket->plain[PLAIN_TTL] = value == -1 ? socket->file.table->policy.default_ttl : value;
    return socket_apply_one(socket, PLAIN_TTL);
}

static int set_multicast_ttl(struct socket *socket, const struct option_in *in)
{
    int value;
    int error = option_read_ip(in, &value);
    if (error != 0)
        return error;
    if (in->length == 0 || is_stream(socket) || value < -1 || value > 255)
        return -EINVAL;
    socket->plain[PLAIN_MULTICAST_TTL] = value == -1 ? 1 : value;
    socket->asked[PLAIN_MULTICAST_TTL] = true;
    return socket_apply_one(socket, PLAIN_MULTICAST_TTL);
}

/* A membership, in either of the two forms that Linux takes; imr_interface is looked at no further
 * than whether it is ours. */
static int change_membership(struct socket *socket, const struct option_in *in, bool joins)
{
    struct ip_mreqn request = {0};
    if (is_stream(socket))
        return -EPROTO;
    if (in->length < sizeof(struct ip_mreq))
        return -EINVAL;
    memcpy(&request, in->bytes, in->length < sizeof request ? in->length : sizeof request);
    struct chaski_address group = address_from_ip4(ntohl(request.imr_multiaddr.s_addr));
    if (!address_is_multicast(&group) || request.imr_ifindex < 0 ||
        request.imr_ifindex > UINT16_MAX)
        return -EINVAL;
    int error = socket->has_udp ? 0 : udp_socket_open(socket, &socket->local);
    if (error != 0)
        return error;
    struct chaski *host = socket->file.table->host;
    uint16_t interface = (uint16_t)request.imr_ifindex;
    if (joins)
        return error_number(chaski_udp_join(host, socket->udp, &group, interface));
    return chaski_udp_leave(host, socket->udp, &group, interface) == 0 ? 0 : -EADDRNOTAVAIL;
}

/* A bound outside of the table's own range will count for nothing (Linux). */
static int set_port_range(struct socket *socket, const struct option_in *in)
{
    uint32_t range;
    if (in->length != sizeof range)
        return -EINVAL;
    memcpy(&range, in->bytes, sizeof range);
    if ((range & UINT16_MAX) != 0 && range >> 16 != 0 && (range & UINT16_MAX) > range >> 16)
        return -EINVAL;
    socket->plain[PLAIN_LOCAL_PORT_RANGE] = range;
    return 0;
}

int ip_level_set(struct socket *socket, int name, const struct option_in *in)
{
    switch (name) {
    case IP_TTL:
        return set_ttl(socket, in);
    case IP_MULTICAST_TTL:
        return set_multicast_ttl(socket, in);
    case LOCAL_PORT_RANGE:
        return set_port_range(socket, in);
    case IP_ADD_MEMBERSHIP:
    case IP_DROP_MEMBERSHIP:
        return change_membership(socket, in, name == IP_ADD_MEMBERSHIP);
    default:
        return -ENOPROTOOPT;
    }
}

/* Of the path to the peer; 0: there is none. */
static int path_mtu(const struct socket *socket)
{
    struct chaski_tcp_info info;
    struct ip_path path;
    if (is_stream(socket))
        return tcp_socket_info(socket, &info) ? (int)info.tcpi_pmtu : 0;
    if (socket->phase != SOCKET_CONNECTED ||
        host_path(socket->file.table->host, IPPROTO_UDP, &socket->remote, &path) != 0)
        return 0;
    return path.mtu;
}

static int get_mtu(const struct socket *socket, const struct option_out *out)
{
    int mtu = path_mtu(socket);
    return mtu != 0 ? option_write_int(out, mtu) : -ENOTCONN;
}

int ip_level_get(struct socket *socket, int name, const struct option_out *out)
{
    switch (name) {
    case IP_TTL:
        return option_write_ip(out, (int)socket->plain[PLAIN_TTL]);
    case IP_MULTICAST_TTL:
        return option_write_ip(out, (int)socket->plain[PLAIN_MULTICAST_TTL]);
    case LOCAL_PORT_RANGE:
        return option_write_ip(out, (int)socket->plain[PLAIN_LOCAL_PORT_RANGE]);
    case IP_MTU:
        return get_mtu(socket, out);
    case IP_NODEFRAG: /* which only raw sockets can have */
        return option_write_ip(out, 0);
    default:
        return -ENOPROTOOPT;
    }
}
