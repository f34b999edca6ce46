/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/net_tstamp.h>

#include "sockets/socket.h"

/* What flows through a TCP socket. */

enum { TCP_CM_INQ_TYPE = 36, TCP_LEVEL = 6 };

static struct chaski *host_of(const struct socket *socket)
{
    return socket->file.table->host;
}

/* ---- In ---- */

/* Why there is nothing to read: 0 is the end. The order is Linux's. */
static int nothing_to_read(struct socket *socket)
{
    if (socket->phase == SOCKET_LISTENING)
        return -ENOTCONN;
    if (tcp_stream_is_over(socket))
        return 0;
    if (socket->error != 0)
        return socket_take_error(socket);
    if (socket->phase == SOCKET_ENDED || socket->read_shut)
        return 0;
    return socket->phase == SOCKET_NEW && !socket->deferred ? -ENOTCONN : -EAGAIN;
}

static ssize_t copy_out(struct socket *socket, const struct msghdr *message, size_t most)
{
    size_t copied = 0;
    for (size_t i = 0; i < message->msg_iovlen && copied < most; i++) {
        const struct iovec *piece = &message->msg_iov[i];
        size_t length = piece->iov_len < most - copied ? piece->iov_len : most - copied;
        if (length == 0)
            continue;
        long n = chaski_tcp_read(host_of(socket), socket->tcp, piece->iov_base, length);
        if (n <= 0)
            break;
        copied += (size_t)n;
        if ((size_t)n < length)
            break;
    }
    return (ssize_t)copied;
}

/* Up to `most` bytes behind the first `over` ones. */
static ssize_t peek(struct socket *socket, const struct msghdr *message, size_t over, size_t most)
{
    size_t copied = 0;
    for (size_t i = 0; i < message->msg_iovlen && copied < most; i++) {
        const struct iovec *piece = &message->msg_iov[i];
        size_t length = piece->iov_len < most - copied ? piece->iov_len : most - copied;
        copied += host_tcp_copy(host_of(socket), socket->tcp, (uint32_t)(over + copied),
                                piece->iov_base, (uint32_t)length);
    }
    return (ssize_t)copied;
}

static ssize_t discard(struct socket *socket, size_t wanted, size_t most)
{
    size_t n = wanted < most ? wanted : most;
    chaski_tcp_consume(host_of(socket), socket->tcp, n);
    return (ssize_t)n;
}

/* When the last byte came that is about to be read. */
static uint64_t arrival(const struct socket *socket, size_t over, size_t wanted, size_t most)
{
    size_t n = wanted < most ? wanted : most;
    return n == 0 ? 0 : host_tcp_arrival(host_of(socket), socket->tcp, (uint32_t)(over + n));
}

/* What waits, from the next byte on that is of the stream, up to the mark, is read; `came_ns` tells
 * when the last of it came (0: nothing is read). */
static ssize_t take_out(struct socket *socket, const struct msghdr *message, size_t wanted,
                        const struct chaski_tcp_info *info, int flags, uint64_t *came_ns)
{
    size_t over, seen = peek_offset(socket, flags);
    size_t most = urgent_limit(socket, info->receive_queue, seen, &over);
    *came_ns = stamps_received(socket) ? arrival(socket, over + seen, wanted, most) : 0;
    if ((flags & MSG_PEEK) && (flags & MSG_TRUNC))
        return (ssize_t)(wanted < most ? wanted : most);
    if (flags & MSG_PEEK)
        return peek(socket, message, over + seen, most);
    if (wanted == 0)
        return 0;
    chaski_tcp_consume(host_of(socket), socket->tcp, over);
    return (flags & MSG_TRUNC) ? discard(socket, wanted, most) : copy_out(socket, message, most);
}

bool tcp_socket_is_over(struct socket *socket, enum sockets_direction direction)
{
    struct chaski_tcp_info info;
    tcp_socket_refresh(socket);
    bool ended = socket->error != 0 || socket->phase == SOCKET_ENDED;
    if (direction == SOCKETS_SENDING)
        return ended || socket->write_shut;
    if (tcp_socket_info(socket, &info) && info.receive_queue != 0)
        return false;
    return ended || socket->read_shut || tcp_stream_is_over(socket);
}

/* Whether a reader who waits goes on waiting for more than there is (SO_RCVLOWAT). */
static bool too_little(const struct socket *socket, const struct chaski_tcp_info *info,
                       size_t wanted, int flags)
{
    int64_t lowat = socket->plain[PLAIN_RCVLOWAT];
    size_t target = (size_t)lowat < wanted ? (size_t)lowat : wanted;
    if ((flags & MSG_WAITALL) && (flags & MSG_PEEK))
        target = wanted; /* who takes comes again for the rest */
    return file_blocks(&socket->file, flags) &&
           info->receive_queue < target + peek_offset(socket, flags) && !tcp_window_is_shut(info) &&
           !urgent_waits(socket) && !tcp_peer_finished(info) && !socket->read_shut &&
           socket->error == 0;
}

/* TCP_CM_INQ: how much is left, the end that waits to be read among it. */
static void tell_left(struct socket *socket, struct msghdr *message, size_t *room)
{
    struct chaski_tcp_info info;
    if (!socket->plain[PLAIN_INQ])
        return;
    int left = 0;
    if (tcp_socket_info(socket, &info))
        left = (int)info.receive_queue + (tcp_peer_finished(&info) ? 1 : 0);
    control_put(message, room, TCP_LEVEL, TCP_CM_INQ_TYPE, &left, sizeof left);
}

/* What is in order, up to an urgent byte; *came_ns: when, or 0. */
static ssize_t receive_text(struct socket *socket, struct msghdr *message, size_t wanted,
                            const struct chaski_tcp_info *info, int flags, uint64_t *came_ns)
{
    size_t over, seen = peek_offset(socket, flags);
    if (urgent_limit(socket, info->receive_queue, seen, &over) == 0) {
        bool passed = seen != 0 && info->receive_queue != 0 && tcp_peer_finished(info);
        if (passed || (over != 0 && wanted == 0))
            return 0;
        if (!(flags & MSG_PEEK)) /* the urgent byte is passed over */
            chaski_tcp_consume(host_of(socket), socket->tcp, over);
        return nothing_to_read(socket);
    }
    if (too_little(socket, info, wanted, flags))
        return -EAGAIN;
    if (!(flags & MSG_TRUNC) && !pieces_are_there(message->msg_iov, message->msg_iovlen))
        return -EFAULT;
    ssize_t done = take_out(socket, message, wanted, info, flags, came_ns);
    if (done > 0)
        peek_moves(socket, flags, (size_t)done);
    return done;
}

ssize_t tcp_socket_receive(struct file *file, struct msghdr *message, int flags)
{
    struct socket *socket = (struct socket *)file;
    struct chaski_tcp_info info = {0};
    size_t wanted = (size_t)pieces_length(message->msg_iov, message->msg_iovlen);
    size_t room = message->msg_controllen;
    uint64_t came_ns = 0;
    ssize_t done;
    message->msg_controllen = 0;
    tcp_socket_refresh(socket);
    bool there = tcp_socket_info(socket, &info);
    message->msg_namelen = 0;
    if ((flags & RECEIVE_STOPS_AT_MARK) && info.receive_queue != 0 && urgent_is_next(socket))
        return file_blocks(file, 0) ? 0 : -EAGAIN; /* as Linux */
    if ((flags & MSG_OOB) && socket->phase != SOCKET_LISTENING)
        done = there ? urgent_receive(socket, message, flags) : -EINVAL;
    else
        done = receive_text(socket, message, wanted, &info, flags, &came_ns);
    if (came_ns != 0)
        stamp_received(socket, message, &room, came_ns);
    if (done >= 0)
        tell_left(socket, message, &room);
    return done;
}

/* ---- Out ---- */

/* Why nothing can be sent; 0: it can, or will. */
static int send_error(struct socket *socket)
{
    if (socket->error != 0)
        return socket_take_error(socket);
    switch (socket->phase) {
    case SOCKET_CONNECTING:
        return -EAGAIN; /* shut or not: it is looked at behind the handshake (Linux) */
    case SOCKET_CONNECTED:
        return socket->write_shut ? -EPIPE : 0;
    case SOCKET_NEW:
    case SOCKET_LISTENING:
    case SOCKET_ENDED:
        break;
    }
    return -EPIPE;
}

/* Linux's segments refer to so many places at most, MAX_SKB_FRAGS; what is short fills them up. */
struct places {
    const uint8_t *end;
    unsigned count;
    size_t bytes;
};

static void note_place(struct places *places, struct socket *socket, const uint8_t *bytes,
                       size_t length)
{
    enum { PLACES_MOST = 17, SEGMENT_MOST = 65536 };
    if (places->bytes >= SEGMENT_MOST)
        *places = (struct places){0};
    if (bytes != places->end && ++places->count > PLACES_MOST) {
        chaski_tcp_end_record(host_of(socket), socket->tcp);
        *places = (struct places){.count = 1};
    }
    places->end = bytes + length;
    places->bytes += length;
}

static ssize_t copy_in(struct socket *socket, const struct msghdr *message, size_t most,
                       bool refers)
{
    struct places places = {0};
    size_t done = 0;
    for (size_t i = 0; i < message->msg_iovlen && done < most; i++) {
        const struct iovec *piece = &message->msg_iov[i];
        size_t length = piece->iov_len < most - done ? piece->iov_len : most - done;
        if (length == 0)
            continue;
        if (refers)
            note_place(&places, socket, piece->iov_base, length);
        long n = chaski_tcp_write(host_of(socket), socket->tcp, piece->iov_base, length);
        if (n < 0)
            return done != 0 ? (ssize_t)done : error_number((int)n);
        done += (size_t)n;
        if ((size_t)n < length)
            break;
    }
    return (ssize_t)done;
}

/* How much of a message is taken now; a writer who waits is woken when there is room enough. */
static size_t takes(const struct socket *socket, size_t wanted, int flags)
{
    struct chaski_tcp_info info;
    if (!tcp_socket_info(socket, &info))
        return wanted; /* the core will say why not */
    if (socket->wants_room && file_blocks(&socket->file, flags) &&
        !tcp_socket_has_room(socket, &info))
        return 0;
    return send_buffer_room(socket, &info, wanted, (flags & MSG_OOB) != 0);
}

enum {
    TX_RECORD = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_ACK,
};

/* What the socket says about stamps; a message may say otherwise. */
static int read_control(const struct socket *socket, const struct msghdr *message, uint32_t *stamps)
{
    struct msghdr copy = *message;
    *stamps = socket->timestamping & TX_RECORD;
    if (message->msg_control == NULL)
        return 0;
    int error = 0;
    struct cmsghdr *at = CMSG_FIRSTHDR(&copy);
    for (; at != NULL && error == 0; at = CMSG_NXTHDR(&copy, at)) {
        error = control_fits(&copy, at);
        if (error == 0 && at->cmsg_level == SOL_SOCKET)
            error = control_read_socket(at, stamps);
    }
    return error;
}

/* What is written next is to be continued, or is not. */
static void announce(struct socket *socket, bool more)
{
    if (more || socket->more)
        chaski_tcp_set(host_of(socket), socket->tcp, CHASKI_TCP_MORE, more);
    socket->more = more;
}

/* A message has been taken, or `all` of it. As in Linux, the last byte that was taken is urgent. */
static void end_message(struct socket *socket, int flags, bool all)
{
    if (flags & MSG_OOB)
        chaski_tcp_urgent(host_of(socket), socket->tcp);
    if (all && (flags & MSG_EOR))
        host_tcp_end_record(host_of(socket), socket->tcp, !(flags & MSG_MORE));
}

/* What goes with the SYN is copied, whatever was asked for. */
static ssize_t send_first(struct socket *socket, const struct msghdr *message, int flags)
{
    if (!pieces_are_there(message->msg_iov, message->msg_iovlen))
        return -EFAULT;
    ssize_t done = (flags & MSG_FASTOPEN) ? fast_open_send(socket, message, flags)
                                          : fast_open_send_deferred(socket, message, flags);
    if (done > 0 && (flags & MSG_ZEROCOPY) && socket->plain[PLAIN_ZEROCOPY])
        stamp_zerocopy(socket);
    return done;
}

ssize_t tcp_socket_send(struct file *file, const struct msghdr *message, int flags)
{
    struct socket *socket = (struct socket *)file;
    ssize_t wanted = pieces_length(message->msg_iov, message->msg_iovlen);
    if (wanted < 0)
        return wanted;
    tcp_socket_refresh(socket);
    bool through = false;
    ssize_t waited =
        socket->fast_waits ? fast_open_goes_on(socket, (size_t)wanted, flags, &through) : 0;
    if (waited != 0)
        return waited;
    through = through || (socket->fast_opened && socket->phase == SOCKET_CONNECTED);
    socket->fast_opened = false;
    if (flags & MSG_FASTOPEN)
        through = fast_open_tells_connected(socket) || through;
    if (((flags & MSG_FASTOPEN) && !through) || socket->deferred)
        return send_first(socket, message, flags);
    int error = send_error(socket);
    if (error != 0)
        return error;
    if (!pieces_are_there(message->msg_iov, message->msg_iovlen))
        return -EFAULT;
    uint32_t stamps = 0;
    error = read_control(socket, message, &stamps);
    if (error != 0)
        return error;
    bool zerocopy = (flags & MSG_ZEROCOPY) && socket->plain[PLAIN_ZEROCOPY] && wanted != 0;
    bool lent = zerocopy && !socket->file.table->policy.copies;
    announce(socket, (flags & MSG_MORE) != 0);
    size_t most = takes(socket, (size_t)wanted, flags);
    ssize_t done = -EAGAIN;
    if (most != 0 || wanted == 0)
        done = lent ? zerocopy_send(socket, message) : copy_in(socket, message, most, zerocopy);
    if (done < wanted && (done >= 0 || done == -EAGAIN))
        send_buffer_is_full(socket);
    if (done > 0)
        end_message(socket, flags, done == wanted);
    if (done > 0 && zerocopy && !lent)
        stamp_zerocopy(socket);
    if (done > 0 && stamps != 0)
        stamp_message(socket, stamps);
    return done;
}
