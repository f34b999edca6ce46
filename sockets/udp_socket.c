/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/ip/network.h"
#include "core/wire/udp.h"
#include "sockets/socket.h"

/* UDP sockets. */

enum { DATAGRAM_MAX = 65535, PAYLOAD_MAX = DATAGRAM_MAX - 20 - WIRE_UDP_HEADER };

static struct chaski *host_of(const struct socket *socket)
{
    return socket->file.table->host;
}

/* ---- What the network reports ---- */

/* Those of RFC 1122 that may pass: they are told to who asked for all (IP_RECVERR) only. */
static bool is_soft(const struct ip_error *error)
{
    if (error->type != ICMP_DEST_UNREACH)
        return error->type == ICMP_TIME_EXCEEDED;
    return error->code == ICMP_NET_UNREACH || error->code == ICMP_HOST_UNREACH ||
           error->code == ICMP_SR_FAILED || error->code == ICMP_NET_UNR_TOS ||
           error->code == ICMP_HOST_UNR_TOS;
}

/* udp_error_observer */
static void heard(void *context, const struct ip_error *error)
{
    struct socket *socket = context;
    if (socket->plain[PLAIN_RECVERR])
        error_queue_add_report(socket, error);
    else if (socket->phase != SOCKET_CONNECTED || is_soft(error))
        return;
    socket->error = -error_number(error->told);
    file_happened(&socket->file, EPOLLERR);
}

/* ---- Ends ---- */

int udp_socket_open(struct socket *socket, const struct chaski_endpoint *local)
{
    static const struct chaski_endpoint nobody;
    if (socket->has_udp) /* it has had another port, or a group */
        return error_number(host_udp_move(host_of(socket), socket->udp, local, &nobody));
    struct chaski_udp_bind bind = {.local = *local,
                                   .context = socket,
                                   .shared = socket->plain[PLAIN_REUSEPORT] != 0,
                                   .yields = true}; /* who may share, may_share() knows */
    chaski_udp opened;
    int error = chaski_udp_bind(host_of(socket), &bind, &opened);
    if (error != 0)
        return error_number(error);
    socket->udp = opened;
    socket->has_udp = true;
    host_udp_observe(host_of(socket), opened, heard);
    socket_apply(socket);
    return local->port != 0 ? 0
                            : error_number(host_udp_move(host_of(socket), opened, local, &nobody));
}

/* A socket that sends before it is bound gets a port. */
static int make_sure_of_port(struct socket *socket)
{
    if (socket->bound)
        return 0;
    struct chaski_endpoint local = socket->local;
    local.port = port_choose(socket, &local.address);
    if (local.port == 0)
        return -EAGAIN;
    int error = udp_socket_open(socket, &local);
    if (error != 0)
        return error;
    socket->local = local;
    socket->bound = true;
    return 0;
}

static int connect_to(struct socket *socket, const struct chaski_endpoint *remote)
{
    return error_number(host_udp_move(host_of(socket), socket->udp, &socket->local, remote));
}

int udp_socket_connect(struct socket *socket, const struct chaski_endpoint *remote)
{
    int error = make_sure_of_port(socket);
    if (error != 0)
        return error;
    error = connect_to(socket, remote);
    if (error != 0)
        return error;
    chaski_udp_local(host_of(socket), socket->udp, &socket->local); /* the address stays (Linux) */
    socket->remote = *remote;
    socket->phase = SOCKET_CONNECTED;
    return 0;
}

int udp_socket_disconnect(struct socket *socket)
{
    static const struct chaski_endpoint nobody;
    socket->remote = nobody;
    socket->phase = SOCKET_NEW;
    socket_unname_address(socket);
    socket_unname_port(socket);
    if (!socket->bound)
        socket->local.port = 0;
    return socket->has_udp ? connect_to(socket, &nobody) : 0;
}

static int udp_socket_close(struct file *file)
{
    struct socket *socket = (struct socket *)file;
    if (socket->has_udp)
        chaski_udp_close(host_of(socket), socket->udp);
    for (struct datagram *next; socket->held != NULL; socket->held = next) {
        next = socket->held->next;
        free(socket->held);
    }
    stamps_forget(socket);
    error_queue_forget(socket);
    return 0;
}

/* ---- What holds ---- */

static uint32_t udp_events(struct file *file)
{
    struct socket *socket = (struct socket *)file;
    uint32_t events = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
    int waiting = socket->has_udp ? host_udp_waiting(host_of(socket), socket->udp) : 0;
    if (waiting > socket->waiting_seen)
        file_happened(file, EPOLLIN | EPOLLRDNORM);
    socket->waiting_seen = waiting;
    if (waiting > 0 || socket->held != NULL || socket->read_shut)
        events |= EPOLLIN | EPOLLRDNORM;
    if (socket->read_shut)
        events |= EPOLLRDHUP;
    if (socket->read_shut && socket->write_shut)
        events |= EPOLLHUP;
    if (socket->error != 0 || socket->notes != NULL)
        events |= socket->plain[PLAIN_SELECT_ERR_QUEUE] ? EPOLLERR | EPOLLPRI : EPOLLERR;
    return events;
}

/* ---- In ---- */

static int take_from_host(struct socket *socket, struct datagram **taken)
{
    struct datagram *datagram = malloc(sizeof *datagram + DATAGRAM_MAX);
    if (datagram == NULL)
        return -ENOMEM;
    host_udp_next(host_of(socket), socket->udp, &datagram->about);
    long length = chaski_udp_receive(host_of(socket), socket->udp, &datagram->local,
                                     &datagram->remote, datagram->bytes, DATAGRAM_MAX);
    if (length < 0) {
        free(datagram);
        return error_number((int)length);
    }
    if (socket->waiting_seen > 0)
        socket->waiting_seen--;
    datagram->length = (size_t)length;
    datagram->next = NULL;
    datagram->looked_at = false;
    *taken = datagram;
    return 0;
}

/* The first datagram, which is held still. Who looks `by_offset` (SO_PEEK_OFF) passes over those
 * that have been looked at; *offset, where that ended, becomes an offset in what is found. */
static int hold(struct socket *socket, bool by_offset, size_t *offset, struct datagram **found)
{
    struct datagram **at = &socket->held;
    int error = *at == NULL ? take_from_host(socket, at) : 0;
    while (error == 0 && by_offset && *offset >= (*at)->length &&
           (*offset != 0 || (*at)->looked_at)) {
        *offset -= (*at)->length;
        at = &(*at)->next;
        if (*at == NULL)
            error = take_from_host(socket, at);
    }
    if (error != 0)
        return error;
    *found = *at;
    (*at)->looked_at |= by_offset;
    return 0;
}

static void tell_about(const struct socket *socket, struct msghdr *message, size_t room,
                       const struct datagram *datagram)
{
    socklen_t length = message->msg_namelen;
    uint32_t drops = datagram->about.drops;
    if (message->msg_name != NULL) {
        address_write(socket->family, &datagram->remote, message->msg_name, &length);
        message->msg_namelen = length;
    }
    stamp_received(socket, message, &room, datagram->about.received_ns);
    if (socket->plain[PLAIN_RXQ_OVFL] && drops != 0)
        control_put(message, &room, SOL_SOCKET, SO_RXQ_OVFL, &drops, sizeof drops);
    control_put_header(socket, message, &room,
                       &(struct header_told){.to = datagram->local,
                                             .own = datagram->local.address,
                                             .ttl = datagram->about.ttl,
                                             .traffic_class = datagram->about.traffic_class});
}

static ssize_t udp_socket_receive(struct file *file, struct msghdr *message, int flags)
{
    struct socket *socket = (struct socket *)file;
    struct datagram *datagram = NULL;
    size_t room = message->msg_controllen;
    message->msg_controllen = 0;
    if (socket->error != 0)
        return socket_take_error(socket);
    size_t seen = peek_offset(socket, flags);
    bool by_offset = (flags & MSG_PEEK) && socket->plain[PLAIN_PEEK_OFF] >= 0;
    int error = socket->has_udp ? hold(socket, by_offset, &seen, &datagram) : -EAGAIN;
    if (error == -EAGAIN && socket->read_shut && file_blocks(file, flags))
        return 0; /* nothing will be waited for */
    if (error != 0)
        return error;
    if (datagram->length != 0 && !pieces_are_there(message->msg_iov, message->msg_iovlen))
        return -EFAULT;
    size_t whole = datagram->length, rest = whole - seen;
    size_t done = pieces_fill(message->msg_iov, message->msg_iovlen, datagram->bytes + seen, rest);
    if (done < rest)
        message->msg_flags |= MSG_TRUNC;
    tell_about(socket, message, room, datagram);
    size_t told = (flags & MSG_TRUNC) ? whole : done;
    peek_moves(socket, flags, told);
    if (!(flags & MSG_PEEK)) {
        socket->held = datagram->next;
        free(datagram);
    }
    return (ssize_t)told;
}

/* ---- Out ---- */

/* What ancillary data changes for one datagram. */
struct sending {
    bool has_tos, has_ttl;
    uint8_t tos, ttl;
    uint32_t stamps; /* SOF_TIMESTAMPING_TX_* */
};

/* A byte will do for the type of service. */
static int read_number(const struct cmsghdr *control, int *number)
{
    bool tos = control->cmsg_type == IP_TOS;
    if (tos && control->cmsg_len == CMSG_LEN(sizeof(uint8_t))) {
        *number = *(const uint8_t *)CMSG_DATA(control);
        return 0;
    }
    if (control->cmsg_len != CMSG_LEN(sizeof *number))
        return -EINVAL;
    memcpy(number, CMSG_DATA(control), sizeof *number);
    return *number < (tos ? 0 : 1) || *number > 255 ? -EINVAL : 0;
}

static int read_ip_control(const struct cmsghdr *control, struct sending *sending)
{
    int number;
    bool tos = control->cmsg_type == IP_TOS;
    if ((!tos && control->cmsg_type != IP_TTL) || read_number(control, &number) != 0)
        return -EINVAL;
    if (tos) {
        sending->has_tos = true;
        sending->tos = (uint8_t)number;
    } else {
        sending->has_ttl = true;
        sending->ttl = (uint8_t)number;
    }
    return 0;
}

static int read_control(const struct socket *socket, const struct msghdr *message,
                        struct sending *sending)
{
    struct msghdr copy = *message;
    int error = 0;
    *sending = (struct sending){.stamps = socket->timestamping};
    struct cmsghdr *at = CMSG_FIRSTHDR(&copy);
    for (; at != NULL && error == 0; at = CMSG_NXTHDR(&copy, at)) {
        error = control_fits(&copy, at);
        if (error == 0 && at->cmsg_level == SOL_SOCKET)
            error = control_read_socket(at, &sending->stamps);
        else if (error == 0 && at->cmsg_level == SOL_IP)
            error = read_ip_control(at, sending);
    }
    return error;
}

static int send_bytes(struct socket *socket, const struct sending *sending,
                      const struct chaski_endpoint *remote, const void *bytes, size_t length)
{
    struct chaski *host = host_of(socket);
    if (sending->has_tos)
        chaski_udp_set(host, socket->udp, CHASKI_UDP_TOS, sending->tos);
    if (sending->has_ttl)
        chaski_udp_set(host, socket->udp, CHASKI_UDP_TTL, sending->ttl);
    uint32_t stamps = sending->stamps & (SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE);
    int error = stamps != 0 ? stamp_datagram(socket, stamps, remote, bytes, length)
                            : chaski_udp_send(host, socket->udp, remote, bytes, length);
    if (sending->has_tos)
        socket_apply_one(socket, PLAIN_TOS);
    if (sending->has_ttl)
        socket_apply_one(socket, PLAIN_TTL);
    return error == CHASKI_NOT_CONNECTED ? -EDESTADDRREQ : error_number(error);
}

static int send_gathered(struct socket *socket, const struct sending *sending,
                         const struct chaski_endpoint *remote, const struct msghdr *message,
                         size_t length)
{
    uint8_t *bytes = malloc(length + 1);
    size_t at = 0;
    if (bytes == NULL)
        return -ENOBUFS;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        if (message->msg_iov[i].iov_len != 0)
            memcpy(bytes + at, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
        at += message->msg_iov[i].iov_len;
    }
    int error = send_bytes(socket, sending, remote, bytes, length);
    free(bytes);
    return error;
}

/* Without a family it is IPv4's (Linux). */
static int read_remote(const struct socket *socket, const struct msghdr *message,
                       struct chaski_endpoint *remote)
{
    struct sockaddr_in in;
    const struct sockaddr *address = message->msg_name;
    if (message->msg_namelen < sizeof in)
        return -EINVAL;
    if (address->sa_family != AF_UNSPEC || socket->family != AF_INET)
        return address_read(family_of(socket, address), address, message->msg_namelen, remote);
    memcpy(&in, address, sizeof in);
    in.sin_family = AF_INET;
    return address_read(AF_INET, (const struct sockaddr *)&in, sizeof in, remote);
}

static int find_remote(const struct socket *socket, const struct msghdr *message,
                       struct chaski_endpoint *remote)
{
    if (message->msg_name == NULL) {
        *remote = socket->remote;
        return socket->phase == SOCKET_CONNECTED ? 0 : -EDESTADDRREQ;
    }
    int error = read_remote(socket, message, remote);
    if (error == 0 && remote->port == 0)
        return -EINVAL;
    if (error == 0 && address_unspecified(&remote->address))
        remote->address = this_host(socket);
    return error;
}

/* The order in which reasons are looked for is Linux's. */
static ssize_t udp_socket_send(struct file *file, const struct msghdr *message, int flags)
{
    struct socket *socket = (struct socket *)file;
    struct chaski_endpoint remote;
    struct sending sending;
    ssize_t length = pieces_length(message->msg_iov, message->msg_iovlen);
    if (length < 0)
        return length;
    int error = make_sure_of_port(socket);
    if (error == 0 && length > DATAGRAM_MAX)
        error = -EMSGSIZE;
    if (error == 0 && (flags & MSG_OOB))
        error = -EOPNOTSUPP;
    if (error == 0)
        error = find_remote(socket, message, &remote);
    if (error == 0)
        error = read_control(socket, message, &sending);
    if (error == 0 && length > PAYLOAD_MAX)
        error = -EMSGSIZE;
    if (error == 0)
        error = socket_take_error(socket);
    if (error == 0 && socket->write_shut)
        error = -EPIPE;
    if (error == 0 && !pieces_are_there(message->msg_iov, message->msg_iovlen))
        error = -EFAULT;
    if (error == 0)
        error = send_gathered(socket, &sending, message->msg_name != NULL ? &remote : NULL, message,
                              (size_t)length);
    if (error != 0)
        return error;
    file_happened(file, EPOLLOUT | EPOLLWRNORM); /* there is room again (Linux) */
    return length;
}

/* ---- ioctl ---- */

static int udp_socket_ioctl(struct file *file, unsigned long request, int *value)
{
    struct socket *socket = (struct socket *)file;
    if (request == SOCKETS_TIOCOUTQ) {
        *value = 0;
        return 0;
    }
    if (request != SOCKETS_FIONREAD)
        return -ENOTTY;
    *value = 0;
    if (socket->held == NULL && socket->has_udp && take_from_host(socket, &socket->held) != 0)
        return 0;
    if (socket->held != NULL)
        *value = (int)socket->held->length;
    return 0;
}

const struct file_operations udp_socket_operations = {
    .close = udp_socket_close,
    .events = udp_events,
    .receive = udp_socket_receive,
    .send = udp_socket_send,
    .ioctl = udp_socket_ioctl,
    .is_socket = true,
};
