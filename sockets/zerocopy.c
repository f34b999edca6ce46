/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/socket.h"

#include <errno.h>
#include <stdlib.h>

/*
 * MSG_ZEROCOPY. Each call has a number; when the peer has acknowledged all of its bytes, that
 * number appears on the error queue. The memory is the caller's and must not change before.
 *
 * What a call handed over outlives the socket (data goes on being sent after close); then the last
 * piece given back just frees it.
 */
enum { PIECE_MOST = 1 << 29 }; /* the stack takes none twice as long */

struct zerocopy {
    struct socket *socket; /* NULL: gone */
    struct zerocopy *next, **link;
    uint32_t number, left; /* pieces that the stack holds */
    struct chaski_memory pieces[];
};

static void give_back(struct zerocopy *call)
{
    if (--call->left != 0)
        return;
    if (call->socket != NULL) {
        error_queue_add_zerocopy(call->socket, call->number, false);
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
    bool whole = true;
    if (call == NULL)
        return -ENOBUFS;
    for (size_t i = 0; i < message->msg_iovlen && whole && error == 0; i++) {
        const struct iovec *piece = &message->msg_iov[i];
        if (piece->iov_len == 0)
            continue;
        whole = piece->iov_len <= PIECE_MOST;
        call->pieces[i] = (struct chaski_memory){.bytes = piece->iov_base,
                                                 .length = whole ? piece->iov_len : PIECE_MOST,
                                                 .release = released,
                                                 .context = call};
        error = chaski_tcp_hand_over(socket->file.table->host, socket->tcp, &call->pieces[i]);
        if (error == 0) {
            call->left++;
            done += call->pieces[i].length;
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

void zerocopy_forget(struct socket *socket)
{
    for (struct zerocopy *call = socket->zerocopies; call != NULL; call = call->next)
        call->socket = NULL;
    socket->zerocopies = NULL;
}
