/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <string.h>

#include "core/base/address.h"
#include "sockets/socket.h"

enum {
    TIMES_MOST = 3, /* of SO_TIMESTAMPING, which has room for the hardware's */
    TX_RECORD = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_ACK,
};

int control_fits(const struct msghdr *sent, const struct cmsghdr *control)
{
    size_t before = (size_t)((const uint8_t *)control - (const uint8_t *)sent->msg_control);
    bool lies_within =
        control->cmsg_len >= sizeof *control && control->cmsg_len <= sent->msg_controllen - before;
    return lies_within ? 0 : -EINVAL;
}

int control_read_socket(const struct cmsghdr *control, uint32_t *stamps)
{
    switch (control->cmsg_type) {
    case SCM_RIGHTS: /* which are for others */
    case SCM_CREDENTIALS:
        return 0;
    case SO_MARK:
        return control->cmsg_len == CMSG_LEN(sizeof(uint32_t)) ? 0 : -EINVAL;
    case SO_TIMESTAMPING:
    case SO_TIMESTAMPING_NEW:
        if (control->cmsg_len != CMSG_LEN(sizeof *stamps))
            return -EINVAL;
        memcpy(stamps, CMSG_DATA(control), sizeof *stamps);
        return (*stamps & ~(uint32_t)TX_RECORD) != 0 ? -EINVAL : 0;
    default:
        return -EINVAL;
    }
}

void control_put(struct msghdr *message, size_t *room, int level, int type, const void *data,
                 size_t length)
{
    size_t used = message->msg_controllen;
    if (message->msg_control == NULL || *room < used + CMSG_LEN(length)) {
        message->msg_flags |= MSG_CTRUNC;
        return;
    }
    struct cmsghdr header = {.cmsg_len = CMSG_LEN(length), .cmsg_level = level, .cmsg_type = type};
    uint8_t *at = (uint8_t *)message->msg_control + used;
    memcpy(at, &header, sizeof header);
    memcpy(at + CMSG_LEN(0), data, length);
    size_t space = CMSG_SPACE(length);
    message->msg_controllen = used + (space <= *room - used ? space : CMSG_LEN(length));
}

void control_put_time(struct msghdr *message, size_t *room, int type, bool wide, uint64_t seconds,
                      uint64_t over, unsigned count)
{
    int64_t both[2 * TIMES_MOST] = {(int64_t)seconds, (int64_t)over};
    long narrow[2 * TIMES_MOST] = {(long)seconds, (long)over};
    if (wide)
        control_put(message, room, SOL_SOCKET, type, both, 2 * count * sizeof both[0]);
    else
        control_put(message, room, SOL_SOCKET, type, narrow, 2 * count * sizeof narrow[0]);
}

void control_put_header(const struct socket *socket, struct msghdr *message, size_t *room,
                        const struct header_told *header)
{
    if (!address_is_ip4(&header->to.address))
        return;
    uint32_t to = htonl(address_ip4(&header->to.address));
    uint32_t own = address_is_ip4(&header->own) ? htonl(address_ip4(&header->own)) : 0;
    int ttl = header->ttl;
    struct sockaddr_in end = {
        .sin_family = AF_INET, .sin_port = htons(header->to.port), .sin_addr.s_addr = to};
    struct in_pktinfo info = {
        .ipi_ifindex = header->to.interface, .ipi_spec_dst.s_addr = own, .ipi_addr.s_addr = to};
    if (socket->plain[PLAIN_PKTINFO])
        control_put(message, room, SOL_IP, IP_PKTINFO, &info, sizeof info);
    if (socket->plain[PLAIN_RECVTTL])
        control_put(message, room, SOL_IP, IP_TTL, &ttl, sizeof ttl);
    if (socket->plain[PLAIN_RECVTOS])
        control_put(message, room, SOL_IP, IP_TOS, &header->traffic_class, 1);
    if (socket->plain[PLAIN_RECVORIGDSTADDR] && !header->no_port)
        control_put(message, room, SOL_IP, IP_ORIGDSTADDR, &end, sizeof end);
}
