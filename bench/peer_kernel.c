/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's side of the comparison: echo, discard, chargen and the smallest of HTTP servers over
 * TCP, and echo over UDP, on epoll. It stands in a network namespace of its own, at the far end of
 * a veth pair. With --spin it never waits: it asks again and again whether there is something to
 * do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sockets.h"

enum { ECHO_ROOM = 65536, BULK_ROOM = 262144, EVENTS = 64, DATAGRAMS = 64, DATAGRAM_ROOM = 2048 };

struct connection {
    int fd;
    enum service service;
    bool listening, datagrams;
    size_t from, to; /* what of `pending` is still to be echoed */
    char pending[];  /* ECHO_ROOM bytes for an echo connection, else none */
};

static char bulk[BULK_ROOM];
static int poll_fd;

static void watch(int operation, struct connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(poll_fd, operation, connection->fd, &event) < 0)
        fail("epoll_ctl", strerror(errno));
}

/* The connection is epoll's from here on, and comes back with its events. */
static void add(int fd, enum service service, bool listening)
{
    bool echoes = service == SERVICE_ECHO && !listening;
    struct connection *connection = malloc(sizeof *connection + (echoes ? ECHO_ROOM : 0));
    if (connection == NULL)
        fail("no memory", NULL);
    *connection = (struct connection){.fd = fd, .service = service, .listening = listening};
    bool writes = service == SERVICE_CHARGEN && !listening;
    watch(EPOLL_CTL_ADD, connection, writes ? EPOLLOUT : EPOLLIN);
}

static void service_listen(enum service service)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons((uint16_t)service)};
    int on = 1, fd = socket_cubic();
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&local, sizeof local) < 0 || listen(fd, 1024) < 0)
        fail("cannot listen on ports 7, 9, 19 and 80 (root or a user namespace?)", strerror(errno));
    add(fd, service, true);
}

static void service_accept(const struct connection *listener)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    socket_no_delay(fd);
    add(fd, listener->service, false);
}

/* The services answer whether their connection goes on. */

static bool echo(struct connection *connection)
{
    bool waited = connection->to > 0;
    if (!waited) {
        ssize_t got = recv(connection->fd, connection->pending, ECHO_ROOM, 0);
        if (got <= 0)
            return got < 0 && errno == EAGAIN;
        connection->from = 0;
        connection->to = (size_t)got;
    }
    ssize_t sent = send(connection->fd, connection->pending + connection->from,
                        connection->to - connection->from, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        return false;
    connection->from += sent > 0 ? (size_t)sent : 0;
    if (connection->from == connection->to)
        connection->to = 0;
    bool waits = connection->to > 0;
    if (waits != waited)
        watch(EPOLL_CTL_MOD, connection, waits ? EPOLLOUT : EPOLLIN);
    return true;
}

static bool discard(const struct connection *connection)
{
    ssize_t got = recv(connection->fd, bulk, sizeof bulk, 0);
    return got > 0 || (got < 0 && errno == EAGAIN);
}

static bool chargen(const struct connection *connection)
{
    return send(connection->fd, bulk, sizeof bulk, MSG_NOSIGNAL) >= 0 || errno == EAGAIN;
}

static bool http(const struct connection *connection)
{
    ssize_t got = recv(connection->fd, bulk, sizeof bulk, 0);
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    if (!http_request_ends(bulk, (size_t)got))
        return true; /* the rest comes */
    return send(connection->fd, http_answer, http_answer_length, MSG_NOSIGNAL) ==
           (ssize_t)http_answer_length;
}

static bool serve(struct connection *connection)
{
    switch (connection->service) {
    case SERVICE_ECHO:
        return echo(connection);
    case SERVICE_DISCARD:
        return discard(connection);
    case SERVICE_CHARGEN:
        return chargen(connection);
    case SERVICE_HTTP:
        return http(connection);
    }
    return false;
}

/* ---- Datagrams ----------------------------------------------------------------------------- */

static void datagrams_listen(void)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(SERVICE_ECHO)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct connection *connection = calloc(1, sizeof *connection);
    if (fd < 0 || connection == NULL || bind(fd, (struct sockaddr *)&local, sizeof local) < 0)
        fail("cannot echo datagrams", strerror(errno));
    *connection = (struct connection){.fd = fd, .service = SERVICE_ECHO, .datagrams = true};
    watch(EPOLL_CTL_ADD, connection, EPOLLIN);
}

/* As many as have come, with one call each way. */
static void echo_datagrams(int fd)
{
    static char bytes[DATAGRAMS][DATAGRAM_ROOM];
    static struct sockaddr_in from[DATAGRAMS];
    struct iovec pieces[DATAGRAMS];
    struct mmsghdr messages[DATAGRAMS];
    for (int i = 0; i < DATAGRAMS; i++) {
        pieces[i] = (struct iovec){bytes[i], DATAGRAM_ROOM};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                              .msg_namelen = sizeof from[i],
                                              .msg_iov = &pieces[i],
                                              .msg_iovlen = 1};
    }
    int count = recvmmsg(fd, messages, DATAGRAMS, 0, NULL);
    for (int i = 0; i < count; i++)
        pieces[i].iov_len = messages[i].msg_len;
    if (count > 0)
        sendmmsg(fd, messages, (unsigned)count, 0);
}

/* ---- The loop ------------------------------------------------------------------------------ */

static void handle(struct connection *connection)
{
    if (connection->datagrams) {
        echo_datagrams(connection->fd);
    } else if (connection->listening) {
        service_accept(connection);
    } else if (!serve(connection)) {
        close(connection->fd);
        free(connection);
    }
}

int main(int argc, char **argv)
{
    bool spin = argc == 2 && strcmp(argv[1], "--spin") == 0;
    if (argc > 1 && !spin)
        fail("usage: peer-kernel [--spin]", NULL);
    raise_file_limit();
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    chargen_fill(bulk, sizeof bulk);
    service_listen(SERVICE_ECHO);
    service_listen(SERVICE_DISCARD);
    service_listen(SERVICE_CHARGEN);
    service_listen(SERVICE_HTTP);
    datagrams_listen();
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poll_fd, events, EVENTS, spin ? 0 : -1);
        for (int i = 0; i < count; i++)
            handle(events[i].data.ptr);
    }
}
