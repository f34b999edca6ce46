/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "core/base/address.h"
#include "sockets/internal.h"

/* Addresses between POSIX's form and the stack's, which has one for both families. */

static int read_ip4(const struct sockaddr *address, socklen_t length,
                    struct chaski_endpoint *endpoint)
{
    struct sockaddr_in in;
    if (length < sizeof in)
        return -EINVAL;
    if (address->sa_family != AF_INET)
        return -EAFNOSUPPORT;
    memcpy(&in, address, sizeof in);
    *endpoint = (struct chaski_endpoint){.port = ntohs(in.sin_port)};
    if (in.sin_addr.s_addr != INADDR_ANY)
        endpoint->address = address_from_ip4(ntohl(in.sin_addr.s_addr));
    return 0;
}

/* IPv4's mapped addresses (ipv6(7)); there are no others here yet. The scope may be left out. */
static int read_ip6(const struct sockaddr *address, socklen_t length,
                    struct chaski_endpoint *endpoint)
{
    struct sockaddr_in6 in = {0};
    if (length < offsetof(struct sockaddr_in6, sin6_scope_id))
        return -EINVAL;
    if (address->sa_family != AF_INET6)
        return -EAFNOSUPPORT;
    memcpy(&in, address, length < sizeof in ? length : sizeof in);
    *endpoint = (struct chaski_endpoint){.port = ntohs(in.sin6_port),
                                         .interface = (uint16_t)in.sin6_scope_id};
    struct chaski_address said;
    memcpy(said.bytes, &in.sin6_addr, sizeof said.bytes);
    if (address_unspecified(&said) || (address_is_ip4(&said) && address_ip4(&said) == 0))
        return 0;
    endpoint->address = said;
    return address_is_ip4(&said) ? 0 : -EADDRNOTAVAIL;
}

int address_check(const struct sockaddr *address, socklen_t length)
{
    if (length > sizeof(struct sockaddr_storage))
        return -EINVAL;
    return address == NULL && length != 0 ? -EFAULT : 0;
}

int address_read(int family, const struct sockaddr *address, socklen_t length,
                 struct chaski_endpoint *endpoint)
{
    int error = address_check(address, length);
    if (error != 0)
        return error;
    return family == AF_INET6 ? read_ip6(address, length, endpoint)
                              : read_ip4(address, length, endpoint);
}

int address_room(const struct sockaddr *address, const socklen_t *length)
{
    if (length == NULL)
        return -EFAULT;
    if (*length > INT_MAX)
        return -EINVAL;
    return address == NULL && *length != 0 ? -EFAULT : 0;
}

void address_write(int family, const struct chaski_endpoint *endpoint, struct sockaddr *address,
                   socklen_t *length)
{
    union {
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
    } whole;
    memset(&whole, 0, sizeof whole);
    socklen_t size = family == AF_INET6 ? sizeof whole.ip6 : sizeof whole.ip4;
    if (family == AF_INET6) {
        whole.ip6.sin6_family = AF_INET6;
        whole.ip6.sin6_port = htons(endpoint->port);
        memcpy(&whole.ip6.sin6_addr, endpoint->address.bytes, sizeof whole.ip6.sin6_addr);
    } else {
        whole.ip4.sin_family = AF_INET;
        whole.ip4.sin_port = htons(endpoint->port);
        if (!address_unspecified(&endpoint->address))
            whole.ip4.sin_addr.s_addr = htonl(address_ip4(&endpoint->address));
    }
    if (*length != 0)
        memcpy(address, &whole, *length < size ? *length : size);
    *length = size;
}

int error_number(int error)
{
    static const int numbers[] = {
        [-CHASKI_AGAIN] = EAGAIN,
        [-CHASKI_STALE] = EBADF,
        [-CHASKI_NO_MEMORY] = ENOBUFS,
        [-CHASKI_INVALID] = EINVAL,
        [-CHASKI_IN_USE] = EADDRINUSE,
        [-CHASKI_NO_ROUTE] = ENETUNREACH,
        [-CHASKI_BAD_ADDRESS] = EADDRNOTAVAIL,
        [-CHASKI_NOT_CONNECTED] = ENOTCONN,
        [-CHASKI_RESET] = ECONNRESET,
        [-CHASKI_REFUSED] = ECONNREFUSED,
        [-CHASKI_TIMED_OUT] = ETIMEDOUT,
        [-CHASKI_UNREACHABLE] = EHOSTUNREACH,
        [-CHASKI_CLOSED] = EPIPE,
        [-CHASKI_TOO_BIG] = EMSGSIZE,
        [-CHASKI_NOT_PERMITTED] = EACCES,
        [-CHASKI_UNKNOWN] = ENOENT,
        [-CHASKI_NETWORK_UNREACHABLE] = ENETUNREACH,
        [-CHASKI_NO_PROTOCOL] = ENOPROTOOPT,
        [-CHASKI_NO_SOURCE_ROUTE] = EOPNOTSUPP,
        [-CHASKI_HOST_UNKNOWN] = EHOSTDOWN,
        [-CHASKI_HOST_ISOLATED] = ENONET,
        [-CHASKI_MALFORMED] = EPROTO,
    };
    if (error >= 0)
        return error;
    if (error < -(int)(sizeof numbers / sizeof *numbers) + 1)
        return -EIO;
    return -numbers[-error];
}
