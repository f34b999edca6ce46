/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/options/option.h"

#include <errno.h>
#include <limits.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>

/*
 * setsockopt() and getsockopt(). Options that are a number within limits stand in a table; what is
 * set is kept in socket->plain and said to the core (apply.c). The others have functions of their
 * own, by level.
 */

enum option_kind {
    NUMBER, /* -EINVAL outside of its limits */
    SWITCH, /* any number but 0 is 1 */
};

struct option {
    int level, name;
    enum plain_option plain;
    enum option_kind kind;
    int64_t least, most;
};

enum { SECONDS_MOST = 32767 };

static const struct option table[] = {
    {SOL_SOCKET, SO_REUSEADDR, PLAIN_REUSEADDR, SWITCH, 0, 1},
    {SOL_SOCKET, SO_REUSEPORT, PLAIN_REUSEPORT, SWITCH, 0, 1},
    {SOL_SOCKET, SO_KEEPALIVE, PLAIN_KEEPALIVE, SWITCH, 0, 1},
    {SOL_SOCKET, SO_BROADCAST, PLAIN_BROADCAST, SWITCH, 0, 1},
    {SOL_SOCKET, SO_OOBINLINE, PLAIN_OOBINLINE, SWITCH, 0, 1},
    {SOL_SOCKET, SO_DONTROUTE, PLAIN_DONTROUTE, SWITCH, 0, 1},
    {SOL_SOCKET, SO_NO_CHECK, PLAIN_NO_CHECK, SWITCH, 0, 1},
    {SOL_SOCKET, SO_PRIORITY, PLAIN_PRIORITY, NUMBER, INT_MIN, INT_MAX},
    {SOL_SOCKET, SO_MARK, PLAIN_MARK, NUMBER, INT_MIN, INT_MAX},
    {SOL_SOCKET, SO_ZEROCOPY, PLAIN_ZEROCOPY, NUMBER, 0, 1},
    {SOL_SOCKET, SO_BUSY_POLL, PLAIN_BUSY_POLL, NUMBER, 0, INT_MAX},
    {SOL_SOCKET, SO_DEBUG, PLAIN_DEBUG, SWITCH, 0, 1},
    {SOL_SOCKET, SO_SELECT_ERR_QUEUE, PLAIN_SELECT_ERR_QUEUE, SWITCH, 0, 1},
    {SOL_SOCKET, SO_RXQ_OVFL, PLAIN_RXQ_OVFL, SWITCH, 0, 1},
    {SOL_SOCKET, SO_PEEK_OFF, PLAIN_PEEK_OFF, NUMBER, INT_MIN, INT_MAX},
    {SOL_SOCKET, SO_INCOMING_CPU, PLAIN_INCOMING_CPU, NUMBER, INT_MIN, INT_MAX},
    {IPPROTO_TCP, TCP_NODELAY, PLAIN_NODELAY, SWITCH, 0, 1},
    {IPPROTO_TCP, TCP_CORK, PLAIN_CORK, SWITCH, 0, 1},
    {IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, PLAIN_THIN_LINEAR, NUMBER, 0, 1},
    {IPPROTO_TCP, TCP_KEEPIDLE, PLAIN_KEEPIDLE, NUMBER, 1, SECONDS_MOST},
    {IPPROTO_TCP, TCP_KEEPINTVL, PLAIN_KEEPINTVL, NUMBER, 1, SECONDS_MOST},
    {IPPROTO_TCP, TCP_KEEPCNT, PLAIN_KEEPCNT, NUMBER, 1, 127},
    {IPPROTO_TCP, TCP_SYNCNT, PLAIN_SYNCNT, NUMBER, 1, 127},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, PLAIN_USER_TIMEOUT, NUMBER, 0, INT_MAX},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, PLAIN_NOTSENT_LOWAT, NUMBER, INT_MIN, INT_MAX},
    {IPPROTO_TCP, TCP_SAVE_SYN, PLAIN_SAVE_SYN, NUMBER, 0, 2},
    {IPPROTO_TCP, TCP_INQ, PLAIN_INQ, NUMBER, 0, 1},
    {IPPROTO_IP, IP_TOS, PLAIN_TOS, NUMBER, INT_MIN, INT_MAX},
    {IPPROTO_IP, IP_MTU_DISCOVER, PLAIN_MTU_DISCOVER, NUMBER, 0, IP_PMTUDISC_OMIT},
    {IPPROTO_IP, IP_MINTTL, PLAIN_MINTTL, NUMBER, 0, 255},
    {IPPROTO_IP, IP_RECVERR, PLAIN_RECVERR, SWITCH, 0, 1},
    {IPPROTO_IP, IP_PKTINFO, PLAIN_PKTINFO, SWITCH, 0, 1},
    {IPPROTO_IP, IP_RECVTTL, PLAIN_RECVTTL, SWITCH, 0, 1},
    {IPPROTO_IP, IP_RECVTOS, PLAIN_RECVTOS, SWITCH, 0, 1},
    {IPPROTO_IP, IP_RECVORIGDSTADDR, PLAIN_RECVORIGDSTADDR, SWITCH, 0, 1},
    {IPPROTO_IP, IP_TRANSPARENT, PLAIN_TRANSPARENT, SWITCH, 0, 1},
    {IPPROTO_IP, IP_FREEBIND, PLAIN_FREEBIND, SWITCH, 0, 1},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, PLAIN_BIND_ADDRESS_NO_PORT, SWITCH, 0, 1},
    {IPPROTO_IP, IP_MULTICAST_LOOP, PLAIN_MULTICAST_LOOP, SWITCH, 0, 1},
};

static const struct option *find(int level, int name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].level == level && table[i].name == name)
            return &table[i];
    return NULL;
}

/* ---- Values ---- */

int option_read_int(const struct option_in *in, int *value)
{
    if (in->length < (socklen_t)sizeof *value)
        return -EINVAL;
    if (in->bytes == NULL)
        return -EFAULT;
    memcpy(value, in->bytes, sizeof *value);
    return 0;
}

int option_read_ip(const struct option_in *in, int *value)
{
    if (in->length >= (socklen_t)sizeof *value)
        return option_read_int(in, value);
    *value = in->length != 0 ? *(const unsigned char *)in->bytes : 0;
    return 0;
}

int option_write(const struct option_out *out, const void *value, size_t length)
{
    if (*out->length > INT_MAX)
        return -EINVAL;
    size_t n = *out->length < length ? *out->length : length;
    if (n != 0)
        memcpy(out->bytes, value, n);
    *out->length = (socklen_t)n;
    return 0;
}

int option_write_int(const struct option_out *out, int value)
{
    return option_write(out, &value, sizeof value);
}

int option_write_ip(const struct option_out *out, int value)
{
    unsigned char byte = (unsigned char)value;
    if (*out->length > 0 && *out->length < (socklen_t)sizeof value && value >= 0 &&
        value <= UCHAR_MAX)
        return option_write(out, &byte, sizeof byte);
    return option_write_int(out, value);
}

/* ---- The table ---- */

/* Nothing is not 0 to them, as it is to the others of level IP (Linux). */
static bool needs_a_byte(enum plain_option option)
{
    return option == PLAIN_TRANSPARENT || option == PLAIN_FREEBIND ||
           option == PLAIN_MULTICAST_LOOP || option == PLAIN_MINTTL;
}

/* What sending so is worth (Linux's rt_tos2priority()). */
static int64_t priority_of(int64_t traffic_class)
{
    static const uint8_t priorities[] = {0, 2, 6, 4};
    return priorities[traffic_class >> 3 & 3];
}

/* The two lowest bits are ECN's, which TCP sets itself (Linux). */
static int64_t clean(const struct socket *socket, const struct option *option, int64_t value)
{
    if (option->kind == SWITCH)
        return value != 0;
    if (option->plain == PLAIN_TOS)
        return is_stream(socket) ? (value & 0xfc) | (socket->plain[PLAIN_TOS] & 3) : value & 0xff;
    if (option->plain == PLAIN_NOTSENT_LOWAT)
        return (uint32_t)value;
    return value;
}

/* What else comes of it (Linux). */
static void changed(struct socket *socket, enum plain_option option, int64_t before)
{
    int64_t value = socket->plain[option];
    if (option == PLAIN_TOS && value != before)
        socket->plain[PLAIN_PRIORITY] = priority_of(value);
    if (option == PLAIN_RECVERR && value == 0)
        error_queue_forget_reports(socket);
    if (option == PLAIN_NOTSENT_LOWAT)
        file_happened(&socket->file, EPOLLOUT | EPOLLWRNORM);
}

static int set_number(struct socket *socket, const struct option *option,
                      const struct option_in *in)
{
    int number;
    int error =
        option->level == IPPROTO_IP ? option_read_ip(in, &number) : option_read_int(in, &number);
    if (error != 0)
        return error;
    if (in->length == 0 && needs_a_byte(option->plain))
        return -EINVAL;
    if (option->kind == NUMBER && (number < option->least || number > option->most))
        return -EINVAL;
    int64_t before = socket->plain[option->plain];
    socket->plain[option->plain] = clean(socket, option, number);
    error = socket_apply_one(socket, option->plain);
    if (error != 0) {
        socket->plain[option->plain] = before;
        return error;
    }
    socket->asked[option->plain] = true;
    changed(socket, option->plain, before);
    return 0;
}

/* ---- IPv6's names ---- */

/* What sockets for IPv4's mapped addresses are asked by IPv6's names, which say the same of IPv4
 * (ipv6(7)). The others are unknown. */
static int ip_name(int name)
{
    switch (name) {
    case IPV6_RECVERR:
        return IP_RECVERR;
    case IPV6_TCLASS:
        return IP_TOS;
    case IPV6_UNICAST_HOPS:
        return IP_TTL;
    case IPV6_MTU_DISCOVER:
        return IP_MTU_DISCOVER;
    case IPV6_MTU:
        return IP_MTU;
    case IPV6_TRANSPARENT:
        return IP_TRANSPARENT;
    case IPV6_FREEBIND:
        return IP_FREEBIND;
    default:
        return -1;
    }
}

static void take_ip6_names(const struct socket *socket, int *level, int *name)
{
    int known = *level == IPPROTO_IPV6 && socket->family == AF_INET6 ? ip_name(*name) : -1;
    if (known < 0)
        return;
    *level = IPPROTO_IP;
    *name = known;
}

/* ---- The calls ---- */

static bool is_level(const struct socket *socket, int level)
{
    return level == SOL_SOCKET || level == IPPROTO_IP ||
           (level == IPPROTO_TCP && is_stream(socket));
}

/* What is no number can be shorter than one, and at level IP so can numbers. */
static int check_given(int level, int name, const struct option_in *in)
{
    bool no_number = level == IPPROTO_TCP && (name == TCP_CONGESTION || name == TCP_FASTOPEN_KEY);
    if (level != IPPROTO_IP && !no_number && in->length < sizeof(int))
        return -EINVAL;
    return in->bytes == NULL && in->length != 0 ? -EFAULT : 0;
}

int sockets_setsockopt(struct sockets *s, int fd, int level, int name, const void *value,
                       socklen_t length)
{
    int error;
    struct socket *socket = socket_at(s, fd, &error);
    struct option_in in = {value, length};
    if (socket == NULL)
        return error;
    if (is_stream(socket))
        tcp_socket_refresh(socket);
    take_ip6_names(socket, &level, &name);
    if (length > INT_MAX)
        return -EINVAL;
    if (!is_level(socket, level))
        return -ENOPROTOOPT;
    error = check_given(level, name, &in);
    if (error != 0)
        return error;
    const struct option *option = find(level, name);
    if (option != NULL)
        return set_number(socket, option, &in);
    if (level == SOL_SOCKET)
        return socket_level_set(socket, name, &in);
    return level == IPPROTO_TCP ? tcp_level_set(socket, name, &in)
                                : ip_level_set(socket, name, &in);
}

int sockets_getsockopt(struct sockets *s, int fd, int level, int name, void *value,
                       socklen_t *length)
{
    int error;
    struct socket *socket = socket_at(s, fd, &error);
    struct option_out out = {value, length};
    if (socket == NULL)
        return error;
    take_ip6_names(socket, &level, &name);
    if (!is_level(socket, level))
        return -EOPNOTSUPP;
    if (length == NULL)
        return -EFAULT;
    if (*length > INT_MAX)
        return -EINVAL;
    if (value == NULL && *length != 0)
        return -EFAULT;
    const struct option *option = find(level, name);
    if (option != NULL)
        return level == IPPROTO_IP ? option_write_ip(&out, (int)socket->plain[option->plain])
                                   : option_write_int(&out, (int)socket->plain[option->plain]);
    if (level == SOL_SOCKET)
        return socket_level_get(socket, name, &out);
    return level == IPPROTO_TCP ? tcp_level_get(socket, name, &out)
                                : ip_level_get(socket, name, &out);
}
