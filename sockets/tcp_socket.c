/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "sockets/options/ao.h"
#include "sockets/socket.h"

/*
 * TCP sockets: opening, closing, and what holds of them. The core tells events to a closure; that
 * only marks who waits. What they mean is read off the connection when somebody asks
 * (tcp_socket_refresh()).
 */

static struct chaski *host_of(const struct socket *socket)
{
    return socket->file.table->host;
}

bool tcp_socket_info(const struct socket *socket, struct chaski_tcp_info *info)
{
    return socket->has_tcp && chaski_tcp_info(host_of(socket), socket->tcp, info) == 0;
}

bool tcp_peer_finished(const struct chaski_tcp_info *info)
{
    return info->tcpi_state == CHASKI_TCP_CLOSE_WAIT || info->tcpi_state == CHASKI_TCP_LAST_ACK ||
           info->tcpi_state == CHASKI_TCP_CLOSING || info->tcpi_state == CHASKI_TCP_CLOSED;
}

/* As in Linux, silence is no error before trying ends. */
static void note_trouble(struct socket *socket)
{
    int trouble = chaski_tcp_error(host_of(socket), socket->tcp);
    if (trouble != CHASKI_TIMED_OUT)
        socket->soft_error = -error_number(trouble);
}

/* chaski_tcp_closure */
static void happened(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct socket *socket = context;
    uint32_t told = 0;
    (void)host, (void)connection;
    if (socket->stamps != NULL)
        stamps_progress(socket);
    if (send_buffer_progress(socket))
        told |= EPOLLOUT | EPOLLWRNORM;
    if (events & CHASKI_READABLE)
        told |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
    if (events & CHASKI_CONNECTED)
        socket->end_told = false;
    if ((events & CHASKI_READABLE) && !socket->end_told &&
        host_tcp_fin_received(host_of(socket), socket->tcp)) {
        socket->end_told = true;
        told |= ~0u; /* the state is another one: an edge for whatever is waited for (as Linux) */
    }
    if (events & (CHASKI_WRITABLE | CHASKI_CONNECTED))
        told |= EPOLLOUT | EPOLLWRNORM;
    if (events & CHASKI_URGENT) {
        socket->urgent_taken = false;
        told |= EPOLLPRI;
    }
    if (events & CHASKI_TROUBLED) {
        note_trouble(socket);
        told |= socket->plain[PLAIN_RECVERR] ? EPOLLERR : 0; /* else it is soft: nobody is woken */
    }
    if (events & CHASKI_ENDED) {
        stamps_over(socket);
        told |= EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    }
    file_happened(&socket->file, told);
}

/* ---- What it has come to ---- */

bool tcp_window_is_shut(const struct chaski_tcp_info *info)
{
    return info->tcpi_rcv_wnd <= info->tcpi_rcv_mss;
}

bool tcp_stream_is_over(const struct socket *socket)
{
    struct chaski_piece piece;
    return socket->has_tcp && chaski_tcp_look(host_of(socket), socket->tcp, &piece, 1) == 0;
}

/* A reset in CLOSE-WAIT is what writing into a pipe without a reader is (Linux). */
static int why_ended(const struct socket *socket)
{
    int error = chaski_tcp_error(host_of(socket), socket->tcp);
    bool close_wait = !socket->write_shut && host_tcp_fin_received(host_of(socket), socket->tcp);
    return error == CHASKI_RESET && close_wait ? EPIPE : -error_number(error);
}

/* Of a connection, so that it can be told when there is none any more. */
static void note_name(struct socket *socket)
{
    struct chaski_tcp_info info;
    if (tcp_socket_info(socket, &info))
        socket->local = info.local;
}

void tcp_socket_refresh(struct socket *socket)
{
    if (!socket->has_tcp || socket->phase == SOCKET_ENDED)
        return;
    int events = chaski_tcp_events(host_of(socket), socket->tcp);
    if (events & CHASKI_ENDED) {
        note_name(socket);
        socket_unname_port(socket);
        socket->phase = SOCKET_ENDED;
        socket->error = why_ended(socket);
    } else if (socket->phase == SOCKET_CONNECTING && (events & CHASKI_CONNECTED)) {
        socket->phase = SOCKET_CONNECTED;
    } else if ((events & CHASKI_TROUBLED) && socket->plain[PLAIN_RECVERR]) {
        socket->error = -error_number(chaski_tcp_error(host_of(socket), socket->tcp));
    }
}

int tcp_socket_take_soft_error(struct socket *socket)
{
    int error = socket->soft_error;
    socket->soft_error = 0;
    bool still = socket->has_tcp && chaski_tcp_error(host_of(socket), socket->tcp) != 0;
    return still ? error : 0;
}

static uint32_t stream_events(struct socket *socket, const struct chaski_tcp_info *info)
{
    uint32_t events = 0;
    bool ended = socket->phase == SOCKET_ENDED;
    bool no_more = socket->read_shut || tcp_peer_finished(info);
    bool all_written = socket->write_shut || ended;
    if (no_more)
        events |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
    if ((no_more && all_written) || ended)
        events |= EPOLLHUP;
    int64_t over = urgent_is_next(socket) && !socket->plain[PLAIN_OOBINLINE];
    if (info->receive_queue != 0 &&
        ((int64_t)info->receive_queue >= socket->plain[PLAIN_RCVLOWAT] + over ||
         tcp_window_is_shut(info)))
        events |= EPOLLIN | EPOLLRDNORM;
    if (all_written || tcp_socket_has_room(socket, info))
        events |= EPOLLOUT | EPOLLWRNORM;
    if (urgent_has_come(socket, info->receive_queue))
        events |= EPOLLPRI;
    return events;
}

static uint32_t new_events(const struct socket *socket)
{
    uint32_t events = EPOLLOUT | EPOLLWRNORM | EPOLLHUP;
    return socket->read_shut ? events | EPOLLIN | EPOLLRDNORM | EPOLLRDHUP : events;
}

static uint32_t tcp_events(struct file *file)
{
    struct socket *socket = (struct socket *)file;
    struct chaski_tcp_info info;
    uint32_t events = 0;
    if (socket->phase == SOCKET_LISTENING)
        return tcp_listener_events(socket);
    tcp_socket_refresh(socket);
    if (socket->deferred)
        events = EPOLLOUT | EPOLLWRNORM;
    else if (socket->phase == SOCKET_NEW)
        events = new_events(socket);
    else if (socket->phase != SOCKET_CONNECTING && tcp_socket_info(socket, &info))
        events = stream_events(socket, &info);
    if (socket->error != 0 || socket->notes != NULL)
        events |= EPOLLERR;
    return events;
}

/* ---- Opening ---- */

void tcp_socket_adopt(struct socket *socket, chaski_tcp connection)
{
    socket->tcp = connection;
    socket->has_tcp = true;
    socket_apply(socket);
    chaski_tcp_on(host_of(socket), connection, happened, socket);
}

/* What setsockopt() has said of this connection alone (Linux). */
static void forget_options(struct socket *socket)
{
    static const enum plain_option its_own[] = {PLAIN_QUICKACK, PLAIN_WINDOW_CLAMP, PLAIN_MAXSEG,
                                                PLAIN_RTO_MIN_US, PLAIN_DELACK_MAX_US};
    for (size_t i = 0; i < sizeof its_own / sizeof *its_own; i++)
        socket->asked[its_own[i]] = false;
    socket->plain[PLAIN_QUICKACK] = 1;
    socket->plain[PLAIN_WINDOW_CLAMP] = socket->plain[PLAIN_MAXSEG] = 0;
    socket->plain[PLAIN_PEEK_OFF] = -1;
}

/* The connection is given up, or over: the socket is as new, and as bind() has named it. */
static void forget_connection(struct socket *socket)
{
    bool over = socket->phase == SOCKET_NEW || socket->phase == SOCKET_ENDED;
    if (!over) { /* else bind() may have come since */
        note_name(socket);
        socket_unname_port(socket);
    }
    socket_unname_address(socket);
    if (socket->has_tcp)
        chaski_tcp_abort(host_of(socket), socket->tcp);
    zerocopy_forget(socket);
    stamps_forget(socket);
    error_queue_forget(socket);
    ao_withdraw(socket);
    forget_options(socket);
    socket->has_tcp = false;
    socket->soft_error = 0;
    socket->deferred = socket->fast_waits = socket->fast_opened = socket->given_up = false;
    socket->phase = SOCKET_NEW;
    socket->read_shut = socket->write_shut = false;
    file_happened(&socket->file, EPOLLERR);
}

int tcp_socket_begin(struct socket *socket, const struct chaski_endpoint *remote, bool fast)
{
    struct chaski_tcp_connect connect = {
        .local = socket_own_end(socket),
        .remote = *remote,
        .receive = happened,
        .context = socket,
        .fast_open = fast,
        .fast_open_without_cookie = fast && socket->plain[PLAIN_FASTOPEN_NO_COOKIE] != 0,
    };
    uint16_t range[2];
    port_range(socket, range);
    connect.port_first = range[0];
    connect.port_last = range[1];
    chaski_tcp connection;
    int error = chaski_tcp_connect(host_of(socket), &connect, &connection);
    if (error == CHASKI_IN_USE)
        return -EADDRNOTAVAIL;
    if (error == CHASKI_BAD_ADDRESS) /* ours is fine: theirs is one of many hosts */
        return -ENETUNREACH;
    if (error != 0)
        return error_number(error);
    tcp_socket_adopt(socket, connection);
    socket->phase = SOCKET_CONNECTING;
    socket->opened_by_us = true;
    socket->connect_told = false;
    if (socket->plain[PLAIN_DEFER_ACCEPT] != 0) /* the peer, too, waits for data (Linux) */
        chaski_tcp_set(host_of(socket), connection, CHASKI_TCP_MORE, 1);
    error = ao_connect(socket, remote);
    if (error != 0)
        forget_connection(socket);
    return error != 0 ? error : -EINPROGRESS;
}

/* With TCP_FASTOPEN_CONNECT the SYN waits for the first data, when it may carry any. */
static int open_or_defer(struct socket *socket, const struct chaski_endpoint *remote)
{
    if (!socket->fast_connect || fast_open_room(socket, remote) == 0)
        return tcp_socket_begin(socket, remote, socket->fast_connect);
    socket->deferred = true;
    socket->remote = *remote;
    return 0;
}

bool tcp_socket_can_connect(struct socket *socket)
{
    tcp_socket_refresh(socket);
    return socket->phase == SOCKET_NEW && !socket->deferred;
}

int tcp_socket_connect(struct socket *socket, const struct chaski_endpoint *remote)
{
    socket->error = 0; /* of what was before */
    return open_or_defer(socket, remote);
}

int tcp_socket_connect_again(struct socket *socket)
{
    if (socket->phase == SOCKET_CONNECTING)
        return -EALREADY;
    if (socket->phase == SOCKET_CONNECTED && !socket->connect_told) {
        socket->connect_told = true;
        return 0;
    }
    if (socket->given_up)
        return -EINVAL;
    if (socket->phase == SOCKET_ENDED && !socket->connect_told) {
        int error = socket_take_error(socket);
        forget_connection(socket);
        return error != 0 ? error : -ECONNABORTED;
    }
    return -EISCONN;
}

/* Whether giving up resets what is, or would be, a connection. */
static bool is_under_way(const struct socket *socket)
{
    struct chaski_tcp_info info;
    return tcp_socket_info(socket, &info) && info.tcpi_state != CHASKI_TCP_CLOSED &&
           info.tcpi_state != CHASKI_TCP_CLOSING && info.tcpi_state != CHASKI_TCP_LAST_ACK;
}

int tcp_socket_disconnect(struct socket *socket)
{
    tcp_socket_refresh(socket);
    if (socket->phase == SOCKET_LISTENING)
        chaski_tcp_unbind(host_of(socket), socket->listener);
    if (is_under_way(socket) || socket->deferred)
        socket->error = ECONNRESET;
    forget_connection(socket);
    return 0;
}

/* ---- Closing ---- */

int tcp_socket_shutdown(struct socket *socket, int how)
{
    tcp_socket_refresh(socket);
    switch (socket->phase) {
    case SOCKET_LISTENING:
        return how == SHUT_WR ? 0 : tcp_socket_disconnect(socket);
    case SOCKET_CONNECTING:
        return tcp_socket_disconnect(socket);
    case SOCKET_CONNECTED:
        socket->connect_told = true; /* nobody is told any more */
        if (how != SHUT_RD)
            chaski_tcp_shutdown(host_of(socket), socket->tcp);
        break;
    case SOCKET_ENDED:
        socket->given_up |= !socket->connect_told;
        break;
    case SOCKET_NEW:
        if (socket->deferred)
            return tcp_socket_disconnect(socket);
        break;
    }
    int error = socket_shut(socket, how);
    if (error == 0 && socket->read_shut && socket->write_shut)
        host_tcp_refuse_text(host_of(socket), socket->tcp);
    return error;
}

void socket_do_not_linger(struct socket *socket)
{
    if (socket->linger_s != 0)
        socket->lingers = false;
    socket->closing = false;
}

bool tcp_is_ending(const struct chaski_tcp_info *info)
{
    return info->tcpi_state == CHASKI_TCP_FIN_WAIT_1 || info->tcpi_state == CHASKI_TCP_CLOSING ||
           info->tcpi_state == CHASKI_TCP_LAST_ACK;
}

/* SO_LINGER with a time: our direction ends, and close waits for its acknowledgement. */
static bool still_lingers(struct socket *socket)
{
    struct chaski_tcp_info info;
    if (!socket->lingers || socket->linger_s == 0 || socket->phase != SOCKET_CONNECTED ||
        !tcp_socket_info(socket, &info) || info.receive_queue != 0)
        return false;
    if (!socket->closing) {
        socket->closing = true;
        socket->linger_until_ns = host_now(host_of(socket)) + socket->linger_s * 1000000000ull;
        if (!socket->write_shut)
            chaski_tcp_shutdown(host_of(socket), socket->tcp);
        return true;
    }
    return tcp_is_ending(&info) && host_now(host_of(socket)) < socket->linger_until_ns;
}

static int tcp_socket_close(struct file *file)
{
    struct socket *socket = (struct socket *)file;
    if (socket->phase == SOCKET_LISTENING)
        chaski_tcp_unbind(host_of(socket), socket->listener);
    tcp_socket_refresh(socket);
    if (still_lingers(socket))
        return -EAGAIN;
    if (socket->has_tcp) {
        chaski_tcp_on(host_of(socket), socket->tcp, NULL, NULL);
        if (socket->lingers && socket->linger_s == 0)
            chaski_tcp_abort(host_of(socket), socket->tcp);
        else
            chaski_tcp_close(host_of(socket), socket->tcp);
    }
    zerocopy_forget(socket);
    ao_forget(socket);
    stamps_forget(socket);
    error_queue_forget(socket);
    return 0;
}

/* ---- ioctl ---- */

static int tcp_socket_ioctl(struct file *file, unsigned long request, int *value)
{
    struct socket *socket = (struct socket *)file;
    struct chaski_tcp_info info = {0};
    bool there = tcp_socket_info(socket, &info);
    bool opening =
        info.tcpi_state == CHASKI_TCP_SYN_SENT || info.tcpi_state == CHASKI_TCP_SYN_RECEIVED;
    bool asks_how_much = request == SOCKETS_FIONREAD || request == SOCKETS_TIOCOUTQ ||
                         request == SOCKETS_SIOCOUTQNSD;
    if (socket->phase == SOCKET_LISTENING && asks_how_much)
        return -EINVAL;
    switch (request) {
    case SOCKETS_FIONREAD:
        *value = there ? (int)urgent_left(socket, info.receive_queue) : 0;
        return 0;
    case SOCKETS_TIOCOUTQ: /* FIN counts as a byte */
        *value = opening || !there ? 0 : (int)host_tcp_unacknowledged(host_of(socket), socket->tcp);
        return 0;
    case SOCKETS_SIOCOUTQNSD:
        *value = opening ? 0 : (int)info.tcpi_notsent_bytes;
        return 0;
    case SOCKETS_SIOCATMARK:
        *value = there && urgent_is_next(socket);
        return 0;
    default:
        return -ENOTTY;
    }
}

const struct file_operations tcp_socket_operations = {
    .close = tcp_socket_close,
    .events = tcp_events,
    .receive = tcp_socket_receive,
    .send = tcp_socket_send,
    .ioctl = tcp_socket_ioctl,
    .is_socket = true,
};
