/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/socket.h"

#include <errno.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/ip/network.h"
#include "core/wire/udp.h"

/* What MSG_ERRQUEUE reads: calls of MSG_ZEROCOPY that are over, when things were sent, and what the
 * network reports of datagrams. */

enum { OPT_STATS = 54 /* SCM_TIMESTAMPING_OPT_STATS */ };

static struct error_note *last_note(const struct socket *socket)
{
    struct error_note *last = socket->notes;
    while (last != NULL && last->next != NULL)
        last = last->next;
    return last;
}

static bool joins(const struct error_note *last, const struct error_note *note)
{
    return last != NULL && note->error.ee_origin == SO_EE_ORIGIN_ZEROCOPY &&
           last->error.ee_origin == note->error.ee_origin &&
           last->error.ee_code == note->error.ee_code &&
           last->error.ee_data + 1 == note->error.ee_info;
}

void error_queue_add(struct socket *socket, const struct error_note *note)
{
    struct error_note *last = last_note(socket);
    if (joins(last, note)) {
        last->error.ee_data = note->error.ee_data;
    } else {
        struct error_note *added = malloc(sizeof *added + note->length);
        if (added == NULL)
            return;
        *added = *note;
        added->next = NULL;
        added->bytes = (const uint8_t *)(added + 1);
        if (note->length != 0)
            memcpy(added + 1, note->bytes, note->length);
        *socket->notes_end = added;
        socket->notes_end = &added->next;
    }
    file_happened(&socket->file, EPOLLERR);
}

void error_queue_add_zerocopy(struct socket *socket, uint32_t number, bool copied)
{
    struct error_note note = {.error = {
                                  .ee_origin = SO_EE_ORIGIN_ZEROCOPY,
                                  .ee_code = copied ? SO_EE_CODE_ZEROCOPY_COPIED : 0,
                                  .ee_info = number,
                                  .ee_data = number,
                              }};
    error_queue_add(socket, &note);
}

static bool is_report(const struct error_note *note)
{
    return note->error.ee_origin == SO_EE_ORIGIN_ICMP;
}

/* Reports can be forged, and packets told with times are large: they take no more memory than
 * datagrams do. */
bool error_queue_has_room(const struct socket *socket, size_t length)
{
    size_t busy = 0;
    for (const struct error_note *note = socket->notes; note != NULL; note = note->next)
        busy += sizeof *note + note->length;
    return busy + length <= (size_t)socket->plain[PLAIN_RCVBUF];
}

void error_queue_add_bounded(struct socket *socket, const struct error_note *note)
{
    if (error_queue_has_room(socket, sizeof *note + note->length))
        error_queue_add(socket, note);
}

void error_queue_add_report(struct socket *socket, const struct ip_error *error)
{
    size_t header = error->quoted_length < WIRE_UDP_HEADER ? error->quoted_length : WIRE_UDP_HEADER;
    struct error_note note = {
        .error = {.ee_errno = (uint32_t)-error_number(error->told),
                  .ee_origin = SO_EE_ORIGIN_ICMP,
                  .ee_type = error->type,
                  .ee_code = error->code,
                  .ee_info = error->detail},
        .offender = {.address = error->reporter},
        .remote = {.address = error->destination, .port = wire_udp_destination_port(error->quoted)},
        .has_header = true,
        .header = {.to = {.address = error->came.to, .interface = error->came.interface},
                   .ttl = error->came.ttl,
                   .traffic_class = error->came.traffic_class,
                   .no_port = true},
        .has_time = true,
        .time_ns = host_now(socket->file.table->host),
        .length = error->quoted_length - header,
        .bytes = error->quoted + header,
    };
    error_queue_add_bounded(socket, &note);
}

static void take(struct socket *socket)
{
    struct error_note *note = socket->notes;
    socket->notes = note->next;
    if (socket->notes == NULL)
        socket->notes_end = &socket->notes;
    free(note);
}

static void put_error(const struct socket *socket, struct msghdr *message, size_t *room,
                      const struct error_note *note)
{
    bool ip6 = socket->family == AF_INET6;
    struct {
        struct sock_extended_err error;
        struct sockaddr_in6 offender; /* the longer one */
    } told;
    socklen_t length = sizeof told.offender;
    memset(&told, 0, sizeof told);
    told.error = note->error;
    if (is_report(note) || note->has_header)
        address_write(socket->family, &note->offender, (struct sockaddr *)&told.offender, &length);
    control_put(message, room, ip6 ? SOL_IPV6 : SOL_IP, ip6 ? IPV6_RECVERR : IP_RECVERR, &told,
                sizeof told.error +
                    (ip6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)));
}

static void put_name(const struct socket *socket, struct msghdr *message,
                     const struct error_note *note)
{
    socklen_t length = message->msg_namelen;
    message->msg_namelen = 0;
    if (!is_report(note) || message->msg_name == NULL)
        return;
    address_write(socket->family, &note->remote, message->msg_name, &length);
    message->msg_namelen = length;
}

/* The next report becomes the error that waits, and after the last one there is none (Linux). */
static void take_report(struct socket *socket)
{
    bool report = is_report(socket->notes);
    take(socket);
    if (socket->notes != NULL && is_report(socket->notes))
        socket->error = (int)socket->notes->error.ee_errno;
    else if (report)
        socket->error = 0;
    if (socket->notes != NULL)
        file_happened(&socket->file, EPOLLERR);
}

/* What is told with a time is quoted as well (Linux). */
ssize_t error_queue_tell(struct socket *socket, struct msghdr *message)
{
    const struct error_note *note = socket->notes;
    size_t room = message->msg_controllen;
    message->msg_controllen = 0;
    if (note == NULL)
        return -EAGAIN;
    if (!pieces_are_there(message->msg_iov, message->msg_iovlen))
        return -EFAULT;
    size_t done = pieces_fill(message->msg_iov, message->msg_iovlen, note->bytes, note->length);
    put_name(socket, message, note);
    stamp_note(socket, message, &room, note);
    if (note->stats && (socket->timestamping & SOF_TIMESTAMPING_SOFTWARE))
        control_put(message, &room, SOL_SOCKET, OPT_STATS, note->bytes, note->length);
    if (note->has_header)
        control_put_header(socket, message, &room, &note->header);
    put_error(socket, message, &room, note);
    message->msg_flags |= MSG_ERRQUEUE | (done < note->length ? MSG_TRUNC : 0);
    take_report(socket);
    return (ssize_t)done;
}

void error_queue_forget_reports(struct socket *socket)
{
    struct error_note **link = &socket->notes;
    while (*link != NULL) {
        struct error_note *note = *link;
        if (!is_report(note)) {
            link = &note->next;
            continue;
        }
        *link = note->next;
        free(note);
    }
    socket->notes_end = link;
}

void error_queue_forget(struct socket *socket)
{
    while (socket->notes != NULL)
        take(socket);
}
