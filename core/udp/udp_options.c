/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/udp/udp_sockets.h"

static bool in_range(int64_t value, int64_t lowest, int64_t highest)
{
    return value >= lowest && value <= highest;
}

int udp_set(struct udp *udp, chaski_udp handle, enum chaski_udp_option option, int64_t value)
{
    struct udp_socket *socket = udp_socket_of(udp, handle);
    if (socket == NULL)
        return CHASKI_STALE;
    bool flag = option == CHASKI_UDP_BROADCAST || option == CHASKI_UDP_MULTICAST_LOOP ||
                option == CHASKI_UDP_DONT_FRAGMENT;
    int64_t lowest = option == CHASKI_UDP_MULTICAST_TTL ? 1 : 0;
    if (!in_range(value, lowest, flag ? 1 : 255))
        return CHASKI_INVALID;
    switch (option) {
    case CHASKI_UDP_BROADCAST:
        socket->broadcast = value != 0;
        return 0;
    case CHASKI_UDP_TOS:
        socket->traffic_class = (uint8_t)value;
        return 0;
    case CHASKI_UDP_TTL:
        socket->ttl = (uint8_t)value;
        return 0;
    case CHASKI_UDP_MULTICAST_TTL:
        socket->multicast_ttl = (uint8_t)value;
        return 0;
    case CHASKI_UDP_MULTICAST_LOOP:
        socket->multicast_loop = value != 0;
        return 0;
    case CHASKI_UDP_DONT_FRAGMENT:
        socket->dont_fragment = value != 0;
        return 0;
    case CHASKI_UDP_OPTION_COUNT:
        break;
    }
    return CHASKI_INVALID;
}
