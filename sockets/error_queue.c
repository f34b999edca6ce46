/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* What MSG_ERRQUEUE reads: calls of MSG_ZEROCOPY that are over, and when things were sent. */

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
        struct error_note *added = malloc(sizeof *added);
        if (added == NULL)
            return;
        *added = *note;
        added->next = NULL;
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

static void take(struct socket *socket)
{
    struct error_note *note = socket->notes;
    socket->notes = note->next;
    if (socket->notes == NULL)
        socket->notes_end = &socket->notes;
    free(note);
}

static void put_time(struct msghdr *message, size_t *room, uint64_t time_ns)
{
    enum { NS_PER_SECOND = 1000000000 };
    struct scm_timestamping told = {.ts = {{.tv_sec = (time_t)(time_ns / NS_PER_SECOND),
                                            .tv_nsec = (long)(time_ns % NS_PER_SECOND)}}};
    control_put(message, room, SOL_SOCKET, SO_TIMESTAMPING, &told, sizeof told);
}

ssize_t error_queue_tell(struct socket *socket, struct msghdr *message, int flags)
{
    const struct error_note *note = socket->notes;
    bool ip6 = socket->family == AF_INET6;
    struct {
        struct sock_extended_err error;
        struct sockaddr_in6 offender; /* unspecified; the longer one */
    } told;
    size_t room = message->msg_controllen;
    message->msg_controllen = 0;
    if (note == NULL)
        return -EAGAIN;
    memset(&told, 0, sizeof told);
    told.error = note->error;
    if (note->has_time)
        put_time(message, &room, note->time_ns);
    control_put(message, &room, ip6 ? SOL_IPV6 : SOL_IP, ip6 ? IPV6_RECVERR : IP_RECVERR, &told,
                sizeof told.error +
                    (ip6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)));
    message->msg_flags |= MSG_ERRQUEUE | (note->truncated ? MSG_TRUNC : 0);
    message->msg_namelen = 0;
    if (!(flags & MSG_PEEK))
        take(socket);
    return 0;
}

void error_queue_forget(struct socket *socket)
{
    while (socket->notes != NULL)
        take(socket);
}
