/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "tests/script/calls/call.h"
#include "tests/script/calls/call_control.h"

/* Calls that move bytes. All of them become recvmsg() and sendmsg(); bytes are zeros. */

enum { CONTROL_MAX = 1024, TRANSFER_MOST = 64 << 20 };

/* ---- Arguments ---- */

static void add_piece(struct call *call, int64_t length)
{
    size_t count = call->message.msg_iovlen;
    if (length < 0 || length > TRANSFER_MOST || count == PIECES_MAX) {
        call_fail(call, "more than is supported here");
        return;
    }
    void *bytes = arena_take(call->run->arena, (size_t)length);
    call->pieces[count] = (struct iovec){bytes, (size_t)length};
    call->message.msg_iov = call->pieces;
    call->message.msg_iovlen = count + 1;
    call->wanted += (size_t)length;
    if (count == 0)
        call->received = bytes;
}

/* The bytes that a call's second argument stands for: NULL, or some. */
static void add_buffer(struct call *call, int64_t length)
{
    const struct value *buffer = call->arguments[1];
    add_piece(call, length);
    if (buffer != NULL && buffer->kind == VALUE_NULL)
        call->pieces[0].iov_base = NULL;
}

/* [{..., 1000}, {..., 500}] */
static void add_pieces(struct call *call, const struct value *list)
{
    for (unsigned i = 0; list != NULL && list->kind == VALUE_LIST && i < value_count(list); i++) {
        const struct value *piece = value_at(list, i);
        const struct field *first = piece->items;
        if (piece->kind != VALUE_STRUCT || first == NULL || first->next == NULL) {
            call_fail(call, "a piece is {..., length}");
            return;
        }
        add_piece(call, value_number(call, first->next->value));
    }
}

static void prepare(struct call *call, bool sending)
{
    call->fd = call_descriptor(call, 0);
    call_set_limit(call, sending);
}

static void prepare_read(struct call *call)
{
    prepare(call, false);
    add_buffer(call, call_number(call, 2));
    call->flags = sockets_receive_flags((int)call_number(call, 3));
    call->message.msg_name = &call->address;
    call->message.msg_namelen = sizeof call->address;
}

static void prepare_readv(struct call *call)
{
    prepare(call, false);
    add_pieces(call, call->arguments[1]);
}

static void prepare_write(struct call *call)
{
    struct sockaddr_storage open = call_remote_end(call);
    socklen_t length;
    prepare(call, true);
    add_buffer(call, call_number(call, 2));
    call->flags = (int)call_number(call, 3);
    value_address(call, call->arguments[4], &open, &call->address, &length);
    call->message.msg_name = length != 0 ? &call->address : NULL;
    call->message.msg_namelen = length;
    call->run->begins_anew |= (call->flags & MSG_FASTOPEN) != 0;
}

static void prepare_writev(struct call *call)
{
    prepare(call, true);
    add_pieces(call, call->arguments[1]);
}

/* {msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=0, msg_control=[...]} */
static void prepare_message(struct call *call, bool sending)
{
    const struct value *message = call->arguments[1];
    prepare(call, sending);
    const struct value *pieces = value_member(message, "msg_iov", NULL);
    if (pieces != NULL)
        add_pieces(call, pieces);
    call->flags = (int)call_number(call, 2);
    if (!sending)
        call->flags = sockets_receive_flags(call->flags);
}

static void prepare_recvmsg(struct call *call)
{
    prepare_message(call, false);
    call->message.msg_control = arena_take(call->run->arena, CONTROL_MAX);
    call->message.msg_controllen = CONTROL_MAX;
    call->message.msg_name = &call->address;
    call->message.msg_namelen = sizeof call->address;
}

static void prepare_sendmsg(struct call *call)
{
    struct sockaddr_storage open = call_remote_end(call);
    socklen_t length = 0;
    prepare_message(call, true);
    const struct value *name = value_member(call->arguments[1], "msg_name", NULL);
    const struct value *control = value_member(call->arguments[1], "msg_control", NULL);
    bool opens = (call->flags & MSG_FASTOPEN) != 0;
    call->run->begins_anew |= opens;
    if (name != NULL && (name->kind == VALUE_STRUCT || opens))
        value_address(call, name, &open, &call->address, &length);
    call->message.msg_name = length != 0 ? &call->address : NULL;
    call->message.msg_namelen = length;
    if (control != NULL)
        control_write(call, control, &call->message);
}

/* ---- Attempts ---- */

static void go_on(struct call *call, ssize_t value, bool sending)
{
    call->done += (size_t)value;
    sockets_advance(&call->message.msg_iov, &call->message.msg_iovlen, (size_t)value);
    call->pending =
        sockets_goes_on(call->sockets, call->fd, sending ? SOCKETS_SENDING : SOCKETS_RECEIVING,
                        call->flags, call->done, call->wanted);
}

/* Some has been moved, and what came meanwhile is for the next call to tell. */
static bool is_over(struct call *call, enum sockets_direction direction)
{
    call->pending = call->done == 0 || sockets_goes_on(call->sockets, call->fd, direction,
                                                       call->flags, call->done, call->wanted);
    return !call->pending;
}

static ssize_t run_receive(struct call *call)
{
    struct msghdr message = call->message;
    if (is_over(call, SOCKETS_RECEIVING))
        return (ssize_t)call->done;
    if (call->run->stack.now_ns >= call->until_ns)
        call->flags |= MSG_DONTWAIT; /* what there is will do */
    ssize_t value = sockets_recvmsg(call->sockets, call->fd, &message, call->flags);
    if (value == -ENOTSOCK)
        value = sockets_readv(call->sockets, call->fd, message.msg_iov, (int)message.msg_iovlen);
    call_waits(call, value);
    if (value > 0)
        go_on(call, value, false);
    if (value >= 0) {
        call->message.msg_namelen = message.msg_namelen;
        call->message.msg_controllen = message.msg_controllen;
        call->message.msg_flags = message.msg_flags;
    }
    if (value >= 0 && message.msg_control != NULL)
        control_tell(call, &message);
    return call->done != 0 ? (ssize_t)call->done : value;
}

static ssize_t run_send(struct call *call)
{
    ssize_t value;
    if (is_over(call, SOCKETS_SENDING))
        return (ssize_t)call->done;
    do {
        value = sockets_sendmsg(call->sockets, call->fd, &call->message, call->flags);
        if (value == -ENOTSOCK)
            value = sockets_writev(call->sockets, call->fd, call->message.msg_iov,
                                   (int)call->message.msg_iovlen);
        call_waits(call, value);
        if (value > 0)
            go_on(call, value, true);
    } while (value > 0 && call->pending);
    return call->done != 0 ? (ssize_t)call->done : value;
}

/* ---- What came ---- */

static void check_zeros(struct call *call)
{
    size_t first = call->done < call->wanted ? call->done : call->wanted;
    for (size_t i = 0; i < first && call->arguments[2] != NULL; i++)
        if (call->received[i] != 0) {
            call_fail(call, "byte %zu is 0x%02x, which the peer did not send", i,
                      call->received[i]);
            return;
        }
}

static void check_read(struct call *call)
{
    check_zeros(call);
    if (call->message.msg_namelen != 0)
        value_check_address(call, call->arguments[4], &call->address);
}

static void check_recvmsg(struct call *call)
{
    const struct value *flags = value_member(call->arguments[1], "msg_flags", NULL);
    const struct value *control = value_member(call->arguments[1], "msg_control", NULL);
    if (flags != NULL && flags->kind == VALUE_NUMBER && flags->number != call->message.msg_flags)
        call_fail(call, "told the flags 0x%x, not 0x%llx", (unsigned)call->message.msg_flags,
                  (long long)flags->number);
    if (control != NULL)
        control_check(call, control, &call->message);
}

/* ---- Between descriptors ---- */

static void prepare_splice(struct call *call)
{
    call->fd = call_descriptor(call, 0);
    call->other_fd = call_descriptor(call, 2);
    call->wanted = (size_t)call_number(call, 4);
    call->flags = (int)call_number(call, 5);
}

static ssize_t run_splice(struct call *call)
{
    ssize_t value = sockets_splice(call->sockets, call->fd, NULL, call->other_fd, NULL,
                                   call->wanted, (unsigned)call->flags);
    call->pending = value == -EAGAIN && sockets_splice_waits(call->sockets, call->fd,
                                                             call->other_fd, (unsigned)call->flags);
    return value;
}

static void prepare_sendfile(struct call *call)
{
    call->fd = call_descriptor(call, 0);
    call->other_fd = call_descriptor(call, 1);
    call->wanted = (size_t)call_number(call, 3);
    call_set_limit(call, true);
}

static ssize_t run_sendfile(struct call *call)
{
    const struct value *at = value_single(call->arguments[2]);
    bool has_offset = at->kind == VALUE_NUMBER;
    off_t offset = has_offset ? (off_t)at->number + (off_t)call->done : 0;
    ssize_t value = sockets_sendfile(call->sockets, call->fd, call->other_fd,
                                     has_offset ? &offset : NULL, call->wanted - call->done);
    call_waits(call, value);
    if (value > 0) {
        call->done += (size_t)value;
        call->pending =
            sockets_goes_on(call->sockets, call->fd, SOCKETS_SENDING, 0, call->done, call->wanted);
    }
    return call->done != 0 ? (ssize_t)call->done : value;
}

const struct call_kind call_transfer_kinds[] = {
    {"read", 3, 3, false, prepare_read, run_receive, check_read},
    {"readv", 3, 3, false, prepare_readv, run_receive, NULL},
    {"recv", 4, 4, false, prepare_read, run_receive, check_read},
    {"recvfrom", 6, 6, false, prepare_read, run_receive, check_read},
    {"recvmsg", 3, 3, false, prepare_recvmsg, run_receive, check_recvmsg},
    {"write", 3, 3, false, prepare_write, run_send, NULL},
    {"writev", 3, 3, false, prepare_writev, run_send, NULL},
    {"send", 4, 4, false, prepare_write, run_send, NULL},
    {"sendto", 6, 6, false, prepare_write, run_send, NULL},
    {"sendmsg", 3, 3, false, prepare_sendmsg, run_send, NULL},
    {"splice", 6, 6, false, prepare_splice, run_splice, NULL},
    {"sendfile", 4, 4, false, prepare_sendfile, run_sendfile, NULL},
    {NULL, 0, 0, false, NULL, NULL, NULL},
};
