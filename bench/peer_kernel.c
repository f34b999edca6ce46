/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's side of the comparison: echo, discard and chargen over TCP on epoll. It stands in a
 * network namespace of its own, at the far end of a veth pair.
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

enum { ECHO_ROOM = 65536, BULK_ROOM = 262144, EVENTS = 64 };

struct connection {
    int fd;
    enum service service;
    bool listening;
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
        fail("cannot listen on ports 7, 9 and 19 (root or a user namespace?)", strerror(errno));
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

static bool serve(struct connection *connection)
{
    switch (connection->service) {
    case SERVICE_ECHO:
        return echo(connection);
    case SERVICE_DISCARD:
        return discard(connection);
    case SERVICE_CHARGEN:
        return chargen(connection);
    }
    return false;
}

int main(void)
{
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    chargen_fill(bulk, sizeof bulk);
    service_listen(SERVICE_ECHO);
    service_listen(SERVICE_DISCARD);
    service_listen(SERVICE_CHARGEN);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poll_fd, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection->listening) {
                service_accept(connection);
            } else if (!serve(connection)) {
                close(connection->fd);
                free(connection);
            }
        }
    }
}
