/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <time.h> /* for the next one */
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "sockets/socket.h"

/*
 * MSG_ZEROCOPY. Each call has a number; when the peer has acknowledged all of its bytes, that
 * number appears on the error queue, joined with its predecessor's note when that waits there
 * still. The memory is the caller's and must not change before.
 *
 * What a call handed over outlives the socket (data goes on being sent after close); then the last
 * piece given back just frees it.
 */
struct zerocopy {
    struct socket *socket; /* NULL: gone */
    struct zerocopy *next, **link;
    uint32_t number, left; /* pieces that the stack holds */
    struct chaski_memory pieces[];
};

static void note_sent(struct socket *socket, uint32_t number)
{
    struct sent_note *last = socket->sent_notes;
    while (last != NULL && last->next != NULL)
        last = last->next;
    if (last != NULL && last->last + 1 == number) {
        last->last = number;
    } else {
        struct sent_note *note = malloc(sizeof *note);
        if (note == NULL)
            return;
        *note = (struct sent_note){NULL, number, number};
        *socket->sent_notes_end = note;
        socket->sent_notes_end = &note->next;
    }
    file_happened(&socket->file, EPOLLERR);
}

static void give_back(struct zerocopy *call)
{
    if (--call->left != 0)
        return;
    if (call->socket != NULL) {
        note_sent(call->socket, call->number);
        *call->link = call->next;
        if (call->next != NULL)
            call->next->link = call->link;
    }
    free(call);
}

/* chaski_memory.release */
static void released(struct chaski_memory *memory)
{
    give_back(memory->context);
}

static struct zerocopy *call_new(struct socket *socket, size_t pieces)
{
    struct zerocopy *call = calloc(1, sizeof *call + pieces * sizeof call->pieces[0]);
    if (call == NULL)
        return NULL;
    call->socket = socket;
    call->left = 1; /* our own hold, until all is handed over */
    call->next = socket->zerocopies;
    call->link = &socket->zerocopies;
    if (call->next != NULL)
        call->next->link = &call->next;
    socket->zerocopies = call;
    return call;
}

static void call_forget(struct zerocopy *call)
{
    *call->link = call->next;
    if (call->next != NULL)
        call->next->link = call->link;
    free(call);
}

ssize_t zerocopy_send(struct socket *socket, const struct msghdr *message)
{
    struct zerocopy *call = call_new(socket, message->msg_iovlen);
    size_t done = 0;
    int error = 0;
    if (call == NULL)
        return -ENOBUFS;
    for (size_t i = 0; i < message->msg_iovlen && error == 0; i++) {
        const struct iovec *piece = &message->msg_iov[i];
        if (piece->iov_len == 0)
            continue;
        call->pieces[i] = (struct chaski_memory){.bytes = piece->iov_base,
                                                 .length = piece->iov_len,
                                                 .release = released,
                                                 .context = call};
        error = chaski_tcp_hand_over(socket->file.table->host, socket->tcp, &call->pieces[i]);
        if (error == 0) {
            call->left++;
            done += piece->iov_len;
        }
    }
    if (done == 0) {
        call_forget(call);
        return error_number(error);
    }
    call->number = socket->zerocopy_next++;
    give_back(call);
    return (ssize_t)done;
}

ssize_t zerocopy_tell(struct socket *socket, struct msghdr *message, int flags)
{
    struct sent_note *note = socket->sent_notes;
    struct {
        struct sock_extended_err error;
        struct sockaddr_in offender;
    } told;
    size_t room = message->msg_controllen;
    message->msg_controllen = 0;
    if (note == NULL)
        return -EAGAIN;
    memset(&told, 0, sizeof told);
    told.error.ee_origin = SO_EE_ORIGIN_ZEROCOPY;
    told.error.ee_code = SO_EE_CODE_ZEROCOPY_COPIED; /* links may have to: do not rely on it */
    told.error.ee_info = note->first;
    told.error.ee_data = note->last;
    control_put(message, &room, SOL_IP, IP_RECVERR, &told, sizeof told);
    message->msg_flags |= MSG_ERRQUEUE;
    message->msg_namelen = 0;
    if (flags & MSG_PEEK)
        return 0;
    socket->sent_notes = note->next;
    if (socket->sent_notes == NULL)
        socket->sent_notes_end = &socket->sent_notes;
    free(note);
    return 0;
}

void zerocopy_forget(struct socket *socket)
{
    for (struct zerocopy *call = socket->zerocopies; call != NULL; call = call->next)
        call->socket = NULL;
    socket->zerocopies = NULL;
    while (socket->sent_notes != NULL) {
        struct sent_note *note = socket->sent_notes;
        socket->sent_notes = note->next;
        free(note);
    }
    socket->sent_notes_end = &socket->sent_notes;
}
