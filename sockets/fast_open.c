/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "sockets/options/option.h"
#include "sockets/socket.h"

/*
 * TCP Fast Open (RFC 7413) as Linux offers it: TCP_FASTOPEN on listeners, MSG_FASTOPEN and
 * TCP_FASTOPEN_CONNECT on sockets that open, and the cookies' keys.
 */

enum {
    CLIENT = 1, /* of the knob tcp_fastopen */
    SERVER = 2,
    ALL_LISTENERS = 0x400,
    OPTIONS_MOST = 40,
};

static struct chaski *host_of(const struct socket *socket)
{
    return socket->file.table->host;
}

static bool policy_has(const struct socket *socket, long bits)
{
    char text[16];
    return chaski_get_knob(host_of(socket), "tcp_fastopen", text, sizeof text) == 0 &&
           (strtol(text, NULL, 10) & bits) == bits;
}

static bool client_may(const struct socket *socket)
{
    return policy_has(socket, CLIENT);
}

size_t fast_open_room(const struct socket *socket, const struct chaski_endpoint *remote)
{
    size_t room = chaski_tcp_fast_open_room(host_of(socket), &remote->address,
                                            socket->plain[PLAIN_FASTOPEN_NO_COOKIE] != 0);
    size_t mss = (size_t)socket->plain[PLAIN_MAXSEG]; /* it counts the options */
    return mss != 0 && room > mss - OPTIONS_MOST ? mss - OPTIONS_MOST : room;
}

/* ---- Options ---- */

static int set_queue(struct socket *socket, const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    if (value < 0 || !(is_closed(socket) || socket->phase == SOCKET_LISTENING))
        return -EINVAL;
    uint32_t most = socket->file.table->policy.somaxconn;
    value = (uint32_t)value < most ? value : (int)most;
    socket->plain[PLAIN_FASTOPEN] = value;
    if (socket->phase == SOCKET_LISTENING)
        chaski_tcp_listener_fast_open(host_of(socket), socket->listener, (uint32_t)value);
    return 0;
}

static int set_connect(struct socket *socket, const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    if (value != 0 && value != 1)
        return -EINVAL;
    if (!client_may(socket))
        return -EOPNOTSUPP;
    if (!is_closed(socket))
        return -EINVAL;
    socket->fast_connect = value != 0;
    return 0;
}

static void apply_keys(const struct socket *socket)
{
    if (socket->fast_keys_length != 0)
        chaski_tcp_listener_fast_open_keys(host_of(socket), socket->listener, socket->fast_keys,
                                           socket->fast_keys_length);
}

/* Where policy says so it takes as many as may wait, as from then on the option tells (Linux). */
void fast_open_listen(struct socket *socket)
{
    if (socket->plain[PLAIN_FASTOPEN] == 0 && policy_has(socket, SERVER | ALL_LISTENERS))
        socket->plain[PLAIN_FASTOPEN] = socket->backlog;
    apply_keys(socket);
}

static int set_no_cookie(struct socket *socket, const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    bool opens = is_closed(socket) || socket->phase == SOCKET_LISTENING;
    if ((value != 0 && value != 1) || !opens)
        return -EINVAL;
    socket->plain[PLAIN_FASTOPEN_NO_COOKIE] = value;
    if (socket->phase == SOCKET_LISTENING)
        chaski_tcp_listener_fast_open_without_cookie(host_of(socket), socket->listener, value != 0);
    return 0;
}

static int set_keys(struct socket *socket, const struct option_in *in)
{
    bool right = in->length == FAST_KEYS_MOST / 2 || in->length == FAST_KEYS_MOST;
    if (!right)
        return -EINVAL;
    memcpy(socket->fast_keys, in->bytes, in->length);
    socket->fast_keys_length = (uint8_t)in->length;
    if (socket->phase == SOCKET_LISTENING)
        apply_keys(socket);
    return 0;
}

int fast_open_set(struct socket *socket, int name, const struct option_in *in)
{
    switch (name) {
    case TCP_FASTOPEN:
        return set_queue(socket, in);
    case TCP_FASTOPEN_CONNECT:
        return set_connect(socket, in);
    case TCP_FASTOPEN_NO_COOKIE:
        return set_no_cookie(socket, in);
    case TCP_FASTOPEN_KEY:
        return set_keys(socket, in);
    default:
        return -ENOPROTOOPT;
    }
}

int fast_open_get(const struct socket *socket, int name, const struct option_out *out)
{
    switch (name) {
    case TCP_FASTOPEN:
        return option_write_int(out, (int)socket->plain[PLAIN_FASTOPEN]);
    case TCP_FASTOPEN_CONNECT:
        return option_write_int(out, socket->fast_connect);
    case TCP_FASTOPEN_NO_COOKIE:
        return option_write_int(out, (int)socket->plain[PLAIN_FASTOPEN_NO_COOKIE]);
    case TCP_FASTOPEN_KEY:
        return option_write(out, socket->fast_keys, socket->fast_keys_length);
    default:
        return -ENOPROTOOPT;
    }
}

/* ---- Sending ---- */

/* What goes with the SYN is copied together: it is one segment. */
static ssize_t write_first(struct socket *socket, const struct msghdr *message, size_t room)
{
    size_t done = 0;
    for (size_t i = 0; i < message->msg_iovlen && done < room; i++) {
        const struct iovec *piece = &message->msg_iov[i];
        size_t n = piece->iov_len < room - done ? piece->iov_len : room - done;
        long written =
            n == 0 ? 0 : chaski_tcp_write(host_of(socket), socket->tcp, piece->iov_base, n);
        if (written < 0)
            break;
        done += (size_t)written;
        if ((size_t)written < n)
            break;
    }
    return (ssize_t)done;
}

/* Opens with what `message` brings: so many bytes; -EINPROGRESS when a cookie has to be asked for.
 */
static ssize_t open_with(struct socket *socket, const struct chaski_endpoint *remote,
                         const struct msghdr *message)
{
    size_t room = fast_open_room(socket, remote);
    int error = tcp_socket_begin(socket, remote, true);
    if (error != -EINPROGRESS || room == 0)
        return error;
    ssize_t done = write_first(socket, message, room);
    return done != 0 ? done : -EINPROGRESS;
}

/* Who may wait does so until the handshake is over (Linux). */
static ssize_t wait_for_handshake(struct socket *socket, const struct msghdr *message,
                                  ssize_t taken, int flags)
{
    ssize_t wanted = pieces_length(message->msg_iov, message->msg_iovlen);
    if (!file_blocks(&socket->file, flags) || (taken < 0 && taken != -EINPROGRESS))
        return taken;
    socket->fast_waits = true;
    socket->fast_taken = taken > 0 ? (uint32_t)taken : 0;
    if (taken < wanted)
        chaski_tcp_set(host_of(socket), socket->tcp, CHASKI_TCP_MORE, 1);
    return -EAGAIN;
}

ssize_t fast_open_goes_on(struct socket *socket, size_t wanted, int flags, bool *through)
{
    if (socket->phase == SOCKET_CONNECTING && file_blocks(&socket->file, flags))
        return -EAGAIN;
    socket->fast_waits = false;
    socket->connect_told = socket->phase == SOCKET_CONNECTED;
    *through = socket->phase == SOCKET_CONNECTED && socket->fast_taken == 0;
    socket->fast_opened = socket->fast_taken != 0 && socket->fast_taken < wanted;
    if (socket->error != 0)
        return socket_take_error(socket);
    return socket->fast_taken;
}

bool fast_open_tells_connected(struct socket *socket)
{
    if (socket->phase != SOCKET_CONNECTED || socket->connect_told || !client_may(socket))
        return false;
    socket->connect_told = true;
    return true;
}

ssize_t fast_open_send(struct socket *socket, const struct msghdr *message, int flags)
{
    struct chaski_endpoint remote;
    if (!client_may(socket))
        return -EOPNOTSUPP;
    if (socket->phase == SOCKET_CONNECTING)
        return file_blocks(&socket->file, 0) ? -EAGAIN : -EALREADY;
    if (socket->phase != SOCKET_NEW)
        return -EISCONN;
    const struct sockaddr *name = message->msg_name;
    if (name != NULL && message->msg_namelen >= sizeof name->sa_family &&
        name->sa_family == AF_UNSPEC)
        return -EOPNOTSUPP;
    if (name == NULL)
        return -EINVAL;
    int error = address_read(socket->family, message->msg_name, message->msg_namelen, &remote);
    if (error == -EAFNOSUPPORT)
        return -EOPNOTSUPP;
    return error != 0
               ? error
               : wait_for_handshake(socket, message, open_with(socket, &remote, message), flags);
}

ssize_t fast_open_send_deferred(struct socket *socket, const struct msghdr *message, int flags)
{
    socket->deferred = false;
    return wait_for_handshake(socket, message, open_with(socket, &socket->remote, message), flags);
}
